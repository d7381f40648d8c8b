"""One training step of HetSyn in its three forms, interleaved: CPU time on one thread, peak memory; writes a result document.

A step is forward, loss, backward and Adam in float32. "direct" runs the equations step by step under autograd, which keeps the
current of every synapse at every step; "convolution" computes the feedforward synapses by FFT; "compiled" is what the book
trains with. Ratios are formed within a repeat. Memory is the peak of a process of its own, above what it held before.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # not this folder: numba would import its coverage.py

from benchmarks import runner

SECTION = "benchmark-hetsyn"
FORMS = {"direct": "direct", "convolution": "fourier", "compiled": "fused"}
SEED = 0
TIMED, SETTLING = 1, 0


@dataclass(frozen=True)
class Workload:
    """A case's network on random spikes of its shape."""

    title: str
    case: str
    batch: int
    steps: int
    inputs: int
    outputs: int
    rate: float


WORKLOADS = {
    "match": Workload("match-to-sample, feedforward", "match-feedforward", 32, 210, 30, 2, 0.05),
    "match-recurrent": Workload("match-to-sample, recurrent", "match-recurrent", 32, 210, 30, 2, 0.05),
    "pattern": Workload("pattern generation, feedforward", "pattern-feedforward", 1, 2000, 100, 1, 0.005),
    "speech": Workload("speech in 4 ms bins, recurrent", "speech-bins", 4, 250, 700, 20, 0.02),
}
TINY = {
    "match": Workload("match-to-sample, feedforward", "match-feedforward", 2, 20, 30, 2, 0.2),
    "speech": Workload("speech in 4 ms bins, recurrent", "speech-bins", 2, 6, 50, 4, 0.2),
}


def _network(work: Workload, backend: str, double: bool = False) -> tuple[Any, Any]:
    """The same network and input for every form."""
    import torch

    from mstask.studies.hetsyn.settings import SETTINGS

    torch.manual_seed(SEED)
    model = SETTINGS[work.case].network("HetSynLIF", work.inputs, work.outputs).eval()
    model.backend = FORMS[backend]
    x = (torch.rand(work.batch, work.steps, work.inputs) < work.rate).float()
    return (model.double(), x.double()) if double else (model, x)


def _step(work: Workload, backend: str) -> Callable[[], None]:
    import torch

    model, x = _network(work, backend)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step() -> None:
        loss = _loss(model, x)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def _loss(model: Any, x: Any) -> Any:
    import torch

    if model.sizes[-1] == 1:
        return model.run(x)[0].square().mean()
    return torch.nn.functional.cross_entropy(model(x), torch.arange(len(x)) % model.sizes[-1])


def measure(threads: int, repeats: int, tiny: bool) -> dict[str, Any]:
    """Time every form on every workload; called in a process of its own."""
    import torch

    from benchmarks.timing import interleaved

    torch.set_num_threads(threads)
    found: dict[str, Any] = {"clock": "cpu", "threads": threads, "load": runner.load(), "seconds": {}}
    for key, work in (TINY if tiny else WORKLOADS).items():
        steps = {name: _step(work, name) for name in FORMS}
        found["seconds"][key] = interleaved(steps, "cpu", repeats, TIMED, SETTLING)
        print(f"workload {key}: done", file=sys.stderr)
    return found


def memory(threads: int, workload: str, form: str, tiny: bool) -> float:
    """MiB that one training step adds to the process's peak; called in a process of its own."""
    import torch

    from mstask.cell import peak_memory

    torch.set_num_threads(threads)
    small = TINY["match"]
    _step(small, form)()  # libraries and kernels are loaded
    step = _step((TINY if tiny else WORKLOADS)[workload], form)
    before = peak_memory()
    step()
    return (peak_memory() - before) / 2**20


def agreement(threads: int) -> dict[str, dict[str, float]]:
    """Share of spikes that differ from the direct form's, and the largest relative error of a gradient, in float64."""
    import torch

    torch.set_num_threads(threads)
    found: dict[str, dict[str, float]] = {}
    for work in (Workload("", "match-recurrent", 3, 60, 30, 2, 0.2), Workload("", "speech-bins", 2, 40, 60, 5, 0.2)):
        gradients, spikes = {}, {}
        for name in FORMS:
            model, x = _network(work, name, double=True)
            _loss(model, x).backward()
            gradients[name] = [parameter.grad for parameter in model.parameters()]
            spikes[name] = torch.cat([z.flatten() for z in model.run(x)[1]])
        for name in FORMS:
            pairs = zip(gradients[name], gradients["direct"], strict=True)
            error = max(float((a - b).abs().max() / b.abs().max().clamp_min(1e-300)) for a, b in pairs)
            differing = (spikes[name] != spikes["direct"]).double().mean().item()
            worst = found.setdefault(name, {"differing_spikes": 0.0, "gradient_error": 0.0})
            worst["differing_spikes"] = max(worst["differing_spikes"], differing)
            worst["gradient_error"] = max(worst["gradient_error"], error)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the document, print it."""
    from mstask.show import table_hetsyn_speed

    title = "HetSyn: a training step in three forms"
    runner.main(__doc__, SECTION, title, _measured, lambda made: [table_hetsyn_speed(made)], arguments)


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    workloads = TINY if options.tiny else WORKLOADS
    return {
        "workloads": {key: asdict(work) for key, work in workloads.items()},
        "seed": SEED,
        "timed_steps": TIMED,
        "settling_steps": SETTLING,
        "agreement": runner.fresh("benchmarks.hetsyn:agreement", 1),
        "memory": {
            key: {
                name: runner.fresh("benchmarks.hetsyn:memory", 1, workload=key, form=name, tiny=options.tiny) for name in FORMS
            }
            for key in workloads
        },
        "runs": [runner.fresh("benchmarks.hetsyn:measure", 1, repeats=options.repeats, tiny=options.tiny)],
    }


if __name__ == "__main__":
    main()
