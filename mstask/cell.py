"""One cell of the grid (section x method x case x seed x data): measure it and write its result document."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mstask import results
from mstask.data import DataError, Splits, cache, mapped
from mstask.data.checks import fingerprint
from mstask.errors import MstaskError
from mstask.identity import of_cell
from mstask.job import Job
from mstask.parameters import LISTS, Parameters
from mstask.progress import following
from mstask.results.endings import converged
from mstask.results.files import alone
from mstask.runs import failure_path, find, finished, path_of
from mstask.section import Place, Section, checked, differing, grid, label, section

__all__ = ["data_record", "finished", "load", "path_of", "run_cell"]

log = logging.getLogger(__name__)


def load(section_id: str, parameters: Parameters, case: str | None = None) -> Splits:
    """The data that the cells of a case are trained and tested on.

    Its `meta` says in "asked" what it was loaded for, in "content" what it held then; see `check_agreement`.
    """
    chosen, watched = section(section_id), ParametersRead(parameters)

    def loaded() -> Splits:
        with cache.arrays_suffice() if chosen.arrays_suffice else contextlib.nullcontext(), explaining(parameters, case):
            splits = chosen.experiment().load(chosen, watched, case)
        asked = {"section": section_id, "case": case} | watched.read
        return replace(splits, meta=splits.meta | {"asked": asked, "content": content(splits)})

    return mapped.once(section_id, f"{case} {parameters.model_dump_json(exclude=set(LISTS))}", loaded)


@contextlib.contextmanager
def explaining(parameters: Parameters, case: str | None) -> Iterator[None]:
    """Files of the user's own that a reader trips over are named in one sentence, whatever is wrong with them."""
    try:
        yield
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        if isinstance(error, MstaskError) or parameters.data_source == "embedded":
            raise
        about = f"the {parameters.data_source} data{f' of {case}' if case else ''}"
        raise DataError(f"{about} can't be read: {type(error).__name__}: {error}") from error


def content(splits: Splits) -> str:
    """Digest of the numbers that the three parts hold, in whatever records they lie."""
    parts = (splits.train, splits.validation, splits.test)
    return fingerprint(*(np.asarray(array) for part in parts for array in arrays(part)))


def arrays(value: Any) -> Iterator[Any]:
    """Every array, tensor and number in a record."""
    if is_dataclass(value):
        for part in fields(value):
            yield from arrays(getattr(value, part.name))
    else:
        yield value


class ParametersRead:
    """Parameters that remember which of them were read."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters, self.read = parameters, dict[str, Any]()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.parameters, name)
        if name in type(self.parameters).model_fields:
            self.read[name] = value
        return value


def checked_place(chosen: Section, place: Place, parameters: Parameters) -> Place:
    """The place of a cell, read and checked like the parameters it belongs to, which are checked once more.

    A notebook can put together both by hand: a seed from an array, parameters of another section, a copy out of range.
    """
    if not isinstance(parameters, chosen.parameters):
        raise MstaskError(f"{place}: these parameters aren't those of section {chosen.id}; make them by resolve({chosen.id!r})")
    asked = {"methods": [place.method], "seeds": [place.seed]} | ({} if place.case is None else {"cases": [place.case]})
    found = checked(chosen.id, **parameters.model_dump() | asked)
    return Place(found.methods[0], place.case, found.seeds[0])


def check_agreement(chosen: Section, place: Place, parameters: Parameters, splits: Splits) -> None:
    """Refuse to measure a cell on data that was loaded for another section, case or size, or that isn't what it says.

    Raises
    ------
    MstaskError : the first disagreement, and what to do about it.
    """
    wanted = {"section": chosen.id, "case": place.case} | parameters.model_dump()
    meta = splits.meta
    if "asked" not in meta and (place.case or meta["name"] != chosen.data):
        raise MstaskError(
            f"{place}: the data, {meta['name']}, was loaded for no section or case; load it by "
            f"mstask.cell.load({chosen.id!r}, parameters, {place.case!r})"
        )
    about = meta.get("asked") or {"data_source": meta["source"]} | (
        {} if meta["size"] == "all" else {"data_size": meta["size"]}
    )
    for name, found in about.items():
        if found != wanted[name]:
            raise MstaskError(
                f"{place}: the data was loaded with {name} {found!r}, but the cell is to be measured with {name} "
                f"{wanted[name]!r}; load the data again with the present parameters (in a notebook: run the cell under Data)"
            )
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    counts = {name: len(part.y) for name, part in parts.items()}
    classes = [splits.n_classes, len(meta["class_names"])]
    if (said := {name: meta["counts"].get(name, n) for name, n in counts.items()}) != counts or len(set(classes)) > 1:
        raise MstaskError(
            f"{place}: the data says of itself that it has {said} examples and {classes[1]} classes, found {counts} and "
            f"{classes[0]}: it was changed after it was loaded; load it again"
        )
    if meta.get("content") not in (None, content(splits)):
        raise MstaskError(f"{place}: the values of the data were changed after it was loaded; load it again")


def command(section_id: str, place: Place, parameters: Parameters) -> str:
    """The command that runs a cell, with everything in which it differs from its profile."""
    plain = checked(section_id, profile=parameters.profile, data_source=parameters.data_source)
    words = ["python", "-m", "mstask", "run", section_id, "--profile", parameters.profile, "--data", parameters.data_source]
    for name, value in (("methods", place.method), ("cases", place.case), ("seeds", place.seed)):
        if value is not None and value not in getattr(plain, name):
            words += [f"--{name}", str(value)]
    for name, (value, _) in differing(section_id, parameters.of_cell()).items():
        words += ["--set", f"{name}={value}"]
    return shlex.join(words)


def run_cell(
    section_id: str,
    place: Place,
    parameters: Parameters,
    splits: Splits,
    on_epoch: Callable[[Any], None] | None = None,
) -> results.Cell:
    """Run one cell, or return its document when it was already run with the same inputs.

    The document lies at `results.cell_path`; while training, a checkpoint lies beside it, from which an interrupted cell
    continues as long as the code is the same. Of several processes that ask for a cell, one runs it and the others wait.
    """
    chosen = section(section_id)
    place = checked_place(chosen, place, parameters)
    path = path_of(section_id, place, parameters)
    check_agreement(chosen, place, parameters, splits)
    with alone(path, str(place)):
        found = find(section_id, place, parameters, splits.meta["fingerprint"])
        if found.cell is not None and found.state == "done":
            return found.cell
        if found.note and found.state != "failed":
            log.warning("%s: %s; running the cell again", place, found.note)
        on_epoch = on_epoch or following(place, grid(parameters), epochs_at_most(place, parameters))
        made_by = of_cell(chosen, place, parameters)
        device = device_to_use(chosen)
        checkpoint = path.with_name(f"{path.stem}.{made_by['code'][-8:]}.checkpoint.pt")
        job = Job(chosen, place.method, place.case, place.seed, parameters, splits, device, checkpoint, on_epoch)
        begun, aside = any(one.suffix != ".set-aside" for one in beside(checkpoint)), set_aside(checkpoint)
        measure = chosen.experiment().measure
        made = results.provenance(command(section_id, place, parameters), device)
        started = time.perf_counter()
        measured = measure(job)
        resumed = (begun and set_aside(checkpoint) == aside) or None
        ended = converged(measured.measures, measured.seconds, parameters.of_cell())
        cell = results.Cell(
            section=section_id,
            method=place.method,
            case=place.case,
            seed=place.seed,
            profile=label(section_id, parameters),
            parameters=parameters.of_cell(),
            data=data_record(splits),
            result=measured.measures.model_copy(update={"converged": ended}),
            timing=results.Timing(
                seconds=time.perf_counter() - started, parts=measured.seconds, peak_memory=peak_memory(), resumed=resumed
            ),
            provenance=made.model_copy(update={"inputs": made_by, "created": results.now()}),
        )
        cell = results.sealed(cell)
        results.write_cell(path, cell)
        for left in (failure_path(path), *path.parent.glob("*.checkpoint.pt*")):
            if left.name.lstrip(".").startswith(f"{path.stem}."):
                left.unlink(missing_ok=True)
        return cell


def epochs_at_most(place: Place, parameters: Parameters) -> int | None:
    """How many epochs a cell may take: `max_epochs`, or what its method or case has of its own, as `cnn_epochs`.

    Other parameters whose names end so ("warmup_epochs") are no limits, and no method or case is called like them.
    """
    about = f"{place.method} {place.case}".casefold()
    limits = {name[:-7]: value for name, value in parameters.of_cell().items() if name.endswith("_epochs")}
    return next((limit for kind, limit in limits.items() if kind in about), limits.get("max"))


def device_to_use(chosen: Section | None = None) -> str:
    """The GPU, told to give the same numbers every time (it warns where it can't), where there is one and a section uses it."""
    import torch

    if (chosen and chosen.on_processor) or not torch.cuda.is_available():
        return "cpu"
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    return "cuda"


def data_record(splits: Splits) -> results.DataRecord:
    """What a result document says of the data it was obtained on."""
    kept = ("name", "source", "size", "fingerprint", "counts", "class_names")
    return results.DataRecord(**{name: splits.meta[name] for name in kept}, test_labels=splits.test.y.tolist())


def beside(checkpoint: Path) -> list[Path]:
    """A cell's checkpoints, one or several by the way it is measured, and those that were damaged."""
    return list(checkpoint.parent.glob(f"{checkpoint.name}*"))


def set_aside(checkpoint: Path) -> set[tuple[Path, int]]:
    """Checkpoints of a cell that turned out to be damaged, each with the time that it was written."""
    return {(one, one.stat().st_mtime_ns) for one in beside(checkpoint) if one.suffix == ".set-aside"}


def peak_memory() -> int | None:
    """The most main memory, bytes, that this process has held so far; None where the system doesn't tell.

    Linux is asked for its own count: there, `getrusage` includes what a parent held when it started this process.
    """
    with contextlib.suppress(OSError):
        if found := re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE):
            return 1024 * int(found[1])
    with contextlib.suppress(ImportError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return None
