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
# # Run: readouts of equal size, tuned at the length that they train
#
# A group of five competing neurons has five times the weights of a single neuron. Is it the competition that helps, or the number of
# neurons? Here five neurons for each class meet five that compete without regulation, five that don't compete at all, and a single
# one. Each has settings of its own, chosen on validation data by trainings of 100 epochs, as long as those of `afternoon`.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/equal-readout.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes seconds, `afternoon` minutes on one processor core.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick, afternoon or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: the profile's
cases: list = None  # which data or splits; None: the profile's
seeds: list = None  # for example [42, 123, 999]
max_epochs: int = None  # upper limit
patience: int = None  # epochs without a better validation score; 0: never stop
annealing: float = None  # factor on the learning rates per epoch
threshold_scale: float = None  # factor on the chosen firing threshold
rate_scale: float = None  # factor on the chosen learning rates
regulation_scale: float = None  # factor on the competition regulation; 0: none
reference_timing: bool = None  # event order of the published code

# %% tags=["setup", "hide-input"]
import os
import sys

if "google.colab" in sys.modules and not os.path.exists("mstask-v0.2.0"):
    os.system("git clone -q https://github.com/mstask/mstask mstask-v0.2.0")
    os.system("git -C mstask-v0.2.0 checkout -q v0.2.0")
sys.path[:0] = [os.environ.get("MSTASK_ROOT", "."), "..", "mstask-v0.2.0"]
from mstask.lab import session  # not found? Name the checkout in MSTASK_ROOT

print(session.begin("v0.2.0"))

# %%
# %matplotlib inline
import inspect
from dataclasses import asdict

import pandas as pd
from IPython.display import Code

from mstask import results, show
from mstask.cell import load, run_cell
from mstask.section import given, grid, resolve
from mstask.show import lesson
from mstask.studies.ncg import rules
from mstask.studies.ncg.methods import tuned_at_length
from mstask.studies.ncg.names import AT_LENGTH

settings = resolve("equal-readout", **given("equal-readout", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## With competition, and without
#
# A neuron learns from an example by an error: how far its firing time is from the desired one. Where neurons compete (`inhibit`), only
# the first of each group has one; where they don't, every neuron does, and all members of a group learn much the same.

# %%
Code(inspect.getsource(rules.timing_errors.py_func), language="python")

# %% [markdown]
# ## The settings
#
# Of the same random draws, each readout has the one with the best validation accuracy after its last epoch. `threshold` is a share of
# what an example gives a new neuron.

# %%
chosen = tuned_at_length()
rows = [
    {"data": case, "readout": name} | asdict(chosen[case][name])
    for case in settings.cases
    for name in settings.methods
]
table = pd.DataFrame(rows)
table["neurons per class"] = [AT_LENGTH[name].group for name in table["readout"]]
table.set_index(["data", "readout"])

# %% [markdown]
# ## The grid

# %%
splits = {case: load("equal-readout", settings, case) for case in settings.cases}
cells = []
for place in grid(settings):
    cell = run_cell("equal-readout", place, settings, splits[place.case])
    cells.append(cell)
    print(f"{place}: macro-F1 {cell.result.macro_f1:.3f}")

# %% [markdown]
# ## Results
#
# The last column is how much higher the paper's groups score than the readout of the row.

# %%
document = results.merge(cells)
show.table_equal_size(document)

# %% mystnb={"image": {"alt": "Macro-F1 of this run's readouts, a mark per seed, a panel per task"}}
lesson.draw_scores(cells)

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. How much of the score hangs on the length? Set `max_epochs = 8`, and then `patience = 0`.
# 2. Multiply the learning rates by ten (`rate_scale = 10`): which of the readouts falls apart first?
