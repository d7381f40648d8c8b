"""The control below each figure and table that unfolds its source: documents, function, notebook, command, revision."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.environment import BuildEnvironment

from mstask import summary
from mstask.errors import MstaskError
from mstask.parameters import profile_of
from mstask.results import locks
from mstask.section import checked

from .elements import control, folded
from .sources import Reference, sources_of

KINDS = {"audio": "recording"}


def provenance_line(
    env: BuildEnvironment, references: Sequence[Reference], function: Callable, download: nodes.Node | None = None
) -> folded:
    """Return the source of an exhibit drawn by `function` from the documents that `references` name."""
    parts: list[list[nodes.Node]] = []
    if references:
        parts.append([nodes.Text("from "), *_separated([_file(reference) for reference in references])])
    parts.append([nodes.Text("by "), nodes.literal("", f"{function.__module__}.{function.__name__}")])
    parts += [[nodes.Text("notebook "), _notebook(env, notebook)] for notebook in _notebooks(env, references)]
    if commands := _commands(env, references):
        parts.append([nodes.Text("remade by "), *_separated([nodes.literal("", command) for command in commands])])
    manifest = _entries()
    if made := revisions(manifest.get(f"{reference.stem}.json", {}) for reference in references):
        parts.append([nodes.Text(f"revision {', '.join(made)}")])
    parts += [[nodes.Text(text)] for text in _ended(env, references)]
    line = nodes.paragraph()
    for part in [*parts, *([[download]] if download else [])]:
        line += [nodes.Text(" · ")] * bool(line.children) + part
    kind = function.__name__.partition("_")[0]
    heard = nodes.inline("", f" of this {KINDS.get(kind, kind)}", classes=["visually-hidden"])
    return folded("", control("", "", nodes.Text("source"), heard), line, classes=["mstask-provenance"])


def _ended(env: BuildEnvironment, references: Sequence[Reference]) -> list[str]:
    """Say for each voice of this project's how many of the trainings behind an exhibit converged, and how many were cut."""
    said = []
    for voice in dict.fromkeys(
        reference.source for reference in references if reference.source in ("embedded", "real", "recorded")
    ):
        found = [0, 0, 0]
        for reference in {reference.stem: reference for reference in references if reference.source == voice}.values():
            with contextlib.suppress(MstaskError):
                ended = summary.how_ended(sources_of(env).document(reference))
                found = [a + b for a, b in zip(found, (ended.converged, ended.cut, ended.unknown), strict=True)]
        told = [f"{n} {how}" for n, how in zip(found, ("converged", "cut", "of unknown end"), strict=True) if n]
        said += [f"trainings ({voice}): {', '.join(told)}"] if told else []
    return said


def _file(reference: Reference) -> nodes.literal:
    return nodes.literal("", reference.shown, classes=[f"voice-{reference.voice}"])


def _separated(items: Sequence[nodes.Node]) -> list[nodes.Node]:
    return [node for item in items for node in (nodes.Text(", "), item)][1:]


def _notebooks(env: BuildEnvironment, references: Sequence[Reference]) -> list[str]:
    """Return the notebooks of the book that make the sections referred to."""
    wanted = dict.fromkeys(f"notebooks/{reference.section}" for reference in references)
    return [notebook for notebook in wanted if notebook in env.found_docs]


def _notebook(env: BuildEnvironment, notebook: str) -> addnodes.pending_xref:
    target = {"reftype": "doc", "refdomain": "std", "reftarget": f"/{notebook}", "refexplicit": True, "refwarn": True}
    return addnodes.pending_xref("", nodes.literal("", notebook), refdoc=env.docname, **target)


def _commands(env: BuildEnvironment, references: Sequence[Reference]) -> list[str]:
    """Return the commands that make the documents of the first voice that can be remade."""
    made = [(reference.source, command) for reference in references if (command := _command(env, reference))]
    return list(dict.fromkeys(command for source, command in made if source == made[0][0]))


def _command(env: BuildEnvironment, reference: Reference) -> str | None:
    """Return the command that makes a document anew; published figures can't be remade."""
    if reference.section.startswith("benchmark-"):
        return f"python -m mstask bench {reference.section.removeprefix('benchmark-')}"
    match reference.source:
        case "embedded" | "real" | "recorded" | "run":
            return f"python -m mstask run {reference.section}{_as_run(env, reference)}"
        case "protocol" | "afternoon":
            return f"python -m mstask run {reference.section} --help" if reference.section else None
        case "claims":
            return f"python -m mstask claims --source {reference.section}"
        case "locked":
            return "python -m mstask verify"
    return None


def _as_run(env: BuildEnvironment, reference: Reference) -> str:
    """Return the options by which a document was run: profile, data, and seeds where they aren't the profile's."""
    with contextlib.suppress(MstaskError):
        document = sources_of(env).document(reference)
        profile, data = profile_of(document.profile), document.data_source or "embedded"
        seeds = list(dict.fromkeys(cell.seed for cell in document.cells))
        usual = checked(reference.section, profile=profile, data_source=data).seeds
        return (
            f" --profile {profile}"
            + (f" --data {data}" if data != "embedded" else "")
            + (f" --seeds {','.join(map(str, seeds))}" if set(seeds) - set(usual) else "")
        )
    return ""


def _entries() -> dict[str, dict[str, Any]]:
    """Return the manifest's entries; none where it can't be read."""
    try:
        return locks.kept_entries()
    except MstaskError:
        return {}


def revisions(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the code revisions that entries of the manifest name, in their short form."""
    return sorted({part.strip()[:10] for entry in entries for part in entry.get("revision", "").split(",")} - {""})
