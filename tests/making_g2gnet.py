"""Small documents of G2GNet whose answers are known: a skill is how often a network is right."""

from __future__ import annotations

import numpy as np
from making import bare, data_record, guesses, measured

from mstask import results
from mstask.results.documents import Document
from mstask.studies.g2gnet.methods import METHODS

CLASSES = [str(digit) for digit in range(10)]
LABELS = np.random.default_rng(1).integers(0, 10, 300).tolist()
SEEDS = (42, 123, 999, 7, 2026)


def cell(method, seed, skill, case="digits", source="embedded", **details):
    """A cell with predictions; details as the experiment gives them."""
    predictions = guesses(skill, [seed, *method.encode()], LABELS, CLASSES)
    about = {"name": case, "source": source, "fingerprint": case, "class_names": CLASSES}
    told = {"connections": [4000, 4000], "rewirings": []} | details
    own = {"n_parameters": 9000, "width": 128, "firing_rates": [0.2, 0.1], "details": told}
    record = data_record(**about, counts={"test": len(LABELS)}, test_labels=LABELS)
    return bare("g2gnet", method, seed, measured(predictions, LABELS, CLASSES, **own), case=case, data=record)


def rewirings(*shares):
    """The record of updates that left these shares of the connections inside groups, in both layers."""
    layer = {"removed": 10, "grown": 10, "regrown": 0.25, "silent": 0.5}
    return [{"step": 9 * n, "layers": [layer | {"intra": share}] * 2} for n, share in enumerate(shares, start=1)]


def details_of(method, left=(0.45, 0.4)):
    """What a cell of a method holds besides scores."""
    about = METHODS[method]
    told = {"p_inter": 0.15 if about.p_inter is None else about.p_inter}
    if about.model not in ("dense", "er"):
        cut = {"accuracy": 0.3, "firing_rates": [0.1, 0.0]}
        told["cuts"] = {"groups_only": cut, "thinned": cut | {"accuracy": 0.4}}
    if about.rewired:
        told |= {"first_intra_share": [0.488, 0.488], "rewirings": rewirings(*left)}
    return told


def document(skills, cases=("digits",), seeds=SEEDS, left=(0.45, 0.4), **about):
    """Every method with the given skill on every case with every seed."""
    return results.merge(
        cell(method, seed, skill, case, **details_of(method, left))
        for method, skill in skills.items()
        for case in cases
        for seed in seeds
    ).model_copy(update=about)


SKILLS = {
    "dense": 0.5,
    "dense-matched": 0.5,
    "er": 0.7,
    "index": 0.9,
    "random": 0.9,
    "mixer": 0.9,
    "index-p0": 0.8,
    "er-dst": 0.6,
    "index-dst": 0.98,
    "index-dst-class": 0.9,
}
"""A world in which groups help and dense networks are worst."""


def everything():
    """A document by which every claim about the wirings can be tested."""
    return document(SKILLS, ("digits", "radar", "speech", "fashion-mnist"), SEEDS[:3])


def benchmark(ratio=0.5, widths=(256, 1024)):
    """A benchmark of the wired layer in which the grouped product takes `ratio` + p_inter of the dense one's time."""
    layers = [
        {
            "width": width,
            "model": model,
            "p_inter": p,
            "density": 0.125 + 0.875 * p,
            "chosen": "sparse" if model == "er" else "grouped",
            "predicted": {"dense": 1.0, "sparse": 1.0} | ({} if model == "er" else {"grouped": 0.5}),
            "seconds": {"dense": [1.0] * 3, "sparse": [1.4 * (ratio + p)] * 3, "step by step": [2.0] * 3}
            | ({} if model == "er" else {"grouped": [ratio + p - 0.01, ratio + p, ratio + p + 0.01]}),
        }
        for width in widths
        for model in ("index", "mixer", "er")
        for p in (0.0, 0.15, 0.5)
    ]
    runs = [{"clock": clock, "threads": threads, "layers": layers} for clock, threads in (("cpu", 1), ("wall", 2))]
    about = {"source": "run", "profile": "paper", "title": "T", "reference": "R"}
    return Document(section="benchmark-g2gnet", values={"runs": runs}, **about)
