"""python -m mstask.studies.g2gnet {train,crossval}: one network, or one per fold; the options are the sources'."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from mstask.errors import exit_code
from mstask.studies.g2gnet import folds, runs

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
        for option, field in runs.Options.model_fields.items():
            kind, default = field.annotation, field.get_default(call_default_factory=True)
            how = {"type": kind} if kind in (int, float) else {"choices": get_args(kind)}
            how = {"action": "store_true"} if kind is bool else how
            default = FOR_FOLDS.get(option, default) if name == "crossval" else default
            text = f"{field.description or ''} (default {default})".strip()
            command.add_argument(f"--{option}", default=argparse.SUPPRESS, help=text, **how)
        if name == "crossval":
            command.add_argument("--k_folds", type=int, default=5)
            command.add_argument("--fold_mode", choices=folds.MODES, default="stratified")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run; 0 done, 1 with one sentence when it failed, 2 with one when an option can't be."""
    chosen = parser().parse_args(arguments)
    given = {name: value for name, value in vars(chosen).items() if name in runs.Options.model_fields}
    base = runs.PRESETS[chosen.preset] if chosen.preset else FOR_FOLDS if chosen.command == "crossval" else {}

    def work() -> int:
        options = runs.options(**base | given)
        if chosen.command == "train":
            runs.run(options, chosen.folder, force=chosen.force)
        else:
            runs.cross_validate(options, chosen.k_folds, chosen.fold_mode, chosen.folder, chosen.force)
        return 0

    return exit_code(work)


if __name__ == "__main__":
    raise SystemExit(main())
