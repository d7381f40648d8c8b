"""Spiking neuron types: a registry of layers with forward(x [B, T, W]) -> (spikes [B, T, W], state).

Every module in this folder is imported here: one file with a class under `@register` adds a type.
"""

from importlib import import_module
from pkgutil import iter_modules

from mstask.neurons.base import Neuron
from mstask.neurons.ops import angle, layer_sum, modulus
from mstask.neurons.registry import create, identity, names, neuron_type, register

__all__ = ["Neuron", "angle", "create", "identity", "layer_sum", "modulus", "names", "neuron_type", "register"]

_FIRST = ("integrators", "resonators", "arrays")
for _name in dict.fromkeys((*_FIRST, *(module.name for module in iter_modules(__path__) if not module.ispkg))):
    import_module(f"{__name__}.{_name}")
