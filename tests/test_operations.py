"""The operation-count proxy of every system of the synthesis, on cells whose operations can be counted by hand."""

import pytest
from making import CLASSES, cell, with_result

from mstask import results
from mstask.cost import E_AC_PJ, E_MAC_PJ, spiking_operations
from mstask.studies.synthesis.contests import SECTIONS
from mstask.studies.synthesis.operations import RULES, energy

C, STEPS, FEATURES = len(CLASSES), 64, 64
HETSYN = FEATURES * 128 + 128 * 128 + 128 * 64 + 64 * 64 + 64 * C
"""Connections of HetSyn's network on radar: two recurrent layers of 128 and 64, and the readout."""


def document(section, method, *measured):
    """One cell per seed, whose result has these measures."""
    cells = [cell(method, seed, section=section) for seed, _ in enumerate(measured)]
    return results.merge(with_result(own, **measures) for own, measures in zip(cells, measured, strict=True))


def microjoule(macs, accumulates):
    return pytest.approx((macs * E_MAC_PJ + accumulates * E_AC_PJ) * 1e-6)


def test_every_section_of_the_synthesis_is_counted():
    assert set(RULES) == set(SECTIONS)


def test_what_a_cell_recorded_counts_and_is_averaged_over_seeds():
    found = document("search", "Doppler-LIF", {"energy_uJ": 4.0}, {"energy_uJ": 6.0})
    assert energy(found, "Doppler-LIF", "radar") == 5.0
    assert energy(found, "Vanilla-LIF", "radar") is None


def test_a_stack_is_counted_as_in_the_paper():
    found = document("disjoint", "Vanilla-LIF", {"width": 32, "firing_rates": [0.1, 0.2, 0.3]})
    assert energy(found, "Vanilla-LIF", "radar") == pytest.approx(
        spiking_operations(FEATURES, C, 32, n_layers=3, steps=STEPS, rate=0.2)["energy_uJ"]
    )


def test_a_current_of_every_connection_is_faded_and_added_in_every_step():
    rates = [0.1, 0.5]
    spikes = STEPS * (0.1 * (128 * 128 + 128 * 64) + 0.5 * (64 * 64 + 64 * C))
    plain = document("hetsyn", "HomNeuLIF", {"firing_rates": rates, "n_parameters": HETSYN})
    assert energy(plain, "HomNeuLIF", "radar") == microjoule(STEPS * FEATURES * 128, spikes)
    matched = document("hetsyn", "HetSynLIF", {"firing_rates": rates, "n_parameters": 2 * HETSYN})
    assert energy(matched, "HetSynLIF", "radar") == microjoule(STEPS * (FEATURES * 128 + HETSYN), spikes + STEPS * HETSYN)


def test_a_network_of_another_shape_than_the_task_asks_is_not_counted():
    found = document("hetsyn", "HomNeuLIF", {"firing_rates": [0.1, 0.5], "n_parameters": HETSYN - 1})
    assert energy(found, "HomNeuLIF", "radar") is None


def test_input_spikes_counted_by_one_cell_serve_all_of_the_test_set():
    old, new = {"details": {"hidden_spikes": 50.0}}, {"details": {"hidden_spikes": 30.0, "input_spikes": 200.0}}
    found = document("eventprop", "exp", old | {"width": 10}, new | {"width": 10})
    assert energy(found, "exp", "radar") == microjoule(0, 200 * 10 + 40 * C)
    assert energy(document("eventprop", "exp", old), "exp", "radar") is None


def test_every_readout_neuron_receives_every_spike():
    found = document("ncg", "S2-M1", {"width": 30, "details": {"spikes_per_sample": 256.0}})
    assert energy(found, "S2-M1", "radar") == microjoule(0, 256 * 30)


def test_only_connections_that_exist_are_counted():
    wired = {"width": 128, "firing_rates": [0.1, 0.2], "details": {"connections": [2000, 4000]}}
    assert energy(document("g2gnet", "er", wired), "er", "radar") == microjoule(
        STEPS * 2000, STEPS * (0.1 * 4000 + 0.2 * 128 * C)
    )
