"""Turn tables, claims and absent values into docutils nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd
from docutils import nodes
from mstask import voices
from mstask.claims import Claim

NOT_RUN = voices.VOICES["run"].absent
ABSENT = {voices.NOTHING, *(voice.absent for voice in voices.VOICES.values())}
NUMBER = re.compile(r"^[+−-]?\d")


def placeholder(reason: object) -> nodes.inline:
    """Return what a page shows for a value that isn't there."""
    shown = nodes.inline("", "", nodes.Text(str(reason)), classes=["mstask-absent"])
    if str(reason) == NOT_RUN:
        shown += [nodes.Text(": "), nodes.literal("", "make book")]
    return shown


def docutils_table(frame: pd.DataFrame, title: nodes.title) -> nodes.table:
    """Return a frame of strings as a table with a real head; columns of numbers are aligned to the right."""
    group = nodes.tgroup(cols=frame.shape[1])
    group += [nodes.colspec(colwidth=1) for _ in frame.columns]
    alignment = ["mstask-number" if is_numeric(frame[column]) else "mstask-text" for column in frame.columns]
    voices = [[f"voice-{voices.voice_of(column)}"] if voices.voice_of(column) else [] for column in frame.columns]
    head = [entry(str(c), [a, *v]) for c, a, v in zip(frame.columns, alignment, voices, strict=True)]
    group += nodes.thead("", nodes.row("", *head))
    group += nodes.tbody(
        "",
        *(
            nodes.row("", *(entry(str(cell), [a, *cell_classes(str(cell))]) for cell, a in zip(row, alignment, strict=True)))
            for row in frame.itertuples(index=False)
        ),
    )
    return nodes.table("", title, group, classes=["mstask"])


def entry(text: str, classes: list[str]) -> nodes.entry:
    return nodes.entry("", nodes.paragraph("", text), classes=classes)


def cell_classes(text: str) -> list[str]:
    if text in ABSENT:
        return ["mstask-absent"]
    verdict = voices.verdict_of(text)
    return ["verdict", f"verdict-{verdict.replace(' ', '-')}"] if verdict else []


def is_numeric(column: pd.Series) -> bool:
    """Say whether a column holds numbers only, apart from cells that say there is none."""
    cells = [str(cell) for cell in column if str(cell) not in ABSENT]
    return bool(cells) and all(NUMBER.match(cell) for cell in cells)


def claim_cards(ledgers: Mapping[str, Sequence[Claim] | None]) -> list[nodes.Node]:
    """Return one block per claim: its text and place, then for each voice verdict, evidence and fragility."""
    claims = next(claims for claims in ledgers.values() if claims)
    return [
        nodes.container(
            "",
            nodes.paragraph("", "", nodes.strong("", claim.text)),
            nodes.paragraph("", claim.where, classes=["claim-where"]),
            nodes.definition_list("", *(judgement(voice, ledger, claim.id) for voice, ledger in ledgers.items())),
            ids=[f"claim-{claim.id.lower()}"],
            classes=["claim"],
        )
        for claim in claims
    ]


def judgement(voice: str, ledger: Sequence[Claim] | None, claim_id: str) -> nodes.definition_list_item:
    """Return what one voice says of one claim."""
    term = nodes.term("", "", nodes.inline("", voices.VOICES[voice].label, classes=[f"voice-{voice}"]))
    if ledger is None:
        return nodes.definition_list_item("", term, nodes.definition("", nodes.paragraph("", "", placeholder(NOT_RUN))))
    claim = next(claim for claim in ledger if claim.id == claim_id)
    shown = voices.marked(claim.verdict)
    term += [nodes.Text(" "), nodes.inline("", shown, classes=cell_classes(shown))]
    said = [nodes.paragraph("", claim.evidence)]
    if claim.verdict != "not testable":
        said.append(nodes.paragraph("", claim.fragility, classes=["claim-fragility"]))
    return nodes.definition_list_item("", term, nodes.definition("", *said))
