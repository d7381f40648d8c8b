"""Sections: what can be run, with which methods, sizes and typed parameters."""

from __future__ import annotations

import ast
import hashlib
import json
import logging
import os
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from types import ModuleType
from typing import Any, NamedTuple

from pydantic import ValidationError

from mstask import plugins, syntax
from mstask.errors import MstaskError, closest, nearest
from mstask.parameters import LISTS, DataSource, Parameters, read

log = logging.getLogger(__name__)

INJECTED = "# Parameters"
"""Begins the cell that papermill puts behind the parameters cell."""


@dataclass(frozen=True)
class Section:
    """A section of the book that trains something.

    Attributes
    ----------
    about : what its figures are about, as a sentence on a claim tells it.
    about_cases : the same of single cases.
    methods : what is compared.
    cases : which data or split each method meets; empty where the data set is split in one way only.
    held_out : how the name of a case that holds a part of the data out begins, and whose part it is.
    parameters : names, types and ranges of the parameters.
    protocol : the value of each parameter that no profile sets.
    profiles : how large a run is, by `mstask.parameters.PROFILES`; a profile never changes what is computed. "paper" is the
        published protocol; a section that two cores finish in that size has no "afternoon" of its own.
    experiment : imports and returns the module with `load` (the data of a case) and `measure` (one cell); see `mstask.job`.
    data_sources : where the section's data can come from, by default the first.
    case_sources : the same for single cases; a case that isn't named has the sources of the section.
    on_processor : its networks are trained on the processor also where there is a graphics card.
    arrays_suffice : of generated data the arrays alone are needed, so that those that come with the package will do.
    added : methods that joined after cells of the others had been locked: their code counts for their own cells alone.
    after : sections whose results the experiment reads; a run of both finishes those first.
    departures : in what "paper" isn't the published protocol all the same, and why, by the parameter or a word for it.
    longer : why "afternoon" has more of a parameter than "paper" has.
    reads : says, for a cell's place and parameters, what the cell takes from their results, as digests by name; a cell is
        stale when one differs. None where nothing is read.
    """

    id: str
    number: str
    title: str
    data: str
    methods: tuple[str, ...]
    parameters: type[Parameters]
    protocol: Mapping[str, Any]
    profiles: Mapping[str, Mapping[str, Any]]
    experiment: Callable[[], ModuleType]
    about: str = ""
    about_cases: Mapping[str, str] = field(default_factory=dict)
    cases: tuple[str, ...] = ()
    held_out: Mapping[str, str] = field(default_factory=dict)
    on_processor: bool = False
    arrays_suffice: bool = False
    added: tuple[str, ...] = ()
    data_sources: tuple[DataSource, ...] = ("embedded", "real")
    case_sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    departures: Mapping[str, str] = field(default_factory=dict)
    longer: Mapping[str, str] = field(default_factory=dict)
    reads: Callable[[Place, Parameters], dict[str, str]] | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why "afternoon" has more of something than "paper", and in what "paper" departs from what was published."""
        return (*self.longer.values(), *self.departures.values())

    @property
    def notebook(self) -> str:
        """Path of the section's notebook in the checkout, without suffix."""
        return f"notebooks/{self.id}"

    @property
    def declared(self) -> list[str]:
        """Names of the parameters that a run takes, in the order of its notebook: all, but for `cases` where it has none."""
        return [name for name in self.parameters.model_fields if self.cases or name != "cases"]

    def size(self, profile: str) -> Mapping[str, Any]:
        """What a profile sets; nothing where the section has no such profile."""
        return self.profiles.get(profile, self.profiles["paper"] if profile == "afternoon" else {})

    def sources_of(self, case: str) -> tuple[str, ...]:
        """Where the data of a case can come from."""
        return self.case_sources.get(case, self.data_sources)


class Place(NamedTuple):
    """One cell's place in a section's grid."""

    method: str
    case: str | None
    seed: int

    def __str__(self) -> str:
        return f"{self.method}{f' on {self.case}' if self.case else ''} seed {self.seed}"


def sections() -> dict[str, Section]:
    """Every section by its id, in the order of the book; an id that is declared twice is an error."""
    return plugins.by_id("declare", "SECTIONS", "section {!r} is declared once more by {}")


def having(source: str | None) -> list[str]:
    """The ids of the sections that have data of a source; of every section for None, or for a source that none has."""
    found = [section.id for section in sections().values() if source in section.data_sources]
    return found or list(sections())


def study_of(name: str) -> ModuleType:
    """The package of the study that declares a section."""
    found = section(name)
    return next(study for study in plugins.studies() for part in plugins.parts(study, "declare") if found in part.SECTIONS)


def section(name: str) -> Section:
    """The section with this id; an unknown one is an error that suggests the nearest."""
    known = sections()
    if name not in known:
        raise MstaskError(f"section {name!r} is unknown; {nearest(name, known)}")
    return known[name]


def resolve(section_id: str, **given: Any) -> Parameters:
    """The parameters of a run, from what a command line, a notebook or papermill gives: `checked`, in the profile that counts.

    The environment variable REDUCED=1 selects the profile smoke, whatever profile is given.
    """
    if os.environ.get("REDUCED") == "1":
        if given.get("profile") not in (None, "smoke"):
            _say_reduced(str(given["profile"]))
        given["profile"] = "smoke"
    return checked(section_id, **given)


@cache
def _say_reduced(profile: str) -> None:
    """Say, once, which profile counts."""
    log.warning("REDUCED=1 is set: the profile is smoke, not %s; unset it to run %s", profile, profile)


def checked(section_id: str, **given: Any) -> Parameters:
    """Check the given parameters by name, type and range, and fill the rest from the profile and the protocol.

    Values may be written loosely, see `mstask.parameters.read`. None means "the profile's"; of the profile's cases those
    count that the data source has, or, where it has none of them, all that it has.
    """
    chosen = section(section_id)
    fields = chosen.parameters.model_fields
    for name in given:
        if name not in fields:
            raise MstaskError(f"section {section_id} has no parameter {name!r}; {nearest(name, fields)}")
    given = {name: read(fields[name].annotation, value) for name, value in given.items()}
    given = {name: value for name, value in given.items() if value is not None}
    given.setdefault("profile", "quick")
    size = chosen.size(given["profile"]) if isinstance(given["profile"], str) else {}
    whole = {"data_source": chosen.data_sources[0], "methods": list(chosen.methods), "cases": list(chosen.cases)}
    filled = dict(chosen.protocol) | whole | dict(size or chosen.profiles["quick"]) | given
    if "cases" not in given:
        there = [case for case in chosen.cases if filled["data_source"] in chosen.sources_of(case)]
        filled["cases"] = [case for case in filled["cases"] if case in there] or there
    try:
        parameters = chosen.parameters(**filled)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        found = reprlib.repr(first["input"])
        raise MstaskError(f"section {section_id}: parameter {where} is {found}: {first['msg'].lower()}") from error
    if parameters.data_source not in chosen.data_sources:
        raise MstaskError(f"section {section_id} has no {parameters.data_source} data, only {', '.join(chosen.data_sources)}")
    _check_names(chosen, parameters)
    for case in parameters.cases:
        if parameters.data_source not in (known := chosen.sources_of(case)):
            raise MstaskError(
                f"section {section_id}: case {case!r} has no {parameters.data_source} data, only {', '.join(known)}"
            )
    return parameters


def _check_names(chosen: Section, parameters: Parameters) -> None:
    for kind, known in (("method", chosen.methods), ("case", chosen.cases)):
        for name in getattr(parameters, f"{kind}s"):
            if name not in known:
                advice = nearest(name, known) if known else "it is measured on one data set, so leave cases out"
                raise MstaskError(f"section {chosen.id} has no {kind} {name!r}; {advice}")
    for name in LISTS:
        values = getattr(parameters, name)
        if len(set(values)) < len(values):
            raise MstaskError(f"section {chosen.id}: parameter {name} names one value twice: {values}")
    if chosen.cases and not parameters.cases:
        raise MstaskError(f"section {chosen.id}: parameter cases is empty, expected some of {', '.join(chosen.cases)}")


def given(section_id: str, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a section's parameters that a notebook's namespace holds; see `refuse_others`."""
    names = section(section_id).parameters.model_fields
    refuse_others(namespace, names, f"section {section_id}")
    return {name: namespace[name] for name in names if name in namespace}


def refuse_others(namespace: Mapping[str, Any], parameters: Iterable[str], owner: str) -> None:
    """Refuse what was written in a notebook as a parameter and is none: nothing would ever read it.

    The cells that were run tell (`In` of the namespace). What the parameters cell sets, or the one that papermill injects,
    is a parameter, or a variable that some cell uses. Elsewhere a name is refused that is all but a parameter's ("seed",
    "Methods") and that no cell uses, unless the parameter itself was set later.
    """
    parameters, ran = list(parameters), list(namespace.get("In", ()))
    assigned, used = zip(*map(_names, ran), strict=True) if ran else ((), ())
    last = {name: number for number, names in enumerate(assigned) for name in names}
    is_injected = [source.startswith(INJECTED) for source in ran]
    by_hand = [number for number, names in enumerate(assigned) if parameters[0] in names and not is_injected[number]]
    by_papermill = [number for number, found in enumerate(is_injected) if found]
    if by_hand and by_papermill and by_papermill[0] < by_hand[0]:
        raise MstaskError(
            "what papermill gives ran before the cell that sets the parameters, which undid it: tag that cell "
            "'parameters' (an editor has dropped the tag), or run papermill's cell after it"
        )
    strict = {*by_hand[-1:], *by_papermill[-1:]}
    for name in sorted((last.keys() & namespace.keys()).difference(parameters, *used)):
        like = closest(name, parameters, cutoff=0.8)
        if last[name] in strict or (like and last[name] > last.get(like, -1)):
            advice = "" if like else "; a variable of your own belongs in another cell"
            raise MstaskError(f"{owner} has no parameter {name!r}; {nearest(name, parameters)}{advice}")


def _names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell assigns on its top level, and those that it uses; none of what is no Python."""
    try:
        tree = syntax.tree(source)
    except (SyntaxError, ValueError, RecursionError):
        return set(), set()
    assignments = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    names = [node for statement in assignments for node in ast.walk(statement) if isinstance(node, ast.Name)]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}, used


def grid(parameters: Parameters) -> list[Place]:
    """Every cell that the parameters ask for: case by case, seed by seed, method by method."""
    cases: list[str] | list[None] = parameters.cases or [None]
    places = product(cases, parameters.seeds, parameters.methods)
    return [Place(method, case, seed) for case, seed, method in places]


def differing(section_id: str, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Of the parameters that the cells of a run share: those that aren't the profile's, each as (the run's, the profile's)."""
    plain = checked(section_id, profile=values["profile"], data_source=values["data_source"]).of_cell()
    return {name: (value, plain.get(name)) for name, value in values.items() if value != plain.get(name)}


def label(section_id: str, parameters: Parameters) -> str:
    """The profile's name, followed by a short digest where a parameter differs from the profile ("quick+1f2e3d4c")."""
    if not differing(section_id, parameters.of_cell()):
        return parameters.profile
    digest = hashlib.sha256(json.dumps(parameters.of_cell(), sort_keys=True).encode()).hexdigest()
    return f"{parameters.profile}+{digest[:8]}"
