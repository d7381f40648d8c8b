"""Every figure of the book, drawn from what is locked: no text runs into anything, and all of it can be read on a telephone."""

from __future__ import annotations

import re

import pytest
from drawn import faults, shown, texts
from matplotlib.figure import Figure
from mstask_book.directives import Exhibit
from mstask_book.sources import Absent, BrokenReference, Reference, Sources

from mstask import neurons, show
from mstask.data.originals import MissingRecordings
from mstask.paths import ROOT
from mstask.results import MissingResult

DIRECTIVE = re.compile(r"^:{3,}\{mstask-figure\} *(.*)$", re.MULTILINE)
ON_PAGES = dict.fromkeys(
    found for page in sorted((ROOT / "book").glob("*.md")) for found in DIRECTIVE.findall(page.read_text())
)
TELEPHONE, SMALLEST = 360, 11
"""How wide a telephone shows a figure, which `tests/test_browser.py` measures, and how high its text must be; pixels."""
SAYS = {"zoo_responses": "white noise", "zoo_layer": "firing: tones"}
"""What the figures of every neuron say."""
OF_NEURONS = [f"{figure} {name}" for figure in SAYS for name in neurons.names()]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The locked documents, and no run of a reader's."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MSTASK_RESULTS", str(tmp_path_factory.mktemp("none")))
        yield Sources()


def drawn(asked: str, sources: Sources) -> Figure:
    """Draw what a page asks for: the name of a figure, and documents or a neuron."""
    name, *given = asked.split()
    function = getattr(show, f"figure_{name}")
    if name.startswith("zoo_") and given:
        return function(*given)
    inputs = {}
    for reference in (each for text in given for each in Reference.every(text)):
        try:
            inputs[reference] = sources.document(reference)
        except Absent:
            inputs[reference] = None
        except BrokenReference as error:
            if not isinstance(error.__cause__, MissingResult):
                raise
            pytest.skip(str(error))
    try:
        return Exhibit.call(function, inputs)
    except (Absent, MissingRecordings) as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("asked", [*ON_PAGES, *OF_NEURONS])
def test_no_text_of_a_figure_runs_into_anything_or_is_small_on_a_telephone(asked, sources):
    figure = drawn(asked, sources)
    pixels = TELEPHONE / (72 * figure.get_figwidth())
    found = texts(figure)
    small = [shown(text) for text, _ in found if text.get_fontsize() * pixels < SMALLEST]
    assert faults(figure, found) + small == []
    assert SAYS.get(asked.split()[0], "") in ["", *(text.get_text() for text, _ in found)]
    assert all(mark.method and mark.what for mark in getattr(figure, "marks", []))


class TestTheCheckItself:
    @pytest.fixture
    def axes(self):
        return Figure(figsize=(3, 2), layout="constrained").add_subplot(xlim=(0, 1), ylim=(0, 1))

    def test_finds_nothing_where_there_is_nothing(self, axes):
        axes.plot([0, 0.3], [0, 0.3], "o-")
        axes.text(0.5, 0.5, "free")
        assert faults(axes.figure) == []

    @pytest.mark.parametrize(
        ("x", "y", "fault"),
        [
            (0.5, 0.5, "'other' runs into 'text'"),
            (0.96, 0.2, "'text' leaves the figure"),
            (0.92, 0.2, "'text' runs into the right spine"),
            (0.2, 0.2, "'text' runs into a line"),
            (0.2, 0.8, "'text' runs into a mark"),
        ],
    )
    def test_finds_what_a_text_runs_into(self, axes, x, y, fault):
        axes.text(0.51, 0.52, "other")
        axes.plot([0.2, 0.4], [0.15, 0.3])
        axes.plot(0.25, 0.82, "o")
        axes.text(x, y, "text", in_layout=False)
        assert fault in faults(axes.figure)

    def test_leaves_out_ticks_that_are_not_in_view(self, axes):
        axes.set_xticks([0.5, 7], ["in", "out"])
        axes.set_xlim(0, 1)
        assert {text.get_text() for text, _ in texts(axes.figure)} >= {"in"}
        assert "out" not in {text.get_text() for text, _ in texts(axes.figure)}
