"""The paper's crossing on openly licensed recordings: nine neuron types and two baselines, speech and three kinds of radar."""

from __future__ import annotations

from types import ModuleType

from mstask.data import recorded
from mstask.protocol import FIVE_SEEDS, PROTOCOL, THREE_SEEDS
from mstask.section import Section
from mstask.studies.matching.declare import ALL_NEURONS, ON_RADAR, SPIKING
from mstask.studies.recordings.parameters import LOGISTIC, SMALL_CNN, TO_EMBEDDED, TO_RECORDED, RecordingsParameters


def experiment() -> ModuleType:
    """Trains all of them, each in its own way."""
    from mstask.studies.recordings import measure

    return measure


ONE_OF_EACH = ["speech-george", "neuroradar-fold-1", "radhar-pass-1", "acconeer-2022-07-27"]
PAPER = {
    "data_size": "paper",
    "seeds": FIVE_SEEDS,
    "max_epochs": PROTOCOL.max_epochs,
    "cnn_epochs": 20,
}

RECORDINGS = Section(
    id="recordings",
    number="4.4",
    title="The crossing on recordings",
    data="radar-recorded",
    methods=(*ALL_NEURONS, LOGISTIC, SMALL_CNN),
    cases=(*recorded.CASES, TO_RECORDED, TO_EMBEDDED),
    held_out={"speech-": "the speaker", "radhar-": "RadHAR's", "neuroradar-": "NeuroRadar's", "acconeer-": "Acconeer's"},
    parameters=RecordingsParameters,
    protocol=SPIKING | ON_RADAR | {"audio_window_len": 8, "cnn_learning_rate": 1e-3, "cnn_weight_decay": 1e-4},
    profiles={
        "smoke": {
            "data_size": "small",
            "seeds": [42],
            "max_epochs": 2,
            "cnn_epochs": 1,
            "width": 16,
            "methods": ["Doppler-LIF", "CrossInhib-LIF", LOGISTIC, SMALL_CNN],
            "cases": ["speech-george", "radhar-pass-1"],
        },
        "quick": {
            "data_size": "small",
            "seeds": [42],
            "max_epochs": 10,
            "cnn_epochs": 5,
            "methods": ["Doppler-LIF", "CrossInhib-LIF", LOGISTIC],
            "cases": ONE_OF_EACH,
        },
        "afternoon": PAPER | {"seeds": THREE_SEEDS},
        "paper": PAPER,
    },
    departures={
        "calibration": "Thresholds come from the first training examples as the files have them, which often are of one class "
        "or a few; elsewhere examples are shuffled before",
    },
    experiment=experiment,
    data_sources=("recorded",),
)
SECTIONS = (RECORDINGS,)
