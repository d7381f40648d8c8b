"""The data of each case: synthetic trials, digits as sequences, speech in 4 ms bins, and the two tasks common to the book.

SHD is binned as the paper's code does it (HetSyn, appendix D): row i of 250 holds the spikes with 4 (i - 1) < t <= 4 i ms, so
every spike comes one bin late and those after 996 ms are lost; several spikes in a bin count once; column = 700 - unit, so
unit 0 is lost and column 0 is empty. Times are stretched and compared in the number format of the file, which in SHD has 11
binary digits (float16): 0.404 s is stored as 0.40405 and still belongs to the bin that ends at 404 ms, since that border is
rounded alike. Its time constants are given per step: "20 ms" there are 20 steps, 80 ms of speech.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from mstask import data
from mstask.data import DataError, Split, Splits, checks, shd, speech
from mstask.errors import MstaskError, nearest
from mstask.studies.hetsyn.names import CASES
from mstask.studies.hetsyn.parameters import HetSynParameters
from mstask.studies.hetsyn.tasks import MatchToSample, Pattern

ROWS, BIN_S = 250, 0.004
VALIDATION_TRIALS = 256
PATTERN_TRIALS = 8
DATA_SEED = 0


def of_case(case: str, parameters: HetSynParameters) -> Splits:
    """The data of a case.

    The synthetic trials are the same whatever the source: their generator defines them. Training draws its own; the training
    part here only shows some.
    """
    if case not in CASES:
        raise MstaskError(f"case {case!r} is unknown; {nearest(str(case), CASES)}")
    source, rng = parameters.data_source, torch.Generator().manual_seed(DATA_SEED)
    if case.startswith("match"):
        counts = VALIDATION_TRIALS, VALIDATION_TRIALS, parameters.test_trials
        parts = [Split(*MatchToSample().trials(count, rng)) for count in counts]
        return _splits("match-to-sample", source, parts, ["mismatch", "match"])
    if case.startswith("pattern"):
        task = Pattern.draw(parameters.task_seed)
        # the label, always 0, says nothing
        parts = [Split(task.trials(n, rng), torch.zeros(n, dtype=torch.int64)) for n in (1, 1, PATTERN_TRIALS)]
        return _splits("pattern-generation", source, parts, ["pattern"])
    if case.startswith("digits"):
        return digits(source, parameters.data_size, pixels=case == "digits-pixels")
    if case == "speech-bins":
        return speech_bins(source, parameters.bins_size)
    return data.load(case, source, parameters.data_size)


def digits(source: str, size: str, pixels: bool) -> Splits:
    """Pictures of digits read row by row: one row per step, or one pixel; values 0 to 1.

    Embedded: scikit-learn's 8 x 8 digits, 8 or 64 steps. Real: MNIST from MNIST_DATA, 28 or 784 steps.
    """
    whole = data.load("digits", source, size) if source == "embedded" else data.load("mnist", source)
    parts = (whole.train, whole.validation, whole.test)
    if pixels:
        parts = tuple(Split(part.x.flatten(1).unsqueeze(-1), part.y) for part in parts)
    meta = whole.meta | {"name": f"{whole.meta['name']}-{'pixels' if pixels else 'rows'}"}
    return Splits(*parts, whole.n_classes, meta)  # type: ignore[call-arg]  # three parts


def speech_bins(source: str, size: str, warp: float = 1.0, test_only: bool = False) -> Splits:
    """Spoken digits in 4 ms bins, uint8 [N, 250, 700], divided as "speech": validation is a stratified 15 % of training.

    Spike times are multiplied by `warp`; trials then have `rows_of(warp)` rows. With `test_only`, training and validation are
    empty.
    """
    corpus = speech.read(source, size, None)
    folder = speech.generated(size) if source == "embedded" else speech.real_folder(None)
    x_test = _binned_file(folder, "shd_test", warp)
    labels = corpus.train.labels
    if test_only:
        x, rows = x_test[:0], [np.arange(0), np.arange(0)]
    else:
        x = _binned_file(folder, "shd_train", warp)
        rows = train_test_split(
            np.arange(len(labels)), test_size=speech.VALIDATION_SHARE, random_state=speech.SEED, stratify=labels
        )
    parts = [Split(torch.from_numpy(x[part]), torch.from_numpy(labels[part])) for part in rows]
    parts.append(Split(torch.from_numpy(x_test), torch.from_numpy(np.array(corpus.test.labels))))
    size = size if source == "embedded" else "all"
    return _splits("speech-bins", source, parts, list(corpus.train.keys or map(str, range(shd.N_CLASSES))), size)


def rows_of(warp: float) -> int:
    """Bins of a word that is stretched by a factor: int(250 x factor), as in the paper's code."""
    return int(ROWS * warp)


def binned(times: np.ndarray, units: np.ndarray, warp: float = 1.0) -> np.ndarray:
    """Spikes of one word, times in s and units 0..699, as uint8 [`rows_of(warp)`, 700] of 0 and 1.

    A spike lies in the first row whose end, i x 4 ms, is not before it, both in the times' own precision.
    """
    rows = rows_of(warp)
    ends = (np.arange(rows) * BIN_S).astype(times.dtype)
    row = np.searchsorted(ends, times * times.dtype.type(warp))
    column = shd.N_UNITS - np.asarray(units, np.int64)
    kept = (row < rows) & (column < shd.N_UNITS)
    out = np.zeros((rows, shd.N_UNITS), np.uint8)
    out[row[kept], column[kept]] = 1
    return out


def _binned_file(folder: Path, name: str, warp: float) -> np.ndarray:
    path = next((path for end in ("h5", "h5.gz") if (path := folder / f"{name}.{end}").is_file()), None)
    if path is None:
        raise DataError(f"{folder} has neither {name}.h5 nor {name}.h5.gz, expected SHD's files")
    with shd.opened(path) as file:
        times, units = file["spikes/times"], file["spikes/units"]
        out = np.empty((len(times), rows_of(warp), shd.N_UNITS), np.uint8)
        for i, (time, unit) in enumerate(zip(times[:], units[:], strict=True)):
            out[i] = binned(time, unit, warp)
    return out


def _splits(name: str, source: str, parts: list[Split], class_names: list[str], size: str = "all") -> Splits:
    meta = {
        "name": name,
        "source": source,
        "size": size,
        "fingerprint": checks.fingerprint(*(array.numpy() for part in parts for array in (part.x, part.y))),
        "class_names": class_names,
        "counts": dict(zip(("train", "validation", "test"), map(len, parts), strict=True)),
    }
    return Splits(*parts, len(class_names), meta)  # type: ignore[call-arg]  # three parts
