"""Runs measurements in fresh processes with a fixed number of threads, and keeps what they return as a result document."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
"""How JAX is told, which reads none of these variables."""
PACKAGES = ("spikingjelly", "snntorch", "norse", "jax", "sinabs", "rockpool", "lauscher", "triton")
BUSY = 0.5
"""Average number of running programs above which the machine counts as loaded."""


def fresh(target: str, threads: int, **options: Any) -> Any:
    """Call `target` ("module:function") with `threads` and `options` in a new process.

    The number of threads is set in the environment, before anything is imported; idle threads sleep.
    """
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads)) | {"OMP_WAIT_POLICY": "PASSIVE"}
    environment |= {"XLA_FLAGS": ONE_THREAD} if threads == 1 else {}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "benchmarks.runner", target, json.dumps({"threads": threads, **options}), str(answer)]
        if subprocess.run(command, cwd=ROOT, env=environment).returncode:
            raise SystemExit(f"{target} failed with {threads} threads; its error stands above")
        return json.loads(answer.read_text(encoding="utf-8"))


def load() -> list[float]:
    """The machine's load averages over 1, 5 and 15 minutes, where the system tells them."""
    return [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else []


def options(description: str, arguments: list[str] | None = None) -> argparse.Namespace:
    """The options that the benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--repeats", type=int, default=9, help="interleaved repeats, at least 3 (default 9)")
    parser.add_argument("--tiny", action="store_true", help="tiny networks: shows that it runs, measures nothing")
    parser.add_argument("--out", type=Path, default=None, help="file of the result document (default: under results/runs)")
    parser.add_argument("--lock", action="store_true", help="measure nothing: lock the document at --out as the project's own")
    chosen = parser.parse_args(arguments)
    if chosen.repeats < 3:
        parser.error(f"--repeats is {chosen.repeats}, expected at least 3")
    return chosen


def main(
    about: str | None,
    section: str,
    title: str,
    measure: Callable[[argparse.Namespace], dict[str, Any]],
    report: Callable[[Any], Iterable[Any]],
    arguments: list[str] | None = None,
    device: str = "cpu",
) -> None:
    """What every benchmark's command does: measure, write the document and print its report, or lock the last document.

    Parameters
    ----------
    about
        The script's docstring; its first line describes the command.
    section, title
        Of the result document.
    measure
        Given the options, returns the document's values; what makes a result and how busy the machine is are taken before.
    report
        What to print of the document: tables, or lines of text.
    """
    chosen = options((about or "").partition("\n")[0], arguments)
    path = place(section, chosen.out)
    if chosen.lock:
        print(lock(path))
        return
    from mstask import results

    before = circumstances(section, chosen, device)
    made = document(section, title, chosen.tiny, before | measure(chosen))
    results.write_document(path, made)
    for part in report(made):
        print(part.to_string(index=False) if hasattr(part, "to_string") else part, end="\n\n")
    print(f"{path}" + (f"\n{made.budget}" if made.budget else ""))


def circumstances(section: str, options: argparse.Namespace, device: str = "cpu") -> dict[str, Any]:
    """What makes a result and how busy the machine is; to be taken before anything is measured."""
    from mstask import paths, results

    command = f"python benchmarks/{section.removeprefix('benchmark-')}.py --repeats {options.repeats}"
    made = results.provenance(command, device)
    versions = made.versions | {name: paths.version(name) or "not installed" for name in PACKAGES}
    return {"load": load(), "provenance": made.model_copy(update={"versions": versions}).model_dump()}


def document(section: str, title: str, tiny: bool, values: dict[str, Any]) -> Any:
    """Put measurements and their circumstances into a result document."""
    from mstask import results

    budget, busy = None, values["load"]
    if busy and busy[0] > BUSY:
        budget = (
            f"Other programs used the machine (load average {busy[0]:g} at the start): "
            "ratios of CPU time count, wall times are disturbed."
        )
    return results.Document(
        section=section,
        source="run",
        profile="smoke" if tiny else "paper",
        title=title,
        reference="Measured by this project's benchmarks",
        budget=budget,
        values=values,
    )


def place(section: str, out: Path | None) -> Path:
    """Where a benchmark's document goes."""
    from mstask import results

    return out or results.runs_root() / "runs" / section / f"{section}.json"


def lock(path: Path) -> Path:
    """Keep a measured document as the project's own: results/embedded, entered in the manifest."""
    from mstask import results

    measured = results.read_document(path)
    if measured.profile == "smoke":
        raise SystemExit(f"{path} was measured with --tiny, which shows that it runs and measures nothing: measure it in full")
    kept = results.runs_root() / "embedded" / f"{measured.section}.json"
    results.write_document(kept, measured.model_copy(update={"source": "embedded"}))
    results.lock(kept)
    return kept


def answer(arguments: list[str]) -> None:
    """The child's side of `fresh`."""
    target, given, path = arguments
    module, _, function = target.partition(":")
    found = getattr(importlib.import_module(module), function)(**json.loads(given))
    Path(path).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    answer(sys.argv[1:])
