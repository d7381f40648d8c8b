"""What each command does; heavy modules are imported only when bad use is ruled out."""

from __future__ import annotations

import argparse
import contextlib
import json
import runpy
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mstask.errors import MstaskError, UsageError, as_bad_use, nearest
from mstask.paths import ROOT

if TYPE_CHECKING:
    from mstask.parameters import DataSource

BUILT = ROOT / "_build"
BOOK, PDF = BUILT / "html" / "index.html", BUILT / "mstask.pdf"
BENCHMARKS = ("step", "epoch", "scaling", "gpu", "ideas", "hetsyn", "ncg", "g2gnet", "coverage", "cochlea")


def run(options: argparse.Namespace) -> int:
    """Run the cells of the sections; exit 1 when any failed, or lacks the recordings of a section that was named."""
    requests = requested(options)
    check_positive("--workers", options.workers)
    check_positive("--timeout", options.timeout)
    if options.scheduler and options.workers:
        raise UsageError("--workers counts this machine's, --scheduler uses those of another: give one of the two")

    from mstask.lab import batch, execution
    from mstask.progress import duration
    from mstask.section import Place

    started = time.monotonic()
    outcomes = batch.run(requests, options.workers, options.scheduler, options.timeout, options.keep_stale)
    profile = requests[0][1].profile if requests else "smoke"
    if not options.sections and profile != "smoke":
        execution.execute_others(f"{profile}-embedded")
    if options.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
    counts = Counter(outcome.status for outcome in outcomes)
    print(
        f"{counts['done']} cells run, {counts['skipped']} already done, {counts['failed']} failed, "
        f"{duration(time.monotonic() - started)}",
        file=sys.stderr,
    )
    absent = Counter((outcome.section, outcome.error) for outcome in outcomes if outcome.status == "absent")
    for (name, why), n in absent.items():
        print(f"left out: {name}, {n} cells: {why}", file=sys.stderr)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    for o in failed:
        where = f" ({o.notebook})" if o.notebook else ""
        print(f"failed: {o.section} {Place(o.method, o.case, o.seed)}: {o.error}{where}", file=sys.stderr)
    return 1 if failed or (absent and options.sections) else 0


def requested(options: argparse.Namespace) -> list[tuple[str, Any]]:
    """The sections to run with their checked parameters."""
    from mstask import section as sections
    from mstask.parameters import LISTS

    given = overrides(options.set)
    options_of = {"profile": options.profile, "data_source": options.data}
    options_of |= {name: getattr(options, name) for name in LISTS}
    for name, value in options_of.items():
        if value is not None and given.setdefault(name, value) != value:
            raise UsageError(f"{name} is given twice, as {given[name]!r} by --set and as {value!r}")
    with as_bad_use():
        chosen = [sections.section(name) for name in dict.fromkeys(options.sections or sections.having(options.data))]
        return [(section.id, sections.resolve(section.id, **given)) for section in chosen]


def status(options: argparse.Namespace) -> int:
    """Print the state of every cell, summed up by run; with --json cell by cell."""
    from mstask.section import having, resolve, section

    with as_bad_use():
        chosen = [section(name).id for name in options.sections or having(options.data)]
        for name in chosen:
            resolve(name, profile=options.profile, data_source=options.data)

    from mstask.lab import status

    states = status.everything(chosen, options.profile, options.data)
    kept = [found for name in chosen for found in status.kept(name)]
    if options.json:
        print(json.dumps({"cells": [vars(state) for state in states], "locked": kept}, indent=2))
    else:
        print(status.summary(states, kept))
    return 0


def data(options: argparse.Namespace) -> int:
    """Load a data set, which generates the embedded one when needed, and print its description; or download an original."""
    from mstask import data

    if options.name == "fetch":
        from mstask.lab import downloads

        known = downloads.names()
        if options.original is None:
            raise UsageError(f"data fetch needs the name of an original: {', '.join(known)}")
        if options.original not in known:
            raise UsageError(f"nothing to fetch under {options.original!r}; {nearest(options.original, known)}")
        print(downloads.fetch(options.original))
        if said := downloads.attribution(options.original):
            print(said, file=sys.stderr)
        return 0
    if options.original is not None:
        raise UsageError(f"data takes one name, found {options.name!r} and {options.original!r}; to download: data fetch NAME")
    source = options.data or data.sources_of(options.name)[0]
    asked = ("data set", options.name, data.names()), ("source", source, data.SOURCES), ("size", options.size, data.SIZES)
    for what, value, valid in asked:
        if value not in valid:
            raise UsageError(f"unknown {what} {value!r}: {nearest(value, valid)}")
    if source not in (having := data.sources_of(options.name)):
        raise UsageError(f"{options.name} has no {source} data: pass --data {having[-1]}")
    splits = data.load(options.name, source, options.size)
    shown = {key: value for key, value in splits.meta.items() if key != "speakers"}
    print(json.dumps(shown, indent=2, default=str))
    return 0


def lock(options: argparse.Namespace) -> int:
    """Merge a section's run into the folder of its data source and enter it in the manifest."""
    from mstask.lab import locked

    print(locked.lock(options.section, options.profile, data_source(options)))
    return 0


def data_source(options: argparse.Namespace) -> DataSource:
    """The source of data that was asked for, or the section's first; an unknown section, source or profile is bad use."""
    from mstask.parameters import profile_of
    from mstask.section import resolve, section

    with as_bad_use():
        source = options.data or section(options.section).data_sources[0]
        profile = getattr(options, "profile", None)
        resolve(options.section, data_source=source, **({"profile": profile_of(profile)} if profile else {}))
        return source


def verify(options: argparse.Namespace) -> int:
    """Print every problem of the locked results; exit 1 when there is one."""
    from mstask import results

    problems = results.verify()
    if options.json:
        print(json.dumps(problems, indent=2))
    else:
        print("\n".join(problems) or "every locked result is intact")
    return 1 if problems else 0


def repeat(options: argparse.Namespace) -> int:
    """Train locked cells anew and say how each compares; exit 1 when any differs."""
    from mstask.lab import repeat
    from mstask.parameters import LISTS, Parameters, read

    source = data_source(options)
    fields = Parameters.model_fields
    wanted = {name: read(fields[name].annotation, getattr(options, name)) for name in LISTS}
    if not all(isinstance(seed, int) for seed in wanted["seeds"] or ()):
        raise UsageError(f"--seeds is {options.seeds!r}, expected whole numbers such as 42,123")
    cells = repeat.chosen(options.section, source, **wanted)
    differing = 0
    for again in repeat.repeat(cells):
        print(again, flush=True)
        differing += bool(again.differing)
    return 1 if differing else 0


def claims(options: argparse.Namespace) -> int:
    """Print the ledger of a source."""
    from mstask import claims, results

    if options.source not in results.SOURCES:
        raise UsageError(f"--source is {options.source!r}, expected {', '.join(results.SOURCES[:-1])} or run")
    ledger = claims.ledger(options.source)
    if options.json:
        plain = json.dumps([asdict(claim) for claim in ledger])
        told = json.loads(plain, parse_constant=lambda name: None)  # JSON has no infinity
        print(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        for claim in ledger:
            print(f"{claim.verdict:>13}  {claim.text} ({claim.where})\n{'':15}{claim.evidence}\n{'':15}{claim.fragility}")
            if claim.budget:
                print(f"{'':15}{claim.budget}")
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Print every check; exit 1 when something is wrong."""
    from mstask.lab import doctor

    checks = doctor.examine()
    print(json.dumps([vars(check) for check in checks], indent=2) if options.json else doctor.as_text(checks))
    return 1 if any(check.verdict == "wrong" for check in checks) else 0


def notebooks(options: argparse.Namespace) -> int:
    """Bring every notebook pair together; print what was written."""
    from mstask.lab import pairs

    for line in pairs.update():
        print(line)
    return 0


def release(options: argparse.Namespace) -> int:
    """Print the commands that publish this tree as the release its links name, or what disagrees."""
    from mstask.lab import release

    problems = release.problems()
    print("\n".join(problems) or release.commands())
    return 1 if problems else 0


def readme(options: argparse.Namespace) -> int:
    """Renew the computed tables of README.md."""
    from mstask.lab import readme

    print(f"{readme.PATH}: {'renewed' if readme.update() else 'as it was'}")
    return 0


def book(options: argparse.Namespace) -> int:
    """Build the HTML with every warning an error, or the PDF, and say where it is; of several builds one is at work."""
    from mstask.results.files import alone

    started = time.perf_counter()
    with alone(BUILT / "book", "the book"):
        if options.pdf:
            from mstask.lab import browser

            browser.executable()
            build("--builder", "singlehtml")
            browser.print_pdf(browser.joined(BUILT / "singlehtml"), PDF)
        else:
            build()
    print(f"book: {PDF if options.pdf else BOOK} ({time.perf_counter() - started:.0f} s)")
    return 0


def build(*arguments: str) -> None:
    """Build the book by Jupyter Book, in this process, so that no build outlives it.

    After a build that failed or was stopped the next one reads and writes every page: none stays half written, and every
    warning is repeated.
    """
    try:
        from jupyter_book.cli.main import main as jupyter_book
    except ImportError as error:
        raise MstaskError(f'the book needs more packages ({error}): pip install -e ".[book]"') from error

    unfinished = BUILT / ".unfinished"
    if unfinished.exists():
        shutil.rmtree(BUILT / ".doctrees", ignore_errors=True)
    unfinished.touch()
    command = ["build", str(ROOT), "-W", "--keep-going", "-n", "-q", *arguments]
    try:
        with contextlib.chdir(ROOT):
            jupyter_book(command, standalone_mode=False)
    except (RuntimeError, SystemExit) as ended:
        stopped = ended.code if isinstance(ended, SystemExit) else ended.__cause__
        if isinstance(stopped, KeyboardInterrupt):
            raise stopped from None
        raise MstaskError("the book did not build; the warnings above name the page and line") from None
    unfinished.unlink()


def bench(options: argparse.Namespace) -> int:
    """Run one of the scripts in benchmarks/, in this process; what it starts ends with it."""
    if options.name not in BENCHMARKS:
        raise UsageError(f"benchmark {options.name!r} is unknown; {nearest(options.name, BENCHMARKS)}")
    sys.argv = [f"benchmarks/{options.name}.py", "--repeats", str(options.repeats)]
    sys.argv += [f"--{flag}" for flag in ("tiny", "lock") if getattr(options, flag)]
    with contextlib.chdir(ROOT):
        runpy.run_path(str(ROOT / sys.argv[0]), run_name="__main__")
    return 0


def overrides(pairs: Sequence[str]) -> dict[str, str]:
    """The texts of NAME=VALUE pairs by name; what they mean, their parameters' types say."""
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {pair!r}: expected NAME=VALUE")
        if given.setdefault(name.strip(), text) != text:
            raise UsageError(f"--set {name.strip()} is given twice, as {given[name.strip()]!r} and as {text!r}")
    return given


def check_positive(option: str, value: float | None) -> None:
    """Refuse a count or a time that isn't positive."""
    if value is not None and not 0 < value < float("inf"):
        raise UsageError(f"{option} is {value}, expected {'at least 1' if option == '--workers' else 'a positive number'}")


OF_CHECKOUT = (run, verify, repeat, notebooks, release, readme, book, bench)
"""Commands that need more of the repository than the package itself."""
