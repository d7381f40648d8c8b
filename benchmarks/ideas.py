"""Measures the ideas for a faster step that are in the package, each against doing without it; NOTES.md keeps all verdicts.

CPU time on one thread, interleaved; ratios below 1 are gains.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # not this folder: numba would import its coverage.py

from benchmarks import runner

RATES = (0.05, 0.15, 0.30, 0.60)


def measure(threads: int, repeats: int, tiny: bool) -> dict[str, list[float]]:
    """The ratio of every idea to what it would replace, one number per repeat."""
    import torch

    from benchmarks.contenders import TINY, WORKLOADS

    torch.set_num_threads(threads)
    found: dict[str, list[float]] = {}
    for key, work in (TINY if tiny else WORKLOADS).items():
        for part in (products, whole_steps, linear_drive):
            found |= {f"{key}: {name}": values for name, values in part(work, repeats).items()}
        print(f"workload {key}: done", file=sys.stderr)
    return found


def products(work: Any, repeats: int) -> dict[str, list[float]]:
    """A layer's product with spikes and its weight gradient: event-driven, against dense."""
    import torch

    from mstask.products import product

    rows, width = work.batch * work.steps, work.width
    found: dict[str, list[float]] = {}
    for rate in RATES:
        torch.manual_seed(0)
        s, g = (torch.rand(rows, width) < rate).float(), torch.randn(rows, width)
        weight, bias = torch.randn(width, width, requires_grad=True), torch.zeros(width)

        def layer(dense_above: float, given: Any = (s, weight, bias), g: Any = g) -> Callable[[], Any]:
            return lambda: torch.autograd.grad(product(*given, dense_above), given[1], g)

        found |= _against("dense", {"dense": layer(0), f"event-driven product at {rate:.0%}": layer(1)}, repeats)
    return found


def whole_steps(work: Any, repeats: int) -> dict[str, list[float]]:
    """Training steps of the floor, and of the LIF network with dense products only."""
    from benchmarks.contenders import contenders, training_step

    x, y = work.data()
    known = contenders()
    floor, plain, dense = (known[name].network(work, x)[0] for name in ("floor", "fused Vanilla-LIF", "fused Vanilla-LIF"))
    dense.dense_above(0)
    nets = {"floor": floor, "fused LIF": plain, "dense products": dense}
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


def _against(base: str, variants: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    from benchmarks.timing import interleaved

    seconds = interleaved(variants, "cpu", repeats, timed=3)
    return {
        name: [a / b for a, b in zip(values, seconds[base], strict=True)] for name, values in seconds.items() if name != base
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    options = runner.options(__doc__.partition("\n")[0], arguments)
    if options.lock or options.out:
        raise SystemExit("benchmarks/ideas.py writes no document, so that --lock and --out mean nothing here")
    print(f"load average {runner.load()}")
    from mstask.studies.speed.exhibits import Spread

    for name, ratios in runner.fresh("benchmarks.ideas:measure", 1, repeats=options.repeats, tiny=options.tiny).items():
        print(f"{Spread.of(ratios)!s:>20}  {name}")


if __name__ == "__main__":
    main()
