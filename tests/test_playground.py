"""The playground: a registered neuron appears by itself and does on the page what it does when it trains."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from test_book import Project
from test_zoo import ToyIF

from mstask import neurons
from mstask.fused import javascript
from mstask.neurons import registry
from mstask.neurons.integrators import Decay
from mstask.paths import ROOT
from mstask.studies.gallery import playground, responses


class Sorting(ToyIF):
    """Hears what no browser can be told."""

    name = "Sorting"

    def drive(self, x):
        return x.sort(1).values


class Picky(ToyIF):
    """Takes numbers, but not all."""

    name = "Picky"

    def __init__(self, size, *, tau=20.0, share=0.5, window=3, **options):
        if share == 0 or tau < 0:
            raise ValueError("no")
        super().__init__(size, **options)
        self.register_buffer("decay", torch.full((size,), float(np.exp(-1 / tau))))
        self.share = share

    def coefficients(self, steps):
        return Decay(self.decay * self.share)

    @staticmethod
    def step(x, state, c, fire):
        u = c.beta * state.m + x
        s = fire(u)
        return s, type(state)(u * (1 - s))


played = functools.cache(playground.played)
TYPES = {"Toy-IF": ToyIF, "Sorting": Sorting, "Doppler-LIF": neurons.neuron_type("Doppler-LIF")}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with a playground of two toys and one of the book's neurons."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_types", TYPES)
        project = Project(tmp_path_factory.mktemp("playground"))
        project.write(":::{mstask-playground}\n:::\n")
        return project, project.build()


@pytest.fixture
def tab(page, tab):
    tab.goto((page[0].output / "index.html").as_uri())
    return tab


def counted(name, x, **changed):
    """How often the reference fires on x [T] with the knobs at the given positions, None for where they begin."""
    one = played(name)
    with playground.double():
        layer = playground._made(neurons.neuron_type(name), one.width)
    layer.threshold = one.threshold * changed.pop("threshold θ", 20) / 20
    for knob in one.knobs:
        for attribute, values in knob.values.items():
            getattr(layer, attribute).data.fill_(values[changed.get(knob.label, knob.start)])
    return int(responses.run(layer, torch.tensor(x, dtype=torch.float64)[None, :, None])[1].sum())


def fires(tab):
    """The number of spikes that the page draws; its sentence must tell the same."""
    drawn = tab.locator("line.spike").count()
    told = {0: "stays silent", 1: "fires once in", 2: "fires twice in"}.get(drawn, f"fires {drawn} times in")
    tab.wait_for_function("told => document.querySelector('[role=status]').textContent.includes(told)", arg=told)
    assert told in tab.locator("svg[role=img]").get_attribute("aria-label")
    return drawn


class TestOnThePage:
    def test_registered_neurons_are_listed_and_those_that_can_not_be_played_are_named(self, page, tab):
        assert not page[1].warnings
        assert tab.get_by_label("neuron", exact=True).locator("option").all_inner_texts() == ["Toy-IF", "Doppler-LIF"]
        assert "Not to be played: Sorting: drive or coefficients use aten.sort.default" in page[1].html

    @pytest.mark.parametrize("name", ["Toy-IF", "Doppler-LIF"])
    @pytest.mark.parametrize("heard", ["step", "chirp", "noise", "radar", "speech"])
    def test_a_neuron_fires_as_often_as_the_reference(self, tab, monkeypatch, name, heard):
        monkeypatch.setattr(registry, "_types", TYPES)
        tab.get_by_label("neuron", exact=True).select_option(label=name)
        tab.get_by_label("input", exact=True).select_option(heard)
        assert fires(tab) == counted(name, playground.inputs()[heard]["x"])

    def test_the_keyboard_moves_every_slider_and_the_neuron_follows(self, tab, monkeypatch):
        monkeypatch.setattr(registry, "_types", TYPES)
        tab.get_by_label("neuron", exact=True).select_option(label="Doppler-LIF")
        tab.get_by_label("input", exact=True).select_option("noise")
        x = playground.inputs()["noise"]["x"]
        moved = {}
        for label, key, by in (("threshold θ", "ArrowLeft", -3), ("kept per step", "ArrowLeft", -4), ("gain", "ArrowRight", 5)):
            before, slider = fires(tab), tab.get_by_label(label, exact=True)
            start = int(slider.input_value())
            for _ in range(abs(by)):
                slider.press(key)
            moved[label] = start + by
            assert int(slider.input_value()) == moved[label]
            assert (
                slider.get_attribute("aria-valuetext") == tab.locator(f"output[for={slider.get_attribute('id')}]").inner_text()
            )
            assert fires(tab) == counted("Doppler-LIF", x, **moved)
            assert before > 0
        tab.get_by_role("button", name="Start again").press("Enter")
        assert fires(tab) == counted("Doppler-LIF", x)

    def test_what_the_pointer_draws_is_heard(self, tab):
        tab.get_by_label("input", exact=True).select_option("tone")
        assert fires(tab) > 0
        tab.get_by_label("input", exact=True).select_option("drawn")
        tab.get_by_role("button", name="Start again").click()
        assert fires(tab) == 0
        paper = tab.locator("rect.pad").bounding_box()
        left, top, width = (paper[side] for side in ("x", "y", "width"))
        tab.mouse.move(left + width / 4, top + 4)
        tab.mouse.down()
        tab.mouse.move(left + width / 2, top + 4, steps=3)
        tab.mouse.up()
        tab.mouse.move(left + width, top + 70)
        drawn = fires(tab)
        assert 30 < drawn < 50

    def test_without_a_script_there_is_a_sentence_instead(self, page):
        assert "<noscript><p>" in page[1].html
        css = (ROOT / "book" / "_static" / "custom.css").read_text(encoding="utf-8")
        assert ".mstask-playground { display: none;" in css


class TestWhatIsPlayed:
    @pytest.mark.parametrize("name", neurons.names())
    def test_sliders_begin_where_the_zoo_s_middle_neuron_is(self, name):
        one, zoo = played(name), neurons.create(name, responses.WIDTH).double()
        middle = {key: value.flatten()[responses.MIDDLE % value.numel()] for key, value in javascript.attributes(zoo).items()}
        begun = {key: values[knob.start] for knob in one.knobs for key, values in knob.values.items()}
        assert one.reason == "" and begun.keys() <= middle.keys()
        assert all(begun[key] == pytest.approx(middle[key].item(), abs=1e-5) for key in begun)
        learnt = {key for key, _ in zoo.named_parameters()}
        assert learnt <= set(begun)

    def test_a_decay_is_what_the_reader_sees(self):
        one = played("Doppler-LIF")
        decay = next(knob for knob in one.knobs if knob.label == "kept per step")
        assert np.allclose(1 / (1 + np.exp(-np.array(decay.values["b"]))), decay.shown, atol=1e-6)
        assert [knob.label for knob in one.knobs] == ["kept per step", "frequency (rad per step)", "gain"]

    def test_an_option_is_a_slider_where_the_constructor_takes_its_whole_range(self, monkeypatch):
        monkeypatch.setattr(registry, "_types", {"Picky": Picky})
        (knob,) = playground.played("Picky").knobs
        assert (knob.label, knob.shown[0], knob.shown[knob.start], knob.shown[-1]) == ("tau", 2, 20, 200)
        assert np.allclose(knob.values["decay"], np.exp(-1 / np.array(knob.shown)), atol=1e-5)

    def test_neurons_that_hear_each_other_are_played_together(self):
        together = {name: played(name).width > 1 for name in neurons.names()}
        assert together == {name: responses.measure(neurons.neuron_type(name)).hears_neighbours for name in together}
        assert together["Beam-IF"] and not together["Vanilla-LIF"]

    def test_the_same_registry_gives_the_same_bytes_and_few_of_them(self):
        from mstask_book.playground import started

        names, twice = neurons.names(), (played, playground.played)
        written = [started(playground.script(list(map(play, names)), playground.inputs())) for play in twice]
        assert written[0] == written[1] and len(written[0].encode()) < 4400 * len(names)

    def test_a_name_can_not_end_the_script(self):
        with pytest.raises(Exception, match="would end the page's script"):
            playground._json({"name": "</script>"})
