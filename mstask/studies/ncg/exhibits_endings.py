"""Readouts after their last epoch and after their best one: which runs fell apart, and what leads are left."""

from __future__ import annotations

from statistics import fmean

import pandas as pd

from mstask.results.documents import Document
from mstask.results.voices import NOTHING, label
from mstask.show.scores import signed
from mstask.studies.ncg.facts import DATA, PAIRS
from mstask.summary import collapsed
from mstask.summary.details import detail


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
    known = [cell for cell in document.cells if cell.result.history]
    rows = []
    for a, b in PAIRS.values():
        row = {"lead": f"{label(a)} − {label(b)}"}
        for column, value in columns.items():
            own = [{(c.case, c.seed): v for c in known if c.method == m and (v := value(c)) is not None} for m in (a, b)]
            gaps = [own[0][place] - own[1][place] for place in own[0].keys() & own[1].keys()]
            row[column] = signed(fmean(gaps)) if gaps else NOTHING
        rows.append(row)
    return pd.DataFrame(rows)
