"""Chooses the settings of the competing-neuron readouts on validation data; the test part is never looked at.

    python benchmarks/ncg_settings.py digits speech radar [--draws 16]
    python benchmarks/ncg_settings.py digits speech radar --at-length

Every family of rules gets the same number of random draws (seeded) on a part of the training data, and the draw with the best
validation accuracy after the last epoch is kept beside what it reached: in mstask/studies/ncg/settings.json after 8 epochs on
at most 1,500 samples, where CR-1 and dropout only choose their own parameter on top of the settings of NCG; with
`--at-length` in settings_at_length.json after trainings as long as those of the section `equal-readout`, on all samples, for
each of its methods alone. Learning rates that are best after 8 epochs may be too large for 100, so smaller ones are drawn too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # not this folder: numba would import its coverage.py

from mstask.results import documents, files
from mstask.section import resolve
from mstask.studies.ncg import inputs
from mstask.studies.ncg.methods import SETTINGS, SETTINGS_AT_LENGTH, Schedule, Settings, configuration
from mstask.studies.ncg.names import AT_LENGTH, METHODS, Method
from mstask.studies.ncg.spikes import SpikeList
from mstask.studies.ncg.training import fit

REAL = ("mnist", "fashion-mnist")
SEARCHED = {"S2-M1": "S2-M1", "S2-NCG": "S2-M5-CR2-L", "SSTDP-M1": "SSTDP-M1", "SSTDP-NCG": "SSTDP-M5-CR2", "R": "R-M5"}
"""The method that stands for each family while its settings are chosen."""

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
GAPS = (0.01, 0.02, 0.03, 0.06, 0.1)
POTENTIATION = (0.01, 0.03, 0.1)
SLOWER = (0.001, 0.003)
DEPRESSION = (0.003, 0.01, 0.03, 0.1)
ETAS, ANNEALS = (0.005, 0.02, 0.05), (0.5, 0.8)
CR1_ETAS = (0.0003, 0.001, 0.003, 0.01)
DROPOUTS = (0.05, 0.1, 0.2)


@dataclass(frozen=True)
class Length:
    """How long, and on how many samples of which size of the data, a draw is trained; `rates` are the A+ to draw from."""

    schedule: Schedule
    samples: int | None
    size: str
    rates: Sequence[float]


BRIEF = Length(Schedule(epochs=8, patience=0), 1500, "paper", POTENTIATION)


def at_length() -> Length:
    """The length at which the section `equal-readout` is run."""
    used = resolve("equal-readout", profile="afternoon")
    return Length(Schedule(used.max_epochs, used.patience, used.annealing), None, used.data_size, SLOWER + POTENTIATION)


def draws(family: str, n: int, rates: Sequence[float] = POTENTIATION) -> Iterator[Settings]:
    """Random settings of a family, the same for every data set."""
    rng = np.random.default_rng([len(family), *family.encode()])
    for _ in range(n):
        threshold = float(rng.choice(THRESHOLDS))
        if family == "R":
            ap = float(rng.choice((0.005, 0.01, 0.02, 0.05)))
            ratio = float(rng.choice((0.01, 0.02, 0.05, 0.1)))
            yield Settings(threshold, ap, -ap * ratio, dropout_out=float(rng.choice((0.0, 0.15, 0.3))))
        else:
            ap, am, gap = (float(rng.choice(values)) for values in (rates, DEPRESSION, GAPS))
            eta, anneal = float(rng.choice(ETAS)), float(rng.choice(ANNEALS))
            yield Settings(threshold, ap, -am, gap, eta, anneal)


@dataclass(frozen=True)
class Search:
    """What candidates are trained on and for how long; `best` and `reached` are filled by `keep`."""

    case: str
    length: Length
    train: SpikeList
    validation: SpikeList
    n_classes: int
    best: dict[str, Settings]
    reached: dict[str, float]

    @classmethod
    def on(cls, case: str, length: Length) -> Search:
        """A search on a data set."""
        splits = inputs.load(case, "real" if case in REAL else "embedded", length.size)
        train, validation, _ = inputs.spike_lists(splits)
        if length.samples is not None:
            rng = np.random.default_rng(0)
            train, validation = (
                part.select(np.sort(rng.permutation(len(part))[: length.samples])) for part in (train, validation)
            )
        return cls(case, length, train, validation, splits.n_classes, {}, {})

    def score(self, method: Method, chosen: Settings) -> float:
        """Validation accuracy after the last epoch."""
        config = configuration(method, chosen, self.length.schedule, self.n_classes, self.train.spikes_per_sample)
        return fit(config, self.train, self.validation, n_classes=self.n_classes).history.validation_accuracy[-1]

    def keep(self, family: str, method: Method, candidates: Iterator[Settings] | list[Settings]) -> None:
        """Keep the best candidate, the first of those that reach as much."""
        scores = [(self.score(method, chosen), chosen) for chosen in candidates]
        self.reached[family], self.best[family] = max(scores, key=lambda pair: pair[0])
        print(f"{self.case} {family}: {self.reached[family]:.4f} with {self.best[family]}", flush=True)


def choose(case: str, n_draws: int) -> Search:
    """The best settings of every family on a data set, and the validation accuracies they reached."""
    search = Search.on(case, BRIEF)
    for family, method in SEARCHED.items():
        search.keep(family, METHODS[method], draws(family, n_draws))
    ncg = search.best["S2-NCG"]
    search.keep("S2-CR1", METHODS["S2-M5-CR1"], [replace(ncg, eta=eta) for eta in CR1_ETAS])
    search.keep("S2-Drop", METHODS["S2-M5-Drop-L"], [replace(ncg, dropout_out=share) for share in DROPOUTS])
    return search


def choose_at_length(case: str, n_draws: int) -> Search:
    """The same for every method of `equal-readout`; all methods try the same draws."""
    search = Search.on(case, at_length())
    for name, method in AT_LENGTH.items():
        search.keep(name, method, draws("S2", n_draws, search.length.rates))
    return search


def main() -> None:
    """Choose settings for the data sets on the command line; those of the others stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", help="digits, digits-features, speech, speech-onsets, radar, mnist, fashion-mnist")
    parser.add_argument("--draws", type=int, default=16, help="random settings per family (default 16)")
    parser.add_argument("--at-length", action="store_true", help="by trainings as long as those of equal-readout")
    arguments = parser.parse_args()
    path, chosen_by = (SETTINGS_AT_LENGTH, choose_at_length) if arguments.at_length else (SETTINGS, choose)
    for case in arguments.cases:
        search = chosen_by(case, arguments.draws)
        kept = json.loads(path.read_text("utf-8")) if path.exists() else {"settings": {}, "chosen_by": {}}
        kept["settings"][case] = {family: asdict(chosen) for family, chosen in search.best.items()}
        kept["chosen_by"][case] = {
            "draws": arguments.draws,
            "epochs": search.length.schedule.epochs,
            "training_samples": search.length.samples or len(search.train),
            "validation_accuracy": search.reached,
        }
        files.write_atomic(path, documents.dumps(kept))


if __name__ == "__main__":
    main()
