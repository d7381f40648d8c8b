"""The configuration of each method of section 5.3, with settings chosen per data set.

Settings are chosen on validation data once per family and data set (`benchmarks/ncg_settings.py` writes `settings.json`);
methods that differ in group size, regulation or labels alone share those of their family. In the paper only groups without
regulation do; it searched the other variants on their own.
Data sets without a search of their own use those of another: thresholds are relative to the drive of a sample, so that they
carry over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from mstask.errors import MstaskError
from mstask.studies.ncg.config import Config, parse
from mstask.studies.ncg.names import FAMILIES, METHODS, Method

SETTINGS = Path(__file__).with_name("settings.json")
SETTINGS_AT_LENGTH = Path(__file__).with_name("settings_at_length.json")
BORROWED = {"speech-onsets": "speech", "fashion-mnist": "mnist"}
"""Data sets without a search of their own, and whose settings they use."""


@dataclass(frozen=True)
class Settings:
    """What is tuned per data set.

    `threshold` is a share of the mean initial drive of a sample (initial weight times spikes), `eta` a share of the
    threshold; `dropout_out` is used by methods with dropout, `t_gap` by all but R-STDP.
    """

    threshold: float
    ap: float
    am: float
    t_gap: float = 0.0
    eta: float = 0.0
    thr_anneal: float = 0.5
    dropout_out: float = 0.0

    def scaled(self, threshold: float = 1.0, rate: float = 1.0, regulation: float = 1.0) -> Settings:
        """The same with threshold, learning rates and the step of the regulation multiplied."""
        return replace(
            self, threshold=self.threshold * threshold, ap=self.ap * rate, am=self.am * rate, eta=self.eta * regulation
        )


@dataclass(frozen=True)
class Schedule:
    """How long a readout is trained."""

    epochs: int
    patience: int
    annealing: float = 0.98
    reference_timing: bool = False


@cache
def tuned() -> dict[str, dict[str, Settings]]:
    """The chosen settings by data set and family."""
    return _read(SETTINGS)


@cache
def tuned_at_length() -> dict[str, dict[str, Settings]]:
    """The same chosen by trainings as long as those that use them, for each method of `names.AT_LENGTH` alone."""
    return _read(SETTINGS_AT_LENGTH)


def _read(path: Path) -> dict[str, dict[str, Settings]]:
    kept = json.loads(path.read_text("utf-8"))["settings"]
    return {case: {name: Settings(**values) for name, values in families.items()} for case, families in kept.items()}


def settings(case: str, method: str) -> Settings:
    """The settings of a method on a data set.

    Raises
    ------
    MstaskError : none were chosen for it.
    """
    name, chosen = METHODS[method].settings, case if case in tuned() else BORROWED.get(case, case)
    if name not in tuned().get(chosen, {}):
        raise MstaskError(f"{SETTINGS.name} has no settings {name!r} for {case!r}; choose them with benchmarks/ncg_settings.py")
    return tuned()[chosen][name]


def configuration(method: Method, chosen: Settings, schedule: Schedule, n_classes: int, spikes_per_sample: float) -> Config:
    """The complete configuration of a method, for data with so many classes and spikes per sample."""
    threshold = chosen.threshold * FAMILIES[method.family].w_init_mean * spikes_per_sample
    values = {"firing_threshold": threshold, "ap": chosen.ap, "am": chosen.am}
    if FAMILIES[method.family].method != "rstdp":
        values["t_gap"] = chosen.t_gap
    if method.dropout:
        values["dropout_out"] = chosen.dropout_out
    if method.regulation:
        values |= {"thr_lr": chosen.eta * threshold, "thr_anneal": chosen.thr_anneal}
    return parse(assemble(method, values, schedule, n_classes))


def assemble(method: Method, values: dict[str, float], schedule: Schedule, n_classes: int) -> dict[str, Any]:
    """A configuration as plain values: the constants of a method's family and its tuned `values`, by their field names."""
    family = FAMILIES[method.family]
    layer = {
        "n_neurons": n_classes * method.group,
        "firing_threshold": values["firing_threshold"],
        "w_init_normal": True,
        "w_init_mean": family.w_init_mean,
        "w_init_std": 0.01,
        "w_norm": family.w_norm,
        "w_min": family.w_min,
        "w_max": family.w_max,
        "reference_timing": schedule.reference_timing,
    }
    optimizer: dict[str, Any] = {"method": family.method}
    optimizer |= {name: values[name] for name in ("ap", "am", "anti_ap", "anti_am", "lr", "t_gap") if name in values}
    optimizer["annealing"] = schedule.annealing
    if family.method != "rstdp":
        optimizer |= {"class_inhib": method.group > 1 and method.competing, "use_time_ranges": family.use_time_ranges}
    trainer = {
        "epochs": schedule.epochs,
        "early_stopping": schedule.patience,
        "nt_neurons": method.n_nontarget,
        "dropout_out": values.get("dropout_out", 0.0),
    }
    made: dict[str, Any] = {"network": [layer], "optimizer": optimizer, "trainer": trainer}
    if method.regulation:
        made["regularizer"] = {
            "thr_lr": values["thr_lr"],
            "thr_anneal": values["thr_anneal"],
            "use_two_thr": method.regulation == "CR2",
        }
    return made
