"""The benchmark of intervals writes a document that can be shown, and its shortcuts are what the package computes."""

import numpy as np
import pytest

from benchmarks import coverage
from mstask import results, show, stats
from mstask.stats.intervals import Estimate


def experiments(n, count=40):
    rng = np.random.default_rng(n)
    values = 3 * rng.standard_normal((count, n)) + rng.standard_normal((count, 1))
    return values, values.mean(axis=1), values - values.mean(axis=1)[:, None]


@pytest.mark.parametrize("n", [2, 5])
def test_what_it_calls_this_projects_interval_is(n):
    values, mean, centred = experiments(n)
    intervals = [Estimate(row.mean(), row.var(ddof=1) / n, n - 1, 1.0, n).interval() for row in values]
    assert coverage.project(mean, centred).tolist() == [low <= 0 <= high for low, high in intervals]


@pytest.mark.parametrize("n", [2, 5])
def test_what_it_calls_students_is(n):
    values, mean, centred = experiments(n)
    intervals = [stats.estimate(row).interval() for row in values]
    assert coverage.student(mean, centred).tolist() == [low <= 0 <= high for low, high in intervals]


def test_the_bootstrap_has_the_variance_of_both_errors():
    draws = np.array([[-1.0, 0.0, 1.0]])
    edge = [coverage.bootstrap(np.array([at]), draws)[0] for at in (0.0, 1.0, 4.0)]
    assert edge == [True, True, False]


def test_it_writes_a_document_that_is_shown(tmp_path, capsys):
    path = tmp_path / "benchmark-coverage.json"
    coverage.main(["--tiny", "--repeats", "3", "--out", str(path)])
    document = results.read_document(path)
    assert (document.section, document.profile, document.values["experiments"]) == ("benchmark-coverage", "smoke", 150)
    rows = document.values["coverage"]
    assert [(row["seeds"], row["ratio"]) for row in rows] == [(n, r) for n in coverage.SEEDS for r in coverage.RATIOS]
    assert all(0 <= row[name] <= 1 for row in rows for name in coverage.METHODS)
    table = show.table_coverage(document)
    assert len(table) == len(show.data_coverage(document)) == len(rows)
    assert table["this book's"].iloc[0] == f"{rows[0]['project']:.1%}" and "Satterthwaite" in capsys.readouterr().out
    panels = show.figure_coverage(document).axes
    assert [axes.get_title() for axes in panels] == [f"{n} seeds" for n in coverage.SEEDS]
    assert list(panels[1].lines[1].get_ydata()) == [row["project"] for row in rows if row["seeds"] == 3]


def test_the_locked_one_holds_what_the_book_promises():
    for row in results.load("benchmark-coverage", "embedded").values["coverage"]:
        if row["seeds"] >= 3 and row["ratio"] >= 2.5:
            assert 0.93 <= row["project"] <= 0.97
