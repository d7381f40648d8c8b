"""Pages are shared out among processes: forks of this one, which has read before what most pages show."""

from __future__ import annotations

import contextlib
import gc
import sys

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from mstask.errors import MstaskError
from mstask.results import voices
from mstask.synth import parallel

from .sources import Reference

SILENT = ("sphinx_jupyterbook_latex", "sphinx_multitoc_numbering")
"""Extensions that don't say whether pages may be read side by side: they do nothing while pages are read."""

MOST = 4
"""Processes; more would wait for the one that reads the largest page."""

FEW = 5
"""Pages for which Sphinx starts no processes."""

RARELY = 500_000
"""Objects made between looks for garbage: nearly all that a build reads stays to its end."""


def collect_rarely() -> None:
    """Let the collector of garbage look less often: it takes a tenth of a build otherwise."""
    gc.set_threshold(RARELY)


def share_out(app: Sphinx, env: BuildEnvironment, pages: list[str]) -> None:
    """Let several processes read and write many pages, where a process survives a fork; a handler of `env-before-read-docs`.

    A process reads several pages that follow one another: every other page comes first, since chapters take longer than
    notebooks and stand before them.
    """
    if sys.platform != "linux" or len(pages) <= FEW:
        return
    for name in SILENT:
        if name in app.extensions:
            app.extensions[name].parallel_read_safe = True
    app.parallel = max(app.parallel, min(parallel.available_cores(), MOST))
    for voice in voices.VOICES:
        with contextlib.suppress(MstaskError):
            app.mstask_sources.document(Reference.parse(f"claims/{voice}"))
    pages[:] = [*pages[::2], *pages[1::2]]
    gc.freeze()  # what forks share isn't looked through by each, and so not copied
