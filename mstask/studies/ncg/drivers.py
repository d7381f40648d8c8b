"""Runs on folders of spike lists: a single run, k-fold, grid search; in parallel, resumable, no failure unreported.

A folder holds `trainset.npz` and, optionally, `valset.npz` and `testset.npz` (`write_folder`, `spikes.save`), or the published
code's files of the same names in .npy (`foreign.read`); for k-fold there is one such folder per fold, named 0 to K - 1. Every
run writes `result.json` into its output folder once it is finished; k-fold and grid search don't repeat what is there for the
same configuration, data and seed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold
from tqdm import tqdm

from mstask.errors import MstaskError
from mstask.results import documents
from mstask.results.files import write_atomic
from mstask.studies.ncg import config as configs, foreign, spikes as spike_files
from mstask.studies.ncg.spikes import SpikeError, SpikeList
from mstask.studies.ncg.training import fit

PARTS = ("trainset", "valset", "testset")
RESULT = "result.json"
Task = tuple[str, str, dict[str, Any], int]
"""One run: data folder, output folder, configuration (plain values, checked when it runs), seed."""


@dataclass(frozen=True)
class Result:
    """What became of a run; `error` is None or what went wrong.

    Accuracies are those of the last epoch, `spread` is the standard deviation over the last five.
    """

    name: str
    config: dict[str, Any]
    seed: int
    epochs: int = 0
    stopped: str = ""
    train_accuracy: float | None = None
    validation_accuracy: float | None = None
    test_accuracy: float | None = None
    spread: float | None = None
    error: str | None = None

    @property
    def score(self) -> float:
        """What a grid search ranks by: accuracy on validation, on test data where there is no validation."""
        chosen = self.test_accuracy if self.validation_accuracy is None else self.validation_accuracy
        return -1.0 if chosen is None else chosen

    @property
    def judged(self) -> bool:
        """Whether it was tried on other examples than those it learnt."""
        return not (self.validation_accuracy is None and self.test_accuracy is None)


def read_folder(folder: str | os.PathLike[str]) -> dict[str, SpikeList]:
    """The spike lists of a data folder, their labels as ranks among the classes of the training set.

    Raises
    ------
    SpikeError : no training set, a damaged file, a label or number of inputs that the training set doesn't have.
    """
    paths = [_path(Path(folder).resolve(), part) for part in PARTS]
    stamps = tuple((path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else None for path in paths)
    return dict(_read_folder(tuple(paths), stamps))


def _path(folder: Path, part: str) -> Path:
    """The part's own .npz, else the published code's .npy where there is one."""
    own, theirs = (folder / f"{part}{suffix}" for suffix in (".npz", ".npy"))
    return theirs if theirs.exists() and not own.exists() else own


@lru_cache(maxsize=2)
def _read_folder(paths: tuple[Path, ...], stamps: tuple[tuple[int, int] | None, ...]) -> dict[str, SpikeList]:
    """Read and check the files, again only when one of them has changed (its time or size: `stamps`)."""
    found = {part: path for part, path, stamp in zip(PARTS, paths, stamps, strict=True) if stamp or part == "trainset"}
    lists = {part: foreign.read(path) if path.suffix == ".npy" else spike_files.load(path) for part, path in found.items()}
    train = lists["trainset"]
    spike_files.require_spikes(train, found["trainset"])
    classes = np.unique(train.labels)
    for part, spikes in lists.items():
        if (spikes.n_inputs, spikes.max_time) != (train.n_inputs, train.max_time):
            raise SpikeError(
                f"{found[part]} has {spikes.n_inputs} inputs up to time {spikes.max_time:g}, "
                f"the training set has {train.n_inputs} up to {train.max_time:g}"
            )
    return {part: replace(own, labels=spike_files.ranked(own.labels, classes, found[part])) for part, own in lists.items()}


def write_folder(
    splits: tuple[SpikeList, SpikeList, SpikeList], folder: str | os.PathLike[str], folds: int | None = None
) -> None:
    """Write training, validation and test part as a data folder, or as `folds` of them.

    The folds are those of the paper: stratified and unshuffled, of training and validation part together; each is the
    validation part once, and all have the same test part.

    Raises
    ------
    MstaskError : too many folds for the smallest class; another division's files are there; a file can't be written.
    """
    folder = Path(folder)
    others = [folder / "0"] if folds is None else [_path(folder, "trainset"), folder / str(folds)]
    if there := [path for path in others if path.exists()]:
        raise MstaskError(f"{folder} holds another division of data ({there[0].name}); choose an empty folder")
    if folds is None:
        for part, spikes in zip(PARTS, splits, strict=True):
            spike_files.save(folder / f"{part}.npz", spikes)
        return
    together, test = spike_files.joined(*splits[:2]), splits[2]
    smallest = int(np.bincount(together.labels).min())
    if not 2 <= folds <= smallest:
        raise MstaskError(f"{folds} folds, expected 2 to {smallest}, the number of samples of the smallest class")
    parts = StratifiedKFold(folds).split(together.labels, together.labels)
    for k, (kept, held) in enumerate(parts):
        write_folder((together.select(kept), together.select(held), test), folder / str(k))


def run(
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    config: configs.Config,
    seed: int = 0,
    save_readout: bool = True,
    trace: bool = False,
) -> Result:
    """Train one readout; writes `result.json` (accuracies, wins and updates per epoch) and `readout.npz` into `out`.

    With `trace`, every sample of every epoch is recorded in `out`/trace (`training.fit`).

    Raises
    ------
    MstaskError : bad data or configuration; `out` can't be written.
    """
    lists, folder = read_folder(data), Path(out)
    checkpoint = folder / ("checkpoint-traced.npz" if trace else "checkpoint.npz")  # a trace has no epoch left out
    made = fit(
        config,
        *(lists.get(part) for part in PARTS),
        seed=seed,
        checkpoint=checkpoint,
        trace=folder / "trace" if trace else None,
    )
    history = made.history
    watched = history.validation_accuracy or history.test_accuracy or history.train_accuracy
    result = Result(
        name=folder.name,
        config=config.model_dump(exclude_none=True),
        seed=seed,
        epochs=len(history.train_accuracy),
        stopped=made.stopped,
        train_accuracy=history.train_accuracy[-1],
        validation_accuracy=history.validation_accuracy[-1] if history.validation_accuracy else None,
        test_accuracy=history.test_accuracy[-1] if history.test_accuracy else None,
        spread=float(np.std(watched[-5:])),
    )
    if save_readout:
        made.readout.save(folder / "readout.npz")
    kept = {"digest": _digest(lists, result.config, seed), "result": asdict(result), "history": asdict(history)}
    write_atomic(folder / RESULT, documents.dumps(kept))
    for left in folder.glob("checkpoint*.npz"):
        left.unlink()
    return result


def k_fold(data: str | os.PathLike[str], out: str | os.PathLike[str], config: configs.Config, workers: int = 1) -> list[Result]:
    """Run every fold, with its number as seed; each has a test accuracy.

    Raises
    ------
    MstaskError : no folds; a fold failed (it is named) or has no test set.
    """
    folders = []
    while (folder := Path(data) / str(len(folders))).is_dir():
        folders.append(folder)
    if not folders:
        raise MstaskError(f"{data} has no folder 0, expected one folder per fold, named 0, 1, ...")
    plain = config.model_dump(exclude_none=True)
    results = run_all([(str(folder), str(Path(out) / folder.name), plain, k) for k, folder in enumerate(folders)], workers)
    if failed := [result for result in results if result.error]:
        raise MstaskError(
            f"{len(failed)} of {len(results)} folds failed, the first is fold {failed[0].name}: {failed[0].error}"
        )
    scores = [result.test_accuracy for result in results]
    if None in scores:
        raise MstaskError(f"fold {scores.index(None)} in {data} has no testset.npz, expected one in every fold")
    return results


def grid_search(data: str | os.PathLike[str], out: str | os.PathLike[str], grid: Any, workers: int = 1) -> list[Result]:
    """Run every combination of a grid with seed 0, combination i into `out`/i; returns the best first, failures last.

    Raises
    ------
    MstaskError : the grid is not valid; there is nothing to rank by; single runs that fail are reported in their result.
    """
    combinations = configs.expand(grid)
    if not read_folder(data).keys() - {"trainset"}:
        raise MstaskError(f"{data} has neither valset.npz nor testset.npz, expected one to rank the runs by")
    results = run_all([(str(data), str(Path(out) / str(i)), values, 0) for i, values in enumerate(combinations)], workers)
    return sorted(results, key=lambda result: (result.error is not None, -result.score, int(result.name)))


def table(results: Iterable[Result]) -> str:
    """A ranking as lines of text: run, score, spread of the last five epochs, epochs; failures with their error.

    Each line ends with the fields in which the runs differ.
    """
    results = list(results)
    fields = [_fields(result.config) for result in results]
    differing = [
        name for name in dict.fromkeys(itertools.chain(*fields)) if any(f.get(name) != fields[0].get(name) for f in fields)
    ]
    lines = []
    for result, values in zip(results, fields, strict=True):
        if result.error:
            line = f"run {result.name}: failed: {result.error}"
        else:
            score = f"accuracy {result.score:.4f}" if result.judged else f"training accuracy {result.train_accuracy:.4f}"
            line = f"run {result.name}: {score} (last epochs ± {result.spread:.4f}), {result.epochs} epochs, {result.stopped}"
        settings = ", ".join(f"{name}={json.dumps(values.get(name))}" for name in differing)
        lines.append(f"{line}; {settings}" if settings else line)
    return "\n".join(lines)


def _fields(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration's values by "section.field"."""
    sections = {name: fields[0] if name == "network" else fields for name, fields in config.items()}
    return {f"{name}.{field}": value for name, fields in sections.items() for field, value in (fields or {}).items()}


def run_all(tasks: list[Task], workers: int = 1) -> list[Result]:
    """Run the tasks that are not finished, on as many processes as `workers`; results in the order of the tasks."""
    if workers < 1:
        raise MstaskError(f"{workers} workers, expected at least 1")
    bar = partial(tqdm, total=len(tasks), unit="run", disable=None, leave=False)
    if workers == 1:
        return [attempt(*task) for task in bar(tasks)]
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(attempt, *task) for task in tasks]
        for _ in bar(as_completed(futures)):
            pass
    return [_outcome(future, *task) for future, task in zip(futures, tasks, strict=True)]


def _outcome(future: Future[Result], _: str, out: str, config: dict[str, Any], seed: int) -> Result:
    try:
        return future.result()
    except BrokenProcessPool:
        return Result(Path(out).name, config, seed, error="its process ended abruptly (killed, or out of memory)")


def attempt(data: str, out: str, config: dict[str, Any], seed: int) -> Result:
    """Do a run, unless it is finished already; an error becomes part of the result."""
    name = Path(out).name
    try:
        made = configs.parse(config, f"run {name}")
        plain = made.model_dump(exclude_none=True)
        if known := finished(Path(out) / RESULT, _digest(read_folder(data), plain, seed)):
            return known
        return run(data, out, made, seed, save_readout=False)
    except MstaskError as error:
        return Result(name, config, seed, error=str(error))
    except Exception as error:  # whatever a run dies of, the other runs go on and the report names it
        return Result(name, config, seed, error=f"{type(error).__name__}: {error}")


def finished(path: Path, digest: str) -> Result | None:
    """The result of a finished run with this digest, or None where it has to be run."""
    try:
        kept = json.loads(path.read_text("utf-8"))
        return Result(**kept["result"]) if kept["digest"] == digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(lists: dict[str, SpikeList], config: dict[str, Any], seed: int) -> str:
    prints = {part: spikes.fingerprint for part, spikes in lists.items()}
    return hashlib.sha256(json.dumps([prints, config, seed], sort_keys=True).encode()).hexdigest()
