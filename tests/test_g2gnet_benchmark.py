"""The benchmark of the wired layer runs, and its document is read as it was written; how fast anything is, is never tested."""

from __future__ import annotations

import math

import pytest

from benchmarks import g2gnet
from mstask import results
from mstask.results import documents
from mstask.studies.g2gnet import facts


def layer(p_inter, dense, grouped, chosen="grouped"):
    """One measured layer, two repeats."""
    return {
        "width": 256,
        "model": "index",
        "p_inter": p_inter,
        "density": 0.5,
        "chosen": chosen,
        "predicted": {"dense": 1.0, "grouped": 0.5},
        "seconds": {"dense": dense, "grouped": grouped, "step by step": [9.0, 9.0]},
    }


def document(*layers):
    values = {"runs": [{"clock": "cpu", "threads": 1, "layers": list(layers)}]}
    return documents.Document(
        section="benchmark-g2gnet", source="run", profile="paper", title="T", reference="R", values=values
    )


def test_makes_a_valid_document_and_prints_its_tables(in_process, tmp_path, capsys):
    path = tmp_path / "benchmark-g2gnet.json"
    g2gnet.main(["--tiny", "--repeats", "3", "--out", str(path)])
    made = results.read_document(path)
    assert (made.section, made.profile) == ("benchmark-g2gnet", "smoke")
    for run in made.values["runs"]:
        assert {(found["model"], found["p_inter"]) for found in run["layers"]} == {
            (model, p) for model in g2gnet.MODELS for p in (0.0, 0.5)
        }
        for found in run["layers"]:
            assert {"dense", "sparse", "step by step"} <= set(found["seconds"])
            assert all(len(seconds) == 3 and min(seconds) > 0 for seconds in found["seconds"].values())
    assert "what the automatic choice takes" in capsys.readouterr().out


def test_ratios_are_formed_within_a_repeat():
    found = facts.ratios(document(layer(0.1, [1.0, 3.0], [0.5, 1.5])))
    assert found[found.form == "grouped"]["median"].tolist() == [0.5]


def test_the_crossover_lies_between_the_measured_probabilities():
    found = facts.crossovers(document(layer(0.1, [1.0, 1.0], [0.5, 0.5]), layer(0.3, [1.0, 1.0], [1.5, 1.5])))
    assert found["p_inter"].tolist() == pytest.approx([0.2])
    always = facts.crossovers(document(layer(0.1, [1.0, 1.0], [0.5, 0.5]), layer(0.3, [1.0, 1.0], [0.9, 0.9])))
    assert math.isnan(always["p_inter"][0])


def test_the_automatic_choice_is_judged_by_what_was_measured():
    good, bad = layer(0.1, [1.0, 1.0], [0.5, 0.5]), layer(0.3, [1.0, 1.0], [0.5, 0.5], chosen="dense")
    assert g2gnet.best_choices(document(good, bad)) == 0.5
