"""Small result documents for tests, with predictions whose scores are computed, never typed."""

from __future__ import annotations

import numpy as np

from mstask import results, stats

CLASSES = ["bird", "drone", "fan", "noise", "plane", "walker"]
TEST_LABELS = np.random.default_rng(7).integers(0, len(CLASSES), 240).tolist()
PROVENANCE = results.Provenance(
    revision="0123456789abcdef0123456789abcdef01234567",
    dirty=False,
    command="python -m mstask run ablation --profile paper",
    versions={"python": "3.11.7", "torch": "2.13.0"},
    machine="Some CPU, 2 logical cores, Linux x86_64",
    threads=1,
    device="cpu",
    created="2026-01-02T03:04:05Z",
)


def data_record(**changes):
    record = {
        "name": "radar",
        "source": "embedded",
        "size": "paper",
        "fingerprint": "sha256:1111",
        "counts": {"train": 700, "validation": 160, "test": len(TEST_LABELS)},
        "class_names": CLASSES,
        "test_labels": TEST_LABELS,
    }
    return results.DataRecord(**(record | changes))


def guesses(skill, seed):
    """Predictions that are right with probability `skill`, else drawn at random."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(TEST_LABELS)) < skill, TEST_LABELS, rng.integers(0, len(CLASSES), len(TEST_LABELS)))


def cell(method="D0_doppler", seed=42, skill=0.8, section="ablation", **changes):
    """A complete cell of a run."""
    predictions = guesses(skill, [seed, *method.encode()])
    macro_f1, per_class = stats.macro_f1(predictions, TEST_LABELS, len(CLASSES))
    values = {
        "section": section,
        "method": method,
        "seed": seed,
        "profile": "paper",
        "parameters": {"width": 128, "beta": 0.95, "note": None},
        "data": data_record(),
        "result": results.Measures(
            macro_f1=macro_f1,
            accuracy=stats.accuracy(predictions, TEST_LABELS),
            per_class_f1=per_class,
            predictions=predictions,
            best_epoch=12,
            epochs=32,
            stopped="patience",
            n_parameters=58_000,
            width=128,
            firing_rates=[0.15, 0.125, 0.25, 0.0625],
            thresholds=[1.0, 2.0, 3.0, 4.0],
            history={"train_loss": [1.5, 1.0], "firing_rates": [[0.15, 0.15, 0.15, 0.15], [0.1, 0.2, 0.3, 0.4]]},
        ),
        "timing": results.Timing(seconds=12.5, parts={"training": 12.0}),
        "provenance": PROVENANCE,
    }
    return results.Cell(**(values | changes))


def document(skills, section="ablation", seeds=(42, 123, 999), **about):
    """A document with predictions: `skills` maps each method to how often it is right."""
    cells = [cell(method, seed, skill, section) for method, skill in skills.items() for seed in seeds]
    return results.merge(cells, **about)


def scored(scores, section, **measures):
    """A document without predictions: `scores` maps each method to its macro-F1 per seed."""
    return results.merge(
        results.Cell(
            section=section,
            method=method,
            seed=seed,
            profile="paper",
            result=results.Measures(macro_f1=value, **measures),
        )
        for method, values in scores.items()
        for seed, value in zip((42, 123, 999), values, strict=False)
    )
