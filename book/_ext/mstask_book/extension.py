"""Sphinx extension of the book: numbers, tables and figures come from result documents when the book is built.

A page is read again when a document it shows (or the code that draws it) changes, appears or goes: the fingerprints of
all inputs, and of the page's own file, are kept in the build environment and compared at the start of each build. Time
stamps play no part: a clock may have gone back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pybtex.plugin import register_plugin
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

from . import executed, sharing, site
from .audio import player, visit_player
from .bibliography import AuthorYearStyle
from .directives import (
    AudioDirective,
    FigureDirective,
    FoldedDirective,
    ResultRole,
    TableDirective,
    UnlessDirective,
    UnlockedDirective,
    WhenDirective,
)
from .elements import VISITORS
from .ledger import ClaimsDirective, SummaryDirective
from .parameters import ParametersDirective
from .playground import PlaygroundDirective
from .sources import Sources, digest
from .status import StatusDirective
from .zoo import ZooDirective

KEPT = ("mstask_inputs", "mstask_pages", "mstask_chapters", "mstask_executed")
"""What is kept by page between builds: fingerprints of its inputs, of its file and of its notebook's executions, and the claims
that it is about."""


def begin(app: Sphinx, config: Config) -> None:
    """Begin a build with an empty look-up: documents are read afresh."""
    sharing.collect_rarely()
    app.mstask_sources = Sources()


def start(app: Sphinx) -> None:
    for kept in KEPT:
        if not hasattr(app.env, kept):
            setattr(app.env, kept, {})


def outdated(app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set) -> list[str]:
    """Return the pages with an input whose content is no longer what it was when they were read."""
    now = app.mstask_sources.fingerprint
    recorded = {page: inputs for page, inputs in env.mstask_inputs.items() if page in env.found_docs}
    edited = [
        page for page, then in env.mstask_pages.items() if page in env.found_docs and digest(Path(env.doc2path(page))) != then
    ]
    edited += [
        page for page, then in env.mstask_executed.items() if page in env.found_docs and executed.fingerprint(app, page) != then
    ]
    return edited + [page for page, inputs in recorded.items() if any(now(stem) != then for stem, then in inputs.items())]


def remember(app: Sphinx, page: str, source: list[str]) -> None:
    app.env.mstask_pages[page] = digest(Path(app.env.doc2path(page)))


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    for kept in KEPT:
        getattr(env, kept).pop(page, None)


def merge(app: Sphinx, env: BuildEnvironment, pages: set[str], other: BuildEnvironment) -> None:
    for kept in KEPT:
        getattr(env, kept).update({page: found for page, found in getattr(other, kept).items() if page in pages})


def setup(app: Sphinx) -> dict[str, Any]:
    register_plugin("pybtex.style.formatting", "author_year", AuthorYearStyle)
    app.add_role("result", ResultRole())
    for node, visitors in VISITORS.items():
        app.add_node(node, html=visitors)
    app.add_directive("mstask-figure", FigureDirective)
    app.add_directive("mstask-table", TableDirective)
    app.add_node(player, html=(visit_player, None))
    app.add_directive("mstask-audio", AudioDirective)
    app.add_directive("mstask-claims", ClaimsDirective)
    app.add_directive("mstask-summary", SummaryDirective)
    app.add_directive("mstask-status", StatusDirective)
    app.add_directive("mstask-parameters", ParametersDirective)
    app.add_directive("mstask-zoo", ZooDirective)
    app.add_directive("mstask-playground", PlaygroundDirective)
    app.add_directive("mstask-folded", FoldedDirective)
    app.add_directive("mstask-when", WhenDirective)
    app.add_directive("mstask-unless", UnlessDirective)
    app.add_directive("mstask-unlocked", UnlockedDirective)
    app.connect("config-inited", begin, priority=100)
    app.connect("config-inited", site.configure_theme)
    app.connect("builder-inited", start)
    app.connect("env-get-outdated", outdated)
    app.connect("env-before-read-docs", sharing.share_out)
    app.connect("env-purge-doc", forget)
    app.connect("source-read", remember)
    app.connect("source-read", executed.show_outputs)
    app.connect("env-merge-info", merge)
    app.connect("html-page-context", site.add_notebook_button, priority=502)
    app.connect("html-page-context", site.add_scripts)
    app.connect("html-page-context", site.tell_sidebar, priority=900)
    app.connect("html-page-context", site.drop_repeated_scripts, priority=900)
    app.connect("build-finished", site.copy_mathjax)
    app.connect("build-finished", site.drop_unused)
    return {"version": "1", "env_version": 4, "parallel_read_safe": True, "parallel_write_safe": True}
