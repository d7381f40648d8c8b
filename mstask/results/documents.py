"""The result document: its records, its canonical JSON, and how a file of it is read and written.

A *cell* is one trained network: section x method x case x seed x data set. A *document* gathers the cells of a
section, or the figures that a paper published for it. Equal contents are equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_serializer, model_validator

from mstask.parameters import DataSource, profile_of
from mstask.results.files import ResultsError, read_json, stamp

SCHEMA: Literal["mstask/1"] = "mstask/1"
NUMBERS = frozenset({bool, int, float})
PLAIN = NUMBERS | {str, type(None)}
FROM_JSON = object()
"""Context of a validation whose values were read from JSON, so are plain already."""
_json = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode


def plain(value: Any) -> Any:
    """Return `value` with NumPy and PyTorch scalars and arrays, and tuples, turned into plain Python."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return list(value) if PLAIN.issuperset(map(type, value)) else [plain(item) for item in value]
    return plain(value.tolist()) if hasattr(value, "tolist") else value


class Record(BaseModel):
    """Base of all records: immutable, no unknown fields, no coercion between types, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, values: Any, info: ValidationInfo) -> Any:
        return values if info.context is FROM_JSON else plain(values)

    @model_serializer(mode="wrap")
    def _leave_out_unset(self, handler: Any) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0.0)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Source = Literal["published", "embedded", "real", "recorded", "run"]
Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}$")]  # safe as a part of a file name
History = dict[str, list[float] | list[list[float]]]


class Provenance(Record):
    """What made a result: code, command, versions and machine (no host, user or folder names).

    `inputs` holds digests of the code and the notebook that the numbers depend on (see `mstask.identity`); `seal` is the
    digest of everything else in the cell (see `seal`). Documents made before these were kept have neither.
    """

    revision: Name
    dirty: bool
    command: str
    versions: dict[str, str]
    machine: str
    threads: Size
    device: str
    created: str
    inputs: dict[str, str] | None = None
    seal: str | None = None


class Timing(Record):
    """Wall-clock seconds; with provenance, all that may differ between identical runs.

    `peak_memory` : the most main memory, bytes, that the process had held when the cell was done, for earlier cells too.
    `resumed` : whether training went on from a checkpoint, so that the seconds are those of its last part alone.
    """

    seconds: Seconds
    parts: dict[str, Seconds] = {}
    peak_memory: Size | None = None
    resumed: bool | None = None


class DataRecord(Record):
    """The data a cell was trained and tested on."""

    name: Slug
    source: DataSource
    size: Slug
    fingerprint: Name
    counts: dict[str, Count]
    class_names: list[str]
    test_labels: list[Count]

    @model_validator(mode="after")
    def _labels_match(self) -> Self:
        if self.test_labels and max(self.test_labels) >= len(self.class_names):
            raise ValueError(f"test label {max(self.test_labels)} but only {len(self.class_names)} class names")
        if self.counts.get("test", len(self.test_labels)) != len(self.test_labels):
            raise ValueError(f"{len(self.test_labels)} test labels, but the count says {self.counts['test']}")
        return self

    @property
    def chance(self) -> float:
        """The accuracy of a guess: one of as many as there are classes."""
        return 1 / len(self.class_names)


class Measures(Record):
    """What one cell measured on the test set, at its best validation epoch, and how training went.

    Rates are spikes per neuron and step; `history` holds "train_loss", "validation_macro_f1" and
    "smoothed" (one number per epoch) and "firing_rates" (per epoch one number per layer); `energy_uJ` is the
    operation-count proxy, `macs` the multiply-accumulates of a dense network; `details` is what only the section's own
    experiment measures. `converged` follows from the others, see `mstask.results.endings`; cells made earlier lack it.
    """

    macro_f1: Share | None = None
    accuracy: Share | None = None
    per_class_f1: list[Share] | None = None
    predictions: list[Count] | None = None
    best_epoch: Count | None = None
    epochs: Count | None = None
    stopped: Literal["patience", "max_epochs"] | None = None
    converged: bool | None = None
    n_parameters: Count | None = None
    width: Size | None = None
    firing_rates: list[Share] | None = None
    thresholds: list[float] | None = None
    energy_uJ: Annotated[float, Field(ge=0.0)] | None = None
    macs: Count | None = None
    history: History | None = None
    details: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _scored(self) -> Self:
        if self.macro_f1 is None and (self.details is None or self.predictions is not None):
            raise ValueError("macro_f1 is missing")
        return self

    def series(self, *names: str) -> list[float]:
        """The first of these series that the history holds, one number per epoch; empty where it holds none."""
        history = self.history or {}
        found = next((history[name] for name in names if name in history), [])
        return [value for value in found if not isinstance(value, list)]


class Cell(Record):
    """One trained network.

    Attributes
    ----------
    case : which data or split within the section, where there are several.
    profile : the run's label: the name of its profile, with a digest where the reader changed parameters ("quick+1f2e3d4c");
        `profile_of` takes it apart.
    parameters : all that the cells of a run share, so without methods, cases and seeds.
    """

    section: Slug
    method: Slug
    case: Slug | None = None
    seed: Count
    profile: Slug
    parameters: dict[str, Any] = {}
    data: DataRecord | None = None
    result: Measures
    timing: Timing | None = None
    provenance: Provenance | None = None

    @model_validator(mode="after")
    def _predictions_match(self) -> Self:
        predictions, data = self.result.predictions, self.data
        if predictions is None or data is None:
            return self
        if len(predictions) != len(data.test_labels):
            raise ValueError(f"{len(predictions)} predictions for {len(data.test_labels)} test labels")
        if predictions and max(predictions) >= len(data.class_names):
            raise ValueError(f"prediction {max(predictions)} but only {len(data.class_names)} classes")
        return self

    @model_validator(mode="after")
    def _parameters_match(self) -> Self:
        """Parameters, profile and data speak of one run; "all" is the size of data that comes in one size only."""
        asked = self.parameters
        if asked.get("profile", profile_of(self.profile)) != profile_of(self.profile):
            raise ValueError(f"the profile is {self.profile!r}, but the parameters say {asked['profile']!r}")
        if self.data is None:
            return self
        if asked.get("data_source", self.data.source) != self.data.source:
            raise ValueError(f"the data is {self.data.source}, but the parameters say data_source {asked['data_source']!r}")
        sizes = [value for name, value in asked.items() if name.endswith("_size") and isinstance(value, str)]
        if sizes and self.data.size not in ("all", *sizes):
            raise ValueError(f"the data is of size {self.data.size!r}, but the parameters say {', '.join(sizes)}")
        return self

    @model_validator(mode="after")
    def _seal_holds(self) -> Self:
        if self.provenance and self.provenance.seal and self.provenance.seal != seal(self):
            raise ValueError(f"the contents of cell {self.label} don't match their seal: damaged, or edited by hand")
        return self

    @property
    def label(self) -> str:
        return f"{self.section}/{self.method}{f'/{self.case}' if self.case else ''}/seed {self.seed}"

    @property
    def score(self) -> float:
        """The macro-F1 of a cell that has one."""
        if self.result.macro_f1 is None:
            raise ResultsError(f"cell {self.label} has no macro-F1")
        return self.result.macro_f1


def seal(cell: Cell) -> str:
    """Return the digest of all that a cell holds but its seal."""
    values = cell.model_dump()
    values.get("provenance", {}).pop("seal", None)
    return hashlib.sha256(json.dumps(values, sort_keys=True, allow_nan=False).encode()).hexdigest()


def sealed(cell: Cell) -> Cell:
    """Return the cell with its seal in its provenance, by which every reader notices a later change."""
    if cell.provenance is None:
        raise ResultsError(f"cell {cell.label} has no provenance to hold a seal")
    dumps(cell)  # names what can't be written, and where
    return cell.model_copy(update={"provenance": cell.provenance.model_copy(update={"seal": seal(cell)})})


class Mean(Record):
    """A figure published for a method without its per-seed values.

    The divisor of `macro_f1_sd` is the publisher's.
    """

    macro_f1: Share | None = None
    macro_f1_sd: Annotated[float, Field(ge=0.0)] | None = None
    accuracy: Share | None = None
    n_seeds: Size | None = None
    n_parameters: Count | None = None
    macs: Count | None = None
    channels: list[Size] | None = None
    energy_uJ: Annotated[float, Field(ge=0.0)] | None = None
    note: str | None = None


class Document(Record):
    """All that is known of one section from one source.

    Attributes
    ----------
    profile : the run's label, as of its cells.
    reference : where its figures are from, in words.
    budget : in what it falls short of the published protocol; None where in nothing.
    data, cases : the data record of the cells without a case, and one per case; in a file each stands once.
    means : published means, by method, of which there are no cells.
    not_published : methods that the paper has and gives no figure of.
    values : what has no field. Read by the core are "sets" (cases that are folds, by data set), "comparisons" (published
        intervals of "A-B", by seed) and "provenance" (of a document without cells); the rest is the study's own.
    """

    schema_version: Literal["mstask/1"] = SCHEMA
    section: Slug
    source: Source
    profile: Slug
    title: str
    reference: str
    budget: str | None = None
    data: DataRecord | None = None
    cases: dict[str, DataRecord] | None = None
    cells: list[Cell] = []
    means: dict[str, Mean] = {}
    not_published: list[str] = []
    values: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _share_data(cls, values: Any) -> Any:
        """Give each case's data record to its cells that carry none, or take it from the first that does."""
        if not isinstance(values, dict) or not isinstance(values.get("cells", []), list):
            return values
        given, cells = values.get("cases"), list(values.get("cells", []))
        if not (given is None or isinstance(given, dict)):
            return values
        records = {None: values.get("data"), **(given or {})}
        for i, cell in enumerate(cells):
            case, data = (_part(cell, name) for name in ("case", "data"))
            if not (case is None or isinstance(case, str)):
                return values
            if records.get(case) is None:
                records[case] = data
            if isinstance(cell, dict) and data is None:
                cells[i] = {**cell, "data": records[case]}
        return {**values, "cells": cells, "data": records.pop(None), "cases": records or None}

    @property
    def data_source(self) -> str | None:
        """ "embedded", "real" or "recorded", None where a document doesn't say which data it is about."""
        return next((record.source for record in (self.data, *(self.cases or {}).values()) if record), None)

    def of_case(self, case: str) -> Document:
        """The cells of one case as a document without cases, in which seeds are what a spread is taken over."""
        cells = [cell.model_copy(update={"case": None}) for cell in self.cells if cell.case == case]
        return self.model_copy(update={"cells": cells, "data": (self.cases or {}).get(case), "cases": None})

    def of_cases(self, cases: Collection[str]) -> Document:
        """The cells of some cases."""
        return self.model_copy(update={"cells": [cell for cell in self.cells if cell.case in cases]})

    @model_validator(mode="after")
    def _cells_agree(self) -> Self:
        seen: set[tuple[str, str | None, int]] = set()
        for cell in self.cells:
            for field in ("section", "profile"):
                found, expected = getattr(cell, field), getattr(self, field)
                if found != expected:
                    raise ValueError(f"cell {cell.label} belongs to {field} {found!r}, expected {expected!r}")
            common = self.data if cell.case is None else (self.cases or {}).get(cell.case)
            if cell.data != common:
                found, expected = (d.fingerprint if d else "none" for d in (cell.data, common))
                raise ValueError(f"cell {cell.label} ran on data {found}, expected {expected} as the others did")
            if (cell.method, cell.case, cell.seed) in seen:
                raise ValueError(f"cell {cell.label} appears twice")
            seen.add((cell.method, cell.case, cell.seed))
        if both := ({m for m, _, _ in seen} | set(self.means)) & set(self.not_published):
            raise ValueError(f"{', '.join(sorted(both))} listed as not published, yet figures are given")
        return self


R = TypeVar("R", bound=Record)


def dumps(value: Any) -> str:
    """Return canonical JSON of a record or plain value: sorted keys, lists of numbers on one line."""
    kept = plain(value.model_dump() if isinstance(value, BaseModel) else value)
    for cell in kept["cells"] if isinstance(value, Document) else ():
        cell.pop("data", None)
    return _encode(kept, "\n") + "\n"


def read_record(path: str | Path, model: type[R]) -> R:
    """Read a file written from `dumps`; raise one clear `ResultsError` naming the file if it isn't one."""
    path = Path(path)
    values = read_json(path)
    if not isinstance(values, dict):
        raise ResultsError(f"{path} holds a JSON {type(values).__name__}, expected an object")
    found = values.get("schema_version")
    if found != SCHEMA:
        raise ResultsError(f"{path} has schema version {found!r}, expected {SCHEMA!r}")
    if "schema_version" not in model.model_fields:
        del values["schema_version"]
    try:
        return model.model_validate(values, context=FROM_JSON)
    except ValidationError as error:
        raise ResultsError(f"{path} is no valid {model.__name__.lower()}: {describe(error)}") from None


def unchanged(path: Path) -> Document:
    """Read a document's file, once per process as long as it isn't changed; documents can't be changed either."""
    return _as_of(path, stamp(path))


@lru_cache(maxsize=64)
def _as_of(path: Path, stamped: tuple[int, int] | None) -> Document:
    return read_record(path, Document)


def describe(error: ValidationError) -> str:
    """Return the first problem of a validation error as one clause, with the place it was found."""
    first, *rest = error.errors(include_url=False)
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    found = "" if first["type"] in ("value_error", "missing") else f", found {str(first['input'])[:60]!r}"
    more = f" (and {len(rest)} more problems)" if rest else ""
    return f"{place + ': ' if place else ''}{message}{found}{more}"


def _part(cell: Any, name: str) -> Any:
    return cell.get(name) if isinstance(cell, dict) else getattr(cell, name, None)


def _encode(value: Any, indent: str, place: str = "") -> str:
    """Canonical JSON of a plain value; a `ResultsError` names what of it JSON can't hold, and where that stands."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        if odd := [key for key in value if not isinstance(key, str)]:
            raise ResultsError(f"key {odd[0]!r} at {place or 'the top'} is not text, so JSON can't hold it")
        items = [f"{_json(key)}: {_encode(value[key], deeper, f'{place}.{key}')}" for key in sorted(value)]
        return "{" + deeper + f",{deeper}".join(items) + indent + "}"
    if isinstance(value, list) and not NUMBERS.issuperset(map(type, value)):
        items = [_encode(item, deeper, f"{place}[{i}]") for i, item in enumerate(value)]
        return "[" + deeper + f",{deeper}".join(items) + indent + "]"
    try:
        return repr(value) if type(value) is float and math.isfinite(value) else _json(value)
    except (ValueError, TypeError):
        found = next(number for number in value if not math.isfinite(number)) if isinstance(value, list) else value
        raise ResultsError(
            f"the value {str(found)[:60]!r} at {place.lstrip('.') or 'the top'} can't be stored: "
            f"expected text, a finite number, true, false or null, found {type(found).__name__}"
        ) from None
