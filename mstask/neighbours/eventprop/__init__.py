"""Eventprop with loss shaping: exact gradients of spiking networks in continuous time, and nine losses to train them with.

After Wunderlich & Pehle (Sci. Rep. 11:12829, 2021) and Nowotny, Turner & Knight (arXiv 2212.01232; Neuromorph. Comput. Eng.
2025). Layers (`layers`) are differentiable functions of spike times, losses (`losses`) ordinary torch code.
"""

from mstask.neighbours.eventprop.events import EventpropError, Spikes, from_events, from_trains
from mstask.neighbours.eventprop.layers import Membrane, SpikingLayer, VoltageReadout
from mstask.neighbours.eventprop.losses import LOSSES, Constants
from mstask.neighbours.eventprop.networks import Architecture, EventpropNet, Initial
from mstask.neighbours.eventprop.section import SECTION, SECTIONS, EventpropParameters
from mstask.neighbours.eventprop.training import Recipe, train

__all__ = [
    "LOSSES",
    "SECTION",
    "SECTIONS",
    "Architecture",
    "Constants",
    "EventpropError",
    "EventpropNet",
    "EventpropParameters",
    "Initial",
    "Membrane",
    "Recipe",
    "Spikes",
    "SpikingLayer",
    "VoltageReadout",
    "from_events",
    "from_trains",
    "train",
]
