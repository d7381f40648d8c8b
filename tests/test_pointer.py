"""Figures that answer the pointer: what a mark says is what the document holds, and a figure gets its marks by itself."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from bs4 import BeautifulSoup
from making import document as made
from matplotlib.figure import Figure
from mstask_book import pointer, sources
from test_book import FIGURE, SCORES, TABLE, Project, store

from mstask import claims, results, show
from mstask.results.voices import VERDICTS, marked
from mstask.show.sheet import Look, draw_rows, sheet
from mstask.studies.tuning.exhibits import tolerated

FIGURES = {
    "ablation": ("ablation", "published", "embedded"),
    "disjoint": ("disjoint", "published", "embedded"),
    "eventprop": ("eventprop", "embedded"),
    "eventprop_yin_yang": ("eventprop-yin-yang", "published", "embedded"),
    "frontier": ("frontier", "published", "embedded"),
    "hetsyn": ("hetsyn", "embedded"),
    "hetsyn_knock_out": ("hetsyn", "embedded"),
    "ncg": ("ncg", "embedded"),
    "ncg_ablation": ("ncg", "embedded"),
    "rank_stability": ("disjoint", "embedded"),
    "recorded_square": ("recordings", "recorded"),
}
"""Figures of the book that are drawn here: section and voices of the documents that they are given."""
SAID = {"mean", "low", "high", "n"}
PAIR = ("Doppler-LIF", "CrossInhib-LIF")


def layer(figure: Figure, tmp_path) -> list:
    """The marks over a figure."""
    figure.savefig(tmp_path / "figure.svg")
    return BeautifulSoup(pointer.marks_layer(figure, []), "html.parser").select("[data-method]")


@pytest.mark.parametrize("name", FIGURES)
def test_every_mark_says_what_the_document_holds_under_its_key(name, tmp_path):
    section, *voices = FIGURES[name]
    given, draw = {voice: results.load(section, voice) for voice in voices}, getattr(show, f"figure_{name}")
    marks, read = layer(draw(given) if show.together(draw) else draw(*given.values()), tmp_path), sources.Sources()
    assert {mark["data-document"] for mark in marks} == {f"{voice}/{section}" for voice in voices}
    for mark in marks:
        held = read.value(sources.Reference.parse(f"{mark['data-document']}:{mark['data-key']}"))
        held = held if isinstance(held, dict) else {"mean": held}
        told = {key: float(mark[f"data-{key}"]) if mark.get(f"data-{key}") else None for key in held.keys() & SAID}
        assert told == {key: None if held[key] is None else pytest.approx(held[key], abs=1e-12) for key in told}
        whose, score, origin = mark["aria-label"].split("\n")
        assert mark["data-method"] in whose and f"{held['mean']:.3f}" in score
        assert origin == f"results/{mark['data-document']}.json: {mark['data-key']}"


def test_a_figure_that_says_nothing_of_its_marks_gets_them_all_the_same(tmp_path):
    """As a newly registered one may: the row names the method, the figure its document."""
    run = made({"slow": 0.9, "fast": 0.5})
    with sheet(run, 2) as figure:
        draw_rows(
            figure.add_subplot(xlabel="score"), {"slow": {"": [0.5, 0.7]}, "fast": {"": [0.25]}}, {"": Look("", "red", "o")}
        )
    slow, fast = layer(figure, tmp_path)
    assert slow["aria-label"].startswith("slow, your run\nscore 0.600, 95 % interval ")
    assert fast["aria-label"] == f"fast, your run\nscore 0.250\nresults/runs/{run.section}"
    assert float(slow["cx"]) > float(fast["cx"]) and float(slow["cy"]) < float(fast["cy"])


def test_a_figure_and_a_table_of_a_page_speak_of_the_same_methods(tmp_path, results_folder):
    project = Project(tmp_path)
    store(results_folder)
    project.write(FIGURE + "\n" + TABLE)
    built = BeautifulSoup(project.build().html, "html.parser")
    marks, rows = built.select(".mstask-picture .mstask-marks [data-method]"), built.select("tr[data-method]")
    assert {one["data-method"] for one in marks} == {one["data-method"] for one in rows} == set(SCORES)
    assert [mark["tabindex"] for mark in marks] == ["0"] + ["-1"] * (len(marks) - 1), "one stop for the keyboard, then arrows"
    assert built.find("script", src=lambda name: name and "figures.js" in name)


class TestTheCrossing:
    @pytest.mark.parametrize(
        ("radar", "audio"), [((0.9, 0.5), (0.5, 0.9)), ((0.5, 0.9), (0.5, 0.9)), ((0.7, 0.69), (0.5, 0.9))]
    )
    def test_the_papers_pair_has_the_verdict_of_the_ledger(self, radar, audio):
        given = {
            "square": made(dict(zip(PAIR, radar, strict=True)), "square"),
            "disjoint": made(dict(zip(PAIR, audio, strict=True)) | {"Phase-LIF": 0.6}, "disjoint"),
        }
        data = show.play_square_crossed({section: {"run": found} for section, found in given.items()})
        [voice] = data["voices"]
        n, (a, b) = len(voice["neurons"]), (voice["neurons"].index(name) for name in PAIR)
        assert (data["start"]["a"], data["start"]["b"]) == PAIR
        [claim] = claims.judge(given, ["double-dissociation"])
        assert data["verdicts"][int(voice["verdicts"]["0,1"][a * n + b])] == marked(claim.verdict)
        phase = voice["neurons"].index("Phase-LIF")
        assert list(VERDICTS)[int(voice["verdicts"]["0,1"][a * n + phase])] == "not testable", "nobody ran it on radar"

    def test_every_pair_on_every_two_sets_of_the_locked_results_is_there(self):
        sections = ("square", "ablation", "disjoint")
        data = show.play_square_crossed({s: {"embedded": results.load(s, "embedded")} for s in sections})
        [voice] = data["voices"]
        assert set(voice["verdicts"]) == {f"{i},{j}" for i, j in combinations(range(len(voice["sets"])), 2)}
        assert {len(codes) for codes in voice["verdicts"].values()} == {len(voice["neurons"]) ** 2}
        for section, shown in zip(sections, voice["sets"], strict=True):
            held = sources.Sources()
            for neuron, (mean, *_) in shown["corners"].items():
                key = shown["says"][neuron].rpartition(": ")[2]
                assert held.value(sources.Reference.parse(f"embedded/{section}:{key}.mean")) == mean


def test_the_handle_of_the_factor_says_the_ledgers_verdict_where_no_tolerance_is_given():
    given = {voice: results.load("frontier", voice) for voice in ("published", "embedded")}
    data, stops = show.play_factor_curve(given), tolerated(given)
    assert len(data["stops"]) == len(stops) and stops == sorted(stops) and stops[0] == 0
    for said, document in zip(data["stops"][0]["says"], given.values(), strict=True):
        [claim] = claims.judge({"frontier": document}, ["cnn-factor"])
        assert said.endswith(f"the claim is {marked(claim.verdict)}")
    published = [stop["says"][0] for stop in data["stops"]]
    steps = show.data_factor_curve(given)
    for tolerance, network in steps[steps.voice == "published"][["tolerance", "network"]].itertuples(index=False):
        assert f": {network}, " in published[stops.index(tolerance)]


def test_a_page_holds_what_its_script_needs_for_a_reader_to_play_and_hides_it_without_one(tmp_path):
    project = Project(tmp_path)
    project.write(":::{mstask-figure} factor_curve published/frontier\n:alt: A curve.\n\nA caption.\n:::\n")
    built = BeautifulSoup(project.build().html, "html.parser")
    [play], [ruler] = built.select(".mstask-play[hidden]"), built.select("line.ruler")
    expected = show.play_factor_curve({"published": results.load("frontier", "published")})
    assert play["data-play"] == ruler["data-ruler"] == "factor_curve"
    assert json.loads(play.script.string) == expected
    assert len(ruler["data-stops"].split()) == len(expected["stops"])
