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
# # Run 4.2: tuned networks on radar
#
# The configurations that the studies selected, trained anew with fresh seeds and tested, beside a small convolutional network.
# Run the study first, with the same profile; without one, the configurations of this project's locked study are used.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.1.0/notebooks/search.ipynb)

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
max_epochs: int = None  # upper limit, spiking networks
patience: int = None  # epochs without a better validation score
calibration_examples: int = None  # examples for the thresholds
cnn_epochs: int = None  # upper limit, CNNs; their cosine ends here
cnn_learning_rate: float = None  # of Adam, CNNs
cnn_weight_decay: float = None  # of Adam, CNNs

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

settings = resolve("search", **given("search", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Data

# %%
splits = load("search", settings)
pd.Series(splits.meta["counts"], name="examples").to_frame()

# %% [markdown]
# ## Train
#
# One cell of the grid is one network with one seed. A name with `.efficient` stands for the point that fires least near the best one.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("search", place, settings, splits)
    cells.append(cell)
    done = cell.result
    print(f"{place}: macro-F1 {done.macro_f1:.3f}, {done.energy_uJ:.1f} µJ")

# %% [markdown]
# ## Results
#
# The proxy counts multiplications and additions in picojoule of a 45 nm process. It ignores memory traffic and the encoding of the input,
# so it compares networks and claims no energy.

# %%
document = results.merge(cells)
show.table_search({"run": document})

# %%
show.data_search({"run": document})
