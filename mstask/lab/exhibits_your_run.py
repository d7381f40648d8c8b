"""The reader's run beside the locked one, method by method: pure functions of documents.

`studies` is a dictionary from section to a dictionary from voice to document, a missing one `None`. A run is compared with
the locked run on data of the same source, over the cases that both have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from textwrap import fill

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mstask.parameters import profile_of
from mstask.results.documents import Document
from mstask.results.voices import DATA_NAMES, NOTHING, VOICES, label
from mstask.section import differing, sections
from mstask.show import takes_sections
from mstask.show.canvas import SMALL, answer, draw_bands, drawing, explain, mark
from mstask.show.marks import About
from mstask.show.scores import BySection, ByVoice, method_order, score_table, signed, told
from mstask.show.sheet import say_nothing
from mstask.summary.comparisons import spread

LINE = 26
"""Characters of a line that names a section beside a figure."""

MEASURES = {"macro_f1": "macro-F1", "accuracy": "accuracy"}
"""Scores and their names; of a method the first is told that any of its cells has."""


@dataclass(frozen=True)
class Compared:
    """One method of one section: the two means over the cases that both runs have, and how much of the locked run that is."""

    section: str
    method: str
    measure: str
    locked: float | None
    yours: float | None
    run: str

    @property
    def difference(self) -> float | None:
        return None if self.locked is None or self.yours is None else self.yours - self.locked


@takes_sections
def table_your_run(studies: BySection) -> pd.DataFrame:
    """Each method of your runs: the locked mean, yours, the difference, and how large your run was."""
    table = data_your_run(studies).astype(object)
    table["section"] = table["section"].map(_named)
    table["method"] = table["method"].map(label)
    table["locked"] = table["locked"].map(lambda value: told(value, absent=VOICES["embedded"].absent))
    table["yours"] = table["yours"].map(told)
    table["difference"] = table["difference"].map(lambda value: NOTHING if pd.isna(value) else signed(value))
    return table.rename(columns={"yours": VOICES["run"].label, "run": "size of your run"})


@takes_sections
def figure_your_run(studies: BySection) -> Figure:
    """Your mean minus the locked one: a row per section, a mark per method."""
    found = [(one, gap) for one in compared(studies) if (gap := one.difference) is not None]
    runs = {name: run for name in dict.fromkeys(one.section for one, _ in found) if (run := studies[name]["run"])}
    names = [fill(f"{_named(name)} ({_profile(run)})", LINE) for name, run in runs.items()]
    lines = 1 + max((name.count("\n") for name in names), default=0)
    with drawing(1.5 + (0.06 + 0.13 * lines) * max(1, len(runs))) as figure:
        axes = figure.subplots()
        draw_bands(axes, names, SMALL)
        for row, (name, run) in enumerate(runs.items()):
            for one, gap in found:
                if one.section == name:
                    about = About(label(one.method), run, what=f"{one.measure}, yours − locked", unit="")
                    (point,) = axes.plot(gap, row, markersize=5, alpha=0.8, **mark("run"))
                    answer(point, about, spread([gap]), in_row=True)
        if runs:
            axes.axvline(0, color=VOICES["embedded"].colour, linewidth=1.5)
        else:
            say_nothing(axes, "nothing to compare")
        reach = max((abs(gap) for _, gap in found), default=0.1) * 1.1 or 0.1
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set(xlim=(-reach, reach))
        figure.supxlabel("your score − locked score")
        locked = Line2D([], [], color=VOICES["embedded"].colour, linewidth=1.5, label="the locked run")
        yours = Line2D([], [], label="your run, a mark per method", **mark("run"))
        explain(figure, [locked, yours], "upper")
    return figure


@takes_sections
def data_your_run(studies: BySection) -> pd.DataFrame:
    """The same as plain values."""
    rows = [(one.section, one.method, one.measure, one.locked, one.yours, one.difference, one.run) for one in compared(studies)]
    return pd.DataFrame(rows, columns=["section", "method", "score", "locked", "yours", "difference", "run"])


data_your_run_sections = data_your_run


@takes_sections
def table_your_run_sections(studies: BySection) -> pd.DataFrame:
    """Your runs in a row each: how many methods could be compared, their mean difference, and the largest one."""
    rows = []
    for section, documents in studies.items():
        own = list(_compared(documents))
        gaps = {label(one.method): one.difference for one in own if one.difference is not None}
        largest = max(gaps.items(), key=lambda item: abs(item[1]), default=None)
        if own and (run := documents["run"]):
            mean = signed(fmean(gaps.values())) if gaps else NOTHING
            most = f"{signed(largest[1])}, {largest[0]}" if largest else NOTHING
            rows.append((_named(section), _profile(run), f"{len(gaps)} of {len(own)}", mean, most))
    return pd.DataFrame(rows, columns=["section", "run", "methods compared", "mean difference", "largest"])


def compared(studies: BySection) -> list[Compared]:
    """Return every method of the reader's runs beside the locked run of the same section."""
    return [one for documents in studies.values() for one in _compared(documents)]


def table_changed_runs(changed: Sequence[Document]) -> pd.DataFrame:
    """Your runs with changed parameters: the label, what differs from the profile, and each method's mean over its cells."""
    rows = []
    for run in changed:
        profile = {"profile": profile_of(run.profile), "data_source": run.data_source}
        differs = differing(run.section, run.cells[0].parameters | profile) if run.section in sections() else {}
        changes = "; ".join(f"{name} {new} instead of {old}" for name, (new, old) in differs.items()) or NOTHING
        for method in method_order([run]):
            cells = [cell for cell in run.cells if cell.method == method]
            measure = next((m for m in MEASURES if any(getattr(cell.result, m) is not None for cell in cells)), "macro_f1")
            scores = [score for cell in cells if (score := getattr(cell.result, measure)) is not None]
            seeds = ", ".join(map(str, sorted({cell.seed for cell in cells})))
            mean = told(fmean(scores) if scores else None)
            rows.append((_named(run.section), _profile(run), changes, label(method), MEASURES[measure], seeds, mean))
    return pd.DataFrame(rows, columns=["section", "run", "changed", "method", "score", "seeds", VOICES["run"].label])


def _compared(documents: ByVoice) -> Iterator[Compared]:
    run = documents.get("run")
    if run is None:
        return
    locked = documents.get(run.data_source or "embedded")
    compared_already: set[str] = set()
    for measure, named in MEASURES.items():
        yours, others = score_table(run, measure), score_table(locked, measure)
        for method in method_order([run]):
            if method not in yours or method in compared_already:
                continue
            compared_already.add(method)
            cases = yours[method].keys() & others[method].keys() if method in others else set()
            mine = fmean(fmean(yours[method][case].values()) for case in cases or yours[method])
            theirs = fmean(fmean(others[method][case].values()) for case in cases) if cases else None
            size = _size(run, locked, method)
            yield Compared(run.section, method, named, theirs, mine, size)


def _size(run: Document, locked: Document | None, method: str) -> str:
    """Say which profile and data a run has, and how many cells of the method beside the locked run."""
    counts = [sum(cell.method == method for cell in d.cells) for d in (run, locked) if d is not None]
    cells = " of ".join(map(str, counts)) if len(set(counts)) > 1 else str(counts[0])
    return f"{_profile(run)}, {cells} {'cell' if counts[-1] == 1 else 'cells'}"


def _profile(run: Document) -> str:
    return run.profile + (f", {DATA_NAMES[run.data_source]}" if run.data_source in ("real", "recorded") else "")


def _named(section_id: str) -> str:
    """Return the first part of a section's title, or, of one that nobody declares any more, its name."""
    return sections()[section_id].title.partition(":")[0] if section_id in sections() else section_id
