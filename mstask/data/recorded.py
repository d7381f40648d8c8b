"""Openly licensed recordings as data sets: speech by six men, and three kinds of radar, split so that no group is in two parts.

A group is a speaker, a round of gestures, a pass through the activities, or a date. Only "speech-mixed" deals words by chance.
Each case is named `set-part`, after what is held out for testing; validation is another group, held out likewise.

    speech-george, ...     the words of one speaker; validated on the next speaker's
    speech-mixed           a stratified fifth of each speaker's words, of the rest 15 % for validation, standardised
    neuroradar-fold-1..5   two rounds of ten; validated on the round after them
    neuroradar-days        the five rounds of the second day; validated on the last round of the first
    radhar-pass-1..4       one pass of four; validated on the next
    acconeer-2022-07-27    one date; trained on two of the three others, validated on 2022-07-14, which has no "tap in"
    acconeer-2022-07-25    the reverse: tested on the two, trained on 2022-07-27

Acconeer's gestures were recorded on four dates, and only these two ways leave every gesture in training and in testing.
Speech and NeuroRadar are counts of spikes and stay so, except that "speech-mixed" is standardised by its training part.
The other radar pictures are standardised by mean and standard deviation of all values of the training part.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mstask.data import DataError, Splits, acconeer, checks, data_set, fsdd, neuroradar, parts, radhar, shd
from mstask.data.originals import MissingRecordings, Original, located
from mstask.errors import nearest

Root = str | os.PathLike[str] | None
ORIGINALS = (fsdd.ORIGINAL, neuroradar.ORIGINAL, radhar.ORIGINAL, acconeer.ORIGINAL)
SPEECH_MIXED = "speech-mixed"
N_FOLDS = 5


@dataclass(frozen=True)
class Examples:
    """Inputs [N, T, F], labels int64 [N] and the group of each example, int64 [N], with what the groups are called."""

    x: np.ndarray
    y: np.ndarray
    groups: np.ndarray
    group_names: Sequence[str]
    class_names: Sequence[str]
    fingerprint: str


@dataclass(frozen=True)
class HeldOut:
    """Which groups are for validation and for testing; all others are for training."""

    validation: tuple[int, ...]
    test: tuple[int, ...]


SPEECH = {
    f"speech-{name}": HeldOut(((number + 1) % len(fsdd.SPEAKERS),), (number,)) for number, name in enumerate(fsdd.SPEAKERS)
}
PER_FOLD = neuroradar.N_ROUNDS // N_FOLDS
NEURORADAR = {
    f"neuroradar-fold-{fold + 1}": HeldOut(
        ((PER_FOLD * (fold + 1)) % neuroradar.N_ROUNDS,), tuple(range(PER_FOLD * fold, PER_FOLD * (fold + 1)))
    )
    for fold in range(N_FOLDS)
}
DAYS = {"neuroradar-days": HeldOut((neuroradar.DAY_TWO - 1,), tuple(range(neuroradar.DAY_TWO, neuroradar.N_ROUNDS)))}
RADHAR = {
    f"radhar-pass-{number + 1}": HeldOut(((number + 1) % radhar.N_PASSES,), (number,)) for number in range(radhar.N_PASSES)
}
ACCONEER = {"acconeer-2022-07-27": HeldOut((0,), (2,)), "acconeer-2022-07-25": HeldOut((0,), (1, 3))}
RADAR = NEURORADAR | DAYS | RADHAR | ACCONEER
CASES = (*SPEECH, SPEECH_MIXED, *RADAR)
"""The names of all cases."""


@data_set("speech-recorded", sources=("recorded",))
def load_speech(source: str, size: str, root: Root) -> Splits:
    """Return the recorded digits dealt by chance, the case "speech-mixed"; see `mstask.data.load`."""
    return load_case(SPEECH_MIXED, size, root)


@data_set("radar-recorded", sources=("recorded",))
def load_radar(source: str, size: str, root: Root) -> Splits:
    """Return NeuroRadar's gestures from the first day to the second, the case "neuroradar-days"; see `mstask.data.load`."""
    return load_case("neuroradar-days", size, root)


def load_case(case: str, size: str = "paper", root: Root = None) -> Splits:
    """Return the data of a case; `meta` says in "groups" which speakers, rounds, passes or dates each part has.

    With the size "small" the ear has every tenth channel; recordings of radar have one size.
    """
    if case not in CASES:
        raise DataError(f"unknown case {case!r} of the recordings: {nearest(case, CASES)}")
    if case == SPEECH_MIXED:
        return dealt(speech(size, root))
    if case in SPEECH:
        return split(speech(size, root), SPEECH[case], "speech-recorded")
    examples = _RADAR[case.split("-")[0]](root)
    return split(examples, RADAR[case], "radar-recorded", standardise=not case.startswith("neuroradar"))


def absence(original: Original) -> str:
    """Say in one sentence how to get recordings that aren't here; "" where they are."""
    try:
        located(original)
    except MissingRecordings as error:
        return str(error)
    return ""


def is_here(case: str) -> bool:
    """Whether there is a copy of the recordings that a case needs: those of its name, or else speech."""
    return not absence(next((o for o in ORIGINALS if case.startswith(o.name)), fsdd.ORIGINAL))


def speech(size: str, root: Root = None) -> Examples:
    """The recorded digits as spike counts in frames; the groups are the speakers."""
    words, _, fingerprint = fsdd.heard(size, root)
    return Examples(words.counts, words.labels, words.speakers, fsdd.SPEAKERS, words.keys or shd.ENGLISH, fingerprint)


def gestures(root: Root = None) -> Examples:
    """NeuroRadar's gestures as spike counts; the groups are the rounds."""
    read = neuroradar.read(root)
    names = [f"round {number}" for number in range(neuroradar.N_ROUNDS)]
    return _examples(read.x, read.y, read.rounds, names, neuroradar.CLASS_NAMES)


def activities(root: Root = None) -> Examples:
    """RadHAR's windows; the groups are the passes."""
    read = radhar.read(root)
    names = [f"pass {number}" for number in range(1, radhar.N_PASSES + 1)]
    return _examples(read.x, read.y, read.passes, names, radhar.CLASS_NAMES)


def hands(root: Root = None) -> Examples:
    """Acconeer's slices; the groups are the dates."""
    read = acconeer.read(root)
    return _examples(read.x, read.y, read.dates, acconeer.DATES, [name.replace("_", " ") for name in acconeer.CLASS_NAMES])


_RADAR: dict[str, Callable[[Root], Examples]] = {"neuroradar": gestures, "radhar": activities, "acconeer": hands}


def split(examples: Examples, held_out: HeldOut, name: str, standardise: bool = False) -> Splits:
    """Cut examples into parts that share no group.

    Raises
    ------
    DataError : a part is empty, or training or test lacks a class.
    """
    validation, test = (np.isin(examples.groups, groups) for groups in (held_out.validation, held_out.test))
    rows = [np.flatnonzero(part) for part in (~(validation | test), validation, test)]
    for part, own in zip(parts.PARTS, rows, strict=True):
        counts = np.bincount(examples.y[own], minlength=len(examples.class_names))
        if not counts.sum() or (part != "validation" and not counts.all()):
            absent = examples.class_names[int(counts.argmin())]
            raise DataError(f"the {part} part of {name} has no example of class {absent!r}, expected some of each class")
    return _splits(examples, rows, name, standardise)


def dealt(examples: Examples) -> Splits:
    """Deal words by chance, as many of each word by each speaker to each part."""
    shares = (parts.TEST_SHARE, parts.VALIDATION_SHARE)
    both = examples.y * len(examples.group_names) + examples.groups
    names = [f"{word} by {speaker}" for word in examples.class_names for speaker in examples.group_names]
    train, validation, test = _in_order(parts.stratified(np.arange(len(both)), both, shares, names, "the recorded speech"))
    return _splits(examples, [train, validation, test], "speech-recorded", standardise=True)


def _in_order(rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    train, test, validation = rows
    return train, validation, test


def _splits(examples: Examples, rows: Sequence[np.ndarray], name: str, standardise: bool) -> Splits:
    x = [examples.x[own].astype(np.float32) for own in rows]
    facts: dict[str, Any] = {"name": name, "source": "recorded", "fingerprint": examples.fingerprint}
    if standardise:
        mean, sd = float(x[0].mean(dtype=np.float64)), float(x[0].std(dtype=np.float64))
        if sd == 0:
            raise DataError(f"{name} has no variation: every training value is {mean:g}")
        x = [(part - np.float32(mean)) / np.float32(sd + 1e-6) for part in x]
        facts |= {"mean": mean, "sd": sd}
    facts["groups"] = {
        part: [examples.group_names[group] for group in np.unique(examples.groups[own])]
        for part, own in zip(parts.PARTS, rows, strict=True)
    }
    return parts.splits(x, [examples.y[own] for own in rows], examples.class_names, "all", **facts)


def _examples(
    x: np.ndarray, y: np.ndarray, groups: np.ndarray, group_names: Sequence[str], class_names: Sequence[str]
) -> Examples:
    return Examples(x, y, groups, group_names, class_names, checks.fingerprint(x, y, groups))
