"""python -m mstask.neighbours.ncg {convert,run,kfold,grid}: readouts on folders of spike lists, from the command line."""

from __future__ import annotations

import argparse
import sys

from mstask.errors import MstaskError
from mstask.neighbours.ncg import config, drivers, spikes


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns 0 when done, 1 when the work failed. Bad use ends with 2."""
    chosen = _parser().parse_args(arguments)
    try:
        return chosen.do(chosen)
    except MstaskError as error:
        print(error, file=sys.stderr)
        return 1


def _convert(chosen: argparse.Namespace) -> int:
    made = spikes.convert(chosen.x, chosen.y, chosen.out, chosen.max_time)
    print(f"{chosen.out}: {len(made)} samples, {made.n_inputs} inputs, {made.spikes_per_sample:.1f} spikes per sample")
    return 0


def _run(chosen: argparse.Namespace) -> int:
    result = drivers.run(chosen.data, chosen.out, config.read(chosen.config), chosen.seed)
    print(drivers.table([result]))
    return 0


def _k_fold(chosen: argparse.Namespace) -> int:
    folds = drivers.k_fold(chosen.data, chosen.out, config.read(chosen.config), chosen.workers)
    print(drivers.table(folds.results))
    print(f"test accuracy {folds.mean:.4f} ± {folds.sd:.4f} over {len(folds.results)} folds, {folds.epochs:.1f} epochs")
    return 0


def _grid(chosen: argparse.Namespace) -> int:
    results = drivers.grid_search(chosen.data, chosen.out, config.read_json(chosen.config), chosen.workers)
    print(drivers.table(results))
    return 1 if any(result.error for result in results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mstask.neighbours.ncg", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    convert = commands.add_parser("convert", help="dense spike times to a spike list; the inputs are kept")
    convert.add_argument("x", help="spike times, .npy [samples, ...]")
    convert.add_argument("y", help="labels, .npy [samples]")
    convert.add_argument("out", help="spike list, .npz")
    convert.add_argument("--max-time", type=float, default=1.0, help="spikes at this time or later are none (default 1)")
    convert.set_defaults(do=_convert)
    for name, do, text in (
        ("run", _run, "train one readout"),
        ("kfold", _k_fold, "train on every fold, named 0, 1, ... in the data folder"),
        ("grid", _grid, "train every combination of a configuration whose fields may be lists"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("data", help="folder with trainset.npz, valset.npz, testset.npz")
        command.add_argument("out", help="folder for results; finished runs in it are not repeated")
        command.add_argument("config", help="JSON configuration")
        if name == "run":
            command.add_argument("--seed", type=int, default=0)
        else:
            command.add_argument("--workers", type=int, default=1)
        command.set_defaults(do=do)
    return parser


if __name__ == "__main__":
    sys.exit(main())
