"""The paper's matching experiments: which networks meet which data."""

from __future__ import annotations

from functools import partial
from types import ModuleType

from mstask.parameters import ProbeParameters, SpikingParameters
from mstask.protocol import MORE_CALIBRATION, PROTOCOL, THREE_SEEDS
from mstask.section import Section


def spiking() -> ModuleType:
    """Trains the paper's spiking networks."""
    from mstask import spiking

    return spiking


def probe() -> ModuleType:
    """The same with thresholds that are calibrated before every epoch."""
    from mstask.studies.matching import probe

    return probe


AUDIO_NEURONS = (
    "CrossInhib-LIF",
    "Vanilla-LIF",
    "Dual-tau-LIF",
    "Chirp-LIF",
    "Beam-IF",
    "Doppler-LIF",
    "STFT-IF",
    "Phase-LIF",
)
AUDIO_ON_RADAR = ("Doppler-LIF", "CrossInhib-LIF", "Phase-LIF")
"""The neuron types compared on speech that the paper's script 06 trains on radar."""
ALL_NEURONS = (*AUDIO_NEURONS, "Parametric-LIF")
PAIRS = ("speakers-0-1", "speakers-2-3", "speakers-4-5", "speakers-6-7", "speakers-8-9", "speakers-10-11")

ON_RADAR = {"window_len": 16, "calibration_examples": PROTOCOL.calibration_examples}
ON_AUDIO = {"window_len": 8, "calibration_examples": PROTOCOL.calibration_examples}
SPIKING = {
    name: getattr(PROTOCOL, name)
    for name in ("beta", "surrogate_slope", "learning_rate", "batch_size", "patience", "width", "target_rate", "dense_above")
}

SMOKE = {"data_size": "small", "seeds": [42], "max_epochs": 2, "width": 16}
QUICK = {"data_size": "medium", "seeds": [42], "max_epochs": 8}
PAPER = {"data_size": "paper", "seeds": THREE_SEEDS, "max_epochs": PROTOCOL.max_epochs}
PROFILES = {"smoke": SMOKE, "quick": QUICK, "paper": PAPER}

SpikingSection = partial(Section, parameters=SpikingParameters, experiment=spiking)

ABLATION = SpikingSection(
    id="ablation",
    number="4.1",
    title="Matched-capacity ablation on radar",
    about="the radar ablation",
    data="radar",
    methods=("D0_doppler", "D0_stft", "D0_chirp", "D0_dualtau", "D1_H1", "D1_rev", "D1_perm1", "D2_concat"),
    protocol=SPIKING | ON_RADAR,
    profiles=PROFILES | {"quick": QUICK | {"seeds": [42, 123]}},
)

SQUARE = SpikingSection(
    id="square",
    number="4.3",
    title="The audio neurons on radar: closing the square",
    about="radar (the square)",
    data="radar",
    methods=(*AUDIO_ON_RADAR, *(name for name in ALL_NEURONS if name not in AUDIO_ON_RADAR)),
    added=tuple(name for name in ALL_NEURONS if name not in AUDIO_ON_RADAR),
    protocol=SPIKING | ON_RADAR | MORE_CALIBRATION,
    profiles=PROFILES | {name: PROFILES[name] | {"methods": list(AUDIO_ON_RADAR)} for name in ("smoke", "quick")},
)

DISJOINT = SpikingSection(
    id="disjoint",
    number="3.3",
    title="Spoken digits by unfamiliar speakers",
    about="speaker-disjoint audio",
    data="speech",
    arrays_suffice=True,
    methods=ALL_NEURONS,
    added=("Parametric-LIF",),
    protocol=SPIKING | ON_AUDIO,
    profiles=PROFILES | {name: PROFILES[name] | {"methods": list(AUDIO_NEURONS)} for name in ("smoke", "quick")},
)

MIXED = SpikingSection(
    id="mixed",
    number="4.3",
    title="Spoken digits with mixed speakers",
    about="mixed-speaker audio",
    data="speech-mixed",
    arrays_suffice=True,
    methods=AUDIO_NEURONS,
    protocol=SPIKING | {"window_len": 0} | MORE_CALIBRATION,
    profiles=PROFILES,
)

ROTATION = SpikingSection(
    id="rotation",
    number="3.3",
    title="Which speakers are held out?",
    about="audio with rotating held-out speakers",
    data="speech",
    arrays_suffice=True,
    methods=AUDIO_NEURONS,
    cases=PAIRS,
    held_out={"speakers-": "held-out speakers"},
    protocol=SPIKING | ON_AUDIO,
    profiles={
        "smoke": SMOKE | {"cases": ["speakers-0-1"], "methods": ["Vanilla-LIF", "Doppler-LIF"]},
        "quick": QUICK | {"cases": ["speakers-0-1", "speakers-4-5"], "methods": ["CrossInhib-LIF", "Doppler-LIF"]},
        "afternoon": PAPER | {"data_size": "medium"},
        "paper": PAPER,
    },
)

PROBE = Section(
    id="probe",
    number="3",
    title="A probe of the harness on spoken digits",
    about="the audio probe (mixed speakers)",
    data="speech-mixed",
    arrays_suffice=True,
    methods=("D0_doppler", "D0_stft", "D0_chirp", "D0_dualtau", "D1_H1", "D1_rev", "D2_concat"),
    parameters=ProbeParameters,
    protocol=SPIKING | ON_AUDIO | {"rate_low": 0.02, "rate_high": 0.90, "patience": 15, "select_on": "validation"},
    profiles={
        "smoke": SMOKE,
        "quick": QUICK | {"max_epochs": 5, "methods": ["D0_doppler", "D0_stft", "D0_chirp", "D0_dualtau", "D1_H1"]},
        "paper": PAPER | {"max_epochs": 15},
    },
    departures={"select_on": "An epoch is chosen by its validation score; the paper's script reports the best test score"},
    experiment=probe,
)

SECTIONS = (PROBE, DISJOINT, ROTATION, ABLATION, MIXED, SQUARE)
