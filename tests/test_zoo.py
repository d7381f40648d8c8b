"""The zoo: every registered neuron appears by itself, and what is said of it is what it does."""

from __future__ import annotations

import html
import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from drawn import drawn
from making import document
from test_book import Project
from test_neurons import NAMES

from mstask import neurons, show
from mstask.neurons import registry
from mstask.neurons.description import describe
from mstask.studies.gallery import exhibits_radar as radar, responses
from mstask.synth import micro_doppler


class Memory(NamedTuple):
    m: torch.Tensor


class Nothing(NamedTuple):
    pass


class ToyIF(neurons.Neuron):
    """Adds up and forgets nothing: m <- m + x.

    Equation
    --------
    m \\leftarrow m + x

    Listens for
    -----------
    Anything at all,
    for ever.
    """

    name = "Toy-IF"
    State = Memory

    def coefficients(self, steps):
        return Nothing()

    @staticmethod
    def step(x, state, c, fire):
        s = fire(state.m + x)
        return s, Memory((state.m + x) * (1 - s))


class SilentToy(ToyIF):
    name = "Silent-toy"


@pytest.fixture
def toys(monkeypatch):
    """A registry that holds three types: two toys and one of the book's."""
    types = {"Doppler-LIF": neurons.neuron_type("Doppler-LIF"), "Toy-IF": ToyIF, "Silent-toy": SilentToy}
    monkeypatch.setattr(registry, "_types", types)
    return list(types)


def measured(name):
    return responses.measure(neurons.neuron_type(name))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with a zoo of two toys and nothing else, without any result."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("zoo")
        patch.setenv("MSTASK_RESULTS", str(folder / "results"))
        patch.setattr(registry, "_types", {"Toy-IF": ToyIF, "Silent-toy": SilentToy})
        project = Project(folder)
        project.write("{ref}`zoo-toy-if`, {numref}`zoo-toy-if-layer`\n\n:::{mstask-zoo} embedded/ablation?\n:::\n")
        return project, project.build(), show.zoo_neurons({})


class TestTheRegistryFillsTheZoo:
    def test_a_registered_neuron_is_in_the_page_s_data(self, toys):
        entries = {entry.name: entry for entry in show.zoo_neurons({})}
        assert list(entries) == toys
        toy = entries["Toy-IF"]
        assert toy.about.equation == "m \\leftarrow m + x"
        assert toy.about.listens_for == "Anything at all, for ever."
        assert dict(toy.facts.to_numpy())["state variables"] == "m"
        assert toy.ranks.empty
        assert all("Toy-IF" in said for said in toy.findings.values())
        assert set(show.data_zoo_tones().neuron) == set(toys)
        assert set(toys) <= drawn(show.figure_zoo_tones())

    def test_a_registered_neuron_has_a_section_figures_and_tables_on_the_page(self, page):
        project, built, entries = page
        assert not built.warnings
        assert '<section id="zoo-toy-if">' in built.html and "Anything at all, for ever." in built.html
        assert "m \\leftarrow m + x" in built.html
        for said in entries[0].findings.values():
            assert f'alt="{said}"' in html.unescape(built.html)
        assert project.generated("zoo-toy-if-responses.svg") and project.generated("zoo-toy-if-layer.csv")
        assert "No study of this book has trained a network of Toy-IF alone yet." in built.html

    def test_a_neuron_that_says_nothing_of_itself_shows_its_step(self, page):
        assert describe(SilentToy).equation == describe(SilentToy).summary == ""
        assert "s = fire(state.m + x)" in describe(SilentToy).step
        silent = page[1].html.partition('<section id="zoo-silent-toy">')[2]
        assert "fire" in silent and "Listens for" not in silent

    @pytest.mark.parametrize("name", neurons.names())
    def test_every_neuron_of_the_book_brings_equation_and_description(self, name):
        about = describe(neurons.neuron_type(name))
        assert about.summary and about.equation and about.listens_for
        assert "\\" in about.equation and "\t" not in about.equation


class TestResponses:
    @pytest.mark.parametrize("name", neurons.names())
    def test_traces_are_what_the_layer_does(self, name):
        layer = neurons.create(name, responses.WIDTH, backend="reference")
        layer.threshold = measured(name).threshold
        for trace in measured(name).traces.values():
            x = torch.from_numpy(np.repeat(trace.x[None, :, None], responses.WIDTH, 2)).float()
            assert np.array_equal(layer(x)[0][0].detach().numpy(), trace.s)

    def test_a_neuron_fires_where_its_membrane_reaches_the_threshold(self):
        found = measured("Vanilla-LIF")
        for trace in found.traces.values():
            assert np.array_equal(trace.s == 1, trace.u >= found.threshold)

    def test_a_leaky_membrane_below_threshold_is_the_sum_it_should_be(self):
        trace = measured("Vanilla-LIF").traces["step"]
        start = responses.STEP_FROM
        assert trace.u[start, 0] == pytest.approx(responses.AMPLITUDE)
        assert trace.u[start + 1, 0] == pytest.approx(responses.AMPLITUDE * 1.95)

    @pytest.mark.parametrize("name", ["Doppler-LIF", "Chirp-LIF", "STFT-IF"])
    def test_a_resonator_prefers_its_own_frequency(self, name):
        best = measured(name).best_tones()
        own = neurons.create(name, responses.WIDTH).w.detach().numpy()
        inner = slice(4, -4)
        assert np.abs(best - own)[inner].max() < 3 * responses.FREQUENCIES[1]
        assert np.corrcoef(best[inner], own[inner])[0, 1] > 0.95

    @pytest.mark.parametrize("name", ["Vanilla-LIF", "Parametric-LIF", "Dual-tau-LIF", "CrossInhib-LIF"])
    def test_an_integrator_prefers_what_is_slow(self, name):
        found = measured(name)
        assert set(found.best_tones()) == {0.0}
        assert found.tones[0].min() > 4 * found.tones[-1].max()

    def test_only_neurons_that_look_at_their_neighbours_hear_them(self):
        assert {name for name in NAMES if measured(name).hears_neighbours} == {"Beam-IF", "CrossInhib-LIF"}

    def test_neurons_alike_answer_alike_to_a_wave_they_can_not_notice(self):
        assert np.ptp(measured("Vanilla-LIF").shifts) < 0.2 * measured("Vanilla-LIF").shifts.mean()
        beam = measured("Beam-IF").shifts
        assert np.ptp(beam) > beam.mean()

    def test_a_neuron_that_fires_alike_on_all_tones_prefers_none(self, toys):
        found = measured("Doppler-LIF")
        flat = responses.Responses(**(vars(found) | {"tones": np.full_like(found.tones, 0.3)}))
        assert np.isnan(flat.best_tones()).all()


class TestWhatIsSaid:
    def test_counts_in_the_alternative_text_are_those_of_the_data(self):
        data = show.data_zoo_responses("Doppler-LIF")
        said = {entry.name: entry.findings for entry in show.zoo_neurons({})}["Doppler-LIF"]["responses"]
        counts = data.groupby("stimulus").spike.sum()
        assert f"{counts['noise']} on noise" in said and f"{counts['chirp']} during the chirp" in said
        assert ", ".join(map(str, measured("Doppler-LIF").bursts()[:3])) in said
        assert sum(measured("Doppler-LIF").bursts()) == counts["tones"]

    def test_a_tone_is_told_by_its_period(self):
        from mstask.studies.gallery.exhibits_zoo import _tone

        assert _tone(math.pi / 4) == "a tone of period 8.0 steps"
        assert _tone(0.0) == "constant input"
        assert _tone(math.nan) == "all tones about alike"


class TestRanks:
    def test_places_count_networks_of_one_type_only(self):
        found = document({"D0_doppler": 0.6, "D0_stft": 0.9, "D1_H1": 0.99, "D2_concat": 0.98})
        table = show.table_zoo_ranks("Doppler-LIF", {"ablation": {"embedded": found, "run": None}}).set_index("study")
        assert table.loc["Matched-capacity ablation on radar", "embedded"].startswith("2 of 2 (0.")
        assert table.loc["Matched-capacity ablation on radar", "your run"] == "not run yet"

    def test_a_type_that_no_study_trained_has_no_rank(self):
        studies = {"ablation": {"embedded": document({"D0_stft": 0.9})}, "disjoint": {"embedded": None}}
        assert show.table_zoo_ranks("Doppler-LIF", studies).empty
        assert {entry.name: entry.studied_in for entry in show.zoo_neurons(studies)}["STFT-IF"] == ("ablation",)
        assert not show.table_zoo_ranks("STFT-IF", studies).empty

    def test_without_any_document_the_zoo_still_opens(self):
        assert all(entry.ranks.empty for entry in show.zoo_neurons({"benchmark-step": {"embedded": None}}))


class TestRadarParts:
    def test_parts_add_up_to_the_echo_of_the_example(self):
        scene = radar._scene(radar.TAKEN_APART)
        example = micro_doppler.example(radar.TAKEN_APART, radar.TAKEN_APART, radar.EXAMPLE_SEED).scene
        assert np.array_equal(scene.moving, example.moving)
        assert np.array_equal(scene.moving + scene.rest, example.echo)

    def test_every_part_is_drawn_on_the_scale_of_the_sum(self):
        parts = radar._parts()
        assert parts["propeller and body"].max() == 1
        assert all(level.shape == micro_doppler.SHAPE for level in parts.values())
        assert list(show.data_radar_parts().part.unique()) == list(parts)
        assert set(parts) <= drawn(show.figure_radar_parts())

    def test_every_class_is_drawn_with_its_size_and_speed(self):
        shown = drawn(show.figure_radar_targets())
        assert set(radar.CLASS_NAMES) <= shown
        quadcopter = show.data_radar_targets().set_index("class").loc["quadcopter"]
        assert f"{100 * quadcopter.length_m:.0f} cm, {quadcopter.rpm:,.0f} rpm" in shown
