"""The sections on tuned networks: the study that tunes them, the table of what it found, and the frontier of dense networks."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

from mstask.parameters import Parameters
from mstask.protocol import FIVE_SEEDS, MORE_CALIBRATION, PROTOCOL, THREE_SEEDS
from mstask.section import Place, Section
from mstask.studies.tuning.parameters import StudyParameters, TunedParameters

TRIPLES = ((8, 16, 32), (16, 32, 64), (32, 64, 128), (48, 96, 192), (64, 128, 256), (72, 144, 288), (80, 160, 320))
CNNS = tuple(f"CNN-{'-'.join(map(str, channels))}" for channels in TRIPLES)
TUNED = ("Doppler-LIF", "Vanilla-LIF", "Parametric-LIF")
BANK = "D2_concat"


COMMON: dict[str, Any] = {
    "batch_size": PROTOCOL.batch_size,
    "patience": PROTOCOL.patience,
    "dense_above": PROTOCOL.dense_above,
} | MORE_CALIBRATION
DENSE = {"cnn_learning_rate": 1e-3, "cnn_weight_decay": 1e-4}

SMOKE = {"data_size": "small", "seeds": [42], "max_epochs": 2}
QUICK = {"data_size": "medium", "seeds": [42], "max_epochs": 6}
AFTERNOON = {"data_size": "paper", "seeds": THREE_SEEDS, "max_epochs": 60, "cnn_epochs": 20}
PAPER = {"data_size": "paper", "seeds": THREE_SEEDS, "max_epochs": PROTOCOL.max_epochs}
STUDIED: dict[str, Any] = {"methods": list(TUNED), "seeds": [42]}


def _from_study(place: Place, parameters: Parameters) -> dict[str, str]:
    """What a tuned network takes from the study; see `search.read_from_study`."""
    from mstask.studies.tuning.search import read_from_study

    return read_from_study(place, parameters)


def _study() -> ModuleType:
    """One trial after another."""
    from mstask.studies.tuning import study

    return study


def _tuned() -> ModuleType:
    """What the study chose, trained in full."""
    from mstask.studies.tuning import tuned

    return tuned


RadarSection = partial(Section, number="4.2", data="radar")
TunedSection = partial(RadarSection, parameters=TunedParameters, protocol=COMMON | DENSE, experiment=_tuned, reads=_from_study)

STUDY = RadarSection(
    id="study",
    title="Tuning for radar: the studies",
    methods=(*TUNED, BANK),
    parameters=StudyParameters,
    protocol=COMMON | {"prune_epoch": 31, "prune_below": 0.30, "select_on": "validation"},
    profiles={
        "smoke": SMOKE | STUDIED | {"n_trials": 2, "startup_trials": 1},
        "quick": QUICK | STUDIED | {"n_trials": 3, "startup_trials": 2},
        "afternoon": PAPER | STUDIED | {"max_epochs": 30, "n_trials": 30, "startup_trials": 10, "prune_epoch": 15},
        "paper": PAPER | STUDIED | {"n_trials": 55, "startup_trials": 10},
    },
    departures={"select_on": "A trial is chosen by its validation score; the paper's script looks at test scores"},
    experiment=_study,
)

SEARCH = TunedSection(
    id="search",
    title="Tuned networks on radar",
    about="tuned networks on radar",
    methods=(*TUNED, BANK, *(f"{name}.efficient" for name in (*TUNED, BANK)), "SmallCNN"),
    profiles={
        "smoke": SMOKE | {"methods": [*TUNED, "SmallCNN"], "cnn_epochs": 2},
        "quick": QUICK | {"methods": [*TUNED, "SmallCNN"], "max_epochs": 8, "cnn_epochs": 8},
        "afternoon": AFTERNOON | {"methods": [*TUNED, "SmallCNN"]},
        "paper": PAPER
        | {
            "methods": [*TUNED, *(f"{name}.efficient" for name in TUNED), "SmallCNN"],
            "seeds": FIVE_SEEDS,
            "cnn_epochs": PROTOCOL.max_epochs,
        },
    },
    after=("study",),
)

FRONTIER = TunedSection(
    id="frontier",
    title="Accuracy against operation-count proxy: the CNN frontier on radar",
    about="the CNN frontier on radar",
    methods=(*CNNS, *TUNED),
    profiles={
        "smoke": SMOKE | {"methods": [CNNS[0], "Doppler-LIF"], "cnn_epochs": 2},
        "quick": QUICK | {"methods": [*CNNS[:2], "Doppler-LIF"], "max_epochs": 8, "cnn_epochs": 8},
        "afternoon": AFTERNOON | {"methods": [*CNNS[:4], *TUNED]},
        "paper": PAPER | {"cnn_epochs": PROTOCOL.max_epochs},
    },
    after=("study", "search"),
)

SECTIONS = (STUDY, SEARCH, FRONTIER)
