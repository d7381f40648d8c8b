"""What could be matched to a task, part by part, as plots and a table; the sections are those of `contests.SECTIONS`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from mstask.claims.words import effect
from mstask.parameters import FULL, profile_of
from mstask.results.documents import Document
from mstask.results.voices import NOTHING, VERDICTS, VOICES, heading, label, marked
from mstask.show import takes_sections
from mstask.show.canvas import BAND, GREY, answer, drawing, explain, mark
from mstask.show.marks import About, score_in_words
from mstask.show.scores import NBSP, BySection, difference, of_voice, score as scored, told, voices_of
from mstask.studies.matching.exhibits_rotation import FOCUS
from mstask.studies.synthesis.contests import CONTESTS, PARTS, TASKS, Outcome, outcomes
from mstask.studies.synthesis.crossing import DATA_SETS, DataSet, every_verdict, lead, scores
from mstask.summary import remark, standings
from mstask.summary.comparisons import compare, share_seeds

ZERO_WIDTH_SPACE = "\u200b"
SHAPES = {"neuron": "o", "synapse": "s", "loss": "^", "readout": "D", "wiring": "P"}
COLOURS = {"radar": "#0b62a4", "speech": "#a4243b"}
GAIN = ("difference", "low", "high", "n", "p")
COSTS = {"n_parameters": "learnt parameters", "energy_uJ": "operation proxy, µJ"}
NOTE = (
    "Judged as the claims of the ledger are. A pair that is picked once the scores are known crosses easily by chance, and no "
    "verdict corrects for the picking."
)


@takes_sections
def figure_synthesis_gains(studies: BySection) -> Figure:
    """What matching each part gains on each task: mean over seeds with its 95 % interval, in each voice that has it.

    Gains that count are filled; those at unlike sizes, over a plain network that learnt nothing or over one with its
    rival's settings, are hollow.
    """
    rows = [(part, task) for part in PARTS for task in TASKS]
    with drawing(1.0 + 0.34 * len(rows)) as figure:
        axes = figure.add_subplot()
        shown = {voice: held for voice in voices_of(studies) if (held := outcomes(of_voice(studies, voice)))}
        for i, (voice, held) in enumerate(shown.items()):
            look = mark(voice)
            for contest, found in held.items():
                y = rows.index((contest.part, contest.task)) + 0.15 * (i - (len(shown) - 1) / 2)
                about = About(contest.part, studies[contest.section][voice], what=f"gain in macro-F1 on {contest.task}")
                for own, place in _sized(found, y):
                    filled = {} if own.counts else {"markerfacecolor": "white"}
                    gain = own.gain
                    over = {"mean": gain.difference, "low": gain.low, "high": gain.high, "n": gain.n}
                    (drawn,) = axes.plot(gain.difference, place, **look | filled)
                    answer(drawn, about, over)
                    if gain.low is not None:
                        axes.plot([gain.low, gain.high], [place] * 2, color=look["color"], linewidth=1.4, zorder=1)
        for i in range(0, len(PARTS), 2):
            axes.axhspan(2 * i - 0.5, 2 * i + 1.5, color=BAND, zorder=0)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.set_yticks(range(len(rows)), [f"{part}, {task}" for part, task in rows])
        axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel="gain in macro-F1 over the plain part")
        axes.tick_params(axis="y", length=0)
        handles = [Line2D([], [], label=VOICES[voice].label, **mark(voice)) for voice in shown]
        explain(figure, handles, "upper")
    return figure


@takes_sections
def data_synthesis_gains(studies: BySection) -> pd.DataFrame:
    """Every contest in every voice, with both sides' scores, sizes and operation-count proxies."""
    rows = []
    for voice in voices_of(studies):
        held = outcomes(of_voice(studies, voice)).values()
        for found in (own for both in held for own, _ in _sized(both)):
            contest = found.contest
            row = {"voice": voice, "part": contest.part, "task": contest.task, "section": contest.section}
            for side in ("matched", "plain"):
                own = getattr(found, side)
                row |= {side: own.method, f"{side}_macro_f1": own.macro_f1["mean"]}
                row |= {f"{side}_{key}": getattr(own, key) for key in ("n_parameters", "energy_uJ")}
            about = {"verdict": found.verdict, "size_ratio": found.size_ratio}
            rows.append(row | {key: getattr(found.gain, key) for key in GAIN} | about)
    return pd.DataFrame(rows)


@takes_sections
def table_synthesis_gains(studies: BySection) -> pd.DataFrame:
    """Part, task, the two networks, their scores and sizes, and the gain with its interval, voice by voice.

    Below a gain at unlike sizes stands the same part's at equal size, where there is one.
    """
    heard = {voice: outcomes(of_voice(studies, voice)) for voice in voices_of(studies)}
    found = [(voice, held[contest]) for contest in CONTESTS for voice, held in heard.items() if contest in held]
    return pd.DataFrame([_row(studies, voice, own) for voice, both in found for own, _ in _sized(both)])


def table_equal_size(document: Document) -> pd.DataFrame:
    """Networks of one task: what they learn, their scores, and how far the matched one is ahead of each."""
    held = {c.task: c for contest in CONTESTS for c in contest.equal if c.section == document.section}
    rows = []
    for case in dict.fromkeys(cell.case for cell in document.cells):
        own = document.of_case(case)
        matched = held.get(case, next(iter(held.values()))).matched
        for name, found in standings(own)["methods"].items():
            known = name != matched and matched in standings(own)["methods"] and share_seeds(own, matched, name)
            gain = compare(own, matched, name) if known else None
            rows.append(
                {
                    "task": case,
                    "network": label(name),
                    "learnt parameters": told(found["n_parameters"], ","),
                    "macro-F1": scored(found["macro_f1"]) + remark(document, name, case),
                    f"gain of {label(matched)}": difference(gain.difference, gain.low, gain.high) if gain else NOTHING,
                }
            )
    return pd.DataFrame(rows)


@takes_sections
def figure_synthesis(studies: BySection) -> Figure:
    """Macro-F1 against parameters, and against operations: each part's plain network (hollow) joined to its matched one.

    Of the voices that have anything, the first is drawn: scores of different voices don't compare.
    """
    with drawing(5.2) as figure:
        panels = figure.subplots(len(COSTS), len(TASKS), sharex="row", sharey=True)
        heard = ((voice, outcomes(of_voice(studies, voice))) for voice in voices_of(studies))
        voice, found = next((one for one in heard if one[1]), ("embedded", {}))
        for row, (cost, name) in zip(panels, COSTS.items(), strict=True):
            for axes, task in zip(row, TASKS, strict=True):
                _draw_costs(axes, {c.part: o for c, o in found.items() if c.task == task}, cost, COLOURS[task])
                axes.set(xscale="log", xlabel=name)
                axes.xaxis.set_minor_formatter(NullFormatter())
        for axes, task in zip(panels[0], TASKS, strict=True):
            axes.set_title(task)
        figure.supylabel(f"macro-F1 on the test set, {VOICES[voice].label}")
        handles = [Line2D([], [], color=GREY, marker=SHAPES[part], linestyle="", label=part) for part in PARTS]
        explain(figure, handles, "upper")
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


def _sized(found: Outcome, place: float = 0.0) -> list[tuple[Outcome, float]]:
    """A contest and, where one was held, the same part's at equal size; each with a place of its own in a row."""
    return [(found, place), (found.equal, place + 0.25)] if found.equal else [(found, place)]


def _row(studies: BySection, voice: str, found: Outcome) -> dict[str, str]:
    contest, sides = found.contest, (found.matched, found.plain)
    document = studies[contest.section][voice]
    sizes = "" if found.like_with_like else f" ({found.size_ratio:.1f}{NBSP}:{NBSP}1)"
    verdict = marked(found.verdict) if profile_of(document.profile) in FULL else "no verdict"
    return {
        "part": contest.part,
        "task": contest.task,
        "voice": heading(voice, document),
        "matched against plain": " against ".join(label(side.method) for side in sides),
        "macro-F1": _both(f"{side.macro_f1['mean']:.3f}" for side in sides),
        "gain": difference(found.gain.difference, found.gain.low, found.gain.high),
        "verdict": f"{verdict}{'' if found.counts else ', not counted'}",
        "parameters": _both(told(side.n_parameters, ",") for side in sides) + sizes,
        "µJ": _both(_energy(side.energy_uJ) for side in sides),
    }


def _energy(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2g}" if value < 1 else f"{value:.1f}"


@takes_sections
def play_square_crossed(studies: BySection) -> dict[str, Any]:
    """By voice: every data set with the scores on it, and the verdict of every pair of neuron types on every two of them."""
    voices = [found for voice in voices_of(studies) if (found := _crossed(studies, voice))]
    start = dict(zip(("b", "a"), FOCUS, strict=True))
    return {"verdicts": [marked(verdict) for verdict in VERDICTS], "note": NOTE, "start": start, "voices": voices}


def _crossed(studies: BySection, voice: str) -> dict[str, Any] | None:
    sides = [(data, document) for data in DATA_SETS if (document := studies.get(data.section, {}).get(voice))]
    sides = [(data, document) for data, document in sides if scores(data, document)]
    if len(sides) < 2:
        return None
    neurons = list(dict.fromkeys(neuron for data, document in sides for neuron in scores(data, document)))
    codes = {
        f"{i},{j}": "".join(str(list(VERDICTS).index(found[a, b])) if a != b else "-" for a in neurons for b in neurons)
        for (i, j), found in every_verdict(sides, neurons).items()
    }
    start = [next((i for i, (data, _) in enumerate(sides) if data.audio is audio), 0) for audio in (False, True)]
    sets = [_data_set(data, document) for data, document in sides]
    return {"label": VOICES[voice].label, "neurons": neurons, "sets": sets, "verdicts": codes, "start": start}


def _data_set(data: DataSet, document: Document) -> dict[str, Any]:
    """What a page needs of a data set: the scores, what each says, and in words the lead of each pair of neuron types."""
    found, voice = scores(data, document), document.source
    place = f"results/runs/{document.section}" if voice == "run" else f"results/{voice}/{document.section}.json"
    where = f"{data.title}, {heading(voice, document)}"
    says = {
        neuron: f"{neuron}, {where}\n{score_in_words('macro-F1', over, data.unit)}\n{place}: {key}"
        for neuron, (key, over) in found.items()
    }
    corners = {neuron: [over[name] for name in ("mean", "low", "high")] for neuron, (_, over) in found.items()}
    known = {f"{a}|{b}": lead(document, data, a, b) for a, b in combinations(found, 2)}
    leads = {pair: effect(one.estimand, one.estimate, one.bounds) for pair, one in known.items() if one.estimate is not None}
    return {"title": data.title, "corners": corners, "says": says, "leads": leads}
