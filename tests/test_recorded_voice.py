"""The voice "recorded": recordings made up with a known truth get the verdicts that it asks for; folds and seeds both count."""

from __future__ import annotations

import re
import shutil
from statistics import fmean, stdev

import pytest
from making import with_result
from scipy.stats import norm, t
from test_book import Project

from mstask import claims, results, show, stats
from mstask.claims.findings import find
from mstask.lab import readme
from mstask.paths import ROOT
from mstask.studies.matching.declare import ALL_NEURONS, AUDIO_NEURONS
from mstask.studies.recordings import facts
from mstask.studies.recordings.stand_ins import MIXED, RADAR, SPEECH, stand_ins, view
from mstask.summary import compare, standings

SEEDS = (42, 123, 999)
FOLDS = [case for sets in (RADAR, SPEECH, MIXED) for cases in sets.values() for case in cases]
OWN_NUMBERS = {"doppler-reproduced", "doppler-sixth", "matched-generic", "table2-order", "cnn-factor"}


@pytest.fixture
def none_locked(results_folder):
    """A results folder in which no run on recordings is locked, whatever the checkout has."""
    (results_folder / "recorded").mkdir(parents=True)
    return results_folder


def lead(radar=0.1, speech=-0.1):
    """How far Doppler-LIF is ahead of CrossInhib-LIF on a fold with a seed; folds are of unequal difficulty all the same."""
    return lambda fold, seed: radar if fold.startswith(("rad", "neu", "acc")) else speech


def recordings(ahead=None, folds=FOLDS, methods=ALL_NEURONS, seeds=SEEDS, source="recorded"):
    """A document in which neurons score alike, but for Doppler-LIF, half of what it is `ahead` up, and CrossInhib-LIF, down."""
    ahead, cells = ahead or lead(), []
    for i, fold in enumerate(folds):
        about = {"name": "radar-recorded", "source": "recorded", "size": "all", "fingerprint": fold, "counts": {"test": 2}}
        record = results.DataRecord(**about, class_names=["a", "b"], test_labels=[0, 1])
        for j, method in enumerate(methods):
            for k, seed in enumerate(seeds):
                half = {"Doppler-LIF": 0.5, "CrossInhib-LIF": -0.5}.get(method, 0.0) * ahead(fold, seed)
                score = 0.5 + 0.03 * (i % 4) + half + 0.001 * ((7 * i + 5 * j + 3 * k) % 5)
                measures = results.Measures(macro_f1=score, accuracy=score, epochs=9, stopped="patience", converged=True)
                own = {"method": method, "case": fold, "seed": seed, "data": record, "result": measures}
                cells.append(results.Cell(section="recordings", profile="paper", **own))
    return results.merge(cells, source=source)


def verdicts(document):
    views = stand_ins(document)
    return {entry.id: find(entry.test, views).verdict for entry in claims.entries() if entry.general}


def locked(folder, document):
    path = folder / "recorded" / "recordings.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    results.write_document(path, document)
    results.lock(path)


class TestKnownTruth:
    def test_a_crossing_is_found_and_the_opposite_contradicts_it(self):
        found, turned = verdicts(recordings()), verdicts(recordings(lead(-0.1, 0.1)))
        for claim in ("double-dissociation", "interaction", "crossinhib-doppler", "audio-winner", "radar-winner", "P5"):
            assert (found[claim], turned[claim]) == ("supported", "contradicted"), claim

    def test_one_winner_everywhere_is_no_dissociation(self):
        found = verdicts(recordings(lead(0.1, 0.1)))
        assert (found["double-dissociation"], found["interaction"]) == ("contradicted", "contradicted")

    def test_folds_that_disagree_leave_it_open_however_well_their_seeds_agree(self):
        order = {fold: number for number, fold in enumerate(FOLDS)}
        found = verdicts(recordings(lambda fold, seed: 0.1 if order[fold] % 2 else -0.06))
        assert found["double-dissociation"] == found["crossinhib-doppler"] == "undecided"

    def test_seeds_that_disagree_leave_it_open_however_well_folds_agree(self):
        found = verdicts(recordings(lambda fold, seed: 0.15 if seed == 42 else -0.05))
        assert found["double-dissociation"] == found["crossinhib-doppler"] == "undecided"

    def test_the_ranking_of_each_speaker_counts_where_it_is_asked_whether_they_agree(self):
        order = {name: 0.05 * place for place, name in enumerate(AUDIO_NEURONS)}
        alike = recordings()
        cells = [with_result(c, macro_f1=0.2 + order.get(c.method, 0)) for c in alike.cells]
        assert verdicts(alike.model_copy(update={"cells": cells}))["rotation"] == "supported"


class TestTheInterval:
    def test_it_is_students_over_folds_by_their_means_over_seeds(self):
        folds = [{1: [0.5], 2: [0.7]}, {1: [0.4], 2: [0.4]}, {1: [0.9], 2: [0.7]}]
        found, means = stats.over_folds(folds)[0], [0.6, 0.4, 0.8]
        assert (found.value, found.n, found.unit) == (pytest.approx(fmean(means)), 3, "fold")
        assert found.over_seeds == pytest.approx(stdev(means) ** 2 / 3) and found.over_examples == pytest.approx(0.0)
        half = t.ppf(0.975, 2) * stdev(means) / 3**0.5
        assert found.interval() == pytest.approx((found.value - half, found.value + half))

    def test_what_a_seed_does_to_all_folds_alike_is_an_error_that_they_share(self):
        found = stats.over_folds([{1: [0.4], 2: [0.6]}, {1: [0.5], 2: [0.7]}])[0]
        wider = t.ppf(0.975, 1) / norm.ppf(0.975)  # the two seeds tell little of it
        assert found.over_examples == pytest.approx(wider**2 * 0.2**2 / 2 / 2) and found.over_seeds == pytest.approx(
            0.1**2 / 2 / 2
        )

    def test_every_set_counts_the_same_however_many_folds_it_has(self):
        made = recordings(lambda fold, seed: 0.3 if fold.startswith("acc") else 0.0)
        whole = stand_ins(made)["square"]
        assert compare(whole, "Doppler-LIF", "CrossInhib-LIF").difference == pytest.approx(0.1, abs=0.005)
        scores = standings(whole)["methods"]["Doppler-LIF"]["macro_f1"]
        each = [standings(view(made, "square", {n: c}))["methods"]["Doppler-LIF"]["macro_f1"]["mean"] for n, c in RADAR.items()]
        assert scores["mean"] == pytest.approx(fmean(each)) and scores["low"] < scores["mean"] < scores["high"]

    def test_a_set_of_one_fold_and_seed_has_no_spread_to_give_and_takes_none(self):
        begun = recordings(folds=["radhar-pass-1", "radhar-pass-2"]).cells
        more = recordings(folds=["acconeer-2022-07-27"], seeds=[42]).cells
        whole = stand_ins(results.merge([*begun, *more], source="recorded"))["square"]
        assert {cell.case for cell in whole.cells} == {"radhar-pass-1", "radhar-pass-2"}

    def test_of_one_set_alone_a_method_of_one_fold_and_seed_is_kept_beside_one_of_several(self):
        known = [c for c in recordings(folds=["radhar-pass-1"]).cells if c.method == "Doppler-LIF" or c.seed == 42]
        own = view(results.merge(known, source="recorded"), "square", {"RadHAR": ("radhar-pass-1",)})
        assert {cell.method for cell in own.cells} > {"Doppler-LIF"} and len(own.cells) == len(known)


class TestTheLedger:
    def test_it_speaks_of_general_claims_only_and_says_what_it_rests_on(self, none_locked):
        locked(none_locked, recordings(folds=[*RADAR["RadHAR"], *SPEECH["Free Spoken Digits"][:3]]))
        found = {claim.id: claim for claim in claims.ledger("recorded")}
        assert not found.keys() & OWN_NUMBERS and found["double-dissociation"].verdict == "supported"
        assert "RadHAR (4 of 4 folds)" in found["double-dissociation"].evidence
        assert "Free Spoken Digits (3 of 6 folds)" in found["double-dissociation"].evidence
        assert "(7 folds)" in found["interaction"].evidence and found["audio-winner-mixed"].verdict == "not testable"

    def test_without_a_run_nothing_can_be_tested(self, none_locked):
        assert {claim.verdict for claim in claims.ledger("recorded")} == {"not testable"}

    def test_the_readme_has_a_column_for_it_once_there_is_a_run(self, none_locked, monkeypatch):
        entries = {"published": claims.entries(), "recorded": [entry for entry in claims.entries() if entry.general]}
        told = {voice: claims.judge({}, [entry.id for entry in chosen]) for voice, chosen in entries.items()}
        monkeypatch.setattr(claims, "ledger", lambda voice, ids=None: told["recorded" if voice == "recorded" else "published"])
        before = readme.headline()
        (none_locked / "recorded" / "recordings.json").touch()
        rows = readme.headline().splitlines()
        assert "recordings" not in before and rows[0].endswith("runs on recordings |")
        assert rows[2].endswith("○ not testable |") and rows[-1].endswith("— |")

    @pytest.mark.parametrize("case", ["radhar-pass-3", "speech-theo", "speech-mixed", "acconeer-2022-07-27"])
    def test_any_one_case_with_one_seed_and_few_methods_can_be_judged_and_shown(self, case):
        few = recordings(folds=[case], methods=["Vanilla-LIF", "Doppler-LIF"], seeds=[42])
        assert set(verdicts(few).values()) <= {"not testable", "undecided"}
        for name in ("recorded_square", "recordings", "stand_ins", "transfer"):
            show.exhibits()[f"table_{name}"](few)
        assert len(show.figure_recorded_square(few).axes) and len(show.figure_recordings(few).axes) == 1


def test_recordings_are_one_voice_of_the_square_and_none_where_nothing_was_run():
    studies = {name: {"embedded": results.load(name, "embedded")} for name in ("square", "disjoint")}
    table = show.table_square_crossed(studies | {"recordings": {"recorded": recordings()}})
    assert table["recorded"].tolist()[0].startswith("Doppler-LIF by 0.1") and table["recorded"].tolist()[2] == "✓ supported"
    assert "recorded" not in show.table_square_crossed(studies | {"recordings": {"recorded": None}})


def test_embedded_data_in_the_same_order_is_a_stand_in_and_in_the_reverse_is_none():
    own = recordings(folds=SPEECH["Free Spoken Digits"])
    order = {name: 0.06 * place for place, name in enumerate(ALL_NEURONS)}

    def ranked(document, sign):
        changed = [with_result(c, macro_f1=0.5 + sign * 0.9 * order[c.method]) for c in document.cells]
        return document.model_copy(update={"cells": changed})

    people, audio = ranked(own, 1), recordings(folds=["speech-theo"], methods=AUDIO_NEURONS)
    same = facts.stand_in(people, "speech", {"disjoint": ranked(audio, 1).of_case("speech-theo")})
    assert (same["verdict"], same["rho"], same["types"]) == ("supported", pytest.approx(1), 8)
    assert same["answer"].startswith("Yes") and same["p"] == pytest.approx(2 / 40320)
    turned = facts.stand_in(people, "speech", {"disjoint": ranked(audio, -1).of_case("speech-theo")})
    assert turned["verdict"] == "contradicted" and turned["answer"].startswith("No")


def test_the_chapter_builds_without_a_run_and_with_some_of_it(tmp_path, none_locked, monkeypatch):
    """Of the runs on embedded data those are there that recordings are compared with: others would be judged for nothing."""
    monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "cache"))
    (none_locked / "embedded").mkdir()
    for section in facts.EMBEDDED:
        shutil.copy(ROOT / "results" / "embedded" / f"{section}.json", none_locked / "embedded")
    text = (ROOT / "book" / "recordings.md").read_text(encoding="utf-8").partition("# On recordings")[2]
    project = Project(tmp_path)
    project.write(re.sub(r"\{(cite|ref|doc|numref)\}`[^`]*`", "", text))
    before = project.build()
    locked(none_locked, recordings(folds=["radhar-pass-1", "radhar-pass-2", "speech-theo"]))
    after = project.build()
    assert not before.warnings and not after.warnings
    assert "is locked yet" in before.html and "fig-recorded-square" not in before.html
    assert "is locked yet" not in after.html and "fig-recorded-square" in after.html and "RadHAR (2 of 4 folds)" in after.html


def test_a_card_shows_the_voices_that_judge_its_claim():
    """Recordings say nothing of the paper's own numbers, and the page of all claims builds all the same."""
    from mstask_book.rendering import claim_cards

    ledger = claims.judge({}, ["doppler-reproduced", "crossinhib-doppler"])
    general = [claim for claim in ledger if claim.id not in OWN_NUMBERS]
    cards = claim_cards({"published": ledger, "recorded": general}, ["doppler-reproduced", "crossinhib-doppler"])
    assert [set(card["told"]) - {"paper"} for card in cards] == [{"published"}, {"published", "recorded"}]
