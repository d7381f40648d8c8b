"""Recording: weights, spikes and output voltages of chosen batches of a training, one .npz file each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mstask.errors import nearest
from mstask.studies.eventprop.events import EventpropError, Spikes
from mstask.studies.eventprop.layers import Fired, SpikingLayer
from mstask.studies.eventprop.losses import Outputs
from mstask.studies.eventprop.networks import EventpropNet

KINDS = ("parameters", "spikes", "voltages")


@dataclass(frozen=True)
class Recording:
    """What to save, when, and where: `what` of `KINDS`, at (epoch, batch) pairs `when`, both counted from 0.

    Files are named ``epoch-0003-batch-00012.npz`` and hold plain arrays: every parameter under its name before the step,
    the spikes of the input and of each hidden layer (times, ids, starts), the output voltages [B, K, C] or first spikes.
    """

    folder: Path
    when: tuple[tuple[int, int], ...]
    what: tuple[str, ...] = KINDS

    def __post_init__(self) -> None:
        for name in self.what:
            if name not in KINDS:
                raise EventpropError(f"{name!r} can't be recorded; {nearest(name, KINDS)}")

    def save(self, net: EventpropNet, outputs: Outputs, fired: list[Fired], epoch: int, batch: int) -> Path | None:
        """Save this batch if it was asked for; the file appears whole or not at all."""
        if (epoch, batch) not in self.when:
            return None
        arrays: dict[str, NDArray] = {}
        if "parameters" in self.what:
            arrays |= {name: values.detach().numpy() for name, values in net.named_parameters()}
        if "spikes" in self.what:
            layers = {"input": outputs.inputs} | {f"hidden.{k}": layer.spikes for k, layer in enumerate(fired)}
            for name, spikes in layers.items():
                arrays |= {f"{name}.times": spikes.times, f"{name}.ids": spikes.ids, f"{name}.starts": spikes.starts}
        if "voltages" in self.what:
            shown = outputs.voltage if outputs.voltage is not None else outputs.first
            arrays["output"] = shown.detach().numpy()
        path = self.folder / f"epoch-{epoch:04d}-batch-{batch:05d}.npz"
        temporary = path.with_name(f".{path.name}.{os.getpid()}.npz")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(temporary, **arrays)
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise EventpropError(f"the recording {path} could not be written: {error.strerror}") from error
        return path


def membrane_trace(
    layer: SpikingLayer, inputs: Spikes, fired: Fired, trial: int, neuron: int, times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """V and I of one neuron at `times` [K] in ms, recomputed exactly from the spikes of a layer without delays.

    At a spike's own time V is the value after the reset.
    """
    if layer.delays is not None:
        raise EventpropError("the trace of a layer with delays can't be recomputed from its spikes alone")
    tau_m, tau_s = float(layer.tau_m[neuron].detach()), float(layer.tau_s[neuron].detach())
    arrivals = [(t, float(layer.weights[c, neuron].detach())) for t, c in zip(*inputs.trial(trial), strict=True)]
    resets = []
    for t, c in zip(*fired.spikes.trial(trial), strict=True):
        if layer.recurrent is not None:
            arrivals.append((t, float(layer.recurrent[c, neuron].detach())))
        if c == neuron:
            resets.append(t)
    at, weights = np.array(arrivals).reshape(-1, 2).T
    reached = np.concatenate([np.asarray(times, np.float64), resets])
    late = reached[:, None] - at
    fast, slow = (np.where(late >= 0, np.exp(-np.maximum(late, 0) / tau), 0.0) @ weights for tau in (tau_s, tau_m))
    current, voltage = fast, tau_s / (tau_m - tau_s) * (slow - fast)
    for k, begin in enumerate(resets, start=len(times)):
        since = np.maximum(reached - begin, 0)
        voltage -= np.where(reached >= begin, (voltage[k] - layer.membrane.reset) * np.exp(-since / tau_m), 0.0)
    return voltage[: len(times)], current[: len(times)]
