"""The command line, python -m mstask COMMAND. Exit 0: done, 1: the work failed, 2: bad use."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import signal
import sys
from collections.abc import Sequence
from typing import Any

from mstask import paths
from mstask.errors import UsageError, as_bad_use, exit_code
from mstask.lab import commands
from mstask.parameters import PROFILES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    logging.basicConfig(format="%(message)s")
    interrupt_when_terminated()
    print_anything()

    def work() -> int:
        options = parser().parse_args(arguments)
        paths.settle()
        if options.command in commands.OF_CHECKOUT and (lacking := paths.lacking("notebooks, book and locked results")):
            raise UsageError(f"{options.command.__name__} needs {lacking}")
        return options.command(options)

    return exit_code(work)


def interrupt_when_terminated() -> None:
    """Let SIGTERM, by which clusters end a job, stop a command as cleanly as Ctrl-C does, and so what the command started."""
    with contextlib.suppress(ValueError):  # not in the main thread: whoever runs this decides
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def print_anything() -> None:
    """Let a terminal that can't show a letter (of another alphabet, or a sign such as ≥) get another in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


class SectionHelp(argparse.Action):
    """`run --help` shows the options; `run SECTION --help` the parameters of the section too."""

    def __init__(self, option_strings: Sequence[str], dest: str, **settings: Any) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help="this text; with a section, its parameters")

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: Any) -> None:
        from mstask.lab import exhibits_parameters

        parser.print_help()
        for name in namespace.sections or []:
            with as_bad_use():
                print(f"\n{exhibits_parameters.help_text(name)}")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="python -m mstask", description=__doc__)
    known = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, **settings: Any) -> argparse.ArgumentParser:
        made = known.add_parser(name, **settings)
        made.set_defaults(command=getattr(commands, name))
        return made

    data = add("data", help="generate or check a data set and describe it, or fetch an original")
    data.add_argument("name", nargs="?", default="radar", help="a data set, or: fetch NAME")
    data.add_argument("original", nargs="?", help="with fetch: the original to download (shd, mnist, fashion-mnist, fsdd, ...)")
    data.add_argument("--data", help="embedded (default), real or recorded")
    data.add_argument("--size", default="paper", help="small, medium or paper")

    run = add("run", help="run sections of the book, all by default", add_help=False)
    run.add_argument("sections", nargs="*", metavar="SECTION")
    run.add_argument("-h", "--help", action=SectionHelp)
    run.add_argument("--profile", help=f"{', '.join(PROFILES)}; quick by default")
    run.add_argument("--data", help="embedded (default), real or recorded")
    run.add_argument("--methods", help="comma-separated; the profile's by default")
    run.add_argument("--cases", help="comma-separated, of sections that have some; the profile's by default")
    run.add_argument("--seeds", help="comma-separated integers; the profile's by default")
    run.add_argument("-p", "--set", action="append", default=[], metavar="NAME=VALUE", help="set one parameter; repeatable")
    run.add_argument("--workers", type=int, help="cells run at a time on this machine (default: one per core)")
    run.add_argument("--scheduler", metavar="ADDRESS", help="use the workers of this Dask scheduler, as tcp://host:8786")
    run.add_argument("--timeout", type=float, metavar="SECONDS", help="give up a cell that takes longer")
    run.add_argument("--keep-stale", action="store_true", help="leave cells alone that an earlier version of the code made")
    run.add_argument("--json", action="store_true", help="print what became of each cell as JSON")

    status = add("status", help="which cells are done, stale, failed or missing, and what they cost")
    status.add_argument("sections", nargs="*", metavar="SECTION")
    status.add_argument("--profile", help="only this profile; one without a run shows as missing")
    status.add_argument("--data", help="only embedded, real or recorded")
    status.add_argument("--json", action="store_true")

    lock = add("lock", help="lock a section's run in the folder of its data source")
    lock.add_argument("section")
    lock.add_argument("--profile", help="the largest that was run by default")
    lock.add_argument("--data", help="embedded, real or recorded; by default the first that the section has")

    verify = add("verify", help="check every locked result against the manifest")
    verify.add_argument("--json", action="store_true")

    repeat = add("repeat", help="train locked cells anew and compare; by default a section's quickest")
    repeat.add_argument("section")
    repeat.add_argument("--data", help="embedded, real or recorded; by default the first that the section has")
    for name in ("methods", "cases", "seeds"):
        repeat.add_argument(f"--{name}", help="comma-separated")

    claims = add("claims", help="judge the paper's claims")
    claims.add_argument("--source", default="published", help="published, embedded, real, recorded or run")
    claims.add_argument("--json", action="store_true")

    doctor = add("doctor", help="check this installation and say what to do about what is wrong")
    doctor.add_argument("--json", action="store_true")

    add("notebooks", help="bring each notebook's .py and .ipynb together, whichever was edited")
    add("release", help="do tag, version, CITATION and links agree? Prints the commands that publish")
    add("readme", help="renew the computed tables of README.md")

    book = add("book", help="build the HTML, or the PDF")
    book.add_argument("--pdf", action="store_true", help="one PDF, printed by an installed Chromium or Chrome")

    bench = add("bench", help="measure speed, as ratios")
    bench.add_argument("name", nargs="?", default="step", help=", ".join(commands.BENCHMARKS))
    bench.add_argument("--repeats", type=int, default=9, help="interleaved repeats; at least 7 for a result")
    bench.add_argument("--tiny", action="store_true", help="tiny networks: shows that it runs")
    bench.add_argument("--lock", action="store_true", help="measure nothing, lock the last measured document")
    return top
