"""Measures ideas for a faster step, each against what the package does now; NOTES.md keeps the verdicts.

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

    from benchmarks.layouts import lif_backward, lif_forward

    batch, steps, width = work.batch, work.steps, work.width
    rng = np.random.default_rng(0)
    x = rng.standard_normal(batch * steps * width, dtype=np.float32)
    g = rng.standard_normal(batch * steps * width, dtype=np.float32)
    u, s, dx, state = np.empty_like(x), np.empty_like(x), np.empty_like(x), np.empty(batch * width, np.float32)

    def loop(rows: int, columns: int, row: int, step: int) -> Callable[[], None]:
        def run() -> None:
            sizes = [np.uint64(value) for value in (rows, steps, columns, row, step)]
            lif_forward(x, u, s, state, *sizes)
            lif_backward(g, u, s, dx, state, *sizes)

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
    """A layer's product with spikes and its weight gradient: event-driven, against dense; and dense from uint8."""
    import torch

    from mstask.products import product

    rows, width = work.batch * work.steps, work.width
    found: dict[str, list[float]] = {}
    for rate in RATES:
        torch.manual_seed(0)
        s, g = (torch.rand(rows, width) < rate).float(), torch.randn(rows, width)
        weight, bias, small = torch.randn(width, width, requires_grad=True), torch.zeros(width), s.to(torch.uint8)

        def layer(dense_above: float, given: Any = (s, weight, bias), g: Any = g) -> Callable[[], Any]:
            return lambda: torch.autograd.grad(product(*given, dense_above), given[1], g)

        found |= _against("dense", {"dense": layer(0), f"event-driven product at {rate:.0%}": layer(1)}, repeats)
        gradients = {"dense": lambda s=s, g=g: g.t() @ s, "weight gradient from uint8": lambda s=small, g=g: g.t() @ s.float()}
        found |= _against("dense", gradients, repeats)
    return found


def whole_steps(work: Any, repeats: int) -> dict[str, list[float]]:
    """Training steps of the LIF network with the bias added inside the loop, and with dense products only."""
    import torch

    from benchmarks.contenders import SEED, contenders, training_step

    x, y = work.data()
    known = contenders()

    def lif() -> Any:
        return known["fused Vanilla-LIF"].network(work, x)[0]

    floor, plain, biased, dense = known["floor"].network(work, x)[0], lif(), lif(), lif()
    torch.manual_seed(SEED)
    for layer in biased.layers():
        layer.neuron, layer.linear = with_bias(layer)
    dense.dense_above(0)
    nets = {"floor": floor, "fused LIF": plain, "bias inside the loop": biased, "dense products": dense}
    return _against("fused LIF", {name: training_step(net, x, y) for name, net in nets.items()}, repeats)


def linear_drive(work: Any, repeats: int) -> dict[str, list[float]]:
    """Training steps of the Beam-IF network with the steering applied to the data, against that to the weights."""
    from benchmarks.contenders import contenders, training_step

    x, y = work.data()
    now, apart = (contenders()["fused Beam-IF"].network(work, x)[0] for _ in range(2))
    for layer in apart.layers():
        layer.folded = False
    return _against(
        "Beam-IF", {"Beam-IF": training_step(now, x, y), "Beam-IF, data steered": training_step(apart, x, y)}, repeats
    )


def with_bias(layer: Any) -> tuple[Any, Any]:
    """A LIF neuron that adds the linear layer's bias in its step, and the linear layer without it."""
    import torch
    from torch import Tensor, nn

    from mstask import neurons
    from mstask.neurons.integrators import VanillaLIF
    from mstask.products import Linear

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
    linear = Linear(layer.linear.in_features, layer.linear.out_features)
    linear.weight, linear.bias = layer.linear.weight, nn.Parameter(torch.zeros(len(linear.bias)), requires_grad=False)
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
