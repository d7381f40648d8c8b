"""Configurations that come with the package, by name, and how to change them or spread them over a grid.

"digits/S2-M5-CR2-L", a data set and a method of this book: settings chosen on its validation part; thresholds are shares
of what a sample drives a neuron with, so these need the data. "stdp-csnn/mnist/s2stdp+ncg", an extractor, a data set and a
rule: those of the published code (`published.json`), whose thresholds hold for the authors' features of thousands of inputs.
Variants (`DERIVED`) are offered wherever the rule that they change is, also on sets for which the published code has none.
"""

from __future__ import annotations

import difflib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mstask.results.files import read_json
from mstask.studies.ncg.config import ConfigError
from mstask.studies.ncg.declare import CASES
from mstask.studies.ncg.methods import Schedule, assemble, configuration, settings
from mstask.studies.ncg.names import METHODS, Method
from mstask.studies.ncg.spikes import SpikeList

PUBLISHED = Path(__file__).with_name("published.json")
SCHEDULE = Schedule(epochs=100, patience=10)
NCG = "s2stdp+ncg"
RULES = {
    "s2stdp": Method("S2", 1),
    "s2stdp+pcn": Method("S2", 2, n_nontarget=1),
    NCG: Method("S2", 5, regulation="CR2", n_nontarget=1),
    f"{NCG}-no-nt": Method("S2", 5, regulation="CR2"),
    f"{NCG}-4n-no-nt": Method("S2", 4, regulation="CR2"),
    f"{NCG}-cr-1-thr": Method("S2", 5, regulation="CR1", n_nontarget=1),
    f"{NCG}-cr-1-thr-no-nt": Method("S2", 5, regulation="CR1"),
    f"{NCG}-cr-drop": Method("S2", 5, n_nontarget=1),
    "sstdp": Method("SSTDP", 1),
    "sstdp+ncg": Method("SSTDP", 5, regulation="CR2"),
    "sstdp+ncg-cr-1-thr": Method("SSTDP", 5, regulation="CR1"),
    "sstdp+ncg-cr-drop": Method("SSTDP", 5),
    "rstdp-5n": Method("R", 5),
    "rstdp-20n": Method("R", 20),
    "s4nn": Method("S4NN", 1),
    "s4nn+ncg": Method("S4NN", 5, regulation="CR2"),
}
DERIVED = {
    f"{NCG}-no-cr": (NCG, Method("S2", 5, n_nontarget=1), {}),
    f"{NCG}-no-cr-no-nt": (NCG, Method("S2", 5), {}),
    f"{NCG}-no-nt-same": (NCG, Method("S2", 5, regulation="CR2"), {}),
    f"{NCG}-no-ltd": (NCG, RULES[NCG], {"am": 0.0}),
    "sstdp+ncg-no-cr": ("sstdp+ncg", Method("SSTDP", 5), {}),
}
"""Variants with the values of another rule: its name, what they are, and the values that differ."""
WIDER = ("s2stdp", NCG, "sstdp", "sstdp+ncg", "rstdp-5n", "rstdp-20n", "s4nn", "s4nn+ncg")
"""Rules published for CIFAR-100, with the values of CIFAR-10."""
MISNAMED = ("softhebb-cnn", "fashion-mnist", "sstdp+ncg-cr-1-thr")
"""Published without the switch for one threshold, so that it has two."""
ABLATIONS: dict[str, dict[str, Any]] = {
    "neurons": {"network.n_neurons": [30, 50, 70, 100, 150], "trainer.epochs": 200},
    "eta": {
        "network.n_neurons": 50,
        "regularizer.thr_lr": [15, 10, 5, 1, 0.5, 0.1, 0.05, 0.01],
        "regularizer.thr_anneal": [1, 0.9, 0.5, 0.1],
    },
}
"""Grids of the published ablations for ten classes: neurons in all, and the step of the regulation with its annealing."""


@cache
def _published() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    return json.loads(PUBLISHED.read_text("utf-8"))


@cache
def names() -> tuple[str, ...]:
    """Every name, those of this book first."""
    book = [f"{case}/{method}" for case in CASES for method in METHODS]
    theirs = []
    for extractor, cases in _published().items():
        for case, rules in cases.items():
            derived = [name for name, (base, _, _) in DERIVED.items() if base in rules]
            theirs += [f"{extractor}/{case}/{rule}" for rule in (*rules, *derived)]
        theirs += [f"{extractor}/cifar100/{rule}" for rule in WIDER]
    return (*book, *theirs)


def values(name: str, train: SpikeList | None = None) -> dict[str, Any]:
    """A configuration as plain values; `train` is the training set that one of this book is made for.

    Raises
    ------
    ConfigError : no such name; one of this book's without data.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=3)
        advice = f"did you mean {' or '.join(close)}? " if close else ""
        raise ConfigError(
            f"{name} is no file, and no configuration that comes with the package; {advice}"
            "`python -m mstask.studies.ncg config` lists them"
        )
    if name.count("/") == 1:
        case, method = name.split("/")
        if train is None:
            raise ConfigError(f"{name} has thresholds relative to the data: name the data folder as well")
        n_classes = len(np.unique(train.labels))
        made = configuration(METHODS[method], settings(case, method), SCHEDULE, n_classes, train.spikes_per_sample)
        return made.model_dump(exclude_none=True, mode="json")
    extractor, case, rule = name.split("/")
    base, method, differing = DERIVED.get(rule, (rule, RULES.get(rule), {}))
    if (extractor, case, rule) == MISNAMED:
        method = RULES["sstdp+ncg"]
    chosen = _published()[extractor]["cifar10" if case == "cifar100" else case][base]
    return assemble(method, chosen | differing, SCHEDULE, 100 if case == "cifar100" else 10)


def resolve(name_or_path: str, train: SpikeList | None = None, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """A configuration, or a grid of them, from a file or by name, with `changes` by "section.field" (a list is an axis).

    Raises
    ------
    ConfigError : neither a file nor a name; ResultsError : no JSON; a change of a section that it doesn't have.
    """
    is_file = name_or_path.endswith(".json") or Path(name_or_path).is_file()
    made = read_json(Path(name_or_path)) if is_file else values(name_or_path, train)
    for place, value in (changes or {}).items():
        section, _, name = place.partition(".")
        fields = made.get(section) if isinstance(made, dict) else None
        fields = fields[0] if isinstance(fields, list) and fields else fields
        if not name or not isinstance(fields, dict):
            known = ", ".join(made) if isinstance(made, dict) else "nothing"
            raise ConfigError(f"{place} is no field of {name_or_path}, expected SECTION.FIELD with a section of {known}")
        fields[name] = value
    return made
