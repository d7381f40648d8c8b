"""Every neuron type on both tasks, in each voice: whose place changes from radar to speech, and how many pairs change order.

Scores on radar are those of the section "square", scores on speech those of "disjoint"; types count that have both. Places
are told at the seeds that all types have, the lead of one type over another at those that the two share. Where a voice has no
score in "square", as the published one, the ablation's networks of one type stand in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mstask import stats
from mstask.claims.words import p_value
from mstask.results.documents import Document
from mstask.results.voices import NOTHING, VOICES, heading, label
from mstask.show import takes_sections
from mstask.show.canvas import GREY, SMALL, answer, drawing
from mstask.show.marks import About
from mstask.show.scores import NBSP, BySection, ordinal, score, signed, voices_of
from mstask.studies.matching.declare import ALL_NEURONS
from mstask.studies.matching.exhibits_crossed import with_recordings
from mstask.studies.matching.exhibits_rotation import FOCUS
from mstask.studies.matching.flips import ALPHA, Pair, firm, pairs_of
from mstask.studies.recordings import stand_ins
from mstask.summary import standings
from mstask.summary.comparisons import in_common, mean_score

SECTIONS = {"radar": "square", "speech": "disjoint"}
ABLATION = "ablation"


class Sides(NamedTuple):
    """What a voice has on both tasks: documents cut to the seeds that all types have, the types, and their pairs."""

    radar: Document
    speech: Document
    types: list[str]
    pairs: list[Pair]


def sides(studies: BySection) -> Iterator[tuple[str, Sides]]:
    """Every voice that knows two neuron types or more on both tasks."""
    studies = with_recordings(studies)
    for voice in voices_of(studies):
        square, speech, ablation = (studies.get(section, {}).get(voice) for section in (*SECTIONS.values(), ABLATION))
        empty = square and not square.cells and not square.means
        radar = _of_one_type(ablation) if empty and ablation else square
        if radar and speech:
            ranks = [standings(document)["rank"] for document in (radar, speech)]
            types = [name for name in ALL_NEURONS if all(name in rank for rank in ranks)]
            if len(types) > 1:
                yield voice, Sides(in_common(radar, types), in_common(speech, types), types, pairs_of(radar, speech, types))


def _of_one_type(ablation: Document) -> Document:
    """The published means of the ablation's networks of one type, under the names of their types."""
    types = {name: ablation.means[method] for name, method in stand_ins.HOMOGENEOUS.items() if method in ablation.means}
    return ablation.model_copy(update={"means": types, "cells": []})


@takes_sections
def figure_square_order(studies: BySection) -> Figure:
    """Places of all neuron types on radar and on speech, a panel per voice; lines that cross are pairs that change order.

    Black lines are types that surely flip with another: ahead of it on radar, behind it on speech. The paper's two keep their
    colours.
    """
    heard = dict(sides(studies))
    heights = [1.5 + len(found.types) for found in heard.values()] or [1.5]
    with drawing(0.2 * sum(heights)) as figure:
        panels = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False).ravel()
        for axes, (voice, found) in zip(panels, heard.items(), strict=False):
            _draw_order(axes, voice, found)
        for axes in panels[len(heard) :]:
            axes.set_axis_off()
    return figure


def _draw_order(axes: Axes, voice: str, found: Sides) -> None:
    turning = {name: ("black", "o", "-") for name in (pair.winners[0] for pair in firm(found.pairs))} | FOCUS
    for x, (task, document) in enumerate(zip(SECTIONS, (found.radar, found.speech), strict=True)):
        about = document.model_copy(update={"section": stand_ins.SECTION}) if voice == stand_ins.SOURCE else document
        unit = "fold" if voice == stand_ins.SOURCE else "seed"
        standing = standings(document)
        for name in found.types:
            colour, marker, line = turning.get(name, (GREY, "o", "-"))
            place, spread = _place(document, name, found.types), standing["methods"][name]["macro_f1"]
            (point,) = axes.plot(x, place, color=colour, marker=marker, markersize=5)
            method = stand_ins.HOMOGENEOUS[name] if about.section == ABLATION else name
            answer(point, About(method, about, "", f"macro-F1 on {task}", unit), spread)
            text = f"{label(name)} {spread['mean']:.2f}"
            offset, side = ((-7, 0), "right") if x == 0 else ((7, 0), "left")
            look = {"color": colour if name in FOCUS else "black", "weight": "bold" if name in FOCUS else "normal"}
            named = axes.annotate(
                text, (x, place), offset, textcoords="offset points", ha=side, va="center", fontsize=SMALL, **look
            )
            named.set_in_layout(False)
            if x == 0:
                across = [place, _place(found.speech, name, found.types)]
                axes.plot([0, 1], across, color=colour, linestyle=line, linewidth=2 if name in turning else 1, zorder=1)
    axes.set(xlim=(-1.3, 2.3), ylim=(len(found.types) + 0.5, 0.5), yticks=[])
    axes.set_xticks([0, 1], list(SECTIONS))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(heading(voice, found.radar), color=VOICES[voice].colour, weight="bold")


@takes_sections
def table_square_order(studies: BySection) -> pd.DataFrame:
    """Macro-F1 of every neuron type on both tasks in each voice, with its place."""
    heard = dict(sides(studies))
    table: dict[str, dict[str, str]] = {}
    for voice, found in heard.items():
        for task, document in zip(SECTIONS, (found.radar, found.speech), strict=True):
            spreads = standings(document)["methods"]
            table[f"{heading(voice, found.radar)}, {task}"] = {
                name: f"{score(spreads[name]['macro_f1'])}{NBSP}·{NBSP}{ordinal(_place(document, name, found.types))}"
                for name in found.types
            }
    shown = [name for name in ALL_NEURONS if any(name in found.types for found in heard.values())]
    rows = [[label(name), *(column.get(name, NOTHING) for column in table.values())] for name in shown]
    return pd.DataFrame(rows, columns=["neuron", *table])


@takes_sections
def table_square_flips(studies: BySection) -> pd.DataFrame:
    """How many pairs of neuron types change order between the tasks, how many surely, and the rank correlation."""
    rows = []
    for voice, found in sides(studies):
        p, sure = [pair.p for pair in found.pairs], firm(found.pairs)
        means = [[mean_score(document, name) for name in found.types] for document in (found.radar, found.speech)]
        rho = NOTHING
        if len(found.types) > 2 and all(len(set(scores)) > 1 for scores in means):
            value, exact = stats.rank_correlation(*means)
            rho = f"{signed(value)}, {p_value(exact)}"
        counts = len(found.types), len(found.pairs), sum(pair.differs for pair in found.pairs)
        alone = NOTHING if None in p else str(sum(value < ALPHA for value in p if value is not None))
        firmly = NOTHING if None in p else str(len(sure))
        which = "; ".join(f"{pair.a} and {pair.b}" for pair in sure) or NOTHING
        rows.append((heading(voice, found.radar), *map(str, counts), alone, firmly, which, rho))
    columns = ["voice", "neuron types", "pairs", "order differs", "by itself", "firmly", "which", "Spearman's rho"]
    return pd.DataFrame(rows, columns=columns)


@takes_sections
def data_square_order(studies: BySection) -> pd.DataFrame:
    """The same as plain values."""
    rows = []
    for voice, found in sides(studies):
        for task, document in zip(SECTIONS, (found.radar, found.speech), strict=True):
            spreads = standings(document)["methods"]
            for name in found.types:
                spread = spreads[name]["macro_f1"]
                place = _place(document, name, found.types)
                rows.append((voice, task, name, place, *(spread[key] for key in ("mean", "low", "high", "n"))))
    return pd.DataFrame(rows, columns=["voice", "task", "neuron", "place", "macro_f1", "low", "high", "n"])


@takes_sections
def data_square_flips(studies: BySection) -> pd.DataFrame:
    """The lead of each pair of neuron types on both tasks, and whether its order surely differs."""
    rows = []
    for voice, found in sides(studies):
        sure = firm(found.pairs)
        rows += [(voice, pair.a, pair.b, pair.radar, pair.speech, pair in sure) for pair in found.pairs]
    return pd.DataFrame(rows, columns=["voice", "first", "second", "lead_on_radar", "lead_on_speech", "firmly_differs"])


def _place(document: Document, name: str, types: list[str]) -> int:
    """The place among the types, 1 for the highest mean; equal means share it."""
    own = mean_score(document, name)
    return 1 + sum(mean_score(document, other) > own for other in types)
