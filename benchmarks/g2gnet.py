"""The wired layer of G2GNet against one dense masked product, forward and backward, over wiring, width and p_inter.

Contenders per layer: "dense" (mask applied once, one product), "grouped" and "sparse" (see `mstask.studies.g2gnet.products`)
and "step by step" (the mask applied anew, and one product, for every time step: the usual way). Ratios to "dense" are formed
within a repeat when the document is read (`mstask.studies.g2gnet.facts`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # not this folder: numba would import its coverage.py

from benchmarks import runner

SECTION = "benchmark-g2gnet"
STEPWISE = "step by step"
RUNS = {"cpu": 1, "wall": 2}
"""Clocks and the threads they are read with."""

STEPS, BATCH, SEED = 25, 64, 1
WIDTHS, MODELS = (256, 1024), ("index", "mixer", "er")
P_INTER = (0.0, 0.05, 0.1, 0.15, 0.25, 0.35, 0.5)
TIMED = {256: 3, 1024: 1}


def measure(threads: int, clock: str, repeats: int, tiny: bool) -> dict[str, Any]:
    """Time every form of every layer; called in a process of its own."""
    import torch

    from benchmarks.timing import interleaved
    from mstask.studies.g2gnet import products, wiring

    torch.set_num_threads(threads)
    layers = []
    for width in (16,) if tiny else WIDTHS:
        draw = torch.Generator().manual_seed(SEED)
        x, back = (torch.randn(width, STEPS * BATCH, generator=draw) for _ in range(2))
        x = (x > 1).float().requires_grad_()
        frames, backs = (by_step(signal.detach()) for signal in (x, back))
        about, steps = [], {}
        for model, p_inter in product(MODELS, (0.0, 0.5) if tiny else P_INTER):
            wired = wiring.wirings(model, [width] * 3, p_inter, SEED)[1]
            weight = torch.randn(width, width, generator=draw).requires_grad_()
            predicted = products.predicted_costs(wired)
            if model == "er":
                del predicted["grouped"]
            for form in predicted:
                steps[len(about), form] = both_ways(weight, x, back, products.plan(wired, form))
            steps[len(about), STEPWISE] = stepwise(weight, frames.requires_grad_(), list(backs), wired.mask.float())
            layer = {"width": width, "model": model, "p_inter": p_inter, "density": wired.mask.double().mean().item()}
            about.append(layer | {"chosen": products.plan(wired).form, "predicted": predicted, "seconds": {}})
        for (number, form), seconds in interleaved(steps, clock, repeats, TIMED.get(width, 1)).items():
            about[number]["seconds"][form] = seconds
        layers += about
        print(f"{clock}, {threads} threads, width {width}: done", file=sys.stderr)
    return {"clock": clock, "threads": threads, "load": runner.load(), "layers": layers}


def both_ways(weight, x, back, plan):
    """Forward and backward of a layer in the plan's form."""
    import torch

    from mstask.studies.g2gnet import products

    return lambda: torch.autograd.grad(products.product(weight, x, plan), (weight, x), back)


def by_step(signal):
    """Signals [neurons, columns] as [T, B, neurons]."""
    return signal.view(len(signal), STEPS, BATCH).permute(1, 2, 0).contiguous()


def stepwise(weight, frames, backs, mask):
    """Forward and backward with one masked product per time step, batch first."""
    import torch

    def step():
        outputs = [torch.nn.functional.linear(frame, weight * mask) for frame in frames.unbind()]
        return torch.autograd.grad(outputs, (weight, frames), backs)

    return step


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the document, print it."""
    runner.main(__doc__, SECTION, "A wired layer against one dense masked product", _measured, _report, arguments)


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    runs = [
        runner.fresh("benchmarks.g2gnet:measure", threads, clock=clock, repeats=options.repeats, tiny=options.tiny)
        for clock, threads in RUNS.items()
    ]
    return {"runs": runs, "steps": STEPS, "batch": BATCH, "seed": SEED, "timed_steps": TIMED[WIDTHS[0]]}


def _report(document: Any) -> Iterator[Any]:
    from mstask.studies.g2gnet import facts

    for clock in RUNS:
        yield f"{clock}: relative to the dense product, median and quartiles; chosen: what the automatic choice takes"
        yield from (facts.ratios(document, clock).drop(columns="ratios"), facts.crossovers(document, clock))
        yield f"fastest form chosen, within a tenth: {best_choices(document, clock):.0%}"


def best_choices(document: Any, clock: str = "cpu") -> float:
    """Share of the measured layers for which the automatic choice took the form that was fastest, or within a tenth of it."""
    (run,) = [run for run in document.values["runs"] if run["clock"] == clock]
    hits = []
    for layer in run["layers"]:
        medians = {form: median(layer["seconds"][form]) for form in layer["predicted"]}
        hits.append(medians[layer["chosen"]] <= 1.1 * min(medians.values()))
    return sum(hits) / len(hits)


if __name__ == "__main__":
    main()
