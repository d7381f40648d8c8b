"""What could be matched to a task, part by part, as plots and a table.

`studies` maps each section of `mstask.studies.synthesis.contests.SECTIONS` to its documents by voice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from mstask.results.voices import NOTHING, VOICES, heading, label, marked
from mstask.show import takes_sections
from mstask.show.canvas import BAND, GREY, WIDTH, Plot, mark, styled
from mstask.show.scores import Studies, of_voice, signed, voices_of
from mstask.studies.synthesis.contests import CONTESTS, PARTS, TASKS, Outcome, outcomes

ZERO_WIDTH_SPACE = "\u200b"
SHAPES = {"neuron": "o", "synapse": "s", "loss": "^", "readout": "D", "wiring": "P"}
COLOURS = {"radar": "#0b62a4", "speech": "#a4243b"}
GAIN = ("difference", "low", "high", "n", "p", "verdict", "size_ratio")
COSTS = {"n_parameters": "learnt parameters", "energy_uJ": "operation proxy, µJ"}


@takes_sections
def figure_synthesis_gains(studies: Studies) -> Figure:
    """What matching each part gains on each task: mean over seeds with its 95 % interval, in each voice that has it."""
    rows = [(part, task) for part in PARTS for task in TASKS]
    with styled():
        figure = Plot(figsize=(WIDTH, 1.0 + 0.34 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        shown = {voice: held for voice in voices_of(studies) if (held := outcomes(of_voice(studies, voice)))}
        for i, (voice, held) in enumerate(shown.items()):
            look = mark(voice)
            for contest, found in held.items():
                y = rows.index((contest.part, contest.task)) + 0.22 * (i - (len(shown) - 1) / 2)
                axes.plot(found.difference, y, **look)
                if found.low is not None:
                    axes.plot([found.low, found.high], [y, y], color=look["color"], linewidth=1.4)
        for i in range(0, len(PARTS), 2):
            axes.axhspan(2 * i - 0.5, 2 * i + 1.5, color=BAND, zorder=0)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.set_yticks(range(len(rows)), [f"{part}, {task}" for part, task in rows])
        axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel="gain in macro-F1 over the plain part")
        axes.tick_params(axis="y", length=0)
        handles = [Line2D([], [], label=VOICES[voice].label, **mark(voice)) for voice in shown]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


@takes_sections
def data_synthesis_gains(studies: Studies) -> pd.DataFrame:
    """Every contest in every voice, with both sides' scores, sizes and operation-count proxies."""
    rows = []
    for voice in voices_of(studies):
        for contest, found in outcomes(of_voice(studies, voice)).items():
            row = {"voice": voice, "part": contest.part, "task": contest.task, "section": contest.section}
            for side in ("matched", "plain"):
                own = getattr(found, side)
                row |= {side: own.method, f"{side}_macro_f1": own.macro_f1["mean"]}
                row |= {f"{side}_{key}": getattr(own, key) for key in ("n_parameters", "energy_uJ")}
            rows.append(row | {key: getattr(found, key) for key in GAIN})
    return pd.DataFrame(rows)


@takes_sections
def table_synthesis_gains(studies: Studies) -> pd.DataFrame:
    """Part, task, the two networks, their scores and sizes, and the gain with its interval, voice by voice."""
    rows = []
    heard = {voice: outcomes(of_voice(studies, voice)) for voice in voices_of(studies)}
    for contest in CONTESTS:
        for voice, held in heard.items():
            if found := held.get(contest):
                sides = found.matched, found.plain
                rows.append(
                    {
                        "part": contest.part,
                        "task": contest.task,
                        "voice": heading(voice, studies[contest.section][voice]),
                        "matched against plain": " against ".join(label(side.method) for side in sides),
                        "macro-F1": _both(f"{side.macro_f1['mean']:.3f}" for side in sides),
                        "gain": _gain(found),
                        "verdict": marked(found.verdict),
                        "gain at equal size": _at_equal_size(found),
                        "parameters": _both(_count(side.n_parameters) for side in sides),
                        "µJ": _both(_energy(side.energy_uJ) for side in sides),
                    }
                )
    return pd.DataFrame(rows)


@takes_sections
def figure_synthesis(studies: Studies) -> Figure:
    """Macro-F1 against parameters, and against operations: each part's plain network (hollow) joined to its matched one.

    Of the voices that have anything, the first is drawn: scores of different voices don't compare.
    """
    with styled():
        figure = Plot(figsize=(WIDTH, 5.2), layout="constrained")
        panels = figure.subplots(len(COSTS), len(TASKS), sharex="row", sharey=True)
        found = next((o for voice in voices_of(studies) if (o := outcomes(of_voice(studies, voice)))), {})
        for row, (cost, name) in zip(panels, COSTS.items(), strict=True):
            for axes, task in zip(row, TASKS, strict=True):
                _draw_costs(axes, {c.part: o for c, o in found.items() if c.task == task}, cost, COLOURS[task])
                axes.set(xscale="log", xlabel=name)
                axes.xaxis.set_minor_formatter(NullFormatter())
        for axes, task in zip(panels[0], TASKS, strict=True):
            axes.set_title(task)
        figure.supylabel("macro-F1 on the test set", fontsize=9.5)
        handles = [Line2D([], [], color=GREY, marker=SHAPES[part], linestyle="", label=part) for part in PARTS]
        figure.legend(handles=handles, loc="outside upper center", ncols=5, handletextpad=0.1, columnspacing=1)
    return figure


data_synthesis = data_synthesis_gains


def _draw_costs(axes: Axes, found: Mapping[str, Outcome], cost: str, colour: str) -> None:
    for part, contest in found.items():
        points = [(getattr(side, cost), side.macro_f1) for side in (contest.plain, contest.matched)]
        if any(count is None for count, _ in points):
            continue
        axes.plot([count for count, _ in points], [score["mean"] for _, score in points], color=colour, linewidth=1, alpha=0.6)
        for (count, score), filled in zip(points, ("white", colour), strict=True):
            axes.plot(count, score["mean"], SHAPES[part], color=colour, markerfacecolor=filled)
            if score["low"] is not None:
                axes.plot([count] * 2, [max(score["low"], 0), min(score["high"], 1)], color=colour, linewidth=1, alpha=0.4)


def _both(texts: Iterable[str]) -> str:
    """Two values, of which a line may break after the stroke; one dash where neither is known."""
    several = list(texts)
    return NOTHING if set(several) == {NOTHING} else f"/{ZERO_WIDTH_SPACE}".join(several)


def _gain(found: Outcome) -> str:
    interval = "" if found.low is None else f" [{signed(found.low)}, {signed(found.high)}]"
    return f"{signed(found.difference)}{interval}"


def _at_equal_size(found: Outcome) -> str:
    """The gain, where both networks are of one size."""
    return signed(found.difference) if found.like_with_like else "no such network"


def _count(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"


def _energy(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2g}" if value < 1 else f"{value:.1f}"
