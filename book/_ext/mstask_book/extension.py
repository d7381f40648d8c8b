"""Sphinx extension of the book: numbers, tables and figures come from result documents when the book is built.

A page is read again when a document it shows (or the code that draws it) changes, appears or goes: the fingerprints of
all inputs are kept in the build environment and compared at the start of each build. Time stamps play no part.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

from . import site
from .audio import player, visit_player
from .directives import (
    AudioDirective,
    ClaimsDirective,
    FigureDirective,
    ResultRole,
    TableDirective,
    UnlessDirective,
    WhenDirective,
)
from .sources import Sources
from .status import StatusDirective
from .zoo import ZooDirective


def begin(app: Sphinx, config: Config) -> None:
    """Begin a build with an empty look-up: documents are read afresh."""
    app.mstask_sources = Sources()


def start(app: Sphinx) -> None:
    if not hasattr(app.env, "mstask_inputs"):
        app.env.mstask_inputs = {}


def outdated(app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set) -> list[str]:
    """Return the pages with an input whose content is no longer what it was when they were read."""
    now = app.mstask_sources.fingerprint
    recorded = {page: inputs for page, inputs in env.mstask_inputs.items() if page in env.found_docs}
    return [page for page, inputs in recorded.items() if any(now(stem) != then for stem, then in inputs.items())]


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    env.mstask_inputs.pop(page, None)


def merge(app: Sphinx, env: BuildEnvironment, pages: set[str], other: BuildEnvironment) -> None:
    env.mstask_inputs |= {page: other.mstask_inputs[page] for page in pages if page in other.mstask_inputs}


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_role("result", ResultRole())
    app.add_directive("mstask-figure", FigureDirective)
    app.add_directive("mstask-table", TableDirective)
    app.add_node(player, html=(visit_player, None))
    app.add_directive("mstask-audio", AudioDirective)
    app.add_directive("mstask-claims", ClaimsDirective)
    app.add_directive("mstask-status", StatusDirective)
    app.add_directive("mstask-zoo", ZooDirective)
    app.add_directive("mstask-when", WhenDirective)
    app.add_directive("mstask-unless", UnlessDirective)
    app.connect("config-inited", begin, priority=100)
    app.connect("config-inited", site.configure_theme)
    app.connect("builder-inited", start)
    app.connect("env-get-outdated", outdated)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("html-page-context", site.add_notebook_button, priority=502)
    app.connect("html-page-context", site.drop_repeated_scripts, priority=900)
    app.connect("build-finished", site.copy_mathjax)
    app.connect("build-finished", site.drop_source_maps)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
