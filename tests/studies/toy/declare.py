"""A section that trains a tiny network in a second, and methods that go wrong on purpose."""

import os
from pathlib import Path

from mstask.parameters import TrainingParameters
from mstask.paths import ROOT
from mstask.section import Section

CELLS = ["plain", "other", "third", "fourth"]


def experiment():
    from mstask.studies.toy import measure

    return measure


class ToySection(Section):
    @property
    def notebook(self) -> str:
        return str(Path(os.environ.get("MSTASK_TOY_FOLDER", ROOT)) / "toy")


TOY = ToySection(
    id="toy",
    number="0",
    title="A toy",
    data="toy",
    methods=(*CELLS, "hangs", "dies", "raises"),
    parameters=TrainingParameters,
    protocol={"learning_rate": 5e-3, "batch_size": 8, "patience": 20, "max_epochs": 6},
    profiles={name: {"data_size": "small", "seeds": [1], "methods": CELLS} for name in ("smoke", "quick", "paper")},
    experiment=experiment,
)
SECTIONS = (TOY,)
