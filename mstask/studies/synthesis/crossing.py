"""The crossing of any two neuron types on any two data sets, each judged by the rule of the paper's own crossing.

A pair that is picked once the scores are known crosses easily by chance; no verdict here corrects for that choice, only for the
comparisons that the ledger makes in a section.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, permutations
from typing import Any

from mstask import claims
from mstask.claims.findings import Finding
from mstask.claims.rules import difference
from mstask.results.documents import Document
from mstask.studies.matching.claims import CLAIMS, ON_AUDIO, crossed
from mstask.studies.recordings.exhibits import TITLES
from mstask.studies.recordings.facts import SETS, of_set
from mstask.studies.recordings.stand_ins import HOMOGENEOUS, view
from mstask.summary import standings
from mstask.summary.once import Same, once

CLAIM = next(claim for claim in CLAIMS if claim.id == "double-dissociation")
TYPES = {method: neuron for neuron, method in HOMOGENEOUS.items()}
"""Neuron types of the networks at matched capacity that have one throughout."""


@dataclass(frozen=True)
class DataSet:
    """One data set that neuron types were compared on: its section, there the cases and the set of `SETS` if it has several."""

    title: str
    section: str
    audio: bool
    recorded: str = ""

    @property
    def unit(self) -> str:
        """What an interval of its scores is taken over."""
        return "fold" if self.recorded or self.section == "rotation" else "seed"

    @property
    def name(self) -> str:
        """A name of its own among all data sets."""
        return f"{self.section} {self.recorded}".strip()


DATA_SETS = (
    DataSet("radar, the audio neurons", "square", False),
    DataSet("radar, at matched capacity", "ablation", False),
    DataSet("radar, tuned", "search", False),
    DataSet("digits, unfamiliar speakers", "disjoint", True),
    DataSet("digits, mixed speakers", "mixed", True),
    DataSet("digits, every pair held out", "rotation", True),
    *(DataSet(title.partition(" (")[0], "recordings", name.startswith("speech"), name) for name, title in TITLES.items()),
)
Side = tuple[DataSet, Document]
AUDIO = frozenset(data.name for data in DATA_SETS if data.audio)


def scores(data: DataSet, document: Document) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """The key and the spread of macro-F1 of each neuron type on a data set; key as in `mstask.summary.summarise`."""
    stem = f"facts.sets.{data.recorded}.methods" if data.recorded else "methods"
    found = of_set(document, data.recorded) if data.recorded else standings(document)
    methods = found["methods"] if found else {}
    return {
        neuron: (f"{stem}.{method}.macro_f1", methods[method]["macro_f1"])
        for method, neuron in zip(methods, (TYPES.get(method, method) for method in methods), strict=True)
        if neuron.endswith(("-LIF", "-IF")) and methods[method]["macro_f1"]["mean"] is not None
    }


@once
def alone(document: Document, data: DataSet) -> Document:
    """The cells and means of a document on one data set, its methods called by their neuron types."""
    if data.recorded:
        return view(document, data.name, {data.recorded: SETS[data.recorded]})
    cells = document.cells
    renamed = [c.model_copy(update={"method": TYPES[c.method]}) if c.method in TYPES else c for c in cells]
    means = {TYPES.get(method, method): mean for method, mean in document.means.items()}
    return document.model_copy(update={"section": data.name, "cells": renamed, "means": means})


def lead(document: Document, data: DataSet, a: str, b: str) -> Finding:
    """What the ledger's rule finds of the difference of two neuron types on a data set."""
    return difference({data.name: alone(document, data)}, data.name, a, b, family=ON_AUDIO if data.audio else ())


@once
def _verdict(document: Document, data: DataSet, against: Same, other: DataSet, a: str, b: str) -> str:
    """Whether neuron type `a` beats `b` on the first data set and `b` beats `a` on the second, as the ledger judges it."""
    documents = {data.name: alone(document, data), other.name: alone(against.value, other)}
    test = partial(crossed, first=data.name, second=other.name, a=a, b=b, on_audio=AUDIO)
    return claims.judged(replace(CLAIM, needs=dict.fromkeys(documents, (a, b)), test=test), documents).verdict


def every_verdict(sides: Sequence[Side], neurons: Sequence[str]) -> dict[tuple[int, int], dict[tuple[str, str], str]]:
    """The verdict of every ordered pair of neuron types on every pair of data sets, by their places."""
    return {
        (i, j): {pair: _verdict(document, data, Same(against), other, *pair) for pair in permutations(neurons, 2)}
        for (i, (data, document)), (j, (other, against)) in combinations(enumerate(sides), 2)
    }
