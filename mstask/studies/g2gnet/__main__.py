"""python -m mstask.studies.g2gnet {train,crossval}: one network, or one per fold; the options are the sources'."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from mstask.errors import MstaskError
from mstask.studies.g2gnet import folds, runs, wiring
from mstask.studies.g2gnet.names import DATASETS
from mstask.studies.g2gnet.networks import ENCODINGS
from mstask.studies.g2gnet.products import FORMS
from mstask.studies.g2gnet.rewiring import GROW, PRUNE, SCOPES

CHOICES = {
    "dataset": tuple(DATASETS),
    "model": wiring.MODELS,
    "sparsity_mode": ("static", "dynamic"),
    "cp": PRUNE,
    "cg": GROW,
    "enc": ENCODINGS,
    "dst_scope": SCOPES,
    "labels": wiring.LABELS,
    "backend": FORMS,
}
HELP = {
    "cp": "prune criterion",
    "cg": "grow criterion",
    "use_resnet": "frozen ResNet-32 in front, weights from RESNET32_WEIGHTS, rate coded; CIFAR",
    "use_features": "frozen small convolution in front, trained here, rate coded",
    "enforce_sparsity": "penalty on firing rates after the warm-up",
}
BASE = runs.Options()
FOR_FOLDS = {"epochs": 5}


def parser() -> argparse.ArgumentParser:
    """The command's options; none has a default here, so that a preset's value stands where none is given."""
    made = argparse.ArgumentParser(prog="python -m mstask.studies.g2gnet", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True)
    for name in ("train", "crossval"):
        command = commands.add_parser(name)
        command.add_argument("--preset", choices=tuple(runs.PRESETS), help="sizes for two CPU cores")
        command.add_argument("--folder", type=Path, default=Path("checkpoints"))
        command.add_argument("--force", action="store_true", help="begin anew where the name is taken")
        for field in fields(runs.Options):
            kind = type(getattr(BASE, field.name))
            text = f"{HELP.get(field.name, '')} (default {getattr(BASE, field.name)})".strip()
            how = {"action": "store_true"} if kind is bool else {"type": kind, "choices": CHOICES.get(field.name)}
            command.add_argument(f"--{field.name}", default=argparse.SUPPRESS, help=text, **how)
        if name == "crossval":
            command.add_argument("--k_folds", type=int, default=5)
            command.add_argument("--fold_mode", choices=folds.MODES, default="stratified")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run; 0 done, 1 with one sentence when it failed."""
    chosen = vars(parser().parse_args(arguments))
    names = {field.name for field in fields(runs.Options)}
    given = {name: value for name, value in chosen.items() if name in names}
    try:
        if chosen["preset"]:
            options = runs.preset(chosen["preset"], given)
        else:
            options = runs.Options(**(FOR_FOLDS if chosen["command"] == "crossval" else {}) | given)
        if chosen["command"] == "train":
            runs.run(options, chosen["folder"], force=chosen["force"])
        else:
            runs.cross_validate(options, chosen["k_folds"], chosen["fold_mode"], chosen["folder"], chosen["force"])
    except MstaskError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
