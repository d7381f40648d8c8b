"""The parts of README.md that are computed: the claims at a glance, and what the locked results cost to make."""

from __future__ import annotations

import re

from mstask import claims, results
from mstask.errors import MstaskError
from mstask.paths import ROOT
from mstask.results import locks
from mstask.results.voices import NOTHING, marked
from mstask.section import sections

PATH = ROOT / "README.md"
HEADLINES = (
    "double-dissociation",
    "some-pair",
    "heterogeneity-radar",
    "radar-winner",
    "crossinhib-doppler",
    "audio-winner",
    "split-invariance",
    "matched-generic",
    "cnn-factor",
)


def update() -> bool:
    """Rewrite the computed parts of README.md; returns whether anything changed."""
    before = PATH.read_text(encoding="utf-8")
    after = renewed(before)
    if after != before:
        results.write_atomic(PATH, after)
    return after != before


def renewed(text: str) -> str:
    """A README with its computed parts as they are now; each stands between two comments that name it."""
    for name, part in {"headline": headline(), "cost": cost()}.items():
        told = part.replace("\\", r"\\")
        text, found = re.subn(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", rf"\g<1>{told}\n\g<2>", text, flags=re.DOTALL)
        if found != 1:
            raise MstaskError(f"README.md has {found} parts between <!-- {name} --> and <!-- end of {name} -->, expected one")
    return text


def headline() -> str:
    """The main claims with their verdicts by the published figures and by the locked runs, as Markdown.

    Recordings have a column once a run on them is locked, a dash where a claim is about the paper's own numbers.
    """
    voices = {"published": "published figures", "embedded": "embedded runs"}
    if any(locks.kept_folder("recorded").glob("*.json")):
        voices["recorded"] = "runs on recordings"
    heard = {voice: {claim.id: claim for claim in claims.ledger(voice, HEADLINES)} for voice in voices}
    rows = [
        (heard["published"][name].text, *(marked(own[name].verdict) if name in own else NOTHING for own in heard.values()))
        for name in HEADLINES
    ]
    return _markdown(("claim", *voices.values()), rows)


def cost() -> str:
    """How many networks each locked section trained, and the hours of one processor core that took, as Markdown."""
    rows, total = [], 0.0
    for name, section in sections().items():
        documents = (found for source in section.data_sources for found in results.load_present([name], source).values())
        cells = [cell for document in documents for cell in document.cells]
        if not cells:
            continue
        hours = sum(cell.timing.seconds for cell in cells if cell.timing) / 3600
        total += hours
        rows.append((f"`{name}`", section.title, str(len(cells)), f"{hours:.1f}"))
    return _markdown(("section", "what", "cells", "hours"), [*rows, ("all", "", "", f"{total:.1f}")])


def _markdown(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ("---",) * len(head), *rows])
