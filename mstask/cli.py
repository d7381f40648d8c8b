"""The command line, python -m mstask COMMAND. Exit 0: done, 1: the work failed, 2: bad use."""

from __future__ import annotations

import argparse
import ast
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mstask.errors import MstaskError, nearest
from mstask.paths import ROOT

BOOK = ROOT / "_build" / "html" / "index.html"


class UsageError(MstaskError):
    """The command line asks for something that doesn't exist."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    logging.basicConfig(format="%(message)s")
    options = parser().parse_args(arguments)
    try:
        return options.command(options)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except MstaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command continues where this one stopped", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="python -m mstask", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    data = commands.add_parser("data", help="generate or check a data set and describe it, or fetch an original")
    data.add_argument("name", nargs="?", default="radar", help="a data set, or: fetch NAME")
    data.add_argument("original", nargs="?", help="with fetch: the original to download (shd)")
    data.add_argument("--data", default="embedded", help="embedded or real")
    data.add_argument("--size", default="paper", help="small, medium or paper")
    data.set_defaults(command=data_command)

    run = commands.add_parser("run", help="run sections of the paper, all by default")
    run.add_argument("sections", nargs="*", metavar="SECTION")
    run.add_argument("--profile", default=None, help="smoke, quick (default) or paper")
    run.add_argument("--data", default=None, help="embedded (default) or real")
    run.add_argument("--methods", default=None, help="comma-separated; all by default")
    run.add_argument("--seeds", default=None, help="comma-separated integers; the profile's by default")
    run.add_argument("--workers", type=int, default=None, help="cells run at a time (default: one per core)")
    run.add_argument(
        "-p", "--set", action="append", default=[], metavar="NAME=VALUE", help="override one parameter; repeatable"
    )
    run.add_argument("--json", action="store_true", help="print what became of each cell as JSON")
    run.set_defaults(command=run_command)

    lock = commands.add_parser("lock", help="lock a section's run as the project's embedded result")
    lock.add_argument("section")
    lock.add_argument("--profile", default="paper")
    lock.add_argument("--data", default="embedded", help="embedded or real")
    lock.add_argument("--budget", default=None, help="one sentence, where the run fell short of the paper's protocol")
    lock.set_defaults(command=lock_command)

    verify = commands.add_parser("verify", help="check every locked result against the manifest")
    verify.add_argument("--json", action="store_true")
    verify.set_defaults(command=verify_command)

    claims = commands.add_parser("claims", help="judge the paper's claims")
    claims.add_argument("--source", default="published", help="published, embedded or run")
    claims.add_argument("--json", action="store_true")
    claims.set_defaults(command=claims_command)

    notebooks = commands.add_parser("notebooks", help="rewrite the .ipynb of every pair from its .py")
    notebooks.set_defaults(command=notebooks_command)

    book = commands.add_parser("book", help="build the HTML")
    book.set_defaults(command=book_command)

    bench = commands.add_parser("bench", help="measure the speed of the time loop, as ratios")
    bench.add_argument("name", nargs="?", default="step", help="step (default), epoch, gpu or ideas")
    bench.add_argument("--repeats", type=int, default=9, help="interleaved repeats; at least 7 for a result")
    bench.add_argument("--tiny", action="store_true", help="tiny networks: shows that it runs")
    bench.add_argument("--lock", action="store_true", help="measure nothing, lock the last measured document")
    bench.set_defaults(command=bench_command)
    return top


def data_command(options: argparse.Namespace) -> int:
    """Load a data set, which generates the embedded one when needed, and print its description; or download an original."""
    from mstask import data

    if options.name == "fetch":
        from mstask.data import fetch

        if options.original not in fetch.names():
            raise UsageError(f"nothing to fetch under {options.original!r}; {nearest(str(options.original), fetch.names())}")
        print(fetch.fetch(options.original))
        return 0
    splits = data.load(options.name, options.data, options.size)
    shown = {key: value for key, value in splits.meta.items() if key != "speakers"}
    print(json.dumps(shown, indent=2, default=str))
    return 0


def run_command(options: argparse.Namespace) -> int:
    """Run the cells of the sections; exit 1 when any failed."""
    from mstask import batch, sections

    given = overrides(options.set)
    given |= {"profile": options.profile, "data_source": options.data}
    given |= {"methods": options.methods and options.methods.split(","), "seeds": integers("--seeds", options.seeds)}
    if options.workers is not None and options.workers < 1:
        raise UsageError(f"--workers is {options.workers}, expected at least 1")
    try:
        chosen = [sections.section(name) for name in options.sections or sections.sections()]
        resolved = [(section, sections.resolve(section.id, **given)) for section in chosen]
    except MstaskError as error:
        raise UsageError(str(error)) from error
    started = time.perf_counter()
    outcomes = []
    for section, parameters in resolved:
        for outcome in batch.run_section(section.id, parameters, options.workers or os.cpu_count() or 1):
            outcomes.append({"section": section.id, **asdict(outcome)})
    if options.json:
        print(json.dumps(outcomes, indent=2))
    counts = {status: sum(o["status"] == status for o in outcomes) for status in ("done", "skipped", "failed")}
    print(
        f"{counts['done']} cells run, {counts['skipped']} already done, {counts['failed']} failed, "
        f"{time.perf_counter() - started:.0f} s",
        file=sys.stderr,
    )
    for o in outcomes:
        if o["status"] == "failed":
            print(
                f"failed: {o['section']} {o['method']}{' on ' + o['case'] if o['case'] else ''} seed {o['seed']}: "
                f"{o['error']} ({o['notebook']})",
                file=sys.stderr,
            )
    return 1 if counts["failed"] else 0


def lock_command(options: argparse.Namespace) -> int:
    """Merge a section's run into results/embedded and enter it in the manifest."""
    from mstask import results

    print(results.lock_run(options.section, options.profile, options.data, options.budget))
    return 0


def verify_command(options: argparse.Namespace) -> int:
    """Print every problem of the locked results; exit 1 when there is one."""
    from mstask import results

    problems = results.verify()
    if options.json:
        print(json.dumps(problems, indent=2))
    else:
        print("\n".join(problems) or "every locked result is intact")
    return 1 if problems else 0


def claims_command(options: argparse.Namespace) -> int:
    """Print the ledger of a source."""
    from mstask import claims

    if options.source not in ("published", "embedded", "run"):
        raise UsageError(f"--source is {options.source!r}, expected published, embedded or run")
    ledger = claims.ledger(options.source)
    if options.json:
        print(json.dumps(claims.as_json(ledger), indent=2, ensure_ascii=False))
    else:
        for claim in ledger:
            print(f"{claim.verdict:>13}  {claim.text} ({claim.where})\n{'':15}{claim.evidence}\n{'':15}{claim.fragility}")
    return 0


def notebooks_command(options: argparse.Namespace) -> int:
    """Bring every notebook pair up to date."""
    from mstask import pairs

    for path in pairs.update():
        print(path.relative_to(ROOT))
    return 0


def book_command(options: argparse.Namespace) -> int:
    """Build the HTML with every warning an error, and say where it is."""
    started = time.perf_counter()
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "-W", "--keep-going", "-n", "-q"]
    code = subprocess.run(command, cwd=ROOT).returncode
    if code:
        raise MstaskError("the book did not build; the warnings above name the page and line")
    print(f"book: {BOOK} ({time.perf_counter() - started:.0f} s)")
    return 0


def bench_command(options: argparse.Namespace) -> int:
    """Run one of the scripts in benchmarks/."""
    scripts = ("step", "epoch", "gpu", "ideas")
    if options.name not in scripts:
        raise UsageError(f"benchmark {options.name!r} is unknown; {nearest(options.name, scripts)}")
    command = [sys.executable, f"benchmarks/{options.name}.py", "--repeats", str(options.repeats)]
    command += [f"--{flag}" for flag in ("tiny", "lock") if getattr(options, flag)]
    return subprocess.run(command, cwd=ROOT).returncode


def overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """Parse NAME=VALUE pairs; a value is a Python literal, or else a plain string."""
    given: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {pair!r}: expected NAME=VALUE")
        try:
            given[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            given[name] = text
    return given


def integers(option: str, text: str | None) -> list[int] | None:
    """Parse comma-separated integers."""
    try:
        return None if text is None else [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} is {text!r}, expected comma-separated integers such as 42,123") from None
