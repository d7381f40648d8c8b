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
# # Run 3: a probe of the harness
#
# Before the real experiments the paper probes its machinery on a few epochs of spoken digits. Thresholds are calibrated anew before
# every epoch, and a layer that nevertheless ends an epoch almost silent or almost always firing is flagged.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.1.0/notebooks/probe.ipynb)

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
rate_low: float = None  # a layer firing less is flagged
rate_high: float = None  # a layer firing more is flagged
select_on: str = None  # the best epoch by validation, or by test as in the paper

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

settings = resolve("probe", **given("probe", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Data
#
# The words of all speakers, shuffled and split, as raw counts. With `select_on = "test"` there is no validation part, as in the
# paper's script.

# %%
splits = load("probe", settings)
pd.Series(splits.meta["counts"], name="examples").to_frame()

# %% [markdown]
# ## Train
#
# One cell of the grid is one network with one seed. An interrupted cell continues from its last epoch.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("probe", place, settings, splits)
    cells.append(cell)
    done = cell.result
    print(f"{place}: macro-F1 {done.macro_f1:.3f}, epoch {done.best_epoch}")

# %% [markdown]
# ## Results
#
# First the scores and the speed in training, then the firing: which layers ended an epoch outside the allowed range, and how
# the rates of all layers went, on the examples that calibrate them. Each epoch starts at the calibrated rate, the thin line of
# the figure.

# %%
document = results.merge(cells)
show.table_probe(document)

# %% [markdown]
# The paper's probe reports accuracy, that of the best epoch on the test set. Here it stands beside the accuracy at the selected
# epoch. Differences have the bootstrap interval of 5,000 resamples.

# %%
show.table_probe_accuracy(document)

# %%
show.table_probe_differences(document)

# %% [markdown]
# ### Firing

# %%
show.table_drift(document)

# %% mystnb={"image": {"alt": "Firing rate of each layer after each epoch of this run, one panel per network"}}
show.figure_firing(document)
