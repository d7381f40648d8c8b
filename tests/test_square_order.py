"""Every neuron type on both tasks: which pairs change order between radar and speech."""

import numpy as np
import pytest
from making import data_record, scored, verdict

from mstask import claims, results, show
from mstask.paths import ROOT
from mstask.studies.matching.declare import ALL_NEURONS

FILES = ROOT / "results" / "published"
RADAR = {"Doppler-LIF": [0.90, 0.91, 0.92], "Vanilla-LIF": [0.80, 0.81, 0.82], "Chirp-LIF": [0.50, 0.51, 0.52]}
TURNED = {"Doppler-LIF": [0.60, 0.61, 0.62], "Vanilla-LIF": [0.80, 0.81, 0.82], "Chirp-LIF": [0.30, 0.31, 0.32]}


def studies(radar, speech):
    return {"square": {"embedded": scored(radar, "square")}, "disjoint": {"embedded": scored(speech, "disjoint")}}


def counts(radar, speech):
    (row,) = show.table_square_flips(studies(radar, speech)).to_dict("records")
    return [row[name] for name in ("neuron types", "pairs", "order differs", "by itself", "firmly", "which")]


def test_a_pair_that_is_clear_on_both_tasks_flips_firmly():
    assert counts(RADAR, TURNED) == ["3", "3", "1", "1", "1", "Vanilla-LIF and Doppler-LIF"]


def test_the_same_order_flips_nothing():
    assert counts(RADAR, RADAR) == ["3", "3", "0", "0", "0", "—"]


def test_a_pair_that_is_clear_on_one_task_only_has_no_firm_flip():
    unclear = TURNED | {"Doppler-LIF": [0.50, 0.80, 0.95]}
    assert counts(RADAR, unclear)[2:5] == ["1", "0", "0"]


def test_types_count_that_both_tasks_know_at_seeds_that_all_have():
    more = studies(RADAR | {"Beam-IF": [0.99]}, TURNED)
    assert set(show.data_square_order(more)["neuron"]) == set(RADAR)
    longer = studies(RADAR | {"Doppler-LIF": [0.90, 0.91, 0.92, 0.10]}, TURNED)
    known = show.data_square_order(longer).set_index(["task", "neuron"])
    assert known.loc[("radar", "Doppler-LIF"), "macro_f1"] == pytest.approx(0.91)


def test_a_pair_is_judged_by_the_seeds_that_its_own_types_share():
    sides = {"square": RADAR, "disjoint": TURNED}
    longer = {
        section: {
            "embedded": scored({n: v if n == "Chirp-LIF" else [*v, 0.7] for n, v in side.items()}, section, (42, 123, 999, 7))
        }
        for section, side in sides.items()
    }
    known = show.data_square_flips(longer).set_index(["first", "second"])
    assert known.loc[("Vanilla-LIF", "Doppler-LIF"), "lead_on_radar"] == pytest.approx(-0.3 / 4)
    assert known.loc[("Vanilla-LIF", "Chirp-LIF"), "lead_on_radar"] == pytest.approx(0.3)


def both(radar, speech, seeds=(42, 123, 999)):
    return {"square": scored(radar, "square", seeds), "disjoint": scored(speech, "disjoint", seeds)}


def test_the_ledger_finds_a_pair_that_flips_whichever_it_is_and_names_it():
    apart = {name: [level, level + 0.01, level] for name, level in zip(ALL_NEURONS, np.linspace(0.9, 0.5, 9), strict=True)}
    [claim] = claims.judge(both(apart | {"Chirp-LIF": [0.95, 0.96, 0.95]}, apart), ["some-pair"])
    assert claim.verdict == "supported" and claim.evidence.startswith("3 of 36 pairs")
    assert "Chirp-LIF is ahead of CrossInhib-LIF, Vanilla-LIF and Dual-tau-LIF on radar and behind on speech" in claim.evidence
    assert claim.estimate == pytest.approx(0.1) and 0 < claim.interval[0] < 0.1 and claim.p < 0.05
    [same] = claims.judge(both(apart, apart), ["some-pair"])
    assert same.verdict == "contradicted" and "all of them, none" in same.evidence and same.p == 1


def test_scores_that_do_not_differ_are_not_said_to_hold_a_pair_that_flips():
    rng, seeds = np.random.default_rng(0), range(5)
    sides = ([{name: rng.normal(0.5, 0.05, 5) for name in ALL_NEURONS} for _ in range(2)] for _ in range(20))
    assert {verdict("some-pair", both(*scores, seeds)) for scores in sides} == {"undecided"}


def test_a_voice_with_one_task_has_no_panel_and_no_row():
    alone = {"square": {"embedded": scored(RADAR, "square")}, "disjoint": {"embedded": None}}
    assert show.table_square_flips(alone).empty and show.table_square_order(alone).empty
    assert not show.figure_square_order(alone).axes[0].texts


def test_a_readers_real_and_embedded_data_neither_judge_nor_show_a_claim_together():
    """Radar on real data, speech on embedded: each alone is fine."""
    sides = (("square", RADAR, "real"), ("disjoint", TURNED, "embedded"))
    mixed = {
        section: scored(scores, section).model_copy(update={"data": data_record(source=source)})
        for section, scores, source in sides
    }
    (claim,) = claims.judge(mixed, ["some-pair"])
    assert claim.verdict == "not testable" and "different sources: embedded and real" in claim.evidence
    by_voice = {section: {"run": document} for section, document in mixed.items()}
    assert [len(show.data_square_order(by_voice)), set(show.data_square_crossed(by_voice)["task"])] == [0, {"radar"}]


def test_a_panel_names_every_type_on_both_sides_and_joins_its_places():
    (axes,) = show.figure_square_order(studies(RADAR, TURNED)).axes
    assert len(axes.texts) == 6
    lines = [tuple(line.get_ydata()) for line in axes.lines if len(line.get_ydata()) == 2]
    assert sorted(lines) == [(1, 2), (2, 1), (3, 3)]


def test_published_networks_of_one_type_stand_in_where_the_square_has_no_figure():
    names = ("square", "disjoint", "ablation")
    published = {name: {"published": results.read_document(FILES / f"{name}.json")} for name in names}
    (row,) = show.table_square_flips(published).to_dict("records")
    assert [row[name] for name in ("neuron types", "pairs", "order differs", "by itself")] == ["4", "6", "2", "—"]
    del published["ablation"]
    assert show.table_square_flips(published).empty
