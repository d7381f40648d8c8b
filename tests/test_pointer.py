"""Figures that answer the pointer: what a mark says is what the document holds, and a figure gets its marks by itself."""

from __future__ import annotations

import sys

import pytest
from bs4 import BeautifulSoup
from matplotlib.figure import Figure
from test_book import FIGURE, SCORES, TABLE, Project, store

from mstask import results, show
from mstask.paths import ROOT

sys.path.insert(0, str(ROOT / "book" / "_ext"))
from mstask_book import pointer, sources

FIGURES = {
    "ablation": {"published": "ablation", "embedded": "ablation"},
    "disjoint": {"published": "disjoint", "embedded": "disjoint"},
}
"""Figures of the book that are drawn here, with the documents that they are given."""


def layer(figure: Figure, tmp_path) -> list:
    """The marks over a figure."""
    figure.savefig(tmp_path / "figure.svg")
    return BeautifulSoup(pointer.marks_layer(figure, []), "html.parser").find_all("circle")


@pytest.mark.parametrize("name", FIGURES)
def test_every_mark_says_what_the_document_holds_under_its_key(name, tmp_path):
    given = {voice: results.load(section, voice) for voice, section in FIGURES[name].items()}
    marks, read = layer(getattr(show, f"figure_{name}")(given), tmp_path), sources.Sources()
    assert {mark["data-document"].partition("/")[0] for mark in marks} == set(given)
    for mark in marks:
        held = read.value(sources.Reference.parse(f"{mark['data-document']}:{mark['data-key']}"))
        assert {key: mark.get(f"data-{key}") for key in ("mean", "low", "high", "n")} == {
            key: None if held[key] is None else repr(held[key]) for key in ("mean", "low", "high", "n")
        }
        whose, score, origin = mark["aria-label"].split("\n")
        assert mark["data-method"] in whose and f"{held['mean']:.3f}" in score
        assert origin == f"results/{mark['data-document']}.json: {mark['data-key']}"


def test_a_figure_and_a_table_of_a_page_speak_of_the_same_methods(tmp_path, results_folder):
    project = Project(tmp_path)
    store(results_folder)
    project.write(FIGURE + "\n" + TABLE)
    built = BeautifulSoup(project.build().html, "html.parser")
    marks, rows = built.select(".mstask-picture .mstask-marks [data-method]"), built.select("tr[data-method]")
    assert {one["data-method"] for one in marks} == {one["data-method"] for one in rows} == set(SCORES)
    assert [mark["tabindex"] for mark in marks] == ["0"] + ["-1"] * (len(marks) - 1), "one stop for the keyboard, then arrows"
    assert built.find("script", src=lambda name: name and "figures.js" in name)
