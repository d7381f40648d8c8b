"""What became of the first edition's verdicts: a verdict that turned names the runs that turned it, or else the rule."""

import dataclasses

import pytest
from making import scored

from mstask import claims, results
from mstask.claims import editions
from mstask.claims.editions import Edition, changes, ran, scores

SQUARE = {"Doppler-LIF": [0.8, 0.81, 0.8], "CrossInhib-LIF": [0.6, 0.6, 0.61]}


def run(**changed):
    return scored(SQUARE | changed, "square")


@pytest.fixture
def told(monkeypatch):
    """What is said of one claim that the square alone decides, where this is the kept document, and that was the run then."""
    claim = next(c for c in claims.judge({}) if set(c.needs) == {"square"} or c.id == "doppler-reproduced")
    claim = dataclasses.replace(claim, needs={"square": [*SQUARE]}, verdict="undecided")

    def tell(now, then, before="fragile"):
        monkeypatch.setattr(results, "load_present", lambda sections, voice: {section: now for section in sections})
        runs = {"embedded": {"square": ran(then)} if then else {}}
        return changes({"embedded": [claim]}, Edition(revision="", verdicts={"embedded": {claim.id: before}}, runs=runs))

    return tell


def test_the_rule_alone_turned_a_verdict_whose_runs_are_the_same(told):
    (change,) = told(run(), run())
    assert (change.before, change.claim.verdict, change.because) == ("fragile", "undecided", (editions.RULE,))


def test_other_scores_and_other_seeds_are_named_with_their_section(told):
    (anew,) = told(run(**{"Doppler-LIF": [0.8, 0.81, 0.79]}), run())
    assert anew.because == ("square: run anew by other code, or with other methods",)
    (more,) = told(run(), scored({name: values[:2] for name, values in SQUARE.items()}, "square"))
    assert more.because == ("square: 3 seeds instead of 2",)
    assert told(run(), None)[0].because == ("square: was not run",)


def test_a_seed_that_only_one_of_two_methods_has_is_no_other_run(told):
    longer = scored(SQUARE | {"Doppler-LIF": [*SQUARE["Doppler-LIF"], 0.79]}, "square", (42, 123, 999, 7))
    assert told(longer, run())[0].because == (editions.RULE,)


def test_a_verdict_that_is_what_it_was_is_no_change(told):
    assert told(run(), run(), before="undecided") == []


def test_the_record_is_of_claims_that_there_are_and_of_every_voice_that_was_judged():
    edition, known = editions.first_edition(), {entry.id for entry in claims.entries()}
    assert set(edition.verdicts) == {"published", "embedded", "real"} and len(edition.revision) == 40
    assert all(set(verdicts) <= known and len(verdicts) > 50 for verdicts in edition.verdicts.values())


def test_the_digest_of_scores_doesnt_depend_on_the_order_of_cells():
    found = run()
    assert scores(found) == scores(found.model_copy(update={"cells": found.cells[::-1]}))
