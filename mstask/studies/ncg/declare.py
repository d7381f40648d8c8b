"""Section 5.3: does a readout gain from several competing neurons per class, and what keeps them all in use?"""

from __future__ import annotations

from functools import partial
from types import ModuleType

from mstask.protocol import FIVE_SEEDS, TEN_SEEDS
from mstask.section import Section
from mstask.studies.ncg.names import AT_LENGTH, EQUAL_CASES, METHODS
from mstask.studies.ncg.parameters import NCGParameters

CASE_SOURCES = {
    "digits": ("embedded",),
    "digits-features": ("embedded",),
    "mnist": ("real",),
    "fashion-mnist": ("real",),
}
"""Data sets that come from one source only; speech and radar exist embedded and real."""
COMPARED = ("digits", "digits-features", "speech", "radar", "mnist", "fashion-mnist")
CASES = (*COMPARED, "speech-onsets")
"""Data sets. "speech-onsets" is an extra: the cochlea's very first spikes."""

FEW = {"seeds": [42], "cases": ["digits", "mnist"]}
PAPER = {"data_size": "paper", "max_epochs": 100, "cases": list(COMPARED)}


def _measure() -> ModuleType:
    """What one cell does."""
    from mstask.studies.ncg import measure

    return measure


def _equal() -> ModuleType:
    """What one cell of readouts of equal size does."""
    from mstask.studies.ncg import equal

    return equal


ReadoutSection = partial(
    Section, number="5.3", data="digits", parameters=NCGParameters, protocol=NCGParameters.defaults(), on_processor=True
)

SECTION = ReadoutSection(
    id="ncg",
    title="Groups of competing readout neurons",
    about="competing readout neurons",
    methods=tuple(METHODS),
    cases=CASES,
    case_sources=CASE_SOURCES,
    profiles={
        "smoke": FEW | {"data_size": "small", "max_epochs": 2, "methods": ["S2-M1", "S2-M5-CR2-L"]},
        "quick": FEW
        | {
            "data_size": "paper",
            "max_epochs": 30,
            "methods": ["S2-M1", "S2-M5", "S2-M5-CR2-L", "SSTDP-M1", "SSTDP-M5-CR2", "R-M5"],
        },
        "afternoon": PAPER | {"seeds": FIVE_SEEDS},
        "paper": PAPER | {"seeds": TEN_SEEDS},
    },
    departures={
        "folds": "One division of the data, where the paper has ten folds",
        "settings": "Chosen from 16 random draws of 8 epochs on at most 1,500 examples, once for all groups of a rule; the "
        "paper tried hundreds on whole sets, for nearly every variant",
        "inputs": "Simple input codes, where the paper has learnt features of thousands of inputs",
        "reference_timing": "Neurons fire at the last input spike, too, as described; the published code leaves it out",
    },
    experiment=_measure,
)

EQUAL_SECTION = ReadoutSection(
    id="equal-readout",
    title="Readouts of equal size, tuned at the length that they train",
    methods=tuple(AT_LENGTH),
    cases=EQUAL_CASES,
    case_sources={"digits": ("embedded",)},
    profiles={
        "smoke": {"data_size": "small", "seeds": [42], "max_epochs": 2, "cases": ["digits"]},
        "quick": {"data_size": "medium", "seeds": [42], "max_epochs": 30, "cases": ["digits"]},
        "afternoon": {"data_size": "medium", "seeds": FIVE_SEEDS, "max_epochs": 100},
        "paper": {"data_size": "paper", "seeds": FIVE_SEEDS, "max_epochs": 100},
    },
    departures={
        "variants": "No paper compares these; five neurons that don't compete are this project's own control",
        "settings": "Chosen for each method from as many random draws, trained as long as here, on data of medium size",
    },
    experiment=_equal,
)

SECTIONS = (SECTION, EQUAL_SECTION)
