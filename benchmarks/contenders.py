"""What is timed: the two workloads, and every network that does a training step on them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers import PEERS, Peer
from mstask import neurons
from mstask.calibration import calibrate_thresholds
from mstask.networks import VerticalNet, own_options
from mstask.protocol import PROTOCOL

SEED = 1


@dataclass(frozen=True)
class Workload:
    """The shapes of one training step: batch [B, T, F], C classes, L layers of W neurons, STFT window in steps.

    With `events`, the share of inputs that aren't 0, the input holds counts as frames of spoken digits do.
    """

    title: str
    batch: int
    steps: int
    features: int
    classes: int
    window_len: int
    events: float = 0.0
    width: int = PROTOCOL.width
    layers: int = PROTOCOL.n_layers

    def data(self) -> tuple[Tensor, Tensor]:
        """Standard normal inputs [B, T, F], or counts of 3 in the mean where they aren't 0, and random labels [B]."""
        generator = torch.Generator().manual_seed(SEED)
        shape = (self.batch, self.steps, self.features)
        x = torch.randn(shape, generator=generator)
        if self.events:
            counts = torch.empty(shape).geometric_(1 / 3, generator=generator)
            x = counts * (torch.rand(shape, generator=generator) < self.events)
        return x, torch.randint(self.classes, (self.batch,), generator=generator)


WORKLOADS = {
    "A": Workload("radar", batch=128, steps=64, features=64, classes=6, window_len=16),
    "B": Workload("audio", batch=128, steps=12, features=700, classes=20, window_len=8, events=0.02),
}
TINY = {"A": Workload("tiny", batch=8, steps=8, features=4, classes=3, window_len=4, width=8, layers=2)}


class Relu(nn.Module):
    """In place of a neuron: what remains of a step is its matrix products, the floor."""

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        return torch.relu(x), None


class TimeMajorNet(VerticalNet):
    """A VerticalNet for input [T, B, F], the layout of the other libraries."""

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers():
            x = layer(x)
        return self.readout(x.mean(0))


@dataclass(frozen=True)
class Contender:
    """One network of the comparison.

    Parameters
    ----------
    group : "floor", "fused", "reference" or "peer".
    neuron : this project's neuron type, for fused and reference.
    package : the library of a peer.
    """

    group: str
    neuron: str = "Vanilla-LIF"
    package: str | None = None
    layer: type[Peer] | None = None

    @property
    def version(self) -> str | None:
        """The installed version of a peer's library; None where it isn't installed or can't be imported."""
        if self.package is None or importlib.util.find_spec(self.package) is None:
            return None
        try:
            self.layer(PROTOCOL.beta, PROTOCOL.surrogate_slope)
        except ImportError:
            return None
        return metadata.version(self.package)

    def network(self, work: Workload, x: Tensor) -> tuple[VerticalNet, Tensor]:
        """The network, calibrated on x [B, T, F], and x in the network's layout; equal weights for every contender."""
        torch.manual_seed(SEED)
        options = own_options([self.neuron], {"window_len": work.window_len})
        cls = TimeMajorNet if self.group == "peer" else VerticalNet
        net = cls(work.features, work.classes, [self.neuron] * work.layers, work.width, options)
        if self.group == "peer":
            x = x.transpose(0, 1).contiguous()
        for layer in net.layers():
            if self.group in ("floor", "peer"):
                layer.linear = plain(layer.linear)
            if self.group == "floor":
                layer.neuron = Relu()
            elif self.group == "peer":
                layer.neuron = self.layer(PROTOCOL.beta, PROTOCOL.surrogate_slope)
        net.to(x.device)
        if self.group != "floor":
            calibrate_thresholds(net, x, PROTOCOL.target_rate)
        if self.group in ("fused", "reference"):
            for layer in net.layers():
                layer.neuron.backend = self.group
        return net, x


def plain(linear: nn.Linear) -> nn.Linear:
    """The layer as torch has it."""
    own = nn.utils.skip_init(nn.Linear, linear.in_features, linear.out_features)
    own.load_state_dict(linear.state_dict())
    return own


def contenders() -> dict[str, Contender]:
    """Every contender by name: the floor, each neuron fused and by the reference loop, each peer."""
    known = {"floor": Contender("floor")}
    known |= {f"{group} {name}": Contender(group, name) for group in ("fused", "reference") for name in neurons.names()}
    return known | {name: Contender("peer", package=package, layer=layer) for name, (package, layer) in PEERS.items()}


def training_step(net: nn.Module, x: Tensor, y: Tensor) -> Callable[[], None]:
    """One step of training: forward, cross-entropy, backward, Adam."""
    optimiser = torch.optim.Adam(net.parameters(), lr=PROTOCOL.learning_rate)

    def step() -> None:
        loss = nn.functional.cross_entropy(net(x), y)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def agreement(contender: Contender) -> dict[str, Any] | None:
    """Compare one layer in float64 with the reference loop of the neuron it stands for; None for those that are it.

    Returns the share of differing spikes, and for the gradients of the input and of every learnable parameter the largest
    deviation from the reference, relative to its largest entry.
    """
    if contender.group in ("floor", "reference"):
        return None
    batch, steps, width = 16, 24, 33
    generator = torch.Generator().manual_seed(SEED)
    x = torch.randn(batch, steps, width, generator=generator, dtype=torch.float64)
    upstream = torch.randn(batch, steps, width, generator=generator, dtype=torch.float64)
    reference = neurons.create(contender.neuron, width, backend="reference").double()
    reference.threshold = _single(_threshold(reference, x))
    expected = _spikes_and_gradients(reference, x, upstream)
    if contender.group == "fused":
        fused = neurons.create(contender.neuron, width, backend="fused").double()
        fused.load_state_dict(reference.state_dict())
        found = _spikes_and_gradients(fused, x, upstream)
    else:
        found = _of_peer(contender, reference.threshold, x, upstream)
    differing = (found[0] != expected[0]).double().mean().item()
    errors = [
        ((a - b).abs().max() / b.abs().max().clamp_min(1e-300)).item() for a, b in zip(found[1:], expected[1:], strict=True)
    ]
    return {"differing_spikes": differing, "gradient_error": max(errors)}


def _threshold(layer: nn.Module, x: Tensor) -> float:
    from mstask.calibration import bisect_threshold

    with torch.no_grad():
        return bisect_threshold(layer, layer.drive(x), PROTOCOL.target_rate)


def _single(value: float) -> float:
    """`value` rounded to single precision, in which some libraries keep their parameters."""
    return torch.tensor(value, dtype=torch.float32).item()


def _spikes_and_gradients(layer: nn.Module, x: Tensor, upstream: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    spikes, _ = layer(x)
    (spikes * upstream).sum().backward()
    return [spikes.detach(), x.grad, *(parameter.grad for parameter in layer.parameters())]


def _of_peer(contender: Contender, threshold: float, x: Tensor, upstream: Tensor) -> list[Tensor]:
    layer = contender.layer(_single(PROTOCOL.beta), PROTOCOL.surrogate_slope)
    layer.threshold = threshold
    layer.double()
    given = (x * layer.input_gain).transpose(0, 1).contiguous().requires_grad_()
    spikes, _ = layer(given)
    (spikes * upstream.transpose(0, 1)).sum().backward()
    return [spikes.detach().transpose(0, 1), given.grad.transpose(0, 1) * layer.input_gain]
