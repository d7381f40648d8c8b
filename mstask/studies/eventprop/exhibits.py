"""Nine losses on four tasks, the published Yin-Yang network beside its variants, and what options do to a training word.

Plots of one document have its voice above; each draws what the document has and says where that is nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mstask.claims.rules import SMALLEST
from mstask.results.documents import Document
from mstask.results.voices import NOTHING, VOICES, by_voice, heading, label
from mstask.show import takes_voices
from mstask.show.canvas import (
    CHANCE,
    GREY,
    HOLLOW,
    SMALL,
    draw_bands,
    draw_chance,
    draw_spread,
    drawing,
    explain_voices,
    in_pairs,
    lanes_of,
    mark,
    pair_rows,
)
from mstask.show.marks import About
from mstask.show.scores import NBSP, ByVoice, cell_table, every_score, voice_columns
from mstask.show.sheet import Look, legend, plain, say_nothing, sheet
from mstask.studies.eventprop.claims import PUBLISHED
from mstask.studies.eventprop.declare import YIN_YANG_SECTION
from mstask.studies.eventprop.facts import curve, tasks_of
from mstask.studies.eventprop.methods import FROZEN, LOSS_METHODS, LOSSES, TASKS, VARIANTS
from mstask.summary import at_chance, remark, standings
from mstask.summary.comparisons import spread
from mstask.summary.details import measured

METHODS = tuple(LOSS_METHODS)
LOOKS = {
    name: Look(label(name), colour, "", line)
    for name, colour, line in (
        ("sum", GREY, "-"),
        ("linear", "#00796b", "-"),
        ("exp", "#00796b", "--"),
        ("sigmoid", "#00796b", ":"),
        ("input", "#0b62a4", "-"),
        ("average-cross-entropy", GREY, "--"),
        ("max", "#0b62a4", "--"),
        ("first-spike", "#a4243b", "-"),
        ("first-spike-exp", "#a4243b", "--"),
        (FROZEN, "#1d1d1d", "-."),
    )
}
"""Colours by kind: grey weighs the trial evenly, green falls, blue neither, red asks for first spikes, black is the control."""
CURVES = ("yin-yang-long", "speech")
CONFUSED = ("sum", "exp")
(CASE,) = YIN_YANG_SECTION.cases
SHOWN = {"speech word": {}, "shift": {"shift": 40.0}, "blend": {"blend": [0.5, 0.5]}, "delay line": {"delay_copies": 3}}
"""Panels, and the parameters that make each from the first training word."""
WORD, SEED = 0, 0


def figure_eventprop(document: Document) -> Figure:
    """Accuracy by loss, a panel per task: every seed, their mean, its 95 % interval; a dotted line marks guessing.

    The mark is hollow where macro-F1 can't be told from what guessing scores.
    """
    cases = tasks_of(document) or list(TASKS)[:1]
    with sheet(document, 0.9 + 2.75 * pair_rows(len(cases))) as figure:
        for axes, case in zip(in_pairs(figure, len(cases), sharey=True), cases, strict=True):
            draw_bands(axes, [label(name) for name in METHODS], size=SMALL)
            for row, name in enumerate(METHODS):
                hollow = HOLLOW if at_chance(document, name, case) else {}
                point = {"color": LOOKS[name].colour, "marker": "o", "markersize": 4.5} | hollow
                scores = spread(measured(document, case, name).values())
                key, what = f"methods.{name}.cases.{case}.accuracy", "accuracy on the test set"
                draw_spread(axes, row, scores, point, (0, 1), About(label(name), document, key, what))
            draw_chance(axes, (document.cases or {}).get(case))
            axes.set(xlim=(0, 1.03), title=TASKS[case].title)
            if not tasks_of(document):
                say_nothing(axes)
        figure.supxlabel("accuracy on the test set; hollow: at chance")
    return figure


def data_eventprop(document: Document) -> pd.DataFrame:
    """Every cell of the nine losses: accuracy, macro-F1, the last epoch's accuracy, hidden spikes, and the selected epoch."""
    measures = ("accuracy", "macro_f1", "last_epoch_accuracy", "hidden_spikes", "unanswered", "best_epoch")
    return cell_table(document, "case", "method", "seed", *measures)


def table_eventprop(document: Document) -> pd.DataFrame:
    """Accuracy of every loss on every task, as mean ± standard deviation over seeds."""
    return _by_task(document, plain)


def table_eventprop_spikes(document: Document) -> pd.DataFrame:
    """Hidden spikes in a test trial, by loss and task: where a loss has deleted them, nothing is left to learn with."""
    return _by_task(document, lambda counts: f"{np.mean(counts):.0f}" if counts else NOTHING, "hidden_spikes")


@takes_voices
def table_eventprop_speech(documents: ByVoice) -> pd.DataFrame:
    """The losses on spoken digits in every voice; the published figures are of recordings, one seed each."""
    heard = by_voice(documents)
    table = pd.DataFrame({"loss": [label(name) for name in LOSSES]})
    for voice, document in heard.items():
        table[heading(voice, document)] = [_accuracy(document, name, voice, "speech") for name in LOSSES]
    return voice_columns(table, documents)


def figure_eventprop_curves(document: Document) -> Figure:
    """Validation accuracy after each epoch, mean over seeds, by loss: Yin-Yang with long trials, and spoken digits."""
    with sheet(document, 5.6) as figure:
        for axes, case in zip(figure.subplots(2, 1), CURVES, strict=True):
            drawn = {name: values for name in METHODS if (values := curve(document, name, case, "validation_accuracy"))}
            for name, values in drawn.items():
                epochs = range(1, len(values) + 1)
                axes.plot(epochs, values, color=LOOKS[name].colour, linestyle=LOOKS[name].line, linewidth=1.4)
            if record := (document.cases or {}).get(case):
                axes.axhline(record.chance, **CHANCE)
            axes.set(ylim=(0, 1.03), title=TASKS[case].title, ylabel="validation accuracy")
            if not drawn:
                say_nothing(axes)
        axes.set_xlabel("epoch")
        legend(figure, LOOKS.values())
    return figure


def data_eventprop_curves(document: Document) -> pd.DataFrame:
    """Every epoch of every cell: losses, accuracies, hidden spikes, silent neurons, and the largest 1/(I - V) of a spike."""
    rows = [
        {"case": cell.case, "method": cell.method, "seed": cell.seed, "epoch": epoch} | dict(zip(history, values, strict=True))
        for cell in document.cells
        if (history := cell.result.history)
        for epoch, values in enumerate(zip(*history.values(), strict=True), start=1)
    ]
    return pd.DataFrame(rows, columns=None if rows else ["case", "method", "seed", "epoch"])


def figure_eventprop_confusion(document: Document) -> Figure:
    """What spoken digits were taken for, all seeds together: share of each label's trials, for two losses."""
    with sheet(document, 2.5) as figure:
        for axes, name in zip(figure.subplots(1, 2, sharey=True), CONFUSED, strict=True):
            counts = _counts(document, name)
            axes.set_title(label(name))
            axes.set_xlabel("spoken")
            if counts is None:
                say_nothing(axes)
                continue
            axes.imshow(counts / np.maximum(counts.sum(axis=0), 1), cmap="Greens", vmin=0, vmax=1)
            places = range(0, len(counts), max(1, len(counts) // 5))
            axes.set_xticks(places, places)
            axes.set_yticks(places, places)
        figure.axes[0].set_ylabel("recognised as")
    return figure


def data_eventprop_confusion(document: Document) -> pd.DataFrame:
    """Counts behind the confusion matrices, of all seeds together: one row per loss, answer and label."""
    rows = []
    for name in METHODS:
        counts = _counts(document, name)
        if counts is not None:
            rows += [(name, answer, truth, int(n)) for (answer, truth), n in np.ndenumerate(counts)]
    return pd.DataFrame(rows, columns=["method", "answer", "label", "count"])


@takes_voices
def figure_eventprop_yin_yang(documents: ByVoice) -> Figure:
    """Test accuracy of the published setting and its variants: seeds, means, 95 % intervals; the band is published, ± sd."""
    heard = by_voice(documents)
    lanes = lanes_of(len(heard), 0.2)
    published = next(filter(None, (document.values.get("published") for document in heard.values())), None)
    with drawing(1.3 + 0.38 * len(VARIANTS)) as figure:
        axes = figure.add_subplot()
        lowest = 0.96
        draw_bands(axes, [label(name) for name in VARIANTS])
        for row, name in enumerate(VARIANTS):
            for lane, (voice, document) in zip(lanes, heard.items(), strict=True):
                if known := standings(document)["methods"].get(name):
                    key = f"cases.{CASE}." if CASE in known["cases"] else ""
                    found = known["cases"].get(CASE, known)["accuracy"]
                    lowest = min(lowest, found["mean"] or lowest, *found["values"])
                    about = About(label(name), document, f"methods.{name}.{key}accuracy")
                    draw_spread(axes, row + lane, found, mark(voice), (0, 1), about)
        if published:
            low, high = published["accuracy"] - published["sd"], published["accuracy"] + published["sd"]
            axes.axvspan(low, high, color=VOICES["published"].colour, alpha=0.25, linewidth=0)
        axes.axvline(PUBLISHED - SMALLEST, color=GREY, linestyle=":", linewidth=1)
        axes.set(xlim=(lowest - 0.02, 1.0), xlabel="accuracy on the test set")
        explain_voices(figure, documents)
    return figure


@takes_voices
def data_eventprop_yin_yang(documents: ByVoice) -> pd.DataFrame:
    """Every accuracy behind the figure, and the last epoch's beside the selected one's."""
    return every_score(documents, "accuracy", "last_epoch_accuracy", "best_epoch")


@takes_voices
def table_eventprop_yin_yang(documents: ByVoice) -> pd.DataFrame:
    """The published setting and its variants: what differs, epochs here, and accuracy in each voice."""
    heard = by_voice(documents)
    trained = next((voice for voice, document in heard.items() if document.cells), None)
    table = pd.DataFrame({"network": [label(name) for name in VARIANTS]})
    table["what differs"] = [variant.text for variant in VARIANTS.values()]
    if trained:
        table[f"epochs, {VOICES[trained].label}"] = [str(_epochs(heard[trained], name) or NOTHING) for name in VARIANTS]
    for voice, document in heard.items():
        table[heading(voice, document)] = [_accuracy(document, name, voice) for name in VARIANTS]
    return voice_columns(table, documents)


@takes_voices
def figure_eventprop_learning(documents: ByVoice) -> Figure:
    """Yin-Yang, published setting: published mean test accuracy by epoch, and each run's validation accuracy (thin: seeds)."""
    heard = by_voice(documents)
    with drawing(3.1) as figure:
        axes = figure.add_subplot()
        lowest = 0.7
        for voice, document in heard.items():
            points = document.values.get("test_accuracy_by_epoch", {})
            if points:
                epochs = sorted(map(int, points))
                axes.plot(epochs, [points[str(e)] for e in epochs], **mark(voice))
            for values in (cell.result.series("validation_accuracy") for cell in document.cells if cell.method == "published"):
                axes.plot(range(1, len(values) + 1), values, color=VOICES[voice].colour, linewidth=0.6, alpha=0.4)
            if mean := curve(document, "published", None, "validation_accuracy"):
                axes.plot(range(1, len(mean) + 1), mean, color=VOICES[voice].colour, linewidth=1.6)
                lowest = min(lowest, max(mean) - 0.1)
        axes.set(xscale="log", ylim=(lowest, 1.0), xlabel="epoch", ylabel="accuracy")
        axes.set_xticks([1, 2, 5, 10, 20, 50, 100], [1, 2, 5, 10, 20, 50, 100])
        axes.minorticks_off()
        explain_voices(figure, documents)
    return figure


@takes_voices
def data_eventprop_learning(documents: ByVoice) -> pd.DataFrame:
    """The points and curves of the learning figure: voice, seed ("mean" where published), epoch, accuracy and on which part."""
    rows = []
    for voice, document in by_voice(documents).items():
        points = document.values.get("test_accuracy_by_epoch", {})
        rows += [(voice, "mean", int(epoch), value, "test") for epoch, value in points.items()]
        for cell in document.cells:
            if cell.method == "published":
                values = cell.result.series("validation_accuracy")
                rows += [(voice, str(cell.seed), epoch, value, "validation") for epoch, value in enumerate(values, start=1)]
    return pd.DataFrame(rows, columns=["voice", "seed", "epoch", "accuracy", "part"])


def figure_eventprop_options() -> Figure:
    """A training word as it is, moved by some channels, blended with another of its class, and with delayed copies."""
    with drawing(4.4) as figure:
        for axes, (name, (times, channels)) in zip(figure.subplots(2, 2, sharex=True).flat, _trials().items(), strict=True):
            axes.plot(times, channels, ".", markersize=1.2, color="#00796b")
            axes.set_title(name)
        figure.supxlabel("time (ms)")
        figure.supylabel("input channel")
    return figure


def data_eventprop_options() -> pd.DataFrame:
    """The spikes of `figure_eventprop_options`."""
    frames = [pd.DataFrame({"panel": name, "ms": t, "channel": c}) for name, (t, c) in _trials().items()]
    return pd.concat(frames, ignore_index=True)


def _counts(document: Document, method: str) -> np.ndarray | None:
    """How often each spoken digit (columns) got each answer (rows), all seeds together; None where nothing is known."""
    found = list(measured(document, "speech", method, "confusion").values())
    return np.sum(found, axis=0) if found else None


def _by_task(document: Document, told: Callable[[list[float]], str], *path: str) -> pd.DataFrame:
    """What is told of every loss on every task, from its accuracies or its details at `path`."""
    table = pd.DataFrame({"loss": [label(name) for name in METHODS]})
    for case in tasks_of(document):
        said = [told(list(measured(document, case, name, *path).values())) for name in METHODS]
        table[TASKS[case].title] = said if path else [t + remark(document, m, case) for t, m in zip(said, METHODS, strict=True)]
    return table


def _accuracy(document: Document, name: str, voice: str, case: str | None = None) -> str:
    """Mean ± standard deviation of a method's accuracy, of its cells or as published."""
    if values := measured(document, case, name).values():
        return plain(values) + remark(document, name, case)
    mean = document.means.get(name)
    if mean is None or mean.accuracy is None:
        return VOICES[voice].absent
    sd = document.values.get(name, {}).get("sd")
    return f"{mean.accuracy:.3f}" + (f"{NBSP}±{NBSP}{sd:.3f}" if sd is not None else "")


def _epochs(document: Document, name: str) -> int | None:
    return max((cell.result.epochs or 0 for cell in document.cells if cell.method == name), default=None)


def _trials() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Times in ms and channels of the word in each panel, made by the code that a run of the section uses."""
    from mstask.section import resolve
    from mstask.studies.eventprop import measure as experiment, speech
    from mstask.studies.eventprop.augment import delay_line
    from mstask.studies.eventprop.declare import SECTION
    from mstask.studies.eventprop.methods import LOSS_METHODS

    found = {}
    for name, changes in SHOWN.items():
        parameters: Any = resolve(SECTION.id, profile="smoke", methods=["exp"], cases=["speech"], **changes)
        splits = experiment.load(SECTION, parameters, "speech")
        architecture, recipe = experiment.plan(LOSS_METHODS["exp"], "speech", splits.n_classes, parameters)
        row = len(splits.train.y) // 2 if parameters.blend else WORD
        spikes = recipe.augmentation.apply(splits.train.x.take([row]), speech.TRIAL_MS, np.random.default_rng(SEED))
        if architecture.delay_copies:
            spikes = delay_line(spikes, architecture.delay_copies, architecture.delay_ms, speech.TRIAL_MS)
        found[name] = spikes.trial(0)
    return found
