"""The playground: every registered neuron runs in the reader's browser, from the same step that trains.

    :::{mstask-playground}
    :::

All that the page needs stands in it, so it works from a disk. Without JavaScript, and on paper, nothing of it is shown.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from mstask import neurons
from mstask.neurons.description import describe
from mstask.studies.gallery import playground

from .directives import depend
from .zoo import equation

SCRIPT = Path(__file__).with_suffix(".js")
MISSING = (
    "<noscript><p>Here stands a playground for readers whose browser runs JavaScript. "
    "The figures below show each neuron with inputs of the same kind.</p></noscript>"
)


class PlaygroundDirective(SphinxDirective):
    """Sliders, inputs and traces of every registered neuron; those that can't be played are named with the reason."""

    def run(self) -> list[nodes.Node]:
        depend(self.env)
        types = [playground.played(name) for name in neurons.names()]
        equations = [
            nodes.container(
                "", equation(describe(neurons.neuron_type(one.name)), self.env.docname), classes=["playground-equation"]
            )
            for one in types
            if one.source
        ]
        refused = [nodes.paragraph("", f"Not to be played: {one.reason}.") for one in types if one.reason]
        return [
            nodes.raw("", MISSING, format="html"),
            nodes.container("", *equations, classes=["mstask-playground"]),
            nodes.raw("", started(playground.script(types, playground.inputs())), format="html"),
            *refused,
        ]


def started(data: str) -> str:
    """Return the script that fills the playground which stands before it."""
    source = "\n".join(line.strip() for line in SCRIPT.read_text(encoding="utf-8").splitlines())
    return f"<script>(({source})(document.currentScript.previousElementSibling, {data}))</script>"
