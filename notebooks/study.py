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
# # Run 4.2: tuning for radar
#
# How good can a neuron type get on radar, and how little need it fire for that? For each architecture a study tries configurations
# of width, depth, decay, learning rate, schedule, surrogate slope, calibrated rate and input, and looks for two things at once: high
# macro-F1 and little firing.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.1.0/notebooks/study.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes minutes on a laptop, `paper` is the full protocol.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: all
seeds: list = None  # for example [42, 123, 999]
batch_size: int = None  # training examples per step
max_epochs: int = None  # upper limit of a trial
patience: int = None  # epochs without a better validation score
calibration_examples: int = None  # examples for the thresholds
n_trials: int = None  # trials of each architecture
startup_trials: int = None  # of these, drawn at random first
prune_epoch: int = None  # epochs after which a hopeless trial ends
prune_below: float = None  # smoothed validation macro-F1 then
select_on: str = None  # validation, or test as in the paper

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

settings = resolve("study", **given("study", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Data
#
# Pictures of time against Doppler frequency. Each trial decides for itself whether to take the logarithm first.

# %%
splits = load("study", settings)
pd.Series(splits.meta["counts"], name="examples").to_frame()

# %% [markdown]
# ## Search
#
# One cell of the grid is the whole study of one architecture. After some random trials, a multivariate TPE sampler proposes each next
# one; a trial whose smoothed validation macro-F1 is below `prune_below` after `prune_epoch` epochs is ended. A study that was stopped
# goes on where it was, in the middle of a trial if need be.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("study", place, settings, splits)
    cells.append(cell)
    trials = cell.result.details["trials"]
    ended = sum(trial["state"] == "complete" for trial in trials)
    print(f"{place}: {ended} of {len(trials)} trials trained to their end")

# %% [markdown]
# ## What the trials found
#
# The front joins the trials that no other beats in one aim without losing in the other. Two points are taken from it: the best
# macro-F1, and the one that fires least among those within a hundredth of it.

# %% mystnb={"image": {"alt": "Macro-F1 against mean firing of every trial, one panel for each architecture, with the Pareto front"}}
document = results.merge(cells)
show.figure_pareto(document)

# %%
show.table_configurations(document)

# %% [markdown]
# ## What looking at the test set is worth
#
# The paper's search maximised macro-F1 on the test set, and then reported macro-F1 on the test set. Here selection looks at validation.
# The test score of each trial is known once it has ended, so the difference can be shown: the table chooses among the same trials twice.
# `select_on = "test"` goes further and lets the sampler see the test scores as well.

# %%
show.table_selection(document)
