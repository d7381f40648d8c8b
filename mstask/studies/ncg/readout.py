"""A readout of competing neurons: its state, learning epoch by epoch, and decisions.

Weights and thresholds start from the configuration and a seed; every random number comes from one generator, so that a
readout saved after an epoch and loaded again goes on exactly as if it had never stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field

import numpy as np

from mstask.studies.ncg import spikes as spike_files
from mstask.studies.ncg.config import Config, ConfigError
from mstask.studies.ncg.layer import decide
from mstask.studies.ncg.rules import ONE_THRESHOLD, normalise, train_epoch
from mstask.studies.ncg.spikes import SpikeError, SpikeList

_ARRAYS = ("weights", "norms", "base", "adaptive", "base_rates", "rates")


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch of learning did.

    Attributes
    ----------
    accuracy : share classified correctly while learning (training thresholds, dropout).
    wins : int64 [N], samples of its own class whose group a neuron won.
    updates : int64 [N, 2], weight updates of a neuron on samples of its own and of other classes.
    trace : sample by sample, where that was asked for.
    """

    accuracy: float
    wins: np.ndarray
    updates: np.ndarray
    trace: Trace | None = None


@dataclass(frozen=True)
class Trace:
    """What happened at each of the n samples of an epoch, as in the figures of the paper's section 5.4.

    Attributes
    ----------
    decided : int32 [n], the neuron that fired first of all.
    changed : int8 [n, N], 1 where a neuron was pushed to fire earlier, -1 later, 0 left alone.
    thresholds : float32 [n, N / C], adaptive thresholds of the group of the sample's class, after the sample.
    """

    decided: np.ndarray
    changed: np.ndarray
    thresholds: np.ndarray

    @classmethod
    def empty(cls, n_samples: int, n_neurons: int, group: int) -> Trace:
        """Zeros for so many samples; none for 0, which records nothing."""
        sizes = (((n_samples,), np.int32), ((n_samples, n_neurons), np.int8), ((n_samples, group), np.float32))
        return cls(*(np.zeros(shape, kind) for shape, kind in sizes))

    def precision(self, labels: np.ndarray) -> np.ndarray:
        """Share float64 [N] of the samples decided by each neuron that were of its class; NaN where it decided none."""
        n_neurons = self.changed.shape[1]
        right = self.decided // self.thresholds.shape[1] == labels
        with np.errstate(invalid="ignore"):
            return np.bincount(self.decided, right, n_neurons) / np.bincount(self.decided, minlength=n_neurons)


@dataclass(frozen=True)
class Decisions:
    """Which neuron fired first in each sample, int64 [n], the class it stands for, and when it fired (max_time: nobody did)."""

    neurons: np.ndarray
    classes: np.ndarray
    times: np.ndarray


@dataclass
class Readout:
    """State of a readout; made by `create` or `load`.

    `weights` float32 [D, N]; `norms` float64 [N] their initial sums of magnitudes; `base` and `adaptive` float32 [N]
    thresholds; `base_rates` and `rates` float64 [4] (R-STDP's adaptive ones differ); `threshold_rate` the regulation's.
    """

    config: Config
    n_classes: int
    max_time: float
    weights: np.ndarray
    norms: np.ndarray
    base: np.ndarray
    adaptive: np.ndarray
    base_rates: np.ndarray
    rates: np.ndarray
    threshold_rate: float
    rng: np.random.Generator = field(repr=False)
    epochs: int = 0

    @classmethod
    def create(cls, config: Config, n_inputs: int, n_classes: int, seed: int, max_time: float = 1.0) -> Readout:
        """A fresh readout: weights drawn, their sums taken, rescaled and clipped, in this order.

        Raises
        ------
        ConfigError : the configuration does not fit the number of classes.
        """
        config.rule(n_classes, max_time)
        layer, rng = config.layer, np.random.default_rng(seed)
        shape = (n_inputs, layer.n_neurons)
        if layer.w_init_normal:
            weights = rng.normal(layer.w_init_mean, layer.w_init_std, shape)
        else:
            weights = rng.uniform(layer.w_min, layer.w_max, shape)
        weights = weights.astype(np.float32)
        norms = np.abs(weights).sum(axis=0, dtype=np.float64)
        if layer.w_norm:
            normalise(weights, norms, norms.copy())
        np.clip(weights, np.float32(layer.w_min), np.float32(layer.w_max), out=weights)
        base = np.full(layer.n_neurons, layer.firing_threshold, np.float32)
        base_rates = np.array(config.optimizer.rates)
        made = cls(
            config=config,
            n_classes=n_classes,
            max_time=max_time,
            weights=weights,
            norms=norms,
            base=base,
            adaptive=base.copy(),
            base_rates=base_rates,
            rates=base_rates.copy(),
            threshold_rate=float(config.regularizer.thr_lr) if config.regularizer else 0.0,
            rng=rng,
        )
        made._adapt_rates(1 / n_classes)
        return made

    def train_epoch(self, spikes: SpikeList, traced: bool = False) -> EpochRecord:
        """Learn from every sample once, in their order, then anneal rates and thresholds; `traced` records each sample.

        Raises
        ------
        SpikeError : samples of another size, duration or number of classes than the readout's.
        """
        self._check(spikes)
        n_neurons = self.weights.shape[1]
        wins, updates = np.zeros(n_neurons, np.int64), np.zeros((n_neurons, 2), np.int64)
        rule = self.config.rule(self.n_classes, self.max_time)
        trace = Trace.empty(len(spikes) if traced else 0, n_neurons, rule.group)
        if rule.regulation != ONE_THRESHOLD:
            self.adaptive[:] = self.base
        correct = train_epoch(
            rule,
            self.rates,
            self.threshold_rate,
            spikes.starts,
            spikes.inputs,
            spikes.times,
            spikes.labels,
            self.weights,
            self.norms,
            self.base,
            self.adaptive,
            self._leak_tau(),
            self.rng,
            wins,
            updates,
            trace.decided,
            trace.changed,
            trace.thresholds,
        )
        accuracy = correct / len(spikes)
        self.base_rates *= self.config.optimizer.annealing
        self._adapt_rates(accuracy)
        if self.config.regularizer:
            self.threshold_rate *= self.config.regularizer.thr_anneal
        if rule.regulation == ONE_THRESHOLD:
            self.base[:] = self.adaptive
        self.epochs += 1
        return EpochRecord(accuracy, wins, updates, trace if traced else None)

    def decide(self, spikes: SpikeList) -> Decisions:
        """Decide on every sample, with the fixed thresholds and without dropout."""
        self._check(spikes)
        neurons, times = np.empty(len(spikes), np.int64), np.empty(len(spikes), np.float32)
        decide(
            spikes.starts,
            spikes.inputs,
            spikes.times,
            self.weights,
            self.base,
            self._leak_tau(),
            self.max_time,
            self.config.layer.reference_timing,
            neurons,
            times,
        )
        return Decisions(neurons, neurons // (len(self.base) // self.n_classes), times)

    def accuracy(self, spikes: SpikeList) -> float:
        """Share of the samples that are classified correctly."""
        return float(np.mean(self.decide(spikes).classes == spikes.labels))

    def state(self) -> dict[str, np.ndarray]:
        """Everything that learning has changed, as plain arrays."""
        about = {"n_classes": self.n_classes, "max_time": self.max_time, "epochs": self.epochs}
        about |= {"threshold_rate": self.threshold_rate, "rng": self.rng.bit_generator.state}
        text = json.dumps(about | {"config": self.config.model_dump(exclude_none=True)}, sort_keys=True)
        return {name: getattr(self, name) for name in _ARRAYS} | {"about": np.array(text)}

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], where: object = "the readout") -> Readout:
        """The readout that `state` was taken from.

        Raises
        ------
        SpikeError : arrays of other shapes or types than a readout's.
        """
        try:
            about = json.loads(str(arrays["about"]))
            config = Config.model_validate(about["config"])
            made = cls.create(config, len(arrays["weights"]), about["n_classes"], 0, about["max_time"])
            for name in _ARRAYS:
                kept, found = getattr(made, name), arrays[name]
                if found.shape != kept.shape or found.dtype != kept.dtype or not np.isfinite(found).all():
                    raise ValueError(f"{name} is {found.dtype} of shape {found.shape}")
                kept[...] = found
            made.rng.bit_generator.state = about["rng"]
            made.threshold_rate, made.epochs = float(about["threshold_rate"]), int(about["epochs"])
        except (ValueError, TypeError, KeyError, ConfigError) as error:
            raise SpikeError(f"{where} is no saved readout: {str(error).splitlines()[0]}") from None
        return made

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the readout as .npz; the file is complete or untouched."""
        spike_files.write_npz(path, self.state())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Readout:
        """Read a readout that `save` wrote; nothing is unpickled.

        Raises
        ------
        SpikeError : missing or damaged file.
        """
        return cls.from_state(spike_files.read_npz(path, (*_ARRAYS, "about")), path)

    def digest(self) -> str:
        """SHA-256 of the state: equal digests mean equal readouts."""
        state = self.state()
        content = b"".join(np.ascontiguousarray(state[name]).tobytes() for name in _ARRAYS) + str(state["about"]).encode()
        return hashlib.sha256(content).hexdigest()

    def _adapt_rates(self, accuracy: float) -> None:
        """R-STDP: the better the epoch before, the weaker the rewards and the stronger the punishments."""
        optimizer = self.config.optimizer
        adaptive = optimizer.method == "rstdp" and optimizer.adaptive_lr
        reward, punish = (1 - accuracy, accuracy) if adaptive else (1.0, 1.0)
        self.rates[:] = self.base_rates * [reward, reward, punish, punish]

    def _leak_tau(self) -> np.ndarray:
        return np.array(self.config.layer.leak_tau or [], np.float32)

    def _check(self, spikes: SpikeList) -> None:
        if spikes.n_inputs != len(self.weights) or spikes.max_time != self.max_time:
            raise SpikeError(
                f"samples have {spikes.n_inputs} inputs up to time {spikes.max_time:g}, "
                f"the readout has {len(self.weights)} up to {self.max_time:g}"
            )
        if len(spikes) == 0 or spikes.labels.max() >= self.n_classes:
            raise SpikeError(
                f"{len(spikes)} samples with labels up to {spikes.labels.max(initial=-1)} for {self.n_classes} classes"
            )
