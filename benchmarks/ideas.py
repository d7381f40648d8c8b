"""Measures ideas for a faster step that the package doesn't use, each against what it does now; NOTES.md keeps the verdicts.

CPU time on one thread, interleaved; ratios below 1 are gains.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import runner

RATES = (0.05, 0.15, 0.30, 0.60)


def measure(threads: int, repeats: int, tiny: bool) -> dict[str, list[float]]:
    """The ratio of every idea to what it would replace, one number per repeat."""
    import torch

    from benchmarks.contenders import TINY, WORKLOADS

    torch.set_num_threads(threads)
    found: dict[str, list[float]] = {}
    for key, work in (TINY if tiny else WORKLOADS).items():
        for part in (layouts, storage, whole_steps, linear_drive):
            found |= {f"{key}: {name}": values for name, values in part(work, repeats).items()}
        print(f"workload {key}: done", file=sys.stderr)
    return found


def layouts(work: Any, repeats: int) -> dict[str, list[float]]:
    """The LIF loop, forward and backward, on time-major arrays, against batch-major ones as now."""
    import numpy as np

    from benchmarks.event_driven import lif_backward, lif_forward

    batch, steps, width = work.batch, work.steps, work.width
    rng = np.random.default_rng(0)
    x = rng.standard_normal(batch * steps * width, dtype=np.float32)
    g = rng.standard_normal(batch * steps * width, dtype=np.float32)
    u, s, dx, state = np.empty_like(x), np.empty_like(x), np.empty_like(x), np.empty(batch * width, np.float32)

    def loop(rows: int, columns: int, row: int, step: int) -> Callable[[], None]:
        def run() -> None:
            lif_forward(x, u, s, state, rows, steps, columns, row, step)
            lif_backward(g, u, s, dx, state, rows, steps, columns, row, step)

        return run

    return _against(
        "batch-major",
        {
            "batch-major": loop(batch, width, steps * width, width),
            "time-major arrays, one example after the other": loop(batch, width, width, batch * width),
            "time-major arrays, one time step after the other": loop(1, batch * width, 0, batch * width),
        },
        repeats,
    )


def storage(work: Any, repeats: int) -> dict[str, list[float]]:
    """The products with spikes of a hidden layer: dense float32 as now, from uint8, and event-driven from bits."""
    import torch

    from benchmarks import event_driven as events

    rows, width = work.batch * work.steps, work.width
    found: dict[str, list[float]] = {}
    for rate in RATES:
        torch.manual_seed(0)
        s, weight, g = (torch.rand(rows, width) < rate).float(), torch.randn(width, width), torch.randn(rows, width)
        small, by_row, by_column = s.to(torch.uint8), *events.bits(s)
        forward = {
            "dense forward product": lambda s=s, w=weight: s @ w.t(),
            f"event-driven forward product at {rate:.0%}": lambda b=by_row, w=weight: events.forward(b, w, None),
        }
        backward = {
            "dense weight gradient": lambda s=s, g=g: g.t() @ s,
            f"event-driven weight gradient at {rate:.0%}": lambda b=by_column, g=g: events.weight_gradient(b, g, width),
            "weight gradient from uint8 spikes": lambda s=small, g=g: g.t() @ s.float(),
            "making both kinds of bits": lambda s=s: events.bits(s),
        }
        found |= _against("dense forward product", forward, repeats)
        found |= _against("dense weight gradient", backward, repeats)
    return found


def whole_steps(work: Any, repeats: int) -> dict[str, list[float]]:
    """Training steps of the LIF network with the bias added inside the loop, and with event-driven hidden products."""
    import torch

    from benchmarks.contenders import SEED, contenders, training_step
    from benchmarks.event_driven import EventLinear

    x, y = work.data()
    known = contenders()

    def lif() -> Any:
        return known["fused Vanilla-LIF"].network(work, x)[0]

    floor, plain, biased, eventful, neither = known["floor"].network(work, x)[0], lif(), lif(), lif(), lif()
    torch.manual_seed(SEED)
    for net, bias, events in ((biased, True, False), (eventful, False, True), (neither, True, True)):
        for depth, layer in enumerate(net.layers()):
            if bias:
                layer.neuron, layer.linear = with_bias(layer)
            if events and depth > 0:
                layer.linear = EventLinear(layer.linear)
    nets = {"floor": floor, "fused LIF": plain, "bias inside the loop": biased, "event-driven hidden products": eventful}
    nets |= {"event-driven hidden products, bias inside the loop": neither}
    return _against("fused LIF", {name: training_step(net, x, y) for name, net in nets.items()}, repeats)


def linear_drive(work: Any, repeats: int) -> dict[str, list[float]]:
    """Training steps of the Beam-IF network with the steering, which is linear, multiplied into the weights before it."""
    from benchmarks.contenders import contenders, training_step

    x, y = work.data()
    now, folded = (contenders()["fused Beam-IF"].network(work, x)[0] for _ in range(2))
    fold(folded)
    steps = {"Beam-IF": training_step(now, x, y), "Beam-IF, its steering folded into the weights": training_step(folded, x, y)}
    return _against("Beam-IF", steps, repeats)


def fold(net: Any) -> None:
    """Replace each layer of a network by one that applies its neuron's linear drive to the weights instead of the data."""
    import torch
    from torch import nn

    from mstask.neurons.scan import scan

    class Folded(nn.Module):
        def __init__(self, layer: Any) -> None:
            super().__init__()
            self.linear, self.neuron = layer.linear, layer.neuron

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            steering = self.neuron.drive(torch.eye(self.neuron.size)[None])[0]
            drive = nn.functional.linear(x, steering.t() @ self.linear.weight, self.linear.bias @ steering)
            return scan(self.neuron, drive)[0]

    net.chains[0] = nn.ModuleList(Folded(layer) for layer in net.layers())


def with_bias(layer: Any) -> tuple[Any, Any]:
    """A LIF neuron that adds the linear layer's bias in its step, and the linear layer without it."""
    from torch import Tensor, nn

    from mstask import neurons
    from mstask.neurons.integrators import VanillaLIF

    class Biased(NamedTuple):
        beta: Tensor
        bias: Tensor

    class BiasedLIF(VanillaLIF):
        name = "Biased-LIF"

        def __init__(self, bias: nn.Parameter) -> None:
            super().__init__(len(bias))
            self.bias = bias

        def coefficients(self, steps: int) -> Biased:
            return Biased(self.beta, self.bias)

        @staticmethod
        def step(x, state, c, fire):
            u = c.beta * state.m + (x + c.bias)
            s = fire(u)
            return s, neurons.base.Membrane(u * (1 - s))

    neuron = BiasedLIF(layer.linear.bias)
    neuron.threshold = layer.neuron.threshold
    linear = nn.Linear(layer.linear.in_features, layer.linear.out_features, bias=False)
    linear.weight = layer.linear.weight
    return neuron, linear


def _against(base: str, variants: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    from benchmarks.timing import interleaved

    seconds = interleaved(variants, "cpu", repeats, timed=3)
    return {
        name: [a / b for a, b in zip(values, seconds[base], strict=True)] for name, values in seconds.items() if name != base
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    options = runner.options(__doc__.partition("\n")[0], arguments)
    print(f"load average {runner.load()}")
    from mstask.studies.speed.exhibits import Spread

    for name, ratios in runner.fresh("benchmarks.ideas:measure", 1, repeats=options.repeats, tiny=options.tiny).items():
        print(f"{Spread.of(ratios)!s:>20}  {name}")


if __name__ == "__main__":
    main()
