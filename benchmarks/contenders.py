"""What is timed: the two workloads, and every network that does a training step on them."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.peers import PEERS, Peer
from mstask import neurons
from mstask.calibration import calibrate_thresholds
from mstask.networks import VerticalNet, own_options
from mstask.protocol import PROTOCOL

SEED = 1
UNROLLS = {1: "step by step", 8: "8 steps a turn", 1000: "unrolled"}
"""Time steps that JAX writes out per turn of its loop; all of them where a sequence has fewer."""


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


class Prepared(NamedTuple):
    """A training step and a forward pass to time, the layers' firing rates, and CPU seconds of compiling the training step."""

    step: Callable[[], object]
    forward: Callable[[], object]
    rates: list[float] | None
    compiled: float | None = None


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

    def prepared(self, work: Workload, x: Tensor, y: Tensor) -> Prepared:
        """What is timed of the contender, on inputs x [B, T, F] and labels y [B]."""
        net, given = self.network(work, x)
        rates = None if self.group == "floor" else net.firing_rates(given)
        return Prepared(training_step(net, given, y), evaluation(net, given), rates)

    def against(self, threshold: float, x: Tensor, upstream: Tensor) -> list[Tensor]:
        """A peer's spikes [B, T, W], and the gradient of its input x for that of the spikes."""
        layer = self.layer(_single(PROTOCOL.beta), PROTOCOL.surrogate_slope)
        layer.threshold = threshold
        layer.double()
        given = (x * layer.input_gain).transpose(0, 1).contiguous().requires_grad_()
        spikes, _ = layer(given)
        (spikes * upstream.transpose(0, 1)).sum().backward()
        return [spikes.detach().transpose(0, 1), given.grad.transpose(0, 1) * layer.input_gain]


@dataclass(frozen=True)
class Scan(Contender):
    """JAX's `lax.scan` with `unroll` time steps written out per turn of the loop; a whole sequence where there are fewer."""

    unroll: int = 1

    @property
    def version(self) -> str | None:
        """The installed version of JAX."""
        return metadata.version("jax") if importlib.util.find_spec("jax") else None

    def prepared(self, work: Workload, x: Tensor, y: Tensor) -> Prepared:
        from benchmarks.jax_scan import ScannedNet

        net = ScannedNet(Contender("fused").network(work, x)[0], min(self.unroll, work.steps))
        step, forward = net.training_step(x, y), net.evaluation(x)
        rates = [float(rate) for rate in forward()[1]]
        started = time.process_time()
        step()
        return Prepared(step, forward, rates, time.process_time() - started)

    def against(self, threshold: float, x: Tensor, upstream: Tensor) -> list[Tensor]:
        from benchmarks.jax_scan import spikes_and_gradient

        found = spikes_and_gradient(x, threshold, _single(PROTOCOL.beta), PROTOCOL.surrogate_slope, upstream)
        return [torch.from_numpy(one.copy()) for one in found]


def plain(linear: nn.Linear) -> nn.Linear:
    """The layer as torch has it."""
    own = nn.utils.skip_init(nn.Linear, linear.in_features, linear.out_features)
    own.load_state_dict(linear.state_dict())
    return own


def contenders() -> dict[str, Contender]:
    """Every contender by name: the floor, each neuron fused and by the reference loop, each peer."""
    known = {"floor": Contender("floor")}
    known |= {f"{group} {name}": Contender(group, name) for group in ("fused", "reference") for name in neurons.names()}
    known |= {name: Contender("peer", package=package, layer=layer) for name, (package, layer) in PEERS.items()}
    return known | {f"JAX scan, {told}": Scan("peer", package="jax", unroll=unroll) for unroll, told in UNROLLS.items()}


def training_step(net: nn.Module, x: Tensor, y: Tensor) -> Callable[[], None]:
    """One step of training: forward, cross-entropy, backward, Adam."""
    optimiser = torch.optim.Adam(net.parameters(), lr=PROTOCOL.learning_rate)

    def step() -> None:
        loss = nn.functional.cross_entropy(net(x), y)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def evaluation(net: nn.Module, x: Tensor) -> Callable[[], object]:
    """One forward pass, without a gradient."""
    return torch.no_grad()(lambda: net(x))


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
        found = contender.against(reference.threshold, x, upstream)
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
