"""Spiking neuron types: a registry of layers with forward(x [B, T, W]) -> (spikes [B, T, W], state)."""

from mstask.neurons.base import Neuron
from mstask.neurons.ops import angle, layer_sum, modulus
from mstask.neurons.registry import create, names, neuron_type, register

__all__ = ["Neuron", "angle", "create", "layer_sum", "modulus", "names", "neuron_type", "register"]
