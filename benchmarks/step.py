"""One training step of every contender, interleaved: CPU time on one thread, wall time on two; writes a result document.

A step is forward, cross-entropy, backward and Adam in float32, thresholds calibrated to the protocol's firing rate. Ratios are
formed within a repeat when the document is read (`mstask.figures.speed`), so the document holds seconds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import runner

SECTION = "benchmark-step"
RUNS = {"cpu": 1, "wall": 2}
"""Clocks and the threads they are read with."""

TIMED, SETTLING = 3, 1


def measure(threads: int, clock: str, repeats: int, tiny: bool) -> dict[str, Any]:
    """Time every contender on every workload; called in a process of its own."""
    import torch

    from benchmarks.contenders import TINY, WORKLOADS, contenders, training_step
    from benchmarks.timing import interleaved

    torch.set_num_threads(threads)
    found: dict[str, Any] = {"clock": clock, "threads": threads, "load": runner.load(), "seconds": {}, "firing_rates": {}}
    present = {name: c for name, c in contenders().items() if c.package is None or c.version}
    for key, work in (TINY if tiny else WORKLOADS).items():
        x, y = work.data()
        steps, rates = {}, {}
        for name, contender in present.items():
            net, given = contender.network(work, x)
            steps[name] = training_step(net, given, y)
            if contender.group != "floor":
                rates[name] = net.firing_rates(given)
        found["seconds"][key] = interleaved(steps, clock, repeats, TIMED, SETTLING)
        found["firing_rates"][key] = rates
        print(f"{clock}, {threads} threads, workload {key}: done", file=sys.stderr)
    return found


def describe(threads: int, tiny: bool) -> dict[str, Any]:
    """What the contenders are, and whether their spikes and gradients are those of the reference."""
    from dataclasses import asdict

    from benchmarks.contenders import SEED, TINY, WORKLOADS, agreement, contenders

    about = {}
    for name, contender in contenders().items():
        version = contender.version
        installed = contender.package is None or version is not None
        about[name] = {
            "group": contender.group,
            "neuron": contender.neuron,
            "installed": installed,
            "version": version,
            "agreement": agreement(contender) if installed else None,
        }
    workloads = {key: asdict(work) for key, work in (TINY if tiny else WORKLOADS).items()}
    return {"contenders": about, "workloads": workloads, "seed": SEED}


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the document, print the table."""
    options = runner.options(__doc__.partition("\n")[0], arguments)
    path = runner.place(SECTION, options.out)
    if options.lock:
        print(runner.lock(path))
        return
    values = runner.circumstances(SECTION, options)
    values |= runner.fresh("benchmarks.step:describe", 1, tiny=options.tiny)
    values["runs"] = [
        runner.fresh("benchmarks.step:measure", threads, clock=clock, repeats=options.repeats, tiny=options.tiny)
        for clock, threads in RUNS.items()
    ]
    values |= {"timed_steps": TIMED, "settling_steps": SETTLING}
    from mstask import results
    from mstask.figures import speed

    document = runner.document(SECTION, "One training step against its floor and other libraries", options.tiny, values)
    results.write_document(path, document)
    print(speed.table_step(document).to_string(index=False), end="\n\n")
    print(speed.table_speedup(document).to_string(index=False), end="\n\n")
    print(speed.table_goals(document).to_string(index=False), end="\n\n")
    print(", ".join(f"{name} {version}" for name, version in document.values["provenance"]["versions"].items()))
    print(f"{path}" + (f"\n{document.budget}" if document.budget else ""))


if __name__ == "__main__":
    main()
