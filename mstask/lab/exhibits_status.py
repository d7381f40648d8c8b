"""What is locked: when, where and by which code it was made. Pure functions of the locked documents and their manifest."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mstask.lab.locked import Locked
from mstask.progress import duration
from mstask.results.documents import Document
from mstask.results.voices import NOTHING
from mstask.show.scores import NBSP

INTACT, BROKEN = f"✓{NBSP}intact", f"✗{NBSP}broken"
ABSENT = ("none", "not installed")
HYPHEN = "\N{NON-BREAKING HYPHEN}"


def table_status(locked: Sequence[Locked]) -> pd.DataFrame:
    """Each locked document: when its cells were made, how many, time and memory, whether by the present code, its lock."""
    rows, told = [], any((one.made or {}).get("peak_memory") for one in locked)
    for one in locked:
        made, profile = one.made or {}, one.entry["profile"]
        rows.append(
            {
                "result": one.title + ("" if profile == "paper" else f" ({profile})"),
                "made": _days(one.document),
                "cells": str(made["cells"]) if made else NOTHING,
                "time": duration(made["seconds"]).replace(" ", NBSP) if made else NOTHING,
                **({"memory": _mebibytes(made.get("peak_memory"))} if told else {}),
                "by the present code": _by_present_code(one),
                "lock": BROKEN if one.problems else INTACT,
            }
        )
    return pd.DataFrame(rows)


def table_published(locked: Sequence[Locked]) -> pd.DataFrame:
    """Each locked document of published figures: which paper they are from, and its lock."""
    rows = [(one.title, one.entry["reference"], BROKEN if one.problems else INTACT) for one in locked]
    return pd.DataFrame(rows, columns=["result", "from", "lock"])


def table_machines(locked: Sequence[Locked]) -> pd.DataFrame:
    """Every machine with the versions on it, and the results that were made there."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in locked:
        threads = ", ".join(str(count) for count in one.entry["threads"])
        place = f"{one.entry['machine']}; {one.entry['device']}, threads {threads}"
        versions = ", ".join(f"{name} {version}" for name, version in one.entry["versions"].items() if version not in ABSENT)
        found.setdefault((place, versions), []).append(one.section)
    rows = [(*place, ", ".join(name.replace("-", " ") for name in names)) for place, names in found.items()]
    return pd.DataFrame(rows, columns=["machine", "versions", "results"])


def data_status(locked: Sequence[Locked]) -> pd.DataFrame:
    """All that is known of each locked document, as plain values."""
    rows = []
    for one in locked:
        entry, made, created = one.entry, one.made or {}, _created(one.document)
        rows.append(
            {"file": one.name, "title": one.title, "profile": entry["profile"]}
            | {"first_made": min(created, default=None), "last_made": max(created, default=None)}
            | {name: entry[name] for name in ("locked", "cells")}
            | {name: made.get(name) for name in ("seconds", "peak_memory")}
            | {f"cells_by_{code}": made.get(code) for code in ("present_code", "earlier_scheme", "unknown_code")}
            | {"intact": not one.problems, "problems": "; ".join(one.problems)}
            | {name: entry[name] for name in ("revision", "dirty", "command", "machine", "device")}
            | {"threads": " ".join(map(str, entry["threads"]))}
            | {"versions": " ".join(f"{name}={version}" for name, version in entry["versions"].items())}
            | {"sha256": entry["sha256"]}
        )
    return pd.DataFrame(rows)


data_published = data_machines = data_status


def data_cells(document: Document) -> pd.DataFrame:
    """Every cell of a document with its scores, size, cost and origin, one row each."""
    place = ("section", "method", "case", "seed", "profile")
    measured = ("macro_f1", "accuracy", "n_parameters", "best_epoch", "epochs", "energy_uJ")
    return pd.DataFrame(
        {name: getattr(cell, name) for name in place}
        | {name: getattr(cell.result, name) for name in measured}
        | {name: getattr(cell.timing, name, None) for name in ("seconds", "peak_memory")}
        | {name: getattr(cell.provenance, name, None) for name in ("created", "revision")}
        for cell in document.cells
    )


def _mebibytes(size: int | None) -> str:
    return f"{size / 2**20:,.0f}{NBSP}MiB" if size else NOTHING


def _by_present_code(one: Locked) -> str:
    """Say which of a document's cells the present code would make alike."""
    made = one.made
    if not made:
        return NOTHING
    for code, said in (("unknown_code", "not recorded"), ("earlier_scheme", "earlier scheme"), ("present_code", "yes")):
        if made[code] == made["cells"]:
            return said
    return f"{made['present_code']} of {made['cells']}" if made["present_code"] else "no"


def _created(document: Document | None) -> list[str]:
    """Return when each of a document's parts was made, UTC."""
    if document is None:
        return []
    own = document.values.get("provenance")
    return [cell.provenance.created for cell in document.cells if cell.provenance] + ([own["created"]] if own else [])


def _days(document: Document | None) -> str:
    """Return the day, or the first and last day, on which a document's parts were made."""
    days = sorted({created.partition("T")[0].replace("-", HYPHEN) for created in _created(document)})
    return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else NOTHING
