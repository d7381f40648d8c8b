"""The parameters of a section, as a table and in words: name, type, range, meaning and the value in every profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mstask.parameters import LISTS, PROFILES
from mstask.results.documents import Document
from mstask.results.voices import NOTHING
from mstask.section import Section, checked, section, sections

NOT_STATED = "not published"
_BOUNDS = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
_TYPES = {"number": "number", "integer": "whole number", "string": "text", "boolean": "true or false"}


def table_parameters(chosen: Section) -> pd.DataFrame:
    """Meaning, what is allowed, and the values of the larger profiles, one row for each parameter."""
    table = pd.DataFrame(parameter_rows(chosen.id))
    typed = [", ".join(filter(None, (kind, limits))) for kind, limits in zip(table["type"], table["range"], strict=True)]
    table["allowed"] = table["range"].where(table["type"] == "one of", typed)
    return table[["parameter", "meaning", "allowed", *PROFILES[1:]]]


def table_profiles(published: Document) -> pd.DataFrame:
    """Where "afternoon" and "paper" differ, beside what papers state; why the former has more, and where the latter departs."""
    rows = []
    for name, chosen in sections().items():
        about = published.values.get(name, {})
        stated = about.get("parameters", {}) | about.get("ranges", {})
        paper, afternoon = (checked(name, profile=profile) for profile in ("paper", "afternoon"))
        own = [field for field in paper.of_cell() if field != "profile" and getattr(paper, field) != getattr(afternoon, field)]
        for field in LISTS:
            larger, smaller = (str(len(getattr(one, field))) for one in (paper, afternoon))
            if larger != smaller:
                said = about.get("runs", len(stated["seeds"]) if "seeds" in stated else NOT_STATED)
                rows.append((chosen.title, field, str(said) if field == "seeds" else NOTHING, larger, smaller))
        for field in own:
            said = counted(field, stated[field], chosen) if field in stated else NOT_STATED
            larger, smaller = (counted(field, getattr(one, field), chosen) for one in (paper, afternoon))
            rows.append((chosen.title, field, said, larger, smaller))
        rows += [(chosen.title, reason, NOTHING, NOTHING, NOTHING) for reason in chosen.reasons]
    return pd.DataFrame(rows, columns=["section", "parameter, or departure of paper", "published", "paper", "afternoon"])


def counted(name: str, value: Any, chosen: Section) -> str:
    """A parameter's value; lists of more than three by their length."""
    return f"{len(value)} values" if isinstance(value, list) and len(value) > 3 else shown(name, value, chosen)


def parameter_rows(section_id: str) -> list[dict[str, str]]:
    """One row for each parameter that a run of the section takes, in the order of its notebook."""
    chosen = section(section_id)
    values = {profile: checked(section_id, profile=profile) for profile in PROFILES}
    schemas = chosen.parameters.model_json_schema()["properties"]
    rows = []
    for name in chosen.declared:
        row = {"parameter": name, "type": type_name(schemas[name]), "range": allowed(schemas[name])}
        row |= {"meaning": schemas[name].get("description", "")}
        rows.append(row | {profile: shown(name, getattr(values[profile], name), chosen) for profile in PROFILES})
    return rows


def help_text(section_id: str) -> str:
    """The section's methods, cases and parameters as text for a terminal."""
    chosen = section(section_id)
    lines = [f"{chosen.id}: {chosen.title} (section {chosen.number}, data: {chosen.data})"]
    lines += [f"  methods: {', '.join(chosen.methods)}"]
    lines += [f"  cases: {', '.join(chosen.cases)}"] if chosen.cases else []
    rows = parameter_rows(section_id)
    columns = ("parameter", "type", "range", *PROFILES)
    widths = {column: max(len(column), *(len(row[column]) for row in rows)) for column in columns}
    lines += ["", "  " + "  ".join(column.ljust(widths[column]) for column in columns) + "  meaning"]
    lines += ["  " + "  ".join(row[c].ljust(widths[c]) for c in columns) + f"  {row['meaning']}" for row in rows]
    return "\n".join([*lines, "", "  Change one with --set NAME=VALUE; the rest keeps the profile's values."])


def type_name(schema: Mapping[str, Any]) -> str:
    """The type that a JSON schema names, as people write it: "number", "whole number", "text", "list of text"."""
    if schema["type"] == "array":
        return f"list of {type_name(schema['items'])}"
    return "one of" if "enum" in schema or "const" in schema else _TYPES[schema["type"]]


def allowed(schema: Mapping[str, Any]) -> str:
    """The values that a parameter of this JSON schema, or each in its list, may have: "> 0, < 1", "a | b", "" for any."""
    own = schema.get("items", schema)
    choices = own.get("enum") or ([own["const"]] if "const" in own else [])
    limits = {sign: own[key] for key, sign in _BOUNDS.items() if key in own}
    told = (f"{sign} {'2^63' if value == 2**63 else format(value, 'g')}" for sign, value in limits.items())
    return " | ".join(map(str, choices)) or ", ".join(told)


def shown(name: str, value: Any, chosen: Any) -> str:
    """A profile's value, short: lists by their length where they are long or everything there is."""
    if isinstance(value, list):
        if not value:
            return "none"
        if value == list(getattr(chosen, name, ())):
            return f"all {len(value)}"
        short = len(value) <= 3 and len(str(value)) < 24
        return ", ".join(shown(name, one, chosen) for one in value) if short else f"{len(value)} of them"
    return f"{value:g}" if isinstance(value, float) else str(value)
