"""What a reader reads has a reader's names: those of code stand in code, in commands, and where a source is told. Figures and
tables have one series of numbers."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from docutils import nodes
from mstask_book import rendering
from mstask_book.elements import labelled
from reading import outside

from mstask.paths import ROOT
from mstask.results.voices import LABELS
from mstask.section import sections

APART = "code, pre, kbd, script, style, .math, .mstask-provenance, .cell"
METHODS = "|".join(re.escape(name) for name in LABELS if re.search(r"[A-Z]\d_|-(?:p0|dst)", name))
SECTIONS = "|".join(re.escape(name) for name in sections() if "-" in name)
CODED = re.compile(rf"(?<![\w/])(?:\w+\.)*[A-Za-z]\w*_\w+|\b(?:{METHODS}|{SECTIONS})\b")
FORMULA = re.compile(r"\$[^$]*\$")


def coded(text: str) -> list[str]:
    return CODED.findall(text)


def read(article) -> list[str]:
    """What a page says outside of code: its text, and what its pictures' descriptions say."""
    text, images = outside(article, APART)
    return [text, *(image["alt"] for image in images)]


def test_no_page_names_things_as_code_does(articles):
    named = {page.stem: [name for text in read(found) for name in coded(text)] for page, found in articles.items()}
    assert {page: names for page, names in named.items() if names} == {}


def test_no_figure_names_things_as_code_does(html):
    """In a drawing letters are outlines; what they spell stands beside them as a comment."""
    drawn = {path.stem: re.findall("<!-- (.*?) -->", path.read_text(encoding="utf-8")) for path in html.rglob("*.svg")}
    assert sum(map(len, drawn.values())) > 1000
    named = {figure: [name for text in texts for name in coded(FORMULA.sub("", text))] for figure, texts in drawn.items()}
    assert {figure: names for figure, names in named.items() if names} == {}


@pytest.mark.parametrize("kind", ["Fig.", "Table"])
def test_figures_and_tables_are_numbered_once_over_the_book(articles, kind):
    labels = [label.get_text().split() for found in articles.values() for label in found.select(".caption-number")]
    numbers = sorted(int(number) for name, number in labels if name == kind)
    assert len(numbers) > 40 and numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(
    "text", ["the mix D1_H1 wins", "hidden.0.tau_m", "of eventprop-yin-yang", "max_epochs 60", "by index-dst"]
)
def test_a_name_of_code_is_found(text):
    assert len(coded(text)) == 1


@pytest.mark.parametrize("text", ["a dual-tau neuron", "eventprop", "the index groups", "x86-64", "see notebooks/a_b"])
def test_a_word_is_no_name_of_code(text):
    assert coded(text) == []


def test_a_table_marks_voices_in_their_own_column_and_sets_as_code_what_stands_between_backticks():
    frame = pd.DataFrame({"voice": ["published"], "paper": ["published"], "from": ["what `claims --json` said"]})
    voice, value, said = rendering.docutils_table(frame, nodes.title()).next_node(nodes.tbody).findall(labelled)
    assert "voice-published" in voice["classes"] and "voice-published" not in value["classes"]
    assert [code.astext() for code in said.findall(nodes.literal)] == ["claims --json"] and "`" not in said.astext()


def test_every_source_names_notebook_command_and_revision(articles):
    """Of each document of runs; those of benchmarks have no notebook."""
    lacking, seen = [], 0
    for page, article in articles.items():
        for told in article.select(".mstask-provenance"):
            text = " ".join(told.get_text(" ").split())
            for name in re.findall(r"results/(?:embedded|real|recorded)/([\w-]+)\.json", text):
                seen += 1
                wanted = ["remade by python -m mstask", "revision "]
                wanted += [] if name.startswith("benchmark-") else [f"notebooks/{name}"]
                lacking += [(page.stem, name, want) for want in wanted if want not in text]
    assert seen > 40 and lacking == []


FENCE = re.compile(r"(:{3,})(\{.*)?$")


@pytest.mark.parametrize("page", sorted((ROOT / "book").glob("*.md")), ids=lambda page: page.stem)
def test_a_directive_lies_within_another_by_fewer_colons_and_is_closed_before_it(page):
    """Otherwise the outer one ends early, and what follows, headings too, falls into a box without a name."""
    within = []
    for line in re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE).splitlines():
        if fence := FENCE.fullmatch(line):
            if fence[2]:
                assert not within or len(fence[1]) < len(within[-1]), line
                within.append(fence[1])
            else:
                assert within and within.pop() == fence[1], line
    assert not within
