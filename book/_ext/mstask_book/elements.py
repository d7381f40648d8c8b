"""HTML elements of the book that need no script: a number that tells its source, and a control that unfolds one."""

from __future__ import annotations

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


def visit_sourced(self: Any, node: sourced) -> None:
    role = "note" if "result-text" in node["classes"] else "button"
    given = {"aria-description": node["source"], "tabindex": "0", "role": role}
    self.body.append(self.starttag(node, "span", "", **given))


def depart_sourced(self: Any, node: sourced) -> None:
    self.body.append("</span>")


def visit_folded(self: Any, node: folded) -> None:
    self.body.append(self.starttag(node, "details"))


def depart_folded(self: Any, node: folded) -> None:
    self.body.append("</details>\n")


def visit_control(self: Any, node: control) -> None:
    self.body.append(self.starttag(node, "summary", ""))


def depart_control(self: Any, node: control) -> None:
    self.body.append("</summary>\n")


def visit_card(self: Any, node: card) -> None:
    chapters = self.builder.env.mstask_chapters
    page = next((page for page, claims in chapters.items() if node["names"][0] in claims), None)
    title = self.builder.env.titles[page].astext() if page else ""
    given = {f"data-{name}": value for name, value in {**node["told"], "chapter": title}.items()}
    self.body.append(self.starttag(node, "div", **given))


def depart_card(self: Any, node: card) -> None:
    self.body.append("</div>\n")


def visit_pictured(self: Any, node: pictured) -> None:
    self.body.append(self.starttag(node, "div", CLASS="mstask-picture"))


def depart_pictured(self: Any, node: pictured) -> None:
    self.body.append("</div>\n")


def visit_told_row(self: Any, node: told_row) -> None:
    self.visit_row(node)
    self.body[-1] = self.body[-1].replace("<tr", f'<tr data-method="{self.attval(node["method"])}"', 1)


def depart_told_row(self: Any, node: told_row) -> None:
    self.depart_row(node)


def visit_labelled(self: Any, node: labelled) -> None:
    self.visit_entry(node)
    self.body[-1] = self.body[-1].replace("<td", f'<td data-label="{self.attval(node["label"])}"', 1)


def depart_labelled(self: Any, node: labelled) -> None:
    self.depart_entry(node)


VISITORS = {
    sourced: (visit_sourced, depart_sourced),
    folded: (visit_folded, depart_folded),
    control: (visit_control, depart_control),
    card: (visit_card, depart_card),
    pictured: (visit_pictured, depart_pictured),
    told_row: (visit_told_row, depart_told_row),
    labelled: (visit_labelled, depart_labelled),
}
