"""Groups of competing readout neurons: who scores what, who wins how often, on which code. A document's cases are data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from statistics import fmean
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mstask.results.documents import Cell, Document
from mstask.results.voices import NOTHING, VOICES, by_voice, heading, label
from mstask.show import takes_voices
from mstask.show.canvas import (
    AT_CHANCE,
    CHANCE,
    GREY,
    HOLLOW,
    SMALL,
    answer,
    draw_bands,
    draw_spread,
    drawing,
    explain,
    in_pairs,
    pair_rows,
)
from mstask.show.marks import About
from mstask.show.scores import NBSP, ByVoice, case_order, cell_table, score_table, signed, told
from mstask.show.sheet import plain, say_nothing
from mstask.studies.ncg.facts import CODES, DATA, EXTRACTORS, GROUPS, ONE_CODE, PAIRS, SINGLE, winner_share
from mstask.studies.ncg.names import METHODS
from mstask.summary import at_chance, collapsed, remark
from mstask.summary.comparisons import spread
from mstask.summary.details import detail, measured

LADDERS = {
    "S2-STDP": (("S2-M1", "S2-M2-L", "S2-M5-CR2-L", "S2-M10-CR2-L"), "#00796b", "o", "-"),
    "SSTDP": (("SSTDP-M1", "SSTDP-M5-CR2", "SSTDP-M10-CR2"), "#a4243b", "s", "--"),
    "R-STDP": (("R-M1", "R-M5", "R-M20"), "#0b62a4", "^", ":"),
}
"""Each rule with its methods by group size (regulated where the rule knows that), and how it is drawn."""
OF_FAMILY = {METHODS[ladder[0][0]].family: ladder for ladder in LADDERS.values()}
"""The same by the family that a method names."""
ABLATION = {
    "S2-M1": "one neuron (M-1)",
    "S2-M5": "five (M-5)",
    "S2-M5-CR1": "five, CR-1",
    "S2-M5-CR2": "five, CR-2",
    "S2-M5-CR2-L": "five, CR-2, L",
    "S2-M5-Drop-L": "five, drop, L",
}
"""Methods of the ablation, from one neuron to the paper's groups."""
FIVES = {name: text for name, text in ABLATION.items() if name != "S2-M1"}
SEARCHED = ("S2-M1", "S2-M5-CR1", "S2-M5-CR2-L", "S2-M5-Drop-L", "SSTDP-M1", "SSTDP-M5-CR2", "R-M5")
EVEN_USE = 1 / 5
UNLABELLED = "#00796b"


def figure_ncg(document: Document) -> Figure:
    """Macro-F1 by neurons per class, one line for each rule and one panel for each data set; bars are 95 % intervals.

    A mark is hollow where it can't be told from what guessing scores: a dotted line, where a panel reaches down to it.
    """
    scores = score_table(document)
    sizes = sorted({METHODS[name].group for methods, *_ in LADDERS.values() for name in methods})
    with _panels(document, 1.9, sharex=True, sharey=False) as (figure, panels):
        for case, axes in panels.items():
            for shift, (methods, colour, marker, line) in zip((-0.1, 0, 0.1), LADDERS.values(), strict=True):
                found = {
                    sizes.index(METHODS[name].group) + shift: spread(values)
                    for name in methods
                    if (values := scores.get(name, {}).get(case, {}).values())
                }
                axes.plot(list(found), [score["mean"] for score in found.values()], color=colour, linestyle=line)
                known = (name for name in methods if scores.get(name, {}).get(case))
                for name, (x, score) in zip(known, found.items(), strict=True):
                    about = About(label(name), document, f"methods.{name}.cases.{case}.macro_f1", "macro-F1 on the test set")
                    hollow = HOLLOW | {"markersize": 6} if at_chance(document, name, case) else {}
                    point = {"color": colour, "marker": marker, "markersize": 5} | hollow
                    (drawn,) = axes.plot(x, score["mean"], **point)
                    answer(drawn, about, score)
                    if score["low"] is not None:
                        axes.plot([x, x], [max(score["low"], 0), min(score["high"], 1)], color=colour, linewidth=1, alpha=0.6)
            axes.set_xticks(range(len(sizes)), [str(size) for size in sizes])
            axes.set_xlim(-0.4, len(sizes) - 0.6)
            _chance(axes.axhline, document, case, axes.get_ylim())
        figure.supxlabel("neurons per class")
        figure.supylabel("macro-F1 on the test set")
        handles = [Line2D([], [], color=c, marker=m, linestyle=s, label=rule) for rule, (_, c, m, s) in LADDERS.items()]
        explain(figure, [*handles, AT_CHANCE], "upper")
    return figure


def table_ncg(document: Document) -> pd.DataFrame:
    """Macro-F1 of every method on every data set: mean ± standard deviation over seeds."""
    scores = score_table(document)
    cases = cases_of(document)
    rows = []
    for name in filter(scores.__contains__, METHODS):
        found = {case: plain(scores[name].get(case, {}).values()) + remark(document, name, case) for case in cases}
        by_case = {DATA.get(case, case): text for case, text in found.items()}
        rows.append({"readout": label(name)} | by_case)
    return pd.DataFrame(rows)


def data_ncg(document: Document) -> pd.DataFrame:
    """Every score: one row for each method, data set and seed."""
    return cell_table(document, "method", "case", "seed", "macro_f1", "accuracy", "epochs", "n_parameters")


def figure_ncg_ablation(document: Document) -> Figure:
    """Macro-F1 with S2-STDP from one neuron per class to the paper's groups: seeds as ticks, means, 95 % intervals."""
    return _rows(document, ABLATION, lambda cell: cell.result.macro_f1, "macro-F1 on the test set")


def data_ncg_ablation(document: Document) -> pd.DataFrame:
    """The scores of the ablation."""
    scores = data_ncg(document)
    return scores[scores["method"].isin(ABLATION)].reset_index(drop=True)


def figure_ncg_balance(document: Document) -> Figure:
    """The share of a class's samples that its most frequent winner takes, in groups of five; dotted: even use."""
    return _rows(document, FIVES, winner_share, "share of the most frequent winner", EVEN_USE, (0, 1))


def data_ncg_balance(document: Document) -> pd.DataFrame:
    """The most frequent winner's share: one row for each method, data set, seed and class."""
    rows = [
        (cell.method, cell.case, cell.seed, number, share)
        for cell in document.cells
        for number, share in enumerate((cell.result.details or {}).get("most_frequent_winner", []))
    ]
    return pd.DataFrame(rows, columns=["method", "case", "seed", "class", "share"])


def figure_ncg_code(document: Document) -> Figure:
    """Each readout on the same digits in two input codes; a point off the diagonal is due to the code.

    Hollow points have one neuron per class, filled ones a group.
    """
    first, second = CODES[0]
    scores = score_table(document)
    both = {n: s for n, s in scores.items() if n in METHODS and s.get(first) and s.get(second)}
    with drawing(3.9) as figure:
        axes = figure.add_subplot()
        points = {name: tuple(fmean(found[case].values()) for case in (first, second)) for name, found in both.items()}
        for name, (x, y) in points.items():
            _, colour, marker, _ = OF_FAMILY[METHODS[name].family]
            filled = colour if METHODS[name].group > 1 else "white"
            axes.plot(x, y, marker, color=colour, markerfacecolor=filled, markersize=6)
        if points:
            values = [value for point in points.values() for value in point]
            low, high = min(values) - 0.01, max(values) + 0.01
            axes.plot([low, high], [low, high], color=GREY, linestyle=":", linewidth=1)
            axes.set(xlim=(low, high), ylim=(low, high))
        else:
            say_nothing(axes, "no results")
        axes.set(xlabel=f"macro-F1, {DATA[first]}: contrast code", ylabel=f"macro-F1, {DATA[second]}")
        handles = [Line2D([], [], color=c, marker=m, linestyle="", label=rule) for rule, (_, c, m, _) in LADDERS.items()]
        explain(figure, handles, "upper")
    return figure


def data_ncg_code(document: Document) -> pd.DataFrame:
    """Every score on data that stands in two codes: one row for each method, seed and pair of codes."""
    scores, rows = score_table(document), []
    for first, second in CODES:
        for name, by_case in scores.items():
            common = sorted(by_case.get(first, {}).keys() & by_case.get(second, {}).keys())
            rows += [(name, seed, first, by_case[first][seed], second, by_case[second][seed]) for seed in common]
    return pd.DataFrame(rows, columns=["method", "seed", "code", "macro_f1", "other_code", "other_macro_f1"])


def table_ncg_inputs(document: Document) -> pd.DataFrame:
    """The data sets of a document: how they are coded, and how many samples, inputs and spikes there are."""
    rows = []
    for case in cases_of(document):
        cells = [cell for cell in document.cells if cell.case == case]
        details = next((cell.result.details for cell in cells if cell.result.details), {})
        counts = (cells[0].data.counts if cells[0].data else {}) if cells else {}
        weights = next((c for c in cells if c.result.n_parameters and c.result.width), None)
        rows.append(
            {
                "data set": DATA.get(case, case),
                "code": details.get("coding", NOTHING),
                "training samples": f"{counts['train']:,}" if "train" in counts else NOTHING,
                "inputs": f"{weights.result.n_parameters // weights.result.width:,}" if weights else NOTHING,
                "spikes per sample": told(details.get("spikes_per_sample"), ".0f"),
            }
        )
    return pd.DataFrame(rows)


def table_ncg_settings(document: Document) -> pd.DataFrame:
    """The chosen settings that a document's readouts were trained with, one row for each data set and search."""
    rows = {}
    for cell in document.cells:
        if cell.method not in SEARCHED or not (made := (cell.result.details or {}).get("configuration")):
            continue
        rule, regulation = made["optimizer"], made.get("regularizer", {})
        rows[cases_of(document).index(cell.case), SEARCHED.index(cell.method)] = {
            "data set": DATA.get(cell.case, cell.case),
            "readout": label(cell.method),
            "threshold": f"{made['network'][0]['firing_threshold']:.3g}",
            "gap": f"{rule['t_gap']:g}" if "t_gap" in rule else NOTHING,
            "A₊": f"{rule['ap']:g}",
            "A₋": f"{rule['am']:.3g}",
            "η": f"{regulation['thr_lr']:.2g} × {regulation['thr_anneal']:g}" if regulation else NOTHING,
            "dropout": f"{made['trainer']['dropout_out']:g}",
        }
    return pd.DataFrame([rows[key] for key in sorted(rows)])


@takes_voices
def table_ncg_published(documents: ByVoice) -> pd.DataFrame:
    """Test accuracy with one neuron per class and with the paper's groups, voice by voice, on every data set known."""
    rows = []
    for voice, document in by_voice(documents).items():
        rows += [{"voice": heading(voice, document)} | row for row in _accuracies(document)]
    for voice, document in documents.items():
        if document is None:
            rows.append({"voice": VOICES[voice].label, "data set": VOICES[voice].absent})
    columns = ["voice", "data set", "input", "one neuron", "group (NCG)", "difference"]
    return pd.DataFrame([dict.fromkeys(columns, NOTHING) | row for row in rows], columns=columns)


def table_ncg_speed(document: Document) -> pd.DataFrame:
    """Readouts on the digits beside the published implementation, on the same folds with the same settings."""
    known, rows = document.values.get("yardstick", {}), []
    for name, yardstick in known.items():
        same, ours = (document.values.get(timing, {}).get(name) for timing in ("reference", "intended"))
        rows.append(
            {
                "readout": label(name),
                "accuracy, published code": _percent(yardstick),
                "this project, same event order": _percent(same),
                "this project, as described": _percent(ours),
                "samples/s, published code": f"{yardstick['samples_per_second']:,.0f}",
                "samples/s, this project": f"{ours['samples_per_second']:,.0f}" if ours else NOTHING,
                "times": f"{ours['speed_ratio']:.1f}" if ours else NOTHING,
            }
        )
    return pd.DataFrame(rows)


def cases_of(document: Document) -> list[str]:
    """Return the data sets of a document in the order of `DATA`, others after them."""
    return case_order([document], DATA)


def table_ncg_collapsed(document: Document) -> pd.DataFrame:
    """Runs that fell apart: accuracy on validation at the best epoch and the last, and on the test set where recorded."""
    cells = {(cell.method, cell.case, cell.seed): cell for cell in document.cells}
    rows = []
    for name in dict.fromkeys(cell.method for cell in document.cells):
        for run in collapsed(document, name):
            own = cells[name, run.case, run.seed]
            shown = (run.best, run.last, detail(own, "best_epoch_accuracy"), own.result.accuracy)
            scores = (f"{value:.3f}" if value is not None else NOTHING for value in shown)
            epoch = f"{run.best_epoch} of {own.result.epochs}"
            rows.append((label(name), DATA.get(run.case, run.case), str(run.seed), epoch, *scores))
    columns = ["readout", "data", "seed", "best epoch", "validation, best", "validation, last", "test, best", "test, last"]
    return pd.DataFrame(rows, columns=columns)


def table_ncg_leads(document: Document) -> pd.DataFrame:
    """What each ingredient adds to accuracy, over data sets and seeds: after the last epoch, and after the best one."""
    columns = {
        "validation, last": lambda cell: cell.result.history["validation_accuracy"][-1],
        "validation, best": lambda cell: max(cell.result.history["validation_accuracy"]),
        "test, last": lambda cell: cell.result.accuracy,
        "test, best": lambda cell: detail(cell, "best_epoch_accuracy"),
    }
    known = [cell for cell in document.of_cases(ONE_CODE).cells if cell.result.history]
    rows = []
    for a, b in PAIRS.values():
        row = {"lead": f"{label(a)} − {label(b)}"}
        for column, value in columns.items():
            own = [{(c.case, c.seed): v for c in known if c.method == m and (v := value(c)) is not None} for m in (a, b)]
            gaps = [own[0][place] - own[1][place] for place in own[0].keys() & own[1].keys()]
            row[column] = signed(fmean(gaps)) if gaps else NOTHING
        rows.append(row)
    return pd.DataFrame(rows)


@contextmanager
def _panels(document: Document, height: float, **shared: bool) -> Iterator[tuple[Figure, dict[str, Axes]]]:
    """A figure with a panel for each data set, two beside each other."""
    cases = cases_of(document)
    with drawing(0.9 + height * pair_rows(len(cases))) as figure:
        grid = in_pairs(figure, len(cases), **shared)
        if not cases:
            say_nothing(grid[0], "no results")
        panels = dict(zip(cases, grid, strict=False))
        for case, axes in panels.items():
            axes.set_title(DATA.get(case, case))
        yield figure, panels


def _rows(
    document: Document,
    methods: Mapping[str, str],
    value: Callable[[Cell], float | None],
    what: str,
    guide: float | None = None,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """A number of each cell, one row for each method and one panel for each data set; methods that weren't run are left out."""
    run = {cell.method for cell in document.cells}
    methods = {name: text for name, text in methods.items() if name in run or not run}
    with _panels(document, 0.45 + 0.24 * len(methods), sharex=limits is not None, sharey=True) as (figure, panels):
        for case, axes in panels.items():
            draw_bands(axes, list(methods.values()))
            for row, name in enumerate(methods):
                chosen = (cell for cell in document.cells if (cell.case, cell.method) == (case, name))
                hollow = HOLLOW if guide is None and at_chance(document, name, case) else {}
                point = {"color": UNLABELLED, "marker": "o", "markersize": 5} | hollow
                about = About(methods[name], document, "" if guide else f"methods.{name}.cases.{case}.macro_f1")
                values = [found for cell in chosen if (found := value(cell)) is not None]
                if not values:
                    where = axes.get_yaxis_transform()
                    axes.text(0.5, row, "not run", transform=where, va="center", ha="center", fontsize=SMALL)
                draw_spread(axes, row, spread(values), point, (0, 1), about)
            if guide is not None:
                axes.axvline(guide, color=GREY, linestyle=":", linewidth=1)
            else:
                _chance(axes.axvline, document, case, axes.get_xlim())
            if limits is not None:
                axes.set_xlim(*limits)
            axes.xaxis.set_major_locator(MaxNLocator(3))
        figure.supxlabel(what)
    return figure


def _chance(draw: Callable[..., Any], document: Document, case: str, view: tuple[float, float]) -> None:
    """Draw what guessing scores, if it lies in view."""
    record = (document.cases or {}).get(case)
    if record and view[0] <= record.chance <= view[1]:
        draw(record.chance, **CHANCE)


def _accuracies(document: Document) -> Iterable[dict[str, Any]]:
    """A row for each data set and input on which a document knows the accuracy of a single neuron or of a group."""
    for features, sets in document.values.get("accuracy", {}).items():
        for name, found in sets.items():
            yield _accuracy_row(name, EXTRACTORS.get(features, features), found.get(SINGLE), found.get(GROUPS))
    for case in cases_of(document):
        means = [spread(measured(document, case, method).values())["mean"] for method in (SINGLE, GROUPS)]
        details = next((c.result.details for c in document.cells if c.case == case and c.result.details), {})
        if any(mean is not None for mean in means):
            yield _accuracy_row(case, details.get("coding", NOTHING), *means)


def _accuracy_row(case: str, code: str, single: float | None, group: float | None) -> dict[str, Any]:
    known = single is not None and group is not None
    return {
        "data set": DATA.get(case, case.upper()),
        "input": code,
        "one neuron": NOTHING if single is None else f"{100 * single:.1f}{NBSP}%",
        "group (NCG)": NOTHING if group is None else f"{100 * group:.1f}{NBSP}%",
        "difference": f"{100 * (group - single):+.1f}".replace("-", "−") if known else NOTHING,
    }


def _percent(found: Mapping[str, float] | None) -> str:
    return f"{100 * found['accuracy']:.1f}{NBSP}±{NBSP}{100 * found['sd']:.1f}" if found else NOTHING
