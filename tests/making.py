"""Small result documents for tests, with predictions whose scores are computed, never typed."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import io
import os
import subprocess
import threading

import numpy as np
import pytest

from mstask import cell as cells, claims, results, stats
from mstask.errors import MstaskError
from mstask.job import Job
from mstask.section import resolve, section

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


def refused(call, *given, **options):
    """The one sentence by which a call refuses what it is given."""
    with pytest.raises(MstaskError) as caught:
        call(*given, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sphinx(source, html, settings, on_read=None):
    """Build a Sphinx project and return its warnings; `on_read` is told which pages are read."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    warnings = io.StringIO()
    with patch_docutils(), docutils_namespace():
        app = Sphinx(source, None, html, html.parent / "doctrees", "html", settings, status=None, warning=warnings)
        if on_read:
            app.connect("env-before-read-docs", lambda app, env, names: on_read(names))
        app.build()
    return warnings.getvalue()


def git(folder, *arguments, **environment):
    """Run git in a folder, as somebody."""
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    subprocess.run(command, check=True, env=os.environ | environment)


@contextlib.contextmanager
def serving(handler):
    """The address of a server on this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def verdict(claim, documents):
    """The ledger's verdict on a claim by documents, without all else that it says."""
    (entry,) = claims.entries_of([claim])
    return claims.judged(entry, documents).verdict


def job(name, method, folder, splits=None, case=None, seed=42, on_epoch=None, **settings):
    """A cell to be measured, of the profile smoke where the settings name no other; its data are loaded if none are given."""
    parameters = resolve(name, **{"profile": "smoke"} | settings)
    splits = splits or cells.load(name, parameters, case)
    return Job(section(name), method, case, seed, parameters, splits, "cpu", folder / "cell.pt", on_epoch)


class Killed(BaseException):
    """What ends a training in the middle, as no error of its own does."""


def killing(after):
    """What kills a training when it is told of so many epochs."""
    told = []

    def kill(history):
        told.append(history)
        if len(told) == after:
            raise Killed

    return kill


def same(outcome):
    """What two trainings have in common that do the same: all but their seconds."""
    return {name: value for name, value in dataclasses.asdict(outcome).items() if name != "seconds"}


class Trap:
    """What makes the file "sprung" in a folder when it is unpickled."""

    def __init__(self, folder):
        self.path = str(folder / "sprung")

    def __reduce__(self):
        return open, (self.path, "w")


def altered(array, place, value):
    """A copy of an array with one entry replaced."""
    array = np.array(array)
    array[place] = value
    return array


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


def guesses(skill, seed, true=TEST_LABELS, classes=CLASSES):
    """Predictions that are right with probability `skill`, else drawn at random."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(true)) < skill, true, rng.integers(0, len(classes), len(true)))


def measured(predictions, true=TEST_LABELS, classes=CLASSES, **others):
    """Measures with the scores of the predictions."""
    macro_f1, per_class = stats.macro_f1(predictions, true, len(classes))
    scores = {"macro_f1": macro_f1, "accuracy": stats.accuracy(predictions, true), "per_class_f1": per_class}
    return results.Measures(**scores, predictions=predictions, **others)


def cell(method="D0_doppler", seed=42, skill=0.8, section="ablation", **changes):
    """A complete cell of a run."""
    values = {
        "section": section,
        "method": method,
        "seed": seed,
        "profile": "paper",
        "parameters": {"width": 128, "beta": 0.95, "note": None},
        "data": data_record(),
        "result": measured(
            guesses(skill, [seed, *method.encode()]),
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


def with_result(one, **changes):
    """A cell with other measures."""
    return one.model_copy(update={"result": one.result.model_copy(update=changes)})


def document(skills, section="ablation", seeds=(42, 123, 999), **about):
    """A document with predictions: `skills` maps each method to how often it is right."""
    cells = [cell(method, seed, skill, section) for method, skill in skills.items() for seed in seeds]
    return results.merge(cells, **about)


def bare(section, method, seed, measures, **known):
    """A cell of which its measures are known, and what else is given."""
    return results.Cell(**{"section": section, "method": method, "seed": seed, "profile": "paper", "result": measures} | known)


def scored(scores, section, seeds=(42, 123, 999), **measures):
    """A document without predictions: `scores` maps each method to its macro-F1 per seed."""
    return results.merge(
        bare(section, method, seed, {"macro_f1": value} | measures)
        for method, values in scores.items()
        for seed, value in zip(seeds, values, strict=False)
    )


def rotation(score, methods, cases, seeds):
    """A document whose macro-F1 is a function of method, held-out case and seed."""
    records = {case: data_record(name="speech", fingerprint=case) for case in cases}
    return results.merge(
        bare("rotation", method, seed, {"macro_f1": score(method, case, seed)}, case=case, data=records[case])
        for method in methods
        for case in cases
        for seed in seeds
    )
