"""HTML elements of the book that need no script: a number that tells its source, and a control that unfolds one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docutils import nodes


class sourced(nodes.inline):
    """A value in a sentence; `source` is shown where the pointer, the keyboard or a finger rests on it.

    It is a span and no button: its text breaks over lines and can be copied, and every browser lets a tap focus it.
    """


class folded(nodes.General, nodes.Element):
    """What a control unfolds: the first child is its `control`, the others are the content."""


class control(nodes.General, nodes.TextElement):
    """The control of a `folded`, which the keyboard and a finger can work."""


class card(nodes.container):
    """A claim with its evidence; `told` are the names and values by which the page's filter finds it."""


class pictured(nodes.container):
    """A picture with a layer over it that answers the pointer."""


class told_row(nodes.row):
    """A row of a table that is about one method, as the marks of a figure may be."""


class labelled(nodes.entry):
    """A cell that carries the heading of its column, for screens on which a row becomes a card."""


Visitor = Callable[[Any, Any], None]


def opening(tag: str, end: str = "\n", **given: str) -> Visitor:
    """Return what begins an element of HTML."""

    def visit(self: Any, node: nodes.Element) -> None:
        self.body.append(self.starttag(node, tag, end, **given))

    return visit


def closing(tag: str, end: str = "\n") -> Visitor:
    """Return what ends an element of HTML."""

    def depart(self: Any, node: nodes.Element) -> None:
        self.body.append(f"</{tag}>{end}")

    return depart


def visit_sourced(self: Any, node: sourced) -> None:
    role = "note" if "result-text" in node["classes"] else "button"
    given = {"aria-description": node["source"], "tabindex": "0", "role": role}
    self.body.append(self.starttag(node, "span", "", **given))


def visit_card(self: Any, node: card) -> None:
    chapters = self.builder.env.mstask_chapters
    pages = [page for page in sorted(chapters) if node["names"][0] in chapters[page]]
    titles = "\n".join(self.builder.env.titles[page].astext() for page in pages)
    given = {f"data-{name}": value for name, value in {**node["told"], "chapter": titles}.items()}
    self.body.append(self.starttag(node, "div", **given))


def visit_told_row(self: Any, node: told_row) -> None:
    self.visit_row(node)
    self.body[-1] = self.body[-1].replace("<tr", f'<tr data-method="{self.attval(node["method"])}"', 1)


def visit_labelled(self: Any, node: labelled) -> None:
    self.visit_entry(node)
    self.body[-1] = self.body[-1].replace("<td", f'<td data-label="{self.attval(node["label"])}"', 1)


VISITORS: dict[type[nodes.Element], tuple[Visitor, Visitor]] = {
    sourced: (visit_sourced, closing("span", "")),
    folded: (opening("details"), closing("details")),
    control: (opening("summary", ""), closing("summary")),
    card: (visit_card, closing("div")),
    pictured: (opening("div", CLASS="mstask-picture"), closing("div")),
    told_row: (visit_told_row, lambda self, node: self.depart_row(node)),
    labelled: (visit_labelled, lambda self, node: self.depart_entry(node)),
}
