"""python -m mstask.studies.ncg {data,convert,config,run,kfold,grid}: readouts on folders of spike lists."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from mstask.errors import as_bad_use, exit_code
from mstask.studies.ncg import config, drivers, inputs, shipped, spikes
from mstask.studies.ncg.declare import CASE_SOURCES, CASES
from mstask.studies.ncg.spikes import SpikeList

NEAR_CHANCE = 0.1
CONFIG = "JSON file, or the name of a configuration that comes with the package (`config` lists them)"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns 0 when done, 1 when the work failed. Bad use ends with 2."""
    chosen = _parser().parse_args(arguments)

    def work() -> int:
        with as_bad_use(config.ConfigError):
            return chosen.do(chosen)

    return exit_code(work)


def _seed(text: str) -> int:
    """A seed from a command line: a whole number from 0 on."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


def _data(chosen: argparse.Namespace) -> int:
    source = chosen.source or CASE_SOURCES.get(chosen.case, ("embedded",))[0]
    splits = inputs.spike_lists(inputs.load(chosen.case, source, chosen.size))
    drivers.write_folder(splits, chosen.folder, chosen.folds)
    train = splits[0]
    print(
        f"{chosen.folder}: {', '.join(str(len(part)) for part in splits)} samples to train, validate and test"
        f"{f', in {chosen.folds} folds' if chosen.folds else ''}; "
        f"{train.n_inputs} inputs, {train.spikes_per_sample:.1f} spikes per sample"
    )
    return 0


def _convert(chosen: argparse.Namespace) -> int:
    made = spikes.convert(chosen.x, chosen.y, chosen.out, chosen.max_time)
    print(f"{chosen.out}: {len(made)} samples, {made.n_inputs} inputs, {made.spikes_per_sample:.1f} spikes per sample")
    return 0


def _config(chosen: argparse.Namespace) -> int:
    if chosen.config is None:
        print("\n".join(shipped.names()))
    else:
        train = _train(chosen.data) if chosen.data else None
        print(json.dumps(shipped.resolve(chosen.config, train, _changes(chosen)), indent=2))
    return 0


def _run(chosen: argparse.Namespace) -> int:
    made = config.parse(_resolved(chosen), chosen.config)
    result = drivers.run(chosen.data, chosen.out, made, chosen.seed, trace=chosen.trace)
    print(drivers.table([result]))
    _advise(result, chosen)
    return 0


def _k_fold(chosen: argparse.Namespace) -> int:
    results = drivers.k_fold(chosen.data, chosen.out, config.parse(_resolved(chosen), chosen.config), chosen.workers)
    print(drivers.table(results))
    scores = [result.test_accuracy for result in results if result.test_accuracy is not None]
    epochs = fmean(result.epochs for result in results)
    print(f"test accuracy {fmean(scores):.4f} ± {pstdev(scores):.4f} over {len(results)} folds, {epochs:.1f} epochs")
    _advise(results[0], chosen)
    return 0


def _grid(chosen: argparse.Namespace) -> int:
    results = drivers.grid_search(chosen.data, chosen.out, _resolved(chosen), chosen.workers)
    print(drivers.table(results))
    _advise(results[0], chosen)
    return 1 if any(result.error for result in results) else 0


def _resolved(chosen: argparse.Namespace) -> dict[str, Any]:
    return shipped.resolve(chosen.config, _train(chosen.data), _changes(chosen))


def _changes(chosen: argparse.Namespace) -> dict[str, Any]:
    """The fields that an ablation and `--set` change, by "section.field"."""
    changes = dict(shipped.ABLATIONS.get(chosen.ablation, {}))
    for assignment in chosen.set:
        place, _, text = assignment.partition("=")
        try:
            changes[place] = json.loads(text)
        except ValueError:
            raise config.ConfigError(
                f'--set {assignment}: expected SECTION.FIELD=VALUE with a number, true, false, null, a "text" or a [list]'
            ) from None
    return changes


def _train(folder: str) -> SpikeList:
    """The training set of a data folder, or of its first fold."""
    first = Path(folder) / "0"
    return drivers.read_folder(first if first.is_dir() else folder)["trainset"]


def _advise(result: drivers.Result, chosen: argparse.Namespace) -> None:
    """Say what to look at when the best run is hardly better than chance."""
    train = _train(chosen.data)
    chance = 1 / (int(train.labels.max()) + 1)
    if not result.judged or result.score >= chance + NEAR_CHANCE:
        return
    layer = result.config["network"][0]
    mean = layer["w_init_mean"] if layer["w_init_normal"] else (layer["w_min"] + layer["w_max"]) / 2
    drive = abs(mean) * train.spikes_per_sample
    if not drive:
        return
    print(
        f"{result.score:.2f} is close to chance ({chance:.2f}). The firing threshold {layer['firing_threshold']:.4g} is "
        f"{layer['firing_threshold'] / drive:.2f} of what a sample gives a new neuron (mean weight drawn x spikes per sample, "
        f"{drive:.4g}); chosen settings have 0.2 to 0.8 of it. `python -m mstask.studies.ncg config` lists them.",
        file=sys.stderr,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mstask.studies.ncg", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    data = commands.add_parser("data", help="a data set of this book as a folder of spike lists")
    data.add_argument("case", choices=CASES)
    data.add_argument("folder", help="folder to write trainset.npz, valset.npz and testset.npz into")
    data.add_argument("--source", choices=("embedded", "real"), help="by default the only one, or embedded")
    data.add_argument("--size", choices=("paper", "medium", "small"), default="paper")
    data.add_argument("--folds", type=int, help="stratified folds instead, in folders 0, 1, ...")
    data.set_defaults(do=_data)
    convert = commands.add_parser("convert", help="dense spike times to a spike list; the inputs are kept")
    convert.add_argument("x", help="spike times, .npy [samples, ...]")
    convert.add_argument("y", help="labels, .npy [samples]")
    convert.add_argument("out", help="spike list, .npz")
    convert.add_argument("--max-time", type=float, default=1.0, help="spikes at this time or later are none (default 1)")
    convert.set_defaults(do=_convert)
    shown = commands.add_parser("config", help="print a configuration, or list those that come with the package")
    shown.add_argument("config", nargs="?", help=CONFIG)
    shown.add_argument("data", nargs="?", help="data folder; a configuration of this book is made for one")
    shown.set_defaults(do=_config)
    for name, do, text in (
        ("run", _run, "train one readout"),
        ("kfold", _k_fold, "train on every fold, named 0, 1, ... in the data folder"),
        ("grid", _grid, "train every combination of a configuration whose fields may be lists"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("data", help="folder with trainset, valset, testset (.npz, or the published code's .npy)")
        command.add_argument("out", help="folder for results")
        command.add_argument("config", help=CONFIG)
        if name == "run":
            command.add_argument("--seed", type=_seed, default=0)
            command.add_argument("--trace", action="store_true", help="record every sample of every epoch in OUT/trace")
        else:
            command.add_argument("--workers", type=int, default=1, help="runs at a time; finished ones are not repeated")
        command.set_defaults(do=do)
    for command in (shown, *(commands.choices[name] for name in ("run", "kfold", "grid"))):
        command.add_argument("--set", action="append", default=[], metavar="SECTION.FIELD=VALUE", help="change a field")
        command.add_argument("--ablation", choices=tuple(shipped.ABLATIONS), help="the published grid of this ablation")
    return parser


if __name__ == "__main__":
    sys.exit(main())
