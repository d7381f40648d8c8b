# ---
# jupyter:
#   accelerator: GPU
#   colab:
#     gpuType: T4
#     provenance: []
#   jupytext:
#     cell_metadata_filter: tags,mystnb,-all
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext,accelerator,colab,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Run 3.3: which speakers are held out?
#
# The paper tests on one pair of unfamiliar speakers. How much of its ranking is due to that pair? Here every pair in turn is held
# out completely, and the networks are trained on the other ten speakers. This experiment is not in the paper.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.1.0/notebooks/rotation.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes minutes on a laptop, `paper` is the full protocol.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: all
cases: list = None  # which data or splits; None: all
seeds: list = None  # for example [42, 123, 999]
learning_rate: float = None  # of Adam
batch_size: int = None  # training examples per step
max_epochs: int = None  # upper limit
patience: int = None  # epochs without a better validation score
width: int = None  # neurons per layer
beta: float = None  # membrane decay per step
window_len: int = None  # STFT-IF window, steps; 0: the neuron's own
surrogate_slope: float = None  # k of the fast-sigmoid surrogate
target_rate: float = None  # firing rate after calibration, spikes per step
calibration_examples: int = None  # examples for the thresholds

# %% tags=["setup", "hide-input"]
import os
import sys

if "google.colab" in sys.modules and not os.path.exists("mstask-v0.1.0"):
    os.system("git clone -q https://github.com/mstask/mstask mstask-v0.1.0")
    os.system("git -C mstask-v0.1.0 checkout -q v0.1.0")
sys.path[:0] = [os.environ.get("MSTASK_ROOT", "."), "..", "mstask-v0.1.0"]
from mstask.lab import session  # not found? Name the checkout in MSTASK_ROOT

print(session.begin("v0.1.0"))

# %%
# %matplotlib inline
import pandas as pd

from mstask import results, show
from mstask.cell import load, run_cell
from mstask.section import given, grid, resolve

settings = resolve("rotation", **given("rotation", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Data
#
# One row for each pair: words to train on, to select on, and by the two speakers that are held out.

# %%
splits = {case: load("rotation", settings, case) for case in settings.cases}
counts = {case: split.meta["counts"] for case, split in splits.items()}
pd.DataFrame(counts).T.rename_axis("held out")

# %% [markdown]
# ## Train
#
# One cell of the grid is one neuron type with one seed: four layers of it, thresholds calibrated once, trained with Adam until
# the smoothed validation macro-F1 has not improved for `patience` epochs. The test figures are those of the best epoch. Each cell
# writes one result document; a cell that is already done is read back.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("rotation", place, settings, splits[place.case])
    cells.append(cell)
    done = cell.result
    print(f"{place}: macro-F1 {done.macro_f1:.3f}, epoch {done.best_epoch}")

# %% [markdown]
# ## Results
#
# The first figure shows the ranking for each pair. The second sets the spread over pairs beside the spread over seeds; the
# table below it splits the spread into its sources, for which at least two types, pairs and seeds are needed.

# %%
document = results.merge(cells)
show.table_rotation(document)

# %% mystnb={"image": {"alt": "Macro-F1 of each neuron type for each held-out pair of this run"}}
show.figure_rotation(document)

# %% mystnb={"image": {"alt": "Spread of the scores over held-out pairs and over seeds in this run"}}
show.figure_rotation_spread(document)

# %%
show.table_rotation_components(document)
