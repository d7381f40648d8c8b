"""The crossing at the heart of the paper: two neuron types on two tasks, in each voice (paper, Fig. 5).

The corners on radar are those of the section "square"; where it has no figure of Doppler-LIF, that of the ablation's network
of this type stands in. Those on audio are of the section "disjoint". Of the section "recordings" comes a panel of its own, with
the mean over all sets of radar recordings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mstask import claims
from mstask.results.voices import VOICES, heading, marked
from mstask.show import takes_sections
from mstask.show.canvas import SMALL, answer, drawing, explain
from mstask.show.marks import About
from mstask.show.scores import NBSP, BySection, ByVoice, of_voice, signed, voices_of
from mstask.studies.matching.exhibits_rotation import FOCUS
from mstask.studies.recordings import stand_ins
from mstask.summary import compare, standings
from mstask.summary.comparisons import share_seeds

TASKS: dict[str, tuple[tuple[str, dict[str, str]], ...]] = {
    "radar": (("square", {name: name for name in FOCUS}), ("ablation", stand_ins.HOMOGENEOUS)),
    "audio": (("disjoint", {name: name for name in FOCUS}),),
}
"""Where the corners of a task are looked up, first to last: section, and the method that stands for each neuron type."""
CONTESTS = {"radar": ("square", "Doppler-LIF", "CrossInhib-LIF"), "audio": ("disjoint", "CrossInhib-LIF", "Doppler-LIF")}
"""Per task the section, and the neuron type that wins by the paper before the one that loses."""
CLAIM = "double-dissociation"
Corners = dict[str, dict[int, tuple[About, Mapping[str, Any]]]]
"""By neuron type and place of a task, left 0 and right 1: what a mark is about, and its spread."""

MOST = 3
"""Panels that stand side by side; more are drawn in two rows."""


@takes_sections
def figure_square_crossed(studies: BySection) -> Figure:
    """Paper, Fig. 5: Doppler-LIF and CrossInhib-LIF on radar and on audio, one panel per voice.

    Lines join the means of a neuron type; bars are 95 % intervals over seeds. Lines that cross are a double dissociation.
    """
    studies = with_recordings(studies)
    voices = voices_of(studies)
    columns = len(voices) if len(voices) <= MOST else -(-len(voices) // 2)
    rows = -(-len(voices) // columns)
    with drawing(0.9 + 2.2 * rows) as figure:
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        for axes, voice in zip(panels, voices, strict=False):
            _draw_crossing(axes, studies, voice)
        for axes in panels[len(voices) :]:
            axes.set_axis_off()
        figure.supylabel("macro-F1 on the test set", fontsize="medium")
        explain_corners(figure)
    return figure


@takes_sections
def table_square_crossed(studies: BySection) -> pd.DataFrame:
    """Who wins on each task, by how much, and whether the square closes, in each voice."""
    studies = with_recordings(studies)
    rows: dict[str, dict[str, str]] = {}
    for voice in voices_of(studies):
        given = of_voice(studies, voice)
        column = heading(voice, next(filter(None, given.values()), None))
        for task, contest in CONTESTS.items():
            rows.setdefault(task, {})[column] = _winner(given, contest, voice)
        verdict = claims.judge(given, [CLAIM])[0].verdict
        rows.setdefault("both", {})[column] = marked(verdict) if any(given.values()) else VOICES[voice].absent
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("task").reset_index()


@takes_sections
def data_square_crossed(studies: BySection) -> pd.DataFrame:
    """The corners of the square in each voice: mean, interval over seeds, and where they are from."""
    studies = with_recordings(studies)
    rows = []
    for voice in voices_of(studies):
        for task in TASKS:
            for neuron in FOCUS:
                if found := corner(studies, voice, task, neuron):
                    section, spread = found
                    rows.append((voice, task, neuron, section, *(spread[key] for key in ("mean", "low", "high", "n"))))
    return pd.DataFrame(rows, columns=["voice", "task", "neuron", "section", "macro_f1", "low", "high", "n_seeds"])


def with_recordings(studies: BySection) -> BySection:
    """Return what sections have by voice, where recordings stand in for sections; what lacks a document has no voice there.

    Of a reader's runs stay those on one source of data, the first section's: real and embedded data are never mixed.
    """
    document = studies.get(stand_ins.SECTION, {}).get(stand_ins.SOURCE)
    made = stand_ins.stand_ins(document) if document else {}
    studies = {section: documents for section, documents in studies.items() if section != stand_ins.SECTION}
    source = next((run.data_source for run in of_voice(studies, "run").values() if run), None)
    whole: dict[str, ByVoice] = {}
    for section, documents in studies.items():
        run = documents.get("run")
        own = {**documents, "run": None} if run and run.data_source != source else documents
        whole[section] = {**own, stand_ins.SOURCE: made[section]} if section in made else own
    return whole


def corner(studies: BySection, voice: str, task: str, neuron: str) -> tuple[str, dict[str, Any]] | None:
    """Return the section that has a neuron type's score on a task in a voice, and that score; None where there is none."""
    for section, methods in TASKS[task]:
        document = studies.get(section, {}).get(voice)
        method = document and neuron in methods and standings(document)["methods"].get(methods[neuron])
        if method and method["macro_f1"]["mean"] is not None:
            return section, method["macro_f1"]
    return None


def draw_corners(axes: Axes, corners: Corners, tasks: Sequence[str]) -> None:
    """Draw the two neuron types on two tasks: a line joins the means of each, bars are their intervals."""
    for shift, (neuron, (colour, marker, line)) in zip((-0.03, 0.03), FOCUS.items(), strict=True):
        known = corners.get(neuron, {})
        axes.plot([x + shift for x in known], [over["mean"] for _, over in known.values()], color=colour, linestyle=line)
        for x, (about, over) in known.items():
            (drawn,) = axes.plot(x + shift, over["mean"], color=colour, marker=marker)
            answer(drawn, about, over)
            if over["low"] is not None:
                axes.plot([x + shift] * 2, [max(over["low"], 0), min(over["high"], 1)], color=colour, linewidth=1.2)
    axes.set(xlim=(-0.4, 1.4), ylim=(0, 1))
    axes.set_xticks(range(len(tasks)), tasks)


def explain_corners(figure: Figure) -> None:
    """Explain below a figure how the two neuron types are drawn."""
    explain(figure, [Line2D([], [], color=c, marker=m, linestyle=s, label=name) for name, (c, m, s) in FOCUS.items()], "lower")


def _draw_crossing(axes: Axes, studies: BySection, voice: str) -> None:
    heard = next(filter(None, of_voice(studies, voice).values()), None)
    missing: dict[str, list[str]] = {}
    corners: Corners = {}
    for neuron, (x, task) in product(FOCUS, enumerate(TASKS)):
        if not (found := corner(studies, voice, task, neuron)):
            missing.setdefault(task, []).append(neuron)
            continue
        section, spread = found
        document, key = studies[section][voice], f"methods.{dict(TASKS[task])[section][neuron]}.macro_f1"
        if recorded := voice == stand_ins.SOURCE:
            document, key = document.model_copy(update={"section": stand_ins.SECTION}), ""
        about = About(neuron, document, key, f"macro-F1 on {task}", "fold" if recorded else "seed")
        corners.setdefault(neuron, {})[x] = about, spread
    draw_corners(axes, corners, list(TASKS))
    absent = VOICES[voice].absent
    named = (task if len(neurons) == len(FOCUS) else f"{neurons[0]}\non {task}" for task, neurons in missing.items())
    text = "\n".join(f"{what}:\n{absent}" for what in named) if heard else absent
    axes.text(0.5, 0.03, text, transform=axes.transAxes, ha="center", va="bottom", fontsize=SMALL, style="italic")
    axes.set_title(heading(voice, heard), color=VOICES[voice].colour, weight="bold")


def _winner(given: ByVoice, contest: tuple[str, str, str], voice: str) -> str:
    """Say who wins a contest of `CONTESTS`, by how much, and whether that is clear at every seed."""
    section, a, b = contest
    document = given.get(section)
    if document is None or not {a, b} <= set(standings(document)["rank"]):
        return VOICES[voice].absent
    if not share_seeds(document, a, b):
        return "no common seed"
    found = compare(document, a, b)
    ahead = found.difference > 0
    low, high = (found.low, found.high) if ahead else (found.high, found.low)
    sign = 1 if ahead else -1
    text = f"{a if ahead else b} by {signed(sign * found.difference).removeprefix('+')}"
    if low is not None:
        text += f" [{signed(sign * low)},{NBSP}{signed(sign * high)}]"
    agree = {True: ", clear at every seed", False: ", not clear at every seed", None: ""}[found.consistent]
    return text + agree
