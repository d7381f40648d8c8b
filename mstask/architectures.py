"""The paper's spiking networks by name: which neuron types they have, how wide they are, how they are built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mstask import neurons
from mstask.cost import count_parameters, solve_width
from mstask.errors import MstaskError, nearest
from mstask.networks import PathBankNet, SpikingNet, VerticalNet, own_options
from mstask.parameters import SpikingParameters
from mstask.protocol import PROTOCOL


@dataclass(frozen=True)
class Architecture:
    """A vertical stack of neuron types, or a bank with one path per type."""

    types: tuple[str, ...]
    bank: bool = False


CAPACITY_REFERENCE = "D1_H1"
ABLATED = {
    "D0_doppler": Architecture(("Doppler-LIF",) * 4),
    "D0_stft": Architecture(("STFT-IF",) * 4),
    "D0_chirp": Architecture(("Chirp-LIF",) * 4),
    "D0_dualtau": Architecture(("Dual-tau-LIF",) * 4),
    "D1_H1": Architecture(("STFT-IF", "Doppler-LIF", "Chirp-LIF", "Dual-tau-LIF")),
    "D1_rev": Architecture(("Dual-tau-LIF", "Chirp-LIF", "Doppler-LIF", "STFT-IF")),
    "D1_perm1": Architecture(("Doppler-LIF", "Dual-tau-LIF", "STFT-IF", "Chirp-LIF")),
    "D2_concat": Architecture(("Doppler-LIF", "Chirp-LIF", "STFT-IF", "Dual-tau-LIF", "CrossInhib-LIF"), bank=True),
}


def architecture(method: str) -> Architecture:
    """The network a method stands for; the name of a neuron type stands for four layers of it."""
    if method in ABLATED:
        return ABLATED[method]
    if method in neurons.names():
        return Architecture((method,) * PROTOCOL.n_layers)
    raise MstaskError(f"network {method!r} is unknown; {nearest(method, [*ABLATED, *neurons.names()])}")


def build(method: str, parameters: SpikingParameters, in_features: int, n_classes: int) -> tuple[SpikingNet, int]:
    """Make the network of a method and say its layer width; a bank gets the width nearest to the reference's capacity."""
    make = builder(architecture(method), parameters, in_features, n_classes)
    if not architecture(method).bank:
        return make(parameters.width), parameters.width
    reference = builder(architecture(CAPACITY_REFERENCE), parameters, in_features, n_classes)
    width, _ = solve_width(make, count_parameters(reference(parameters.width)))
    return make(width), width


def builder(
    chosen: Architecture, parameters: SpikingParameters, in_features: int, n_classes: int
) -> Callable[[int], SpikingNet]:
    """Return a function from width to network."""
    wanted = parameters.model_dump(include={"surrogate_slope", "beta", "window_len"})
    options = own_options(chosen.types, {name: value for name, value in wanted.items() if value != 0})

    def make(width: int) -> SpikingNet:
        if chosen.bank:
            net: SpikingNet = PathBankNet(in_features, n_classes, chosen.types, width, PROTOCOL.n_layers, options)
        else:
            net = VerticalNet(in_features, n_classes, chosen.types, width, options)
        net.dense_above(parameters.dense_above)
        return net

    return make
