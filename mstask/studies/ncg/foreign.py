"""Reads the spike files of the published code (`SpikingDataset`, .npy) without running what is in them.

Such a file holds one pickled dictionary: data (for each sample a record array of input and time), labels, shape (samples,
inputs) and, optionally, max_time. A pickle can name any function to call. Here it may name those that plain NumPy arrays are
made of, and gets inert stand-ins for them, which only remember what they are given; arrays are built from that by us.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from mstask.studies.ncg.spikes import SpikeError, SpikeList, checked

EXPECTED = "expected the published code's: data, labels, shape and, optionally, max_time"


class _Type:
    """Stands for numpy.dtype: "<f4", or a record with named fields."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code = code.lstrip("<>=|") if isinstance(code, str) else "V"
        self.order, self.fields, self.size = "<", None, 0

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, _, names, places, size = state[:6]
        self.order = ">" if order == ">" else "<"
        if names:
            self.fields, self.size = [(name, *places[name][:2]) for name in names], size

    def plain(self) -> np.dtype:
        if self.fields:
            names, types, offsets = zip(*self.fields, strict=True)
            formats = [kind.plain() for kind in types]
            return np.dtype({"names": list(names), "formats": formats, "offsets": list(offsets), "itemsize": self.size})
        if self.code[:1] not in ("i", "u", "f"):
            raise ValueError(f"an array of {self.code or 'unknown'} values")
        return np.dtype(self.order + self.code)


class _Array:
    """Stands for numpy.ndarray and its subclass for records."""

    shape, kind, content = (), None, b""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.kind, fortran, self.content = state
        if fortran and len(self.shape) > 1:
            raise ValueError("an array stored by columns")

    def plain(self) -> Any:
        if isinstance(self.content, list):
            return self.content
        return np.frombuffer(self.content, self.kind.plain()).reshape(self.shape)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        base = module.replace("numpy._core", "numpy.core")
        if base in ("numpy", "numpy.core.multiarray", "numpy.core.records", "numpy.rec"):
            if name == "_reconstruct":
                return lambda *_: _Array()
            if name == "scalar":
                return lambda kind, content: np.frombuffer(content, kind.plain())[0].item()
            if name in ("ndarray", "recarray", "record", "dtype"):
                return _Type if name == "dtype" else _Array
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is no part of an array and could run code")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to objects outside of it")


def read(path: str | os.PathLike[str]) -> SpikeList:
    """The samples of a published spike file, each in order of time and input; times of max_time and later are silence.

    Raises
    ------
    SpikeError : no such file; a pickle that names anything but arrays; content of another form, or out of range.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, kind = reader(file)
            if kind.kind != "O" or shape != ():
                raise ValueError(f"an array of {kind} of shape {shape}; `convert` reads dense spike times")
            stored = _plain(_Unpickler(file).load())
        (content,) = stored
        return _spikes(content, path)
    except SpikeError:
        raise
    except FileNotFoundError:
        raise SpikeError(f"{path} does not exist") from None
    except Exception as error:  # whatever a damaged or foreign pickle makes the machine of pickles stumble over
        raise SpikeError(
            f"{path} is no spike file ({str(error).splitlines()[0] if str(error) else type(error).__name__}); {EXPECTED}"
        ) from None


def _plain(value: Any) -> Any:
    return value.plain() if isinstance(value, _Array) else value


def _spikes(content: Any, path: Path) -> SpikeList:
    if not isinstance(content, dict) or not {"data", "labels", "shape"} <= set(content):
        raise ValueError(f"it holds {sorted(map(str, content)) if isinstance(content, dict) else type(content).__name__}")
    samples = [_plain(sample) for sample in _plain(content["data"])]
    labels = np.asarray(_plain(content["labels"]))
    n_samples, n_inputs = (int(length) for length in _plain(content["shape"]))
    max_time = float(content.get("max_time", 1.0))
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels of {labels.dtype}, which are no whole numbers")
    if len(samples) != n_samples:
        raise ValueError(f"{len(samples)} samples for a shape of {n_samples}")
    inputs, times, lengths = [], [], []
    for sample in samples:
        if sample.dtype.names is None or len(sample.dtype.names) != 2:
            raise ValueError(f"a sample of {sample.dtype}")
        index, when = (np.atleast_1d(sample[name]) for name in sample.dtype.names)
        order = np.lexsort((index, when))
        kept = order[~(when[order] >= np.float32(max_time))]
        inputs.append(index[kept].astype(np.int64))
        times.append(when[kept].astype(np.float32))
        lengths.append(len(kept))
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    made = SpikeList(np.concatenate(inputs), np.concatenate(times), starts, labels.astype(np.int64), n_inputs, max_time)
    return checked(made, path)
