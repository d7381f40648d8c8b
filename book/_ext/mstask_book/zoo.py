"""The zoo of neurons: a section for each registered type, with nothing about any single type written here.

    :::{mstask-zoo} published/ablation embedded/ablation? embedded/benchmark-step?
    :::

The documents are those from which ranks and speed are read. A type's section can be linked to as `zoo-<name>` in small letters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pandas as pd
from docutils import nodes

from mstask import show
from mstask.neurons.description import Description
from mstask.studies.gallery.exhibits_zoo import Entry
from mstask.studies.gallery.responses import WIDTH

from .directives import Exhibit, Options
from .elements import control, folded
from .provenance import provenance_line
from .rendering import docutils_table
from .sources import Reference

FIGURES = {
    "responses": (
        "Four inputs (grey) to a layer of {name}, and its middle neuron: membrane (green), threshold (dashed) and spikes "
        "(ticks). {said}"
    ),
    "layer": (
        "A whole layer of {width} neurons. Above: spikes of all neurons. Below: mean spikes per step, on tones that are the "
        "same for all neurons, and on noise that is shifted in phase from each neuron to the next. {said}"
    ),
}

WIDE, LINE = r"\qquad", r"\\"
"""What stands between the parts of an equation in a docstring, and what breaks a line: a telephone has room for one part."""


def equation(about: Description, docname: str) -> nodes.Node:
    """Return a type's equation, its parts below one another, or where its docstring has none the code of its step."""
    if about.equation:
        shown = rf"\begin{{gathered}} {about.equation.replace(WIDE, LINE)} \end{{gathered}}"
        return nodes.math_block(shown, shown, docname=docname, nowrap=False, number=None, label=None)
    return nodes.literal_block(about.step, about.step, language="python")


class ZooDirective(Exhibit):
    """A section for each registered neuron type: equation, what it listens for, show, facts, ranks."""

    optional_arguments = 0
    has_content = False
    option_spec: ClassVar[Options] = {}
    kind = "zoo"
    documents = 0

    @property
    def topic(self) -> str:
        return "neurons"

    def exhibit(self) -> list[nodes.Node]:
        inputs = self.inputs()
        present = [reference for reference, found in inputs.items() if found is not None]
        return [self.section(entry, present) for entry in self.call(self.function(self.kind), inputs)]

    def section(self, entry: Entry, present: list[Reference]) -> nodes.section:
        slug = nodes.make_id(f"zoo-{entry.name}")
        section = nodes.section("", nodes.title("", entry.name), ids=[slug], names=[slug])
        self.state.document.note_explicit_target(section, section)
        if entry.about.summary:
            section += nodes.paragraph("", f"{entry.about.summary}.")
        section += equation(entry.about, self.env.docname)
        if entry.about.listens_for:
            section += nodes.paragraph("", "", nodes.strong("", "Listens for: "), nodes.Text(entry.about.listens_for))
        heard = nodes.inline("", f" of {entry.name}", classes=["visually-hidden"])
        fold = folded("", control("", "", nodes.Text("Answers, facts and ranks"), heard), classes=["mstask-folded"])
        section += fold
        for figure, caption in FIGURES.items():
            fold += self.figure(entry, figure, caption, f"{slug}-{figure}")
        fold += self.table(entry.facts, f"{entry.name} in brief", f"{slug}-facts", show.table_zoo_facts, [])
        if entry.ranks.empty:
            fold += nodes.paragraph("", f"No study of this book has trained a network of {entry.name} alone yet.")
        else:
            title = f"Networks of {entry.name} alone: place among those of one type (mean macro-F1), and speed"
            used = [reference for reference in present if reference.section in entry.studied_in]
            fold += self.table(entry.ranks, title, f"{slug}-ranks", show.table_zoo_ranks, used)
        return section

    def figure(self, entry: Entry, which: str, caption: str, stem: str) -> nodes.container:
        function = getattr(show, f"figure_zoo_{which}")
        svg = self.file(stem, ".svg")
        function(entry.name).savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        said = entry.findings[which]
        image = nodes.image(uri=self.relative(svg), alt=said, classes=["dark-light"])
        shown = nodes.figure("", image, nodes.caption("", caption.format(name=entry.name, width=WIDTH, said=said)))
        return self.exhibited(shown, stem, getattr(show, f"data_zoo_{which}")(entry.name), function, [], "figure")

    def table(
        self, frame: pd.DataFrame, title: str, stem: str, function: Callable, present: list[Reference]
    ) -> nodes.container:
        shown = docutils_table(frame, nodes.title("", title))
        return self.exhibited(shown, stem, frame, function, present, "table")

    def exhibited(
        self, shown: nodes.Element, stem: str, data: pd.DataFrame, function: Callable, present: list[Reference], kind: str
    ) -> nodes.container:
        """Give a figure or table its name, its data as CSV and the line that says where it comes from."""
        self.set_source_info(shown)
        shown["names"].append(stem)
        self.state.document.note_explicit_target(shown, shown)
        line = provenance_line(self.env, present, function, self.as_csv(self.file(stem, ".csv"), data))
        return nodes.container("", shown, line, classes=["mstask-exhibit", f"mstask-{kind}"])

    def file(self, stem: str, suffix: str):
        return self.generated(suffix).with_name(f"{stem}{suffix}")
