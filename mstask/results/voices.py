"""The voices of the book, and the names and marks a reader sees: never a colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from mstask.results.documents import Document

T = TypeVar("T")


@dataclass(frozen=True)
class Voice:
    """How one voice looks: `colour` is told apart by colour-blind readers, `marker` is matplotlib's."""

    label: str
    colour: str
    marker: str
    absent: str


VOICES = {
    "published": Voice("published", "#5d6d7e", "D", "not published"),
    "embedded": Voice("embedded", "#00796b", "o", "not locked"),
    "real": Voice("real data", "#6a3d9a", "^", "none on real data"),
    "recorded": Voice("recorded", "#8c6d00", "v", "no recordings"),
    "run": Voice("your run", "#c75b12", "s", "not run yet"),
}

DATA_NAMES = {"embedded": "embedded data", "real": "real data", "recorded": "recordings"}
"""What a reader calls each source of data."""

NOTHING = "—"

VERDICTS = {"supported": "✓", "undecided": "≈", "contradicted": "✗", "not testable": "○"}

WIRINGS = {"er": "unstructured", "index": "index groups", "random": "random groups", "mixer": "mixer groups"}
LABELS = {
    "D0_doppler": "all Doppler-LIF",
    "D0_stft": "all STFT-IF",
    "D0_chirp": "all Chirp-LIF",
    "D0_dualtau": "all Dual-tau-LIF",
    "D1_H1": "vertical mix",
    "D1_rev": "reversed mix",
    "D1_perm1": "permuted mix",
    "D2_concat": "bank of five",
    "S2-M1": "S2-STDP M-1",
    "S2-M2-L": "S2-STDP M-2 + L",
    "S2-M5": "S2-STDP M-5",
    "S2-M5-free": "S2-STDP, five without competition",
    "S2-M5-CR1": "S2-STDP M-5 + CR-1",
    "S2-M5-CR2": "S2-STDP M-5 + CR-2",
    "S2-M5-CR2-L": "S2-STDP M-5 + CR-2 + L",
    "S2-M5-Drop-L": "S2-STDP M-5 + drop + L",
    "S2-M10-CR2-L": "S2-STDP M-10 + CR-2 + L",
    "SSTDP-M1": "SSTDP M-1",
    "SSTDP-M5-CR2": "SSTDP M-5 + CR-2",
    "SSTDP-M10-CR2": "SSTDP M-10 + CR-2",
    "R-M1": "R-STDP M-1",
    "R-M5": "R-STDP M-5",
    "R-M20": "R-STDP M-20",
    "HomNeuLIF-wide": "HomNeuLIF, wider",
    "average-cross-entropy": "average cross-entropy",
    "first-spike": "first spike, 1/x",
    "first-spike-exp": "first spike, exp",
    "sum-frozen": "sum, hidden frozen",
    "published": "published setting",
    "phantom": "phantom spikes",
    "short-trial": "short trial",
    "two-layers": "two layers",
    "varied-taus": "varied time constants",
    "adaptive": "adaptive thresholds",
    "trained-taus": "trained time constants",
    "trained-delays": "trained delays",
    "SmallCNN": "compact CNN",
    "logistic": "logistic regression",
    "dense": "dense",
    "dense-matched": "dense, narrower",
    **WIRINGS,
    "er-p0": "unstructured, sparser",
    **{f"{name}-p0": f"{text} only" for name, text in WIRINGS.items() if name != "er"},
    **{f"{name}-dst": f"{text}, rewired" for name, text in WIRINGS.items()},
    "index-dst-class": "index groups, rewired in kind",
}


def label(name: str) -> str:
    """Return the name a reader sees for a method; a neuron's name is its own label."""
    return LABELS.get(name, name)


def heading(voice: str, document: Document | None = None) -> str:
    """Return a voice's label; in brackets the profile where it isn't the paper's, and a run's data where it isn't embedded."""
    details = []
    if document is not None and document.profile != "paper":
        details.append(document.profile)
    if voice == "run" and document is not None and document.data_source in ("real", "recorded"):
        details.append(DATA_NAMES[document.data_source])
    return VOICES[voice].label + (f" ({', '.join(details)})" if details else "")


def voice_of(heading: str) -> str | None:
    """Return the voice that a table heading names, if it names one."""
    return next((name for name, voice in VOICES.items() if heading.partition(" (")[0] == voice.label), None)


def marked(verdict: str) -> str:
    """Return a verdict with its mark."""
    return f"{VERDICTS[verdict]} {verdict}"


def verdict_of(text: str) -> str | None:
    """Return the verdict that a table cell shows, if it shows one."""
    return next((verdict for verdict in VERDICTS if text == marked(verdict)), None)


def by_voice(given: Mapping[str, T | None]) -> dict[str, T]:
    """Return what exists of the things given by voice, in the order of the voices."""
    return {voice: found for voice in VOICES if (found := given.get(voice)) is not None}
