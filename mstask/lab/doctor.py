"""Is this installation in order? Versions, data, device, disk, folders and locks, each with what to do about it."""

from __future__ import annotations

import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mstask import paths
from mstask.claims.words import count
from mstask.data import DataError, originals, recorded
from mstask.data.images import FASHION, MNIST
from mstask.errors import MstaskError
from mstask.lab import session

FREE_GB = 2.0
"""Disk space below which a run may fail: checkpoints, generated data and compiled kernels take most of it."""

ORIGINALS = {
    "DIAT_DATA": ("X.npy", "y.npy"),
    "SHD_DATA": ("shd_train.h5*", "shd_test.h5*"),
    "MNIST_DATA": ("train-images*idx3-ubyte*",),
    "FASHION_MNIST_DATA": ("train-images*idx3-ubyte*",),
    "CIFAR10_DATA": ("data_batch_1.bin*",),
    "CIFAR100_DATA": ("train.bin*",),
}
"""Variables that name a folder of original data, and what its files are called."""
FETCHED = {"SHD_DATA": "shd", MNIST.variable: MNIST.name, FASHION.variable: FASHION.name}
"""Those of them whose data can be downloaded, and by which name."""

RUNTIME = ("torch", "numpy", "scipy", "numba", "pandas", "matplotlib", "scikit-learn", "pydantic", "distributed", "papermill")
"""Packages whose version can change a number or break a run; another version of the rest is only noted."""


@dataclass(frozen=True)
class Check:
    """What was looked at, the verdict, what was found, and what to do unless it is ok."""

    name: str
    verdict: Literal["ok", "note", "wrong"]
    found: str
    advice: str = ""


def examine() -> list[Check]:
    """Make every check."""
    return [*python(), *versions(), *notebooks(), *device(), *original_neurons(), *data(), *folders(), *locks()]


def as_text(checks: list[Check]) -> str:
    """One line a check, and below it what to do."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.verdict:>5}  {check.name.ljust(width)}  {check.found}")
        if check.advice:
            lines.append(f"{'':7}{'':{width}}  -> {check.advice}")
    wrong = sum(check.verdict == "wrong" for check in checks)
    return "\n".join([*lines, f"{count(wrong, 'thing')} {'is' if wrong == 1 else 'are'} wrong" if wrong else "all is in order"])


def python() -> Iterator[Check]:
    """Python's version; an older one than pyproject.toml asks for can't import this."""
    yield Check("Python", "ok", ".".join(map(str, sys.version_info[:3])))


def pins() -> dict[str, str]:
    """Version of each package in requirements.txt."""
    tested = paths.ROOT / "requirements.txt"
    lines = tested.read_text(encoding="utf-8") if tested.is_file() else ""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", lines, re.MULTILINE))


def versions() -> Iterator[Check]:
    """Installed packages against the pins."""
    pinned, other, missing = pins(), [], []
    for package, version in pinned.items():
        if (found := paths.version(package)) is None:
            missing.append(package)
        elif found.partition("+")[0] != version:
            other.append((package, f"{package} {found} instead of {version}"))
    advice = "`pip install -r requirements.txt` in the environment you use, or `make book`, which makes its own"
    needed = set(map(session.package, session.missing())) if missing else set()
    if lacking := [package for package in missing if package in needed]:
        yield Check("packages", "wrong", f"missing: {', '.join(lacking)}", advice)
    if spare := [package for package in missing if package not in needed]:
        yield Check("more", "note", f"not installed: {', '.join(spare)}", "they are for the book, tests or development alone")
    if changed := [text for package, text in other if package in RUNTIME]:
        yield Check("versions", "wrong", "; ".join(changed), f"numbers may differ; {advice}")
    if rest := [text for package, text in other if package not in RUNTIME]:
        yield Check("tools", "note", "; ".join(rest), "no number depends on these; the book may look different")
    if pinned and not missing and not other:
        yield Check("packages", "ok", f"{len(pinned)} as pinned in requirements.txt")


def notebooks() -> Iterator[Check]:
    """Whether the kernel starts in which a run executes notebooks, and which of the user's settings it doesn't see."""
    if not paths.is_checkout():
        return
    try:
        from mstask.lab import kernel

        yield Check("notebooks", "ok", f"run by {kernel.started()}")
    except Exception as error:  # of packages that are missing or broken, of the system, of the kernel itself
        first = (str(error).splitlines() or [""])[0]
        advice = "`pip install -r requirements.txt` in the environment you use, or remove .venv and run `make book`"
        yield Check("notebooks", "wrong", f"their kernel doesn't start: {type(error).__name__}: {first}", advice)
        return
    if hidden := kernel.ignored():
        advice = "nothing to do: a run gives the same numbers and figures whatever these say"
        yield Check("settings", "note", f"runs don't see {', '.join(hidden)}", advice)


def device() -> Iterator[Check]:
    """The GPU, if any, and whether the kernels for it can be built."""
    try:
        import torch
    except ImportError:
        yield Check("device", "wrong", "torch can't be imported", "`pip install -r requirements.txt`")
        return
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads for torch"
    if not torch.cuda.is_available():
        yield Check("device", "ok", f"no GPU; {cores}")
        return
    found = f"{torch.cuda.get_device_name()}; {cores}"
    if triton := paths.version("triton"):
        yield Check("device", "ok", f"{found}; triton {triton}")
    else:
        advice = "`pip install -r requirements-gpu.txt` for fused loops on the GPU; without it they run as plain torch"
        yield Check("device", "note", f"{found}; no triton", advice)


def original_neurons() -> Iterator[Check]:
    """The authors' neuron library, where it is installed or asked for: its spikes beside this project's, type by type."""
    asked = os.environ.get("MSTASK_NEURONS") == "original"
    advice = "`MSTASK_NEURONS=original` uses the library; the definitions need not agree, the book says where they come from"
    try:
        shares = equal_spikes()
    except ImportError:
        return
    except MstaskError as error:
        found = f"{error}" if asked else "not installed; this project's own definitions are used"
        yield Check("original neurons", "wrong" if asked else "ok", found, "unset MSTASK_NEURONS" if asked else "")
        return
    same = [name for name, share in shares.items() if share == 1]
    other = [f"{name} {'fails' if share is None else f'{share:.1%}'}" for name, share in shares.items() if share != 1]
    found = f"spikes equal for {', '.join(same) or 'no type'}" + (f"; share of equal ones: {', '.join(other)}" if other else "")
    yield Check("original neurons", "note" if other else "ok", found, advice if other else "")


def equal_spikes() -> dict[str, float | None]:
    """Share of equal spikes by type, for those that the authors' library serves; None where its type fails on the input.

    The input [4, 32, 8] is a sum of two sine waves of each neuron's own; the threshold lets this project's type fire at 0.15.

    Raises
    ------
    MstaskError : the library can't be imported.
    """
    import torch

    from mstask.calibration import bisect_threshold
    from mstask.neurons import original, registry

    original.package()
    place = torch.arange(4 * 8).reshape(4, 1, 8) / 7
    step = torch.arange(32).reshape(1, 32, 1)
    x = torch.sin(step * place) + torch.cos(step * math.pi / 9 + place)
    shares: dict[str, float | None] = {}
    for name in filter(original.serves, registry.names()):
        with torch.no_grad():
            own = registry.neuron_type(name)(8, backend="reference")
            own.threshold = bisect_threshold(own, own.drive(x), 0.15)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                try:
                    theirs = original.create(name, 8)
                    theirs.threshold = own.threshold
                    spikes = theirs(x)[0]
                except (MstaskError, RuntimeError, ValueError, TypeError):
                    shares[name] = None
                    continue
            shares[name] = (spikes == own(x)[0]).double().mean().item() if spikes.shape == x.shape else None
    return shares


def data() -> Iterator[Check]:
    """Generated data in the cache, and folders of originals that variables name."""
    cache = paths.cache_dir()
    read = os.path.isdir(cache) and os.access(cache, os.R_OK | os.X_OK)
    made = sorted(folder.name for folder in cache.glob("*-v*") if (folder / "meta.json").is_file()) if read else []
    found = f"{', '.join(made)} in {cache}" if made else f"none yet in {cache}"
    yield Check("embedded data", "ok", found, "" if made else "nothing to do: each set is generated when first used")
    for variable, patterns in ORIGINALS.items():
        if not (value := paths.named(variable)):
            if variable in FETCHED and any((fetched := cache / FETCHED[variable]).glob("*.gz")):
                yield Check(variable, "ok", f"fetched: {fetched}")
                continue
            yield Check(variable, "ok", "not set", "set it to the originals' folder if you own them and want `--data real`")
            continue
        absent = [pattern.rstrip("*") for pattern in patterns if not any(value.glob(pattern))]
        if absent:
            yield Check(
                variable, "wrong", f"{value} has no {', '.join(absent)}", f"name the folder with them, or unset {variable}"
            )
        else:
            yield Check(variable, "ok", str(value))
    for original in recorded.ORIGINALS:
        try:
            with originals.opened(original, path := originals.located(original)):
                yield Check(original.variable, "ok", str(path))
        except originals.MissingRecordings:
            yield Check(
                original.variable, "ok", "not set", f"python -m mstask data fetch {original.name} if you want to use them"
            )
        except DataError as error:
            yield Check(original.variable, "wrong", str(error), f"name a copy, or unset {original.variable}")


def folders() -> Iterator[Check]:
    """Whether results, cache and executed notebooks can be written, and how much room there is."""
    places = {"results folder": (paths.results_dir(), "MSTASK_RESULTS"), "cache folder": (paths.cache_dir(), "MSTASK_DATA")}
    if paths.is_checkout():
        places["executed notebooks"] = (paths.ROOT / "_build", "")
    for name, (folder, variable) in places.items():
        other = f"or name another folder in {variable}" if variable else "or work in a checkout of your own"
        parent = next(path for path in (folder, *folder.absolute().parents) if os.path.exists(path))
        try:
            with tempfile.TemporaryFile(dir=parent) as probe:
                probe.write(b"0")
        except OSError as error:
            yield Check(
                name, "wrong", f"{folder} can't be written: {error.strerror or error}", f"change its permissions, {other}"
            )
            continue
        free = shutil.disk_usage(parent).free / 1e9
        found, enough = f"{folder}, {free:.1f} GB free", free >= FREE_GB
        yield Check(name, "ok", found) if enough else Check(name, "wrong", found, f"free some space, {other}")


def locks() -> Iterator[Check]:
    """Whether the locked results are what the manifest says."""
    from mstask import results

    if lacking := paths.lacking("notebooks and locked results are in the repository"):
        yield Check("locked results", "note", lacking, "nothing to do, unless you want to run notebooks or build the book")
        return
    if problems := results.verify():
        more = f" (and {len(problems) - 1} more: `python -m mstask verify`)" if len(problems) > 1 else ""
        advice = "restore results/ from the repository (`git checkout results`), or lock again what you meant to change"
        yield Check("locked results", "wrong", problems[0] + more, advice)
    else:
        yield Check("locked results", "ok", "intact")
