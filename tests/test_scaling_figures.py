"""The scaling benchmark's document as plot and tables."""

import pytest
from making import scored

from mstask import show


@pytest.fixture
def document():
    values = {
        "measured": [
            {"workers": 1, "seconds": 40.0},
            {"workers": 2, "seconds": 25.0},
            {"workers": 1, "seconds": 44.0},
            {"workers": 2, "seconds": 22.0},
        ],
        "overhead": 4.0,
        "simulated": [
            {"workers": 1, "seconds": 7200.0, "efficiency": 1.0, "longest_cell": 1800.0},
            {"workers": 2, "seconds": 4000.0, "efficiency": 0.9, "longest_cell": 1800.0},
        ],
    }
    return scored({"x": [0.5]}, "benchmark-scaling").model_copy(update={"values": values})


def test_repeats_are_compared_pair_by_pair(document):
    table = show.table_two_workers(document)
    assert table["speed-up"].tolist() == ["1.60", "2.00"]
    assert table["efficiency"].tolist() == ["80%", "100%"]
    assert len(show.data_two_workers(document)) == 4


def test_speed_up_and_efficiency_stand_by_the_number_of_workers(document):
    table = show.table_scaling(document)
    assert table.to_numpy().tolist() == [["1", "1.0", "100%"], ["2", "1.8", "90%"]]
    simulated, limit, perfect = (show.figure_scaling(document).axes[0].lines[i].get_ydata() for i in (2, 1, 0))
    assert list(simulated) == pytest.approx([1.0, 1.8])
    assert list(limit) == [4.0, 4.0]
    assert list(perfect) == [1, 2]
