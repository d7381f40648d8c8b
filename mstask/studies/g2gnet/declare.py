"""The section that runs G2GNet: grouped wirings against dense and unstructured ones, still and moving."""

from __future__ import annotations

from types import ModuleType

from mstask.section import Section
from mstask.studies.g2gnet.methods import CASE_SOURCES, CASES, METHODS
from mstask.studies.g2gnet.parameters import G2GParameters

ONE = {"seeds": [42], "cases": ["digits"]}
FULL = {"data_size": "paper", "seeds": [42, 123, 999, 7, 2026], "max_epochs": 20}


def _measure() -> ModuleType:
    """What one cell does."""
    from mstask.studies.g2gnet import measure

    return measure


SECTION = Section(
    id="g2gnet",
    number="5.4",
    title="G2GNet: which inputs a neuron may combine",
    about="G2GNet's wirings",
    data="digits",
    methods=tuple(METHODS),
    parameters=G2GParameters,
    protocol=G2GParameters.defaults() | {"learning_rate": 1e-3, "batch_size": 64, "patience": 20},
    profiles={
        "smoke": ONE | {"data_size": "small", "methods": ["dense", "er", "index", "index-dst"], "max_epochs": 2},
        "quick": ONE
        | {
            "data_size": "medium",
            "methods": ["dense", "er", "index", "random", "mixer", "index-dst"],
            "max_epochs": 12,
        },
        "afternoon": FULL
        | {
            "max_epochs": 40,
            "cases": ["digits", "radar", "speech"],
            "methods": [name for name in METHODS if name not in ("random-dst", "mixer-dst")],
        },
        "paper": FULL
        | {
            "cases": ["digits", "radar", "speech", "fashion-mnist", "cifar-10", "cifar-100"],
            "hidden": 2048,
            "steps": 50,
            "batch_size": 256,
        },
    },
    departures={
        "selection": "An epoch is chosen by its validation score, where the sources report the best test score",
        "augmentation": "Photographs are neither shifted nor mirrored, which the sources do with CIFAR",
        "data": "The sources' pictures need the user's files; embedded data are digits, radar and speech",
    },
    longer={
        "max_epochs": "An afternoon is twice as long, and ends early where validation doesn't improve: after the published "
        "epochs most networks still gained on radar and speech"
    },
    experiment=_measure,
    cases=CASES,
    case_sources=CASE_SOURCES,
)
SECTIONS = (SECTION,)
