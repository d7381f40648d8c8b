"""Chooses the settings of the competing-neuron readouts on validation data; the test part is never looked at.

    python benchmarks/ncg_settings.py digits speech radar [--draws 16]

Every family of rules gets the same number of random draws (seeded) on a part of the training data, and the draw with the best
validation accuracy is kept in mstask/studies/ncg/settings.json beside what it reached. CR-1 and dropout only choose their
own parameter, on top of the settings of NCG.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mstask.results import documents, files
from mstask.studies.ncg import inputs
from mstask.studies.ncg.methods import METHODS, SETTINGS, Method, Schedule, Settings, configuration
from mstask.studies.ncg.spikes import SpikeList
from mstask.studies.ncg.training import fit

REAL = ("mnist", "fashion-mnist")
SAMPLES, EPOCHS = 1500, 8
SEARCHED = {"S2-M1": "S2-M1", "S2-NCG": "S2-M5-CR2-L", "SSTDP-M1": "SSTDP-M1", "SSTDP-NCG": "SSTDP-M5-CR2", "R": "R-M5"}
"""The method that stands for each family while its settings are chosen."""

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
GAPS = (0.01, 0.02, 0.03, 0.06, 0.1)
POTENTIATION = (0.01, 0.03, 0.1)
DEPRESSION = (0.003, 0.01, 0.03, 0.1)
ETAS, ANNEALS = (0.005, 0.02, 0.05), (0.5, 0.8)
CR1_ETAS = (0.0003, 0.001, 0.003, 0.01)
DROPOUTS = (0.05, 0.1, 0.2)


def draws(family: str, n: int) -> Iterator[Settings]:
    """Random settings of a family, the same for every data set."""
    rng = np.random.default_rng([len(family), *family.encode()])
    for _ in range(n):
        threshold = float(rng.choice(THRESHOLDS))
        if family == "R":
            ap = float(rng.choice((0.005, 0.01, 0.02, 0.05)))
            ratio = float(rng.choice((0.01, 0.02, 0.05, 0.1)))
            yield Settings(threshold, ap, -ap * ratio, dropout_out=float(rng.choice((0.0, 0.15, 0.3))))
        else:
            ap, am, gap = (float(rng.choice(values)) for values in (POTENTIATION, DEPRESSION, GAPS))
            eta, anneal = float(rng.choice(ETAS)), float(rng.choice(ANNEALS))
            yield Settings(threshold, ap, -am, gap, eta, anneal)


def score(method: Method, chosen: Settings, train: SpikeList, validation: SpikeList, n_classes: int) -> float:
    """Validation accuracy after the last epoch."""
    config = configuration(method, chosen, Schedule(EPOCHS, 0), n_classes, train.spikes_per_sample)
    return fit(config, train, validation, n_classes=n_classes).history.validation_accuracy[-1]


def choose(case: str, n_draws: int) -> tuple[dict[str, Settings], dict[str, float]]:
    """The best settings of every family on a data set, and the validation accuracies they reached."""
    splits = inputs.load(case, "real" if case in REAL else "embedded", "paper")
    train, validation, _ = inputs.spike_lists(splits)
    rng = np.random.default_rng(0)
    train = train.select(np.sort(rng.permutation(len(train))[:SAMPLES]))
    validation = validation.select(np.sort(rng.permutation(len(validation))[:SAMPLES]))
    best: dict[str, Settings] = {}
    reached: dict[str, float] = {}

    def keep(family: str, method: Method, candidates: Iterator[Settings] | list[Settings]) -> None:
        scores = [(score(method, chosen, train, validation, splits.n_classes), chosen) for chosen in candidates]
        reached[family], best[family] = max(scores, key=lambda pair: pair[0])
        print(f"{case} {family}: {reached[family]:.4f} with {best[family]}", flush=True)

    for family, method in SEARCHED.items():
        keep(family, METHODS[method], draws(family, n_draws))
    ncg = best["S2-NCG"]
    keep("S2-CR1", METHODS["S2-M5-CR1"], [replace(ncg, eta=eta) for eta in CR1_ETAS])
    keep("S2-Drop", METHODS["S2-M5-Drop-L"], [replace(ncg, dropout_out=share) for share in DROPOUTS])
    return best, reached


def main() -> None:
    """Choose settings for the data sets on the command line; those of the others stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", help="digits, digits-features, speech, speech-onsets, radar, mnist, fashion-mnist")
    parser.add_argument("--draws", type=int, default=16, help="random settings per family (default 16)")
    arguments = parser.parse_args()
    for case in arguments.cases:
        best, reached = choose(case, arguments.draws)
        kept = json.loads(SETTINGS.read_text("utf-8")) if SETTINGS.exists() else {"settings": {}, "chosen_by": {}}
        kept["settings"][case] = {family: asdict(chosen) for family, chosen in best.items()}
        kept["chosen_by"][case] = {
            "draws": arguments.draws,
            "epochs": EPOCHS,
            "training_samples": SAMPLES,
            "validation_accuracy": reached,
        }
        files.write_atomic(SETTINGS, documents.dumps(kept))


if __name__ == "__main__":
    main()
