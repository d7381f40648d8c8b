"""The fused time loop: a step is traced to an expression graph, differentiated, and compiled into one kernel per pass.

trace -> graph -> adjoint -> storage, then on the CPU loops -> numba_kernel -> function, on a GPU triton_kernel -> triton_loop;
for a reader's browser trace -> graph and javascript_arrays -> javascript, forward only
"""

from mstask.fused.function import run

__all__ = ["run"]
