"""Single runs and cross-validation from the command line: named checkpoints, resumed, skipped when finished.

A run writes to its folder, all with the same stem: the configuration (.json), a checkpoint after every epoch (.pth) and, at
the end, a marker with one line of results (.DONE). A run that finds its marker does nothing.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean, pstdev
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mstask import data, paths
from mstask.cell import device_to_use
from mstask.data import Splits
from mstask.data.images import FASHION
from mstask.errors import MstaskError, UsageError
from mstask.parameters import Count
from mstask.results.documents import describe
from mstask.results.files import write_atomic
from mstask.studies.g2gnet import features, folds
from mstask.studies.g2gnet.measure import fit
from mstask.studies.g2gnet.methods import GROUPS, OWN_FEATURES, PICTURES, STILL
from mstask.studies.g2gnet.networks import Design, Encoding
from mstask.studies.g2gnet.rewiring import Rule
from mstask.studies.g2gnet.training import RatePenalty, Regime
from mstask.training import History

DATASETS = {
    "digits": "digits",
    "fashionmnist": "fashion-mnist",
    "mnist": "mnist",
    "cifar10": "cifar-10",
    "cifar100": "cifar-100",
    "radar": "radar",
    "speech": "speech",
    "features": OWN_FEATURES,
}
"""Names of data sets in file names and options, and the data of `mstask.data.load` they stand for; "features" is the
file that FEATURES_DATA names."""


def default_dataset() -> str:
    """Fashion-MNIST, as in the sources, where the user has named or fetched it; else the digits."""
    here = paths.named(FASHION.variable) or (paths.cache_dir() / FASHION.name).is_dir()
    return "fashionmnist" if here else "digits"


class Options(BaseModel):
    """A run's options: names and defaults of the sources where they have the option; see `default_dataset`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: Literal["digits", "fashionmnist", "mnist", "cifar10", "cifar100", "radar", "speech", "features"] = Field(
        default_factory=default_dataset
    )
    model: Literal["dense", "index", "random", "mixer", "er"] = "dense"
    epochs: Count = 20
    p_inter: Annotated[float, Field(ge=0, le=1)] = 0.15
    sparsity_mode: Literal["static", "dynamic"] = "static"
    cp: Literal["set", "random", "hebb"] = Field(default="set", description="prune criterion")
    cg: Literal["hebb", "random"] = Field(default="hebb", description="grow criterion")
    T: Count = 50
    batch_size: Count = 256
    hidden_dim: Count = 2048
    enc: Literal["current", "rate"] = "current"
    enc_scale: float = 1.0
    enc_bias: float = 0.0
    use_resnet: bool = Field(
        default=False, description="frozen ResNet-32 in front, weights from RESNET32_WEIGHTS, rate coded; CIFAR"
    )
    use_features: bool = Field(default=False, description="frozen small convolution in front, trained here, rate coded")
    enforce_sparsity: bool = Field(default=False, description="penalty on firing rates after the warm-up")
    warmup_epochs: Annotated[int, Field(ge=0)] = 10
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 42
    n_hidden: Count = 2
    dst_every: Count = 1000
    dst_frac: Annotated[float, Field(gt=0, lt=1)] = 0.1
    dst_scope: Literal["layer", "class", "inter"] = "layer"
    labels: Literal["per_layer", "shared"] = "per_layer"
    backend: Literal["auto", "dense", "grouped", "sparse"] = "auto"
    lr: Annotated[float, Field(gt=0)] = 1e-3

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.model != "dense" and self.hidden_dim % GROUPS:
            raise ValueError(f"hidden_dim: a layer of {self.hidden_dim} neurons doesn't divide into {GROUPS} groups")
        if self.use_resnet and self.use_features:
            raise ValueError("use_resnet and use_features are both given, expected one kind of features")
        if self.front and self.dataset == "features":
            raise ValueError(f"use_{self.front} with the data set 'features', which holds features already: leave it out")
        return self

    @property
    def front(self) -> str:
        """What looks at the pictures first: "resnet", "features" or nothing."""
        return "resnet" if self.use_resnet else "features" if self.use_features else ""

    @property
    def rewired(self) -> bool:
        return self.sparsity_mode == "dynamic" and self.model != "dense"

    @property
    def stem(self) -> str:
        """Name of the run's files, as the sources write it: "fashionmnist_index_p0_15_T50_current".

        It leaves out the seed, the width, the number of epochs and more: the configuration is kept beside it.
        """
        front = f"{self.front}_" if self.front else ""
        moving = f"_cp{self.cp}_cg{self.cg}" if self.rewired else ""
        probability = f"{self.p_inter:.2f}".replace(".", "_")
        return f"{front}{self.dataset}_{self.model}_p{probability}_T{self.T}_{self.enc}{moving}"


PRESETS: dict[str, dict[str, Any]] = {
    "digits": {"dataset": "digits", "epochs": 15, "T": 25, "batch_size": 64, "hidden_dim": 256, "dst_every": 50},
    "fashionmnist-reduced": {"dataset": "fashionmnist", "T": 10, "hidden_dim": 512},
}
"""Sizes that two CPU cores manage; options given beside a preset count more."""


def options(**given: Any) -> Options:
    """The options of a run, checked.

    Raises
    ------
    UsageError : the first option that can't be.
    """
    try:
        return Options(**given)
    except ValidationError as error:
        raise UsageError(f"option {describe(error)}") from None


def load(options: Options) -> Splits:
    """The data set of a run as it is."""
    name = DATASETS[options.dataset]
    return features.own() if name == OWN_FEATURES else data.load(name, "real" if name in PICTURES else "embedded")


def seen(options: Options, splits: Splits) -> Splits:
    """The data as the networks see it: as it is, through a frozen ResNet-32, or through the convolution trained on it here."""
    if options.use_resnet:
        return features.of_resnet(splits)
    return features.frozen(splits) if options.use_features else splits


def run(options: Options, folder: Path, splits: Splits | None = None, force: bool = False) -> float:
    """Train one network, on these splits or its own data set; returns its test accuracy, also where it was finished before.

    The convolution of `use_features` is trained on the splits' training part.

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
        line = marker.read_text(encoding="utf-8")
        if not (told := re.search(r"test accuracy ([0-9.]+)", line)):
            raise MstaskError(f"{marker} tells no test accuracy: delete it to run {options.stem} again")
        print(f"{options.stem} is finished, skipped; delete {marker} to run it again: {line.strip()}")
        return float(told[1])
    splits = seen(options, splits or load(options))
    write_atomic(settings, json.dumps(options.model_dump(), indent=2) + "\n")
    existed = checkpoint.exists()

    def tell(history: History) -> None:
        epoch = len(history.train_loss)
        # A checkpoint holds at least one epoch, so a run that continues from it never ends its first.
        if existed and epoch == 1:
            checkpoint.unlink()
            raise MstaskError(
                f"{checkpoint} was damaged and is set aside as {checkpoint.name}.set-aside; start again to begin anew"
            )
        score = history.validation_macro_f1[-1]
        print(f"epoch {epoch}: loss {history.train_loss[-1]:.4f}, validation macro-F1 {score:.4f}")

    model, trained = fit(design(options, splits), regime(options), splits, options.seed, device_to_use(), checkpoint, tell)
    outcome = trained.outcome
    line = (
        f"test accuracy {outcome.accuracy:.4f}, macro-F1 {outcome.macro_f1:.4f}, hidden firing "
        f"{', '.join(f'{rate:.4f}' for rate in outcome.firing_rates)}, {model.n_parameters()} parameters"
    )
    write_atomic(marker, line + "\n")
    print(line)
    return outcome.accuracy


def cross_validate(options: Options, k: int, mode: str, folder: Path, force: bool = False) -> list[float]:
    """Train a fresh network on every fold, its files in a folder of their own; returns the folds' accuracies.

    The selected epoch counts, chosen on examples outside the fold; the sources take the last epoch. The standard deviation
    told is the population's, as in the sources.
    """
    whole = load(options)
    accuracies = []
    for number in range(1, k + 1):
        try:
            part = folds.fold(whole, number, k, mode)
        except ValueError as error:
            name = whole.meta["name"]
            raise MstaskError(f"{name} has too few examples for a validation part in each of {k} folds: {error}") from None
        accuracies.append(run(options, folder / f"{mode}-{k}-fold-{number}", part, force))
    print(f"{k} folds: accuracy {fmean(accuracies):.2%}, standard deviation {pstdev(accuracies):.2%}")
    return accuracies


def design(options: Options, splits: Splits) -> Design:
    """The network that the options describe."""
    still = DATASETS[options.dataset] in STILL
    _, steps, width = splits.train.x.shape
    encoding = Encoding(options.enc, options.T if still else None, options.enc_scale, options.enc_bias)
    return Design(
        in_features=steps * width if still else width,
        n_classes=splits.n_classes,
        model=options.model,
        hidden=options.hidden_dim,
        n_hidden=options.n_hidden,
        p_inter=options.p_inter,
        encoding=Encoding("rate", options.T) if options.front else encoding,
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
    if differing := [name for name, value in options.model_dump().items() if known.get(name) != value]:
        raise MstaskError(
            f"{settings.parent} holds a run {options.stem} with another {', '.join(differing)}; choose another folder, or "
            "--force to begin anew"
        )
