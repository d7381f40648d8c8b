"""The synthesis: each part's two networks on the same two tasks, and what the seeds together show."""

import pytest
from making import scored, with_result

from mstask import results, show
from mstask.section import section
from mstask.studies.synthesis.contests import CONTESTS, PARTS, SECTIONS, TASKS, outcome, overview

CLEAR, UNCLEAR, LOSS = [0.80, 0.81, 0.82], [0.70, 0.71, 0.90], [0.60, 0.61, 0.62]
PLAIN = [0.70, 0.71, 0.72]


def with_case(document, case):
    cells = [cell.model_copy(update={"case": case, "data": None}) for cell in document.cells]
    return document.model_copy(update={"cells": cells, "cases": None, "data": None})


@pytest.fixture
def documents():
    """The neuron gains on radar, the synapse loses there, the readout is unclear; the rest wasn't run."""
    return {
        "search": scored({"Doppler-LIF": CLEAR, "Vanilla-LIF": PLAIN}, "search", n_parameters=1000),
        "hetsyn": with_case(scored({"HetSynLIF": LOSS, "HomNeuLIF": PLAIN}, "hetsyn"), "radar"),
        "ncg": with_case(scored({"S2-M5-CR2-L": UNCLEAR, "S2-M1": PLAIN}, "ncg"), "radar"),
    }


def contest(part, task):
    return next(c for c in CONTESTS if (c.part, c.task) == (part, task))


def sized(document, **parameters):
    """The document with so many parameters for each method named."""
    counts = {name.replace("_", "-"): number for name, number in parameters.items()}
    measured = [c.result.model_copy(update={"n_parameters": counts[c.method]}) for c in document.cells]
    cells = [c.model_copy(update={"result": own}) for c, own in zip(document.cells, measured, strict=True)]
    return document.model_copy(update={"cells": cells})


def test_every_part_meets_both_tasks_with_networks_that_its_section_knows():
    assert [(c.part, c.task) for c in CONTESTS] == [(part, task) for part in PARTS for task in TASKS]
    assert all((own.part, own.task, own.equal) == (c.part, c.task, ()) for c in CONTESTS for own in c.equal)
    for c in [*CONTESTS, *(own for both in CONTESTS for own in both.equal)]:
        known = section(c.section)
        assert {c.matched, c.plain} <= set(known.methods)
        assert c.case is None or c.case in known.cases


def test_a_gain_is_that_of_the_task_alone(documents):
    found = outcome(contest("neuron", "radar"), documents)
    assert found.gain.difference == pytest.approx(0.1) and found.gain.low > 0
    assert found.matched.n_parameters == 1000
    assert outcome(contest("synapse", "radar"), documents).gain.difference == pytest.approx(-0.1)
    assert outcome(contest("synapse", "speech"), documents) is None


def test_contests_are_sorted_by_what_their_interval_shows(documents):
    found = overview(documents)
    assert (found["firm"], found["against"], found["open"]) == (
        ["neuron on radar"],
        ["synapse on radar"],
        ["readout on radar"],
    )
    assert len(found["missing"]) == len(CONTESTS) - 3
    assert found["largest"] == {"radar": {"part": "neuron", "difference": pytest.approx(0.1)}, "speech": None}


def test_one_seed_shows_nothing_either_way():
    alone = {"search": scored({"Doppler-LIF": [0.9], "Vanilla-LIF": [0.5]}, "search")}
    assert overview(alone)["open"] == ["neuron on radar"]


def test_a_side_without_a_score_holds_no_contest(documents):
    half = results.merge(cell for cell in documents["search"].cells if cell.method == "Doppler-LIF")
    assert outcome(contest("neuron", "radar"), {"search": half}) is None


def test_table_and_figures_show_what_was_held(documents):
    studies = {name: {"embedded": documents.get(name), "run": None} for name in SECTIONS}
    table = show.table_synthesis_gains(studies)
    assert list(table["part"]) == ["neuron", "synapse", "readout"]
    assert table["macro-F1"].tolist()[0] == "0.810/\u200b0.710"
    assert table["parameters"].tolist()[:2] == ["1,000/\u200b1,000", "—"]
    gains = show.figure_synthesis_gains(studies).axes[0]
    assert sorted(line.get_xdata()[0] for line in gains.lines if len(line.get_xdata()) == 1)[0] == pytest.approx(-0.1)
    assert len(show.data_synthesis(studies)) == 3
    sizes = show.figure_synthesis(studies).axes[0]
    assert sizes.get_title() == "radar"
    assert [line.get_xdata()[0] for line in sizes.lines if line.get_marker() == "o"] == [1000, 1000]


def test_nothing_run_draws_empty_figures():
    studies = {name: {"embedded": None} for name in SECTIONS}
    assert show.table_synthesis_gains(studies).empty
    assert not show.figure_synthesis(studies).axes[0].lines


def test_a_gain_at_unlike_sizes_does_not_answer_and_is_named(documents):
    cells = documents["search"].cells
    grown = [with_result(c, n_parameters=2000) for c in cells[:3]]
    unlike = documents | {"search": documents["search"].model_copy(update={"cells": grown + list(cells[3:])})}
    alone = overview(documents)
    assert alone["answer"]["radar"].startswith(
        "On radar, of what the papers propose, only the neuron (+0.100) is shown to gain at equal size."
    )
    assert alone["counted"] == ["neuron on radar"] and overview(unlike)["counted"] == ["none"]
    assert overview(unlike)["unlike"] == ["neuron on radar"]
    assert overview(unlike)["answer"]["radar"].startswith("On radar nothing that the papers propose is shown")


def test_a_neuron_that_only_validation_chooses_is_told_beside_the_answer():
    found = scored({"CrossInhib-LIF": LOSS, "Doppler-LIF": CLEAR, "Vanilla-LIF": PLAIN}, "disjoint")
    best = {"Doppler-LIF": 0.9}
    cells = [with_result(c, history={"smoothed": [best.get(c.method, 0.1)]}) for c in found.cells]
    answer = overview({"disjoint": found.model_copy(update={"cells": cells})})["answer"]["speech"]
    assert answer.startswith("On speech nothing that the papers propose is shown to gain at equal size.")
    assert "The neuron that validation chooses, Doppler-LIF, is shown to gain: +0.100 [" in answer


def test_the_contests_of_a_task_are_judged_together(documents):
    close = {"search": scored({"Doppler-LIF": [0.8, 0.81, 0.9], "Vanilla-LIF": PLAIN}, "search")}
    alone = outcome(contest("neuron", "radar"), close)
    assert alone.verdict == "supported" and 0.05 / 3 < alone.gain.p < 0.05
    unclear = with_case(scored({"HetSynLIF": UNCLEAR, "HomNeuLIF": PLAIN}, "hetsyn"), "radar")
    assert overview(documents | close | {"hetsyn": unclear})["neuron"]["radar"].verdict == "undecided"


@pytest.fixture
def synapses():
    """HetSynLIF gains on radar, over a network of half its size; and another one of its size."""
    own = with_case(scored({"HetSynLIF": CLEAR, "HomNeuLIF": PLAIN}, "hetsyn"), "radar")
    equal = with_case(scored({"HetSynLIF": CLEAR, "HomNeuLIF-wide": PLAIN}, "equal-synapse"), "radar")
    return {
        "hetsyn": sized(own, HetSynLIF=2000, HomNeuLIF=1000),
        "equal-synapse": sized(equal, HetSynLIF=2000, HomNeuLIF_wide=1990),
    }


def test_a_gain_at_equal_size_answers_where_the_papers_networks_are_of_unlike_size(synapses):
    alone = overview({"hetsyn": synapses["hetsyn"]})
    assert alone["unlike"] == ["synapse on radar"] and alone["answer"]["radar"].startswith("On radar nothing that")
    assert "compared at unlike sizes only: the synapse" in alone["caveats"]["radar"]
    both = overview(synapses)
    assert both["unlike"] == [] and both["caveats"]["radar"] == ""
    assert (
        both["answer"]["radar"]
        == "On radar, of what the papers propose, only the synapse (+0.100) is shown to gain at equal size."
    )
    assert both["firm"] == ["synapse on radar", "synapse on radar at equal size"]


def test_beside_the_synapse_stands_what_a_time_constant_for_each_neuron_gains_over_its_control(synapses):
    own = with_case(scored({"HetSynLIF": CLEAR, "HetNeuLIF": CLEAR, "HomNeuLIF": PLAIN}, "hetsyn"), "radar")
    answer = overview(synapses | {"hetsyn": sized(own, HetSynLIF=2000, HetNeuLIF=1010, HomNeuLIF=1000)})["answer"]["radar"]
    assert answer.endswith("A learnt time constant for each neuron gains +0.100 over the synapse's rival, with fewer values.")
    elsewhere = own.model_copy(update={"cells": [c.model_copy(update={"seed": c.seed + 1000}) for c in own.cells]})
    for other in (elsewhere, synapses["hetsyn"]):
        unlike = {"hetsyn": sized(other, HetSynLIF=2000, HetNeuLIF=1010, HomNeuLIF=1000)}
        assert overview(synapses | unlike)["answer"]["radar"].endswith("is shown to gain at equal size.")


def test_a_wider_network_that_is_as_good_takes_the_gain_back(synapses):
    level = with_case(scored({"HetSynLIF": CLEAR, "HomNeuLIF-wide": CLEAR}, "equal-synapse"), "radar")
    found = overview(synapses | {"equal-synapse": sized(level, HetSynLIF=2000, HomNeuLIF_wide=1990)})
    assert found["synapse"]["radar"].gain.difference == pytest.approx(0.1)
    assert found["synapse"]["radar"].counted.gain.difference == 0
    assert found["answer"]["radar"].startswith("On radar nothing that the papers propose is shown")


def test_the_first_equal_contest_that_was_run_counts():
    held = with_case(scored({"S2-M5-CR2-L": CLEAR, "S2-M1": PLAIN, "S2-M5": LOSS}, "ncg"), "radar")
    documents = {"ncg": sized(held, S2_M5_CR2_L=500, S2_M1=100, S2_M5=500)}
    assert overview(documents)["readout"]["radar"].counted.gain.difference == pytest.approx(0.2)
    free = with_case(scored({"S2-M5-CR2-L": CLEAR, "S2-M5-free": PLAIN}, "equal-readout"), "radar")
    documents["equal-readout"] = sized(free, S2_M5_CR2_L=500, S2_M5_free=500)
    assert overview(documents)["readout"]["radar"].counted.gain.difference == pytest.approx(0.1)


def test_a_gain_over_a_network_with_its_rivals_settings_is_shown_and_not_counted():
    held = with_case(scored({"S2-M5-CR2-L": CLEAR, "S2-M1": PLAIN, "S2-M5": LOSS}, "ncg"), "speech")
    found = overview({"ncg": sized(held, S2_M5_CR2_L=500, S2_M1=100, S2_M5=500)})
    assert "readout on speech at equal size" in found["uncounted"] and found["counted"] == ["none"]
    assert found["caveats"]["speech"].endswith("since the plain network has its rival's settings: the readout.")
    assert found["answer"]["speech"].startswith("On speech nothing that the papers propose is shown")


def test_the_table_shows_equal_sizes_beside_the_papers_own(synapses):
    studies = {name: {"embedded": synapses.get(name)} for name in SECTIONS}
    table = show.table_synthesis_gains(studies)
    twice = "2,000/\u200b1,000 (2.0\N{NO-BREAK SPACE}:\N{NO-BREAK SPACE}1)"
    assert table["parameters"].tolist() == [twice, "2,000/\u200b1,990"]
    assert [verdict.endswith(", not counted") for verdict in table["verdict"]] == [True, False]
    marks = [line for line in show.figure_synthesis_gains(studies).axes[0].lines if len(line.get_xdata()) == 1]
    assert [line.get_markerfacecolor() == "white" for line in marks] == [True, False]
    own = show.table_equal_size(synapses["equal-synapse"])
    assert own["network"].tolist() == ["HetSynLIF", "HomNeuLIF, wider"]
    assert own["gain of HetSynLIF"].tolist()[0] == "—" and own["gain of HetSynLIF"].tolist()[1].startswith("+0.100")
