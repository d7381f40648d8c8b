"""Single runs and cross-validation from the command line: named checkpoints, resumed, skipped when finished.

A run writes to its folder, all with the same stem: the configuration (.json), a checkpoint after every epoch (.pth) and, at
the end, a marker with one line of results (.DONE). A run that finds its marker does nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mstask import data, paths
from mstask.data import Splits
from mstask.data.images import FASHION
from mstask.errors import MstaskError, nearest
from mstask.results.files import write_atomic
from mstask.studies.g2gnet import features, folds
from mstask.studies.g2gnet.measure import fit
from mstask.studies.g2gnet.methods import OWN_FEATURES, PICTURES, STILL
from mstask.studies.g2gnet.names import DATASETS, stem
from mstask.studies.g2gnet.networks import Design, Encoding
from mstask.studies.g2gnet.rates import RatePenalty
from mstask.studies.g2gnet.rewiring import Rule
from mstask.studies.g2gnet.training import Regime
from mstask.training import History


@dataclass(frozen=True)
class Options:
    """A run's options: names and defaults of the sources where they have the option; see `default_dataset`."""

    dataset: str = field(default_factory=lambda: default_dataset())
    model: str = "dense"
    epochs: int = 20
    p_inter: float = 0.15
    sparsity_mode: str = "static"
    cp: str = "set"
    cg: str = "hebb"
    T: int = 50
    batch_size: int = 256
    hidden_dim: int = 2048
    enc: str = "current"
    enc_scale: float = 1.0
    enc_bias: float = 0.0
    use_resnet: bool = False
    use_features: bool = False
    enforce_sparsity: bool = False
    warmup_epochs: int = 10
    seed: int = 42
    n_hidden: int = 2
    dst_every: int = 1000
    dst_frac: float = 0.1
    dst_scope: str = "layer"
    labels: str = "per_layer"
    backend: str = "auto"
    lr: float = 1e-3

    def __post_init__(self) -> None:
        if self.dataset not in DATASETS:
            raise MstaskError(f"data set {self.dataset!r} is unknown; {nearest(self.dataset, DATASETS)}")
        if self.sparsity_mode not in ("static", "dynamic"):
            raise MstaskError(
                f"sparsity mode {self.sparsity_mode!r} is unknown; {nearest(self.sparsity_mode, ('static', 'dynamic'))}"
            )
        for name in ("epochs", "T", "batch_size", "hidden_dim", "n_hidden", "dst_every"):
            if getattr(self, name) < 1:
                raise MstaskError(f"option {name} is {getattr(self, name)}, expected at least 1")
        for name, value in vars(self).items():
            if isinstance(value, float) and not math.isfinite(value):
                raise MstaskError(f"option {name} is {value}, expected a finite number")

        if self.use_resnet and self.use_features:
            raise MstaskError("use_resnet and use_features are both given, expected one kind of features")
        if self.front and DATASETS[self.dataset] == OWN_FEATURES:
            raise MstaskError(f"use_{self.front} with the data set 'features', which holds features already: leave it out")

    @property
    def front(self) -> str:
        """What looks at the pictures first: "resnet", "features" or nothing."""
        return "resnet" if self.use_resnet else "features" if self.use_features else ""

    @property
    def rewired(self) -> bool:
        return self.sparsity_mode == "dynamic" and self.model != "dense"

    @property
    def stem(self) -> str:
        """Name of the run's files."""
        moving = (self.cp, self.cg) if self.rewired else (None, None)
        return stem(self.dataset, self.model, self.p_inter, self.T, self.enc, *moving, front=self.front)

    @property
    def digest(self) -> str:
        """What tells runs of one name apart."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


def default_dataset() -> str:
    """Fashion-MNIST, as in the sources, where the user has named or fetched it; else the digits."""
    here = paths.named(FASHION.variable) or (paths.cache_dir() / FASHION.name).is_dir()
    return "fashionmnist" if here else "digits"


PRESETS = {
    "digits": Options("digits", epochs=15, T=25, batch_size=64, hidden_dim=256, dst_every=50),
    "fashionmnist-reduced": Options(dataset="fashionmnist", T=10, hidden_dim=512),
}
"""Sizes that two CPU cores manage; options given beside a preset count more."""


def load(options: Options) -> Splits:
    """The data set of a run: as it is, as a frozen ResNet-32 sees it, or as the convolution trained here does."""
    name = DATASETS[options.dataset]
    if name == OWN_FEATURES:
        return features.own()
    splits = data.load(name, "real" if name in PICTURES else "embedded")
    if options.use_resnet:
        return features.of_resnet(splits)
    return features.frozen(splits) if options.use_features else splits


def run(
    options: Options,
    folder: Path,
    splits: Splits | None = None,
    force: bool = False,
    tell: Callable[[str], None] = print,
    on_epoch: Callable[[History], None] | None = None,
) -> dict[str, Any] | None:
    """Train one network; returns its test figures, or None where the run was already finished.

    Parameters
    ----------
    force : begin anew where files of another configuration bear the run's name.

    Raises
    ------
    MstaskError : files of the same name belong to another configuration, or the checkpoint is damaged.
    """
    marker, checkpoint, settings = (folder / f"{options.stem}{suffix}" for suffix in (".DONE", ".pth", ".json"))
    if force:
        for path in (marker, checkpoint, settings):
            path.unlink(missing_ok=True)
    _check_settings(options, settings)
    if marker.exists():
        tell(f"{options.stem} is finished, skipped; delete {marker} to run it again: {marker.read_text().strip()}")
        return None
    seed_everything(options.seed)
    splits = splits or load(options)
    write_atomic(settings, json.dumps(asdict(options) | {"digest": options.digest}, indent=2) + "\n")
    existed = checkpoint.exists()
    aside = checkpoint.with_name(f"{checkpoint.name}.set-aside")
    earlier = aside.stat().st_mtime_ns if aside.exists() else None

    def watch(history: History) -> None:
        if existed and aside.exists() and aside.stat().st_mtime_ns != earlier and len(history.train_loss) == 1:
            checkpoint.unlink()
            raise MstaskError(f"{checkpoint} was damaged and is set aside as {aside.name}; start again to begin anew")
        tell(
            f"epoch {len(history.train_loss)}: loss {history.train_loss[-1]:.4f}, "
            f"validation macro-F1 {history.validation_macro_f1[-1]:.4f}"
        )
        if on_epoch:
            on_epoch(history)

    model, trained = fit(design(options, splits), regime(options), splits, options.seed, "cpu", checkpoint, watch)
    outcome = trained.outcome
    line = (
        f"test accuracy {outcome.accuracy:.4f}, macro-F1 {outcome.macro_f1:.4f}, hidden firing "
        f"{', '.join(f'{rate:.4f}' for rate in outcome.firing_rates)}, {model.n_parameters()} parameters, {options.digest}"
    )
    write_atomic(marker, line + "\n")
    tell(line)
    return {
        "accuracy": outcome.accuracy,
        "macro_f1": outcome.macro_f1,
        "firing_rates": outcome.firing_rates,
        "n_parameters": model.n_parameters(),
        "rewirings": trained.rewirings,
    }


def cross_validate(
    options: Options, k: int, mode: str, folder: Path, force: bool = False, tell: Callable[[str], None] = print
) -> dict[str, Any]:
    """Train a fresh network on every fold; returns the folds' accuracies, their mean and population standard deviation.

    Each fold's files lie in a folder of their own. The selected epoch counts, chosen on examples outside the fold; the
    sources take the last epoch.
    """
    whole = load(options)
    accuracies = []
    for number in range(1, k + 1):
        place = folder / f"{mode}-{k}-fold-{number}"
        result = run(options, place, folds.fold(whole, number, k, mode), force, tell)
        accuracies.append(result["accuracy"] if result else _accuracy_in(place / f"{options.stem}.DONE"))
    mean, sd = folds.spread(accuracies)
    tell(f"{k} folds: accuracy {mean:.2%}, standard deviation {sd:.2%}")
    return {"accuracies": accuracies, "mean": mean, "sd": sd}


def design(options: Options, splits: Splits) -> Design:
    """The network that the options describe."""
    still = DATASETS[options.dataset] in STILL
    _, steps, width = splits.train.x.shape
    encoding = Encoding(options.enc, options.T if still else None, options.enc_scale, options.enc_bias)
    if options.front:
        encoding = Encoding("rate", options.T)
    return Design(
        in_features=steps * width if still else width,
        n_classes=splits.n_classes,
        model=options.model,
        hidden=options.hidden_dim,
        n_hidden=options.n_hidden,
        p_inter=options.p_inter,
        encoding=encoding,
        labels=options.labels,
        form=options.backend,
    )


def regime(options: Options) -> Regime:
    """How the options say to train: no early stop."""
    return Regime(
        learning_rate=options.lr,
        batch_size=options.batch_size,
        max_epochs=options.epochs,
        patience=options.epochs,
        rule=Rule(options.cp, options.cg, options.dst_scope, options.dst_frac) if options.rewired else None,
        every=options.dst_every,
        penalty=RatePenalty(options.epochs, options.warmup_epochs) if options.enforce_sparsity else None,
    )


def preset(name: str, given: dict[str, Any]) -> Options:
    """A preset's options, those given counting more."""
    if name not in PRESETS:
        raise MstaskError(f"preset {name!r} is unknown; {nearest(name, PRESETS)}")
    return replace(PRESETS[name], **given)


def seed_everything(seed: int) -> None:
    """Seed every generator and ask for deterministic algorithms."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False


def _check_settings(options: Options, settings: Path) -> None:
    """Refuse a run whose name is taken by another configuration."""
    if not settings.exists():
        return
    try:
        known = json.loads(settings.read_text(encoding="utf-8"))
    except ValueError:
        raise MstaskError(
            f"{settings} is damaged, expected the options of run {options.stem}; use --force to begin anew"
        ) from None
    if known.get("digest") != options.digest:
        differing = [name for name, value in asdict(options).items() if known.get(name) != value]
        raise MstaskError(
            f"{settings.parent} holds a run {options.stem} with another {', '.join(differing)}; choose another folder, or "
            "--force to begin anew"
        )


def _accuracy_in(marker: Path) -> float:
    return float(marker.read_text(encoding="utf-8").split("test accuracy ")[1].split(",")[0])
