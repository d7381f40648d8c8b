"""The neuron types and the baselines on recordings: the crossing, a panel for each set, and how embedded data compares.

A few recorded words can be heard and seen, as the ear makes spikes of them, only where a copy of the recordings is: Free
Spoken Digit Dataset (`mstask.data.fsdd`), CC BY-SA 4.0. What is made of it, sounds and pictures, is shared alike.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import pandas as pd
from matplotlib.figure import Figure

from mstask.data import fsdd, originals, recorded, shd
from mstask.results.documents import Document
from mstask.results.voices import NOTHING, label, marked
from mstask.show.canvas import CHANCE, draw_bands, draw_spread, in_pairs, mark, pair_rows
from mstask.show.marks import About
from mstask.show.scores import NBSP, cell_table, difference, ordinal, score
from mstask.show.sheet import panels, say_nothing, sheet
from mstask.studies.gallery.exhibits_speech import Sound, Word, draw_words, spike_table
from mstask.studies.matching.exhibits_crossed import Corners, draw_corners, explain_corners
from mstask.studies.matching.exhibits_rotation import FOCUS
from mstask.studies.recordings.declare import RECORDINGS
from mstask.studies.recordings.facts import NAMES, RADAR_SETS, SETS, facts
from mstask.synth import cochlea

TITLES = {
    "speech": "Speech, an unfamiliar man",
    "speech_mixed": "Speech, dealt by chance",
    "radhar": "RadHAR, an unfamiliar pass",
    "neuroradar": "NeuroRadar, unfamiliar rounds",
    "neuroradar_days": "NeuroRadar, first day to second",
    "acconeer": "Acconeer, another date",
}
"""Sets that are shown side by side; transfer has a table of its own."""
SHORT = {"speech": "speech", "radhar": "RadHAR", "neuroradar": "NeuroRadar", "acconeer": "Acconeer"}
DIRECTIONS = {"to_recorded": "embedded to recorded", "to_embedded": "recorded to embedded"}
WORDS = ((7, "george", 0), (7, "theo", 0), (7, "nicolas", 0), (8, "george", 0), (8, "theo", 0), (8, "nicolas", 0))
"""Digit, speaker and number of the recordings shown: two words by three men."""


def table_recording_sources() -> pd.DataFrame:
    """The four sets of recordings: repository and commit, licence and whom to cite."""
    rows = [(o.name, o.repository, o.commit[:10], o.attribution) for o in recorded.ORIGINALS]
    return pd.DataFrame(rows, columns=["data fetch", "repository", "commit", "licence and attribution"])


def figure_recorded_square(document: Document) -> Figure:
    """The crossed square drawn from recordings: a panel for each radar set, the one that the rule names first."""
    order, sets = radar_sets(document), facts(document)["crossing"]["sets"]
    with sheet(document, 0.9 + 2.1 * pair_rows(len(order))) as figure:
        grid = in_pairs(figure, len(order), sharey=True)
        for axes, name in zip(grid, order, strict=False):
            corners: Corners = {neuron: {} for neuron in FOCUS}
            for neuron, (x, task) in product(FOCUS, enumerate((name, "speech"))):
                if about := sets.get(task):
                    key = f"facts.crossing.sets.{task}.scores.{neuron}"
                    told = About(neuron, document, key, f"macro-F1 on {SHORT[task]}", "fold")
                    corners[neuron][x] = told, about["scores"][neuron]
            draw_corners(axes, corners, [SHORT[name], SHORT["speech"]])
        if not order:
            say_nothing(grid[0])
        grid[0].set_ylabel("macro-F1")
        explain_corners(figure)
    return figure


def radar_sets(document: Document) -> list[str]:
    """The radar sets that were run, first the one that `facts.first_radar` names, whatever the scores."""
    found = facts(document)
    first = found["crossing"]["first"]
    return sorted((name for name in RADAR_SETS if name in found["crossing"]["sets"]), key=lambda name: name != first)


def table_recorded_square(document: Document) -> pd.DataFrame:
    """Doppler-LIF beside CrossInhib-LIF on every set: scores, their difference with its interval, and the verdict."""
    found = facts(document)
    rows = []
    for name in [*radar_sets(document), *(name for name in SETS if name not in RADAR_SETS)]:
        about = found["crossing"]["sets"].get(name)
        if name not in TITLES or about is None:
            continue
        scores = {neuron: f"{about['scores'][neuron]['mean']:.3f}" for neuron in FOCUS}
        told = {"recordings": NAMES[name], "folds": f"{about['folds']}{NBSP}of{NBSP}{len(SETS[name])}"}
        lead = difference(about["mean"], about["low"], about["high"])
        rows.append(told | scores | {"Doppler-LIF's lead": lead, "as in the paper": marked(about["verdict"])})
    return pd.DataFrame(rows, columns=["recordings", "folds", *FOCUS, "Doppler-LIF's lead", "as in the paper"])


def data_recorded_square(document: Document) -> pd.DataFrame:
    """Every score of the two neurons of the crossing."""
    data = data_recordings(document)
    return data[data["method"].isin(list(FOCUS))]


def figure_recordings(document: Document) -> Figure:
    """Macro-F1 by set: each tick a fold, by its mean over seeds; their mean, and its interval over folds and seeds."""
    found = [(name, about) for name, about in facts(document)["sets"].items() if about and name in TITLES]
    methods = [method for method in RECORDINGS.methods if any(method in about["methods"] for _, about in found)]
    with panels(document, len(found), 0.6, 0.5 + 0.2 * len(methods)) as (figure, grid):
        for axes, (name, about) in zip(grid, found, strict=False):
            draw_bands(axes, [label(method) for method in methods])
            for row, method in enumerate(methods):
                if method in about["methods"]:
                    told = About(label(method), document, f"facts.sets.{name}.methods.{method}.macro_f1", unit="fold")
                    draw_spread(axes, row, about["methods"][method]["macro_f1"], mark("recorded"), (0, 1), told)
            axes.axvline(about["chance"], **CHANCE)
            axes.set_title(TITLES[name], loc="left", fontsize=9)
            axes.tick_params(labelbottom=True)
        grid[-1].set(xlim=(0, 1), xlabel="macro-F1 on what was held out")
    return figure


def table_recordings(document: Document) -> pd.DataFrame:
    """Macro-F1 of every method on every set, over folds, and the rank of each neuron type."""
    sets = {name: about for name, about in facts(document)["sets"].items() if about and name in TITLES}
    rows = []
    for method in RECORDINGS.methods:
        row = {"method": label(method)}
        for name, about in sets.items():
            text = score(about["methods"][method]["macro_f1"]) if method in about["methods"] else NOTHING
            place = about["rank"].get(method)
            row[TITLES[name]] = f"{text}{NBSP}·{NBSP}{ordinal(place)}" if place else text
        if any(method in about["methods"] for about in sets.values()):
            rows.append(row)
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["method"])


def table_stand_ins(document: Document) -> pd.DataFrame:
    """Whether embedded data ranks the neuron types as recordings do: Spearman's rho by set, and the verdict."""
    found = facts(document)
    rows = [
        {
            "recordings": found["sets"][name]["name"],
            "neuron types": str(about["types"]),
            "Spearman's rho": difference(about["rho"], about["low"], about["high"]),
            "exact p": NOTHING if about["p"] is None else f"{about['p']:.3f}",
            "the same order": marked(about["verdict"]),
        }
        for name, about in found["stand_in"].items()
        if about
    ]
    return pd.DataFrame(rows, columns=["recordings", "neuron types", "Spearman's rho", "exact p", "the same order"])


def table_transfer(document: Document) -> pd.DataFrame:
    """Accuracy and macro-F1 over seeds, trained on one kind of speech and tested on the other: ten English digits."""
    sets = facts(document)["sets"]
    rows = []
    for method in RECORDINGS.methods:
        row = {"method": label(method)}
        for name, direction in DIRECTIONS.items():
            about = (sets[name] or {"methods": {}})["methods"].get(method)
            row[f"{direction}, accuracy"] = f"{about['accuracy']:.3f}" if about else NOTHING
            row[f"{direction}, macro-F1"] = f"{about['macro_f1']['mean']:.3f}" if about else NOTHING
        if any(about and method in about["methods"] for about in sets.values()):
            rows.append(row)
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["method"])


def data_recordings(document: Document) -> pd.DataFrame:
    """Every score on the recordings, by set, case, method and seed."""
    sets = {case: name for name, cases in SETS.items() for case in cases}
    found = cell_table(document, "case", "method", "seed", "macro_f1", "accuracy")
    found.insert(0, "set", found["case"].map(sets))
    return found.dropna(subset="set")


@cache
def word(digit: int, speaker: str, index: int) -> Word:
    """Return a recording and its spikes, the same that the data set has."""
    name = f"{digit}_{speaker}_{index}.wav"
    with originals.opened(fsdd.ORIGINAL, originals.located(fsdd.ORIGINAL)) as copy:
        samples = fsdd.samples(name, copy.read(name))
    spikes = cochlea.hear(samples, fsdd.RATE, cochlea.ear(), (digit, fsdd.SPEAKERS.index(speaker), index))
    return Word(Sound(f"“{shd.ENGLISH[digit]}”, {speaker.capitalize()}", samples / 32768, fsdd.RATE), *spikes)


def audio_recorded_words() -> list[Sound]:
    """The recordings behind `figure_recorded_words`, row by row."""
    return [word(*place).sound for place in WORDS]


def figure_recorded_words() -> Figure:
    """Spikes of two words by three men."""
    return draw_words([word(*place) for place in WORDS], (2, 3), 4.2)


def data_recorded_words() -> pd.DataFrame:
    """The spikes of `figure_recorded_words`."""
    return spike_table([word(*place) for place in WORDS])
