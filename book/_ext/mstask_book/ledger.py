"""Claims in a page: their cards, with all the evidence, and the box that sums up those of a chapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes

from mstask import show
from mstask.claims import Claim
from mstask.claims.words import count
from mstask.errors import MstaskError, nearest
from mstask.results import voices

from .directives import Exhibit, Options, by_voice
from .elements import control, folded
from .rendering import card_id, claim_cards, short_judgement
from .sources import Reference

Ledgers = Mapping[str, Sequence[Claim] | None]
OPEN = 4
"""Claims of a chapter's box that stand open; the others are a click away."""
NOT_TESTABLE = voices.marked("not testable")


class Ledger(Exhibit):
    """What both directives share: the ledgers that are given, and the claims that are asked for.

    All claims, or those of `:rows:`; of these, those with the verdict of `:verdict:` in the first voice that is given.
    """

    required_arguments = 1
    optional_arguments = 0
    option_spec: ClassVar[Options] = {
        "name": directives.unchanged,
        "rows": directives.unchanged,
        "verdict": lambda text: directives.choice(text, voices.VERDICTS),
    }

    documents = 0

    def references(self) -> list[Reference]:
        return self.heard(self.named())

    def chosen(self, ledgers: Ledgers) -> list[Claim]:
        """Return the claims that the page asks for by their ids, all by default, in the first voice that there is."""
        known = {claim.id: claim for claim in next(filter(None, ledgers.values()))}
        rows = self.options.get("rows", "").split() or list(known)
        for row in rows:
            if row not in known:
                raise MstaskError(f"the ledger has no claim {row!r}; {nearest(row, list(known))}")
        if verdict := self.options.get("verdict"):
            first = ledgers[self.references()[0].voice]
            having = {claim.id for claim in first or () if claim.verdict == verdict}
            rows = [row for row in rows if row in having]
        return [known[row] for row in rows]


class ClaimsDirective(Ledger):
    """Claims with their verdict in each voice, the evidence, and how fragile it is."""

    def exhibit(self) -> list[nodes.Node]:
        ledgers = by_voice(self.inputs())
        cards = claim_cards(ledgers, [claim.id for claim in self.chosen(ledgers)])
        for card in cards:
            if card["names"][0] not in self.state.document.nameids:
                self.state.document.note_explicit_target(card, card)
        return cards or [nodes.paragraph("", "None.")]


class SummaryDirective(Ledger):
    """What comes of a chapter's claims: each with its verdict and effect by voice, and a link to its evidence."""

    kind = "summary"

    @property
    def topic(self) -> str:
        return "claims"

    def exhibit(self) -> list[nodes.Node]:
        ledgers = {voice: ledger for voice, ledger in by_voice(self.inputs()).items() if ledger is not None}
        chosen = self.chosen(ledgers)
        if "rows" in self.options and self.env.docname != self.config.root_doc:
            self.env.mstask_chapters.setdefault(self.env.docname, []).extend(map(card_id, chosen))
        items = [nodes.list_item("", self.linked(claim), self.judged(claim, ledgers)) for claim in chosen]
        if not chosen:
            return [nodes.paragraph("", "None.")]
        listed = "verdict" in self.options
        title = [] if listed else [nodes.paragraph("", "In short", classes=["summary-title"])]
        shown, more = (items, []) if listed else (items[:OPEN], items[OPEN:])
        rest = [folded("", control("", count(len(more), "more claim")), nodes.bullet_list("", *more))] if more else []
        box = nodes.container("", *title, nodes.bullet_list("", *shown), *rest, classes=["summary-claims"])
        self.set_source_info(box)
        data = show.data_claims(ledgers)
        return self.with_provenance(box, data[data.id.isin([claim.id for claim in chosen])], show.data_claims)

    def linked(self, claim: Claim) -> nodes.paragraph:
        """Return a claim's text, which leads to its card in the ledger."""
        target = {"reftype": "ref", "refdomain": "std", "reftarget": card_id(claim), "refexplicit": True, "refwarn": False}
        return nodes.paragraph(
            "", "", addnodes.pending_xref("", nodes.inline("", claim.text), refdoc=self.env.docname, **target)
        )

    def judged(self, claim: Claim, ledgers: Ledgers) -> nodes.paragraph:
        """Return what each voice says of a claim, a line each; voices that have nothing to say share the last one."""
        heard = {voice: one for voice, ledger in ledgers.items() for one in ledger or () if one.id == claim.id}
        silent = [
            voices.VOICES[voice].label for voice, one in heard.items() if one.verdict == "not testable" and not one.effect
        ]
        said = [short_judgement(voice, one) for voice, one in heard.items() if one.verdict != "not testable" or one.effect]
        if silent:
            said.append(nodes.inline("", f"{', '.join(silent)}: {NOT_TESTABLE}", classes=["summary-voice", "mstask-absent"]))
        return nodes.paragraph("", "", *[node for one in said for node in (nodes.Text(" "), one)][1:], classes=["summary-said"])
