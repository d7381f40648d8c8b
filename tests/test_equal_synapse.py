"""A homogeneous network of HetSynLIF's size: as many learnt values, the same shape, the same training."""

import pytest
from making import CLASSES, cell, with_result

from mstask import results
from mstask.cost import count_parameters, energy_uJ
from mstask.job import Job
from mstask.section import resolve, section
from mstask.studies.hetsyn import equal, measure
from mstask.studies.hetsyn.settings import SETTINGS
from mstask.studies.synthesis.operations import energy


@pytest.mark.parametrize(("case", "inputs", "outputs"), [("radar", 64, 6), ("speech", 700, 20)])
def test_the_wide_network_learns_as_many_values_and_keeps_the_shape(case, inputs, outputs):
    built = {}
    for name in section("equal-synapse").methods:
        method, setting = equal.sized(name, SETTINGS[case], inputs, outputs)
        built[name] = setting.network(method, inputs, outputs)
    published, wide = built["HetSynLIF"], built["HomNeuLIF-wide"]
    assert published.sizes[1:-1] == SETTINGS[case].hidden
    assert abs(count_parameters(wide) / count_parameters(published) - 1) < 0.01
    assert wide.sizes[1] == 2 * wide.sizes[2] > published.sizes[1] and not wide.decays()


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Both networks after one epoch, and HetSynLIF as the section on HetSyn trains it."""
    folder, chosen = tmp_path_factory.mktemp("cells"), resolve("equal-synapse", profile="smoke")
    own = section("equal-synapse")
    splits = equal.load(own, chosen, "radar")
    jobs = [Job(own, name, "radar", 42, chosen, splits, "cpu", folder / name) for name in own.methods]
    whole = resolve("hetsyn", profile="smoke", cases=["radar"], max_epochs=chosen.max_epochs)
    as_hetsyn = Job(section("hetsyn"), "HetSynLIF", "radar", 42, whole, splits, "cpu", folder / "hetsyn")
    return [equal.measure(job).measures for job in jobs], measure.measure(as_hetsyn).measures


def test_the_published_network_is_trained_to_the_same_numbers(cells):
    (own, wide), known = cells
    assert (own.predictions, own.history, own.n_parameters) == (known.predictions, known.history, known.n_parameters)
    assert wide.predictions != own.predictions and wide.stopped == own.stopped == "max_epochs"


def test_operations_are_those_of_the_wide_network(cells):
    (_, measured), _ = cells
    first, second = measured.details["hidden"]
    connections = 64 * first + first**2 + first * second + second**2 + second * len(CLASSES)
    assert measured.n_parameters == connections
    made = cell("HomNeuLIF-wide", 42, section="equal-synapse", case="radar")
    changes = {"n_parameters": connections, "details": measured.details, "firing_rates": [0.5, 0.0]}
    document = results.merge([with_result(made, **changes)])
    expected = energy_uJ(64 * 64 * first, 64 * 0.5 * (first**2 + first * second))
    assert energy(document.of_case("radar"), "HomNeuLIF-wide", "radar") == pytest.approx(expected)
