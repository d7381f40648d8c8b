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
# # Run 3.3: spoken digits by unfamiliar speakers
#
# Which neuron type understands speakers that it never heard? Eight homogeneous networks, one for each type, learn spoken digits and
# are tested on a file that consists mostly of two unfamiliar speakers, as in the Spiking Heidelberg Digits.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.1.0/notebooks/disjoint.ipynb)

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

settings = resolve("disjoint", **given("disjoint", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Data
#
# Each example is a word: how often each of 700 nerve fibres fired in each of 12 frames of a twelfth of a second. The counts are
# not standardised, as in the paper's script for this section.

# %%
splits = load("disjoint", settings)
pd.Series(splits.meta["counts"], name="examples").to_frame()

# %% [markdown]
# ## Train
#
# One cell of the grid is one neuron type with one seed: four layers of it, thresholds calibrated once, trained with Adam until
# the smoothed validation macro-F1 has not improved for `patience` epochs. The test figures are those of the best epoch. Each cell
# writes one result document; a cell that is already done is read back.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("disjoint", place, settings, splits)
    cells.append(cell)
    done = cell.result
    print(f"{place}: macro-F1 {done.macro_f1:.3f}, epoch {done.best_epoch}")

# %% [markdown]
# ## Results
#
# The document below is the merge of the cells just run. Means, intervals and ranks are computed from it, never stored.

# %%
document = results.merge(cells)
show.table_disjoint({"run": document})

# %% mystnb={"image": {"alt": "Macro-F1 of each neuron type of this run, one point per seed"}}
show.figure_disjoint({"run": document})

# %% [markdown]
# ### CrossInhib-LIF against Doppler-LIF
#
# Both are compared on the same test words, resampled together; "consistent" means that the interval of every seed lies on the
# same side of zero.

# %%
show.table_comparisons(document)
