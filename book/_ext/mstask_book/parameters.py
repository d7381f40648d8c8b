"""The parameters of everything that can be run: a heading and a table for each section, found as the command line finds them.

:::{mstask-parameters}
:::
"""

from __future__ import annotations

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from mstask.section import sections

from .elements import control, folded

TABLE = """:::{{mstask-table}} parameters protocol/{id}
:name: parameters-{id}

Parameters of the section `{id}`.
:::"""


class ParametersDirective(SphinxDirective):
    """A section of the page for each section that can be run, with its table of parameters."""

    def run(self) -> list[nodes.Node]:
        found = []
        for about in sections().values():
            slug = nodes.make_id(about.title)
            section = nodes.section("", nodes.title("", about.title), ids=[slug], names=[slug])
            self.state.document.note_explicit_target(section, section)
            fold = folded("", control("", f"Parameters: {about.title}"), classes=["mstask-folded"])
            self.state.nested_parse(StringList(TABLE.format(id=about.id).splitlines(), self.env.docname), 0, fold)
            section += fold
            found.append(section)
        return found
