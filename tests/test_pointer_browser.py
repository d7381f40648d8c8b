"""Figures that answer the pointer, in a headless browser: hover, keyboard and tap say what the documents hold."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from making import document as made
from mstask_book import audio, pointer
from test_book import FIGURE, SCORES, TABLE, Project, store

from mstask import results, show
from mstask.paths import ROOT
from mstask.results.voices import marked
from mstask.studies.gallery.exhibits_speech import Sound
from mstask.summary import standings

STATIC = ROOT / "book" / "_static"
PAIR = ("Doppler-LIF", "CrossInhib-LIF")


def started(tab):
    """Give a page the book's look and the script, which begins where a page is whole."""
    tab.add_style_tag(content=(STATIC / "custom.css").read_text(encoding="utf-8"))
    tab.evaluate((STATIC / "figures.js").read_text(encoding="utf-8"))
    tab.evaluate("dispatchEvent(new Event('DOMContentLoaded'))")
    return tab


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A page with a figure and a table of the same scores, and the results folder that they come from."""
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSTASK_RESULTS", str(folder / "results"))
        store(folder / "results")
        project = Project(folder)
        project.write(FIGURE + "\n" + TABLE)
        project.build()
    return project.output / "index.html", folder / "results"


@pytest.fixture
def page(tab, built, monkeypatch):
    monkeypatch.setenv("MSTASK_RESULTS", str(built[1]))
    tab.goto(built[0].as_uri())
    return started(tab)


def said(tab):
    assert tab.locator(".mstask-tip").is_visible()
    return tab.locator(".mstask-tip > *").all_inner_texts()


def lit(tab):
    return set(tab.locator(".lit").evaluate_all("found => found.map(one => `${one.tagName} ${one.dataset.method}`)"))


class TestAMark:
    def test_says_under_the_pointer_what_the_document_holds(self, page):
        held = standings(results.load("disjoint", "published"))["methods"]
        assert page.locator("circle[data-method]").count() == len(SCORES)
        for name in SCORES:
            box = page.locator(f"circle[data-method='{name}']").bounding_box()
            page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 2 - 3)
            over = held[name]["macro_f1"]
            whose, score, origin = said(page)
            assert whose == f"{name}, published"
            assert score.endswith(f" {over['mean']:.3f}, 95 % interval {over['low']:.3f} to {over['high']:.3f}, 3 seeds")
            assert origin == f"results/published/disjoint.json: methods.{name}.macro_f1"
            assert lit(page) == {f"circle {name}", f"TR {name}"}
        page.mouse.move(0, 0)
        assert not page.locator(".mstask-tip").is_visible() and lit(page) == set()

    def test_answers_the_keyboard_and_keeps_its_method_lit_until_told_otherwise(self, page):
        first, second = (page.locator("circle[data-method]").nth(k) for k in range(2))
        first.focus()
        page.keyboard.press("ArrowRight")
        whose = second.get_attribute("data-method")
        assert said(page)[0].startswith(whose)
        page.keyboard.press("Enter")
        second.blur()
        assert lit(page) == {f"circle {whose}", f"TR {whose}"}
        second.focus()
        page.keyboard.press("Escape")
        assert lit(page) == set()

    def test_is_lit_by_its_row_of_the_table(self, page):
        name = next(iter(SCORES))
        page.locator(f"tr[data-method='{name}']").hover()
        assert lit(page) == {f"circle {name}", f"TR {name}"}


def test_any_two_neurons_on_any_two_data_sets_show_the_verdict_that_was_worked_out(tab):
    given = {"square": dict(zip(PAIR, (0.9, 0.5), strict=True)), "disjoint": dict(zip(PAIR, (0.5, 0.9), strict=True))}
    documents = {section: {"run": made(skills | {"Phase-LIF": 0.6}, section)} for section, skills in given.items()}
    data = show.play_square_crossed(documents)
    tab.set_content(f"<main>{pointer.playing('square_crossed', data).astext()}</main>")
    started(tab)
    tab.locator("summary").press("Enter")
    voice = data["voices"][0]
    left, right = (tab.get_by_label(f"neuron ({kind})") for kind in ("round", "square"))
    for a, b in (PAIR, PAIR[::-1], ("Phase-LIF", PAIR[0])):
        left.select_option(label=a)
        right.select_option(label=b)
        code = voice["verdicts"]["0,1"][voice["neurons"].index(a) * len(voice["neurons"]) + voice["neurons"].index(b)]
        assert tab.locator("[role=status] strong").inner_text() == data["verdicts"][int(code)]
    tab.get_by_label("data on the left").select_option(index=1)
    tab.get_by_label("data on the right").select_option(index=0)
    left.select_option(label=PAIR[1])
    right.select_option(label=PAIR[0])
    assert tab.locator("[role=status] strong").inner_text() == marked("supported"), (
        "the sides change places, the verdict doesn't"
    )
    tab.locator(".mstask-square circle").first.focus()
    assert said(tab)[0].startswith(f"{PAIR[1]}, {voice['sets'][1]['title']}")


def test_the_handle_moves_by_key_and_pointer_and_says_the_verdict(tab):
    data = {"label": "falls short by", "claim": "33.8", "stops": [{"at": str(k), "says": [f"verdict {k}"]} for k in range(3)]}
    line = '<line class="ruler" y1="0" y2="50" data-ruler="factor_curve" data-stops="0 50 100" data-ends="0 1"></line>'
    picture = f'<div class="mstask-picture" style="height: 300px"><svg viewBox="0 0 100 50">{line}</svg></div>'
    tab.set_content(f'<div class="mstask-exhibit">{picture}{pointer.playing("factor_curve", data).astext()}</div>')
    started(tab)
    tab.get_by_role("slider").press("ArrowRight")
    assert tab.locator("[role=status]").inner_text() == "verdict 1" and tab.locator("line").get_attribute("x1") == "50"
    box = tab.locator("svg").bounding_box()
    tab.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    assert tab.locator("[role=status]").inner_text() == "verdict 2" and tab.get_by_role("slider").input_value() == "2"


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_line_goes_with_a_sound_unless_the_reader_wants_no_motion(tab, motion):
    tab.emulate_media(reduced_motion=motion)
    tone = Sound("a tone", np.sin(np.arange(24_000) / 5), 12_000)
    source = f"data:audio/wav;base64,{base64.b64encode(audio.wav(tone)).decode()}"
    line = '<line class="ruler" y1="0" y2="50" data-ruler="a tone" data-stops="10 90" data-ends="0 2"></line>'
    picture = f'<div class="mstask-picture"><svg viewBox="0 0 100 50">{line}</svg></div>'
    tab.set_content(f'{picture}<audio aria-label={json.dumps(tone.title)} src="{source}"></audio>')
    started(tab)
    tab.evaluate("document.querySelector('audio').play()")
    tab.wait_for_function("document.querySelector('audio').currentTime > 0.3")
    moved = tab.locator("line.on").count()
    tab.evaluate("document.querySelector('audio').pause()")
    tab.wait_for_selector("line.on", state="attached")
    at = tab.evaluate("document.querySelector('audio').currentTime")
    assert moved == (motion == "no-preference")
    assert float(tab.locator("line").get_attribute("x1")) == pytest.approx(10 + 80 * at / 2, abs=1)
