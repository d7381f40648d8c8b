"""Turn tables, claims and absent values into docutils nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from docutils import nodes

from mstask import plugins
from mstask.claims import Claim
from mstask.claims.evidence import PAPER_SEEDS
from mstask.results import voices

from .elements import card, control, folded, labelled, told_row

NOT_RUN = voices.VOICES["run"].absent
ABSENT = {voices.NOTHING, *(voice.absent for voice in voices.VOICES.values())}
PAPERS = {
    "eventprop": "Wunderlich and Pehle; Nowotny, Turner and Knight",
    "g2gnet": "Konstantaropoulos, Smirnakis and Papadopouli",
    "hetsyn": "Deng and colleagues",
    "matching": "Dikmen and Karadağ",
    "ncg": "Goupy, Tirilly and Bilasco",
    "tuning": "Dikmen and Karadağ",
}
"""Whose claims a study judges."""
NARROW = 2
"""How many columns fit on a telephone."""
NUMBER = re.compile(r"^[+−-]?\d")
CODE = re.compile(r"(?<![\w./-])(?=[\w.]*_)[A-Za-z][\w.]*\w")
"""A name as code writes it: `max_epochs`, `Architecture.trial_ms`."""
SET_AS_CODE = re.compile(rf"`([^`]+)`|{CODE.pattern}")
"""What a cell shows as code: such a name, and what stands between backticks."""
SPOKEN = voices.LABELS | {"window_len": "window length", "n_trials": "trials"}
"""What people call what code names otherwise."""


def placeholder(reason: object) -> nodes.inline:
    """Return what a page shows for a value that isn't there."""
    shown = nodes.inline("", "", nodes.Text(str(reason)), classes=["mstask-absent"])
    if str(reason) == NOT_RUN:
        shown += [nodes.Text(": "), nodes.literal("", "make book")]
    return shown


def in_words(text: str) -> str:
    """Return a sentence with people's words for names of code: "max epochs 60 instead of 200"."""
    return CODE.sub(lambda name: SPOKEN.get(name[0], name[0].replace("_", " ")), text.replace("`", ""))


def as_code(text: str, whole: bool = False) -> list[nodes.Node]:
    """Return a cell's text with names of code set as code; with `whole` it is one."""
    if whole:
        return [nodes.literal("", text)]
    found: list[nodes.Node] = []
    end = 0
    for name in SET_AS_CODE.finditer(text):
        found += [nodes.Text(text[end : name.start()]), nodes.literal("", name[1] or name[0])]
        end = name.end()
    return [*found, nodes.Text(text[end:])]


def docutils_table(frame: pd.DataFrame, title: nodes.title) -> nodes.table:
    """Return a frame of strings or lists of nodes as a table with a real head; columns of numbers are aligned to the right.

    Every cell knows the heading of its column: on a narrow screen the rows of a table of many columns become cards.
    """
    headings = list(map(str, frame.columns))
    group = nodes.tgroup(cols=frame.shape[1])
    group += [nodes.colspec(colwidth=1) for _ in frame.columns]
    aligned = ["mstask-number" if is_numeric(frame[column]) else "mstask-text" for column in frame.columns]
    code = [column == "parameter" for column in frame.columns]
    group += nodes.thead("", row(headings, aligned, heading_classes, [False] * len(code)))
    group += nodes.tbody(
        "", *(of_method(row(cells, aligned, cell_classes, code, headings), cells[0]) for cells in frame.itertuples(index=False))
    )
    return nodes.table("", title, group, classes=["mstask", "mstask-cards"] if len(headings) > NARROW else ["mstask"])


def row(
    cells: Iterable[Any],
    aligned: Sequence[str],
    classes: Callable[[str], list[str]],
    code: Sequence[bool],
    headings: Sequence[str] = (),
) -> nodes.row:
    """Return a row of a table; with `headings` its cells know the heading of their column."""
    found = nodes.row()
    for number, (cell, side, whole) in enumerate(zip(cells, aligned, code, strict=True)):
        text = cell if isinstance(cell, list) else as_code(str(cell), whole)
        own = [side] if isinstance(cell, list) else [side, *classes(str(cell))]
        own += heading_classes(str(cell)) if headings and headings[number] == "voice" else []
        shown = nodes.paragraph("", "", *text)
        found += labelled("", shown, label=headings[number], classes=own) if headings else nodes.entry("", shown, classes=own)
    return found


def of_method(plain: nodes.row, name: Any) -> nodes.row:
    """Return a row that says whose it is, where its first cell is a name."""
    return told_row("", *plain.children, method=name) if isinstance(name, str) else plain


def heading_classes(heading: str) -> list[str]:
    voice = voices.voice_of(heading)
    return [f"voice-{voice}"] if voice else []


def cell_classes(text: str) -> list[str]:
    if text in ABSENT:
        return ["mstask-absent"]
    verdict = voices.verdict_of(text)
    return ["verdict", f"verdict-{verdict.replace(' ', '-')}"] if verdict else []


def is_numeric(column: pd.Series) -> bool:
    """Say whether a column holds numbers only, apart from cells that say there is none."""
    cells = [str(cell) for cell in column if str(cell) not in ABSENT]
    return bool(cells) and all(NUMBER.match(cell) for cell in cells)


def card_id(claim: Claim) -> str:
    """Return the name by which a page links to a claim's card."""
    return f"claim-{claim.id.lower()}"


def short_judgement(voice: str, claim: Claim) -> nodes.inline:
    """Return what one voice says of one claim in a few words: the verdict and, where there is one, the effect."""
    shown = "no verdict:" if claim.verdict == "not testable" and claim.effect else voices.marked(claim.verdict)
    effect = [nodes.Text(f" {claim.effect}")] if claim.effect else []
    spoken = nodes.inline("", voices.VOICES[voice].label, classes=[f"voice-{voice}"])
    verdict = nodes.inline("", shown, classes=cell_classes(shown))
    return nodes.inline("", "", spoken, nodes.Text(" "), verdict, *effect, classes=["summary-voice"])


def claim_cards(ledgers: Mapping[str, Sequence[Claim] | None], chosen: Sequence[str]) -> list[nodes.Node]:
    """Return one block per chosen claim: its text and place, and the verdict of each voice that judges it, which unfolds.

    Real data, which few claims have, is left out where it can't judge.
    """
    heard = {voice: {claim.id: claim for claim in ledger} for voice, ledger in ledgers.items() if ledger is not None}
    known = next(iter(heard.values()))
    found = []
    for claim in (known[claim_id] for claim_id in chosen):
        judged = {voice: claims[claim.id] for voice, claims in heard.items() if claim.id in claims}
        if "real" in judged and judged["real"].verdict == "not testable":
            del judged["real"]
        place = nodes.inline("", claim.where, classes=["claim-where"])
        text = nodes.paragraph("", "", nodes.strong("", claim.text), nodes.Text(" "), place)
        said = nodes.container("", *(judgement(voice, one) for voice, one in judged.items()), classes=["claim-voices"])
        told = {"paper": paper(claim)} | {voice: one.verdict for voice, one in judged.items()}
        found.append(card("", text, said, told=told, names=[card_id(claim)], classes=["claim"]))
    return found


def paper(claim: Claim) -> str:
    """Return whose paper a claim is about."""
    study = next(
        part.__name__.split(".")[-2] for part in plugins.everywhere("claims") if claim.id in {e.id for e in part.CLAIMS}
    )
    return PAPERS.get(study, study)


def judgement(voice: str, claim: Claim) -> folded:
    """Return what one voice says of one claim: the verdict, and folded what it rests and hangs on."""
    shown = voices.marked(claim.verdict)
    spoken = nodes.inline("", voices.VOICES[voice].label, classes=[f"voice-{voice}"])
    line = control("", "", spoken, nodes.Text(" "), nodes.inline("", shown, classes=cell_classes(shown)))
    said = [nodes.paragraph("", in_words(claim.evidence))]
    if claim.verdict != "not testable":
        said.append(nodes.paragraph("", in_words(claim.fragility), classes=["claim-fragility"]))
        if claim.paper_seeds:
            said.append(nodes.paragraph("", f"By seeds {PAPER_SEEDS} alone it is {claim.paper_seeds}."))
        if claim.budget:
            said.append(nodes.paragraph("", in_words(claim.budget), classes=["claim-budget"]))
    return folded("", line, *said)
