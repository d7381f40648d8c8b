"""Small documents of section 5.3: scores by level and shift, and who won how often."""

from __future__ import annotations

from making import bare, data_record

from mstask import results
from mstask.studies.ncg.names import METHODS

SEEDS = (42, 123, 999)
CASES = ("digits", "digits-features", "radar")
SHARES = {"S2-M5": 0.9, "S2-M5-CR1": 0.7, "S2-M5-CR2": 0.3, "S2-M5-CR2-L": 0.4, "S2-M5-Drop-L": 0.6}
LEVELS = {name: 0.5 + 0.02 * place for place, name in enumerate(METHODS)} | {"SSTDP-M1": 0.6, "SSTDP-M5-CR2": 0.7}


def cell(method, case, seed, score, source="embedded", **details):
    share = SHARES.get(method, 1.0)
    group = METHODS[method].group
    found = {
        "most_frequent_winner": [share, share],
        "coding": "on/off latency",
        "spikes_per_sample": 60.0,
        "watched_class": 0,
        "watched_wins": [[6] + [1] * (group - 1), [9] + [0] * (group - 1)],
    }
    classes = {"counts": {"train": 1000, "validation": 100, "test": 2}, "class_names": ["zero", "one"], "test_labels": [0, 1]}
    record = data_record(name=case, source=source, fingerprint=f"sha256:{case}", **classes)
    result = {"macro_f1": score, "accuracy": score, "n_parameters": 128 * 2 * group, "width": 2 * group, "epochs": 2}
    return bare("ncg", method, seed, result | {"details": found | details}, case=case, data=record)


def document(levels=LEVELS, cases=CASES, seeds=SEEDS, source="embedded", **shifts):
    """A document whose scores are a method's level, a case's shift ("digits_features=0.1") and a little for the seed."""
    cells = [
        cell(
            name,
            case,
            seed,
            level + shifts.get(case.replace("-", "_"), 0.0) + 0.001 * i,
            "real" if source == "real" else "embedded",
        )
        for name, level in levels.items()
        for case in cases
        for i, seed in enumerate(seeds)
    ]
    return results.merge(cells, source=source)
