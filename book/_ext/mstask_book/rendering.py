"""Turn tables, claims and absent values into docutils nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from docutils import nodes

from mstask.claims import Claim
from mstask.results import voices

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
    """Return a frame of strings or lists of nodes as a table with a real head; columns of numbers are aligned to the right."""
    group = nodes.tgroup(cols=frame.shape[1])
    group += [nodes.colspec(colwidth=1) for _ in frame.columns]
    aligned = ["mstask-number" if is_numeric(frame[column]) else "mstask-text" for column in frame.columns]
    group += nodes.thead("", row(map(str, frame.columns), aligned, heading_classes))
    group += nodes.tbody("", *(row(cells, aligned, cell_classes) for cells in frame.itertuples(index=False)))
    return nodes.table("", title, group, classes=["mstask"])


def row(cells: Iterable[Any], aligned: Sequence[str], classes: Callable[[str], list[str]]) -> nodes.row:
    entries = (
        nodes.entry("", nodes.paragraph("", "", *cell), classes=[side])
        if isinstance(cell, list)
        else nodes.entry("", nodes.paragraph("", str(cell)), classes=[side, *classes(str(cell))])
        for cell, side in zip(cells, aligned, strict=True)
    )
    return nodes.row("", *entries)


def heading_classes(heading: str) -> list[str]:
    voice = voices.voice_of(heading)
    return [f"voice-{voice}"] if voice else []


def cell_classes(text: str) -> list[str]:
    if text in ABSENT:
        return ["mstask-absent"]
    if voice := voices.voice_of(text):
        return [f"voice-{voice}"]
    verdict = voices.verdict_of(text)
    return ["verdict", f"verdict-{verdict.replace(' ', '-')}"] if verdict else []


def is_numeric(column: pd.Series) -> bool:
    """Say whether a column holds numbers only, apart from cells that say there is none."""
    cells = [str(cell) for cell in column if str(cell) not in ABSENT]
    return bool(cells) and all(NUMBER.match(cell) for cell in cells)


def claim_cards(ledgers: Mapping[str, Sequence[Claim] | None], chosen: Sequence[str]) -> list[nodes.Node]:
    """Return one block per chosen claim: its text and place, then for each voice the verdict and what stands beside it."""
    known = {claim.id: claim for claim in next(claims for claims in ledgers.values() if claims)}
    claims = [known[claim_id] for claim_id in chosen]
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
        if claim.paper_seeds:
            said.append(nodes.paragraph("", f"By the paper's three seeds alone it is {claim.paper_seeds}."))
        if claim.budget:
            said.append(nodes.paragraph("", claim.budget, classes=["claim-budget"]))
    return nodes.definition_list_item("", term, nodes.definition("", *said))
