"""The fused time loop: a step is traced to an expression graph, differentiated, and compiled into one kernel per pass.

trace -> graph -> adjoint -> storage -> loops -> numba_kernel -> function
"""

from mstask.neurons.fused.function import run
from mstask.neurons.fused.graph import NotFusable

__all__ = ["NotFusable", "run"]
