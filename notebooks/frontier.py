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
# # Run 4.2: the frontier of convolutional networks
#
# What does a convolutional network that matches the tuned spiking network cost? Networks of growing width are trained by one recipe,
# and their macro-F1 is set against their operation-count proxy.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.1.0/notebooks/frontier.ipynb)

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

settings = resolve("frontier", **given("frontier", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Data

# %%
splits = load("frontier", settings)
pd.Series(splits.meta["counts"], name="examples").to_frame()

# %% [markdown]
# ## Train
#
# Three blocks of convolution, batch normalisation, ReLU and pooling, trained with Adam and a learning rate that falls along a cosine to
# zero at `cnn_epochs`. The spiking references are the tuned networks of the section before; those that it trained with
# the same parameters are taken from there.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("frontier", place, settings, splits)
    cells.append(cell)
    done = cell.result
    print(f"{place}: macro-F1 {done.macro_f1:.3f}, {done.energy_uJ:.1f} µJ")

# %% [markdown]
# ## Results

# %%
document = results.merge(cells)
show.table_frontier({"run": document})

# %% mystnb={"image": {"alt": "Macro-F1 of each network against its operation-count proxy; spiking networks are stars"}}
show.figure_frontier({"run": document})

# %% [markdown]
# ### How much the answer depends on the word "matches"
#
# A network matches when its mean macro-F1 falls short of the spiking one's by no more than a tolerance. The curve shows, for each
# tolerance, how many times the spiking proxy the cheapest match costs.

# %% mystnb={"image": {"alt": "Proxy of the cheapest match as a multiple of the spiking network's, falling with the tolerance"}}
show.figure_factor_curve({"run": document})
