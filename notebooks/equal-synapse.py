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
# # Run: time constants in the synapse, at equal size
#
# A time constant for each connection doubles what a network learns. Would as many more values have helped without it? HetSynLIF as
# published meets HomNeuLIF with so many neurons that it learns as much, on spoken digits and on radar. This comparison is not in
# the paper.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/equal-synapse.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes less than a minute, `afternoon` an hour on one processor core; `paper` trains as
# long as the paper does on speech.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick, afternoon or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: the profile's
cases: list = None  # which data or splits; None: the profile's
seeds: list = None  # for example [42, 123, 999]
learning_rate: float = None  # of AdamW, highest
batch_size: int = None  # training examples per step
max_epochs: int = None  # upper limit
patience: int = None  # epochs without a better validation score
weight_decay: float = None  # of AdamW, on weights and decays
decay_rate: float = None  # times faster than weights decays learn
warm_up: float = None  # share of the cosine in which the rate rises
cosine_epochs: int = None  # length of rise and cosine; 0: constant rate
plateau: float = None  # share of the cosine, its end, in which the rate stays
clip_gradient: float = None  # largest norm of the gradient; 0: any
dropout: float = None  # share of spikes lost between layers, in training
threshold: float = None  # of every neuron

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
import pandas as pd

from mstask import results, show
from mstask.cell import load, run_cell
from mstask.cost import count_parameters
from mstask.section import given, grid, resolve
from mstask.show import lesson
from mstask.studies.hetsyn.equal import sized
from mstask.studies.hetsyn.settings import SETTINGS

settings = resolve("equal-synapse", **given("equal-synapse", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Two networks of one size
#
# HetSynLIF has a weight and a decay for each connection, HomNeuLIF a weight only. The wide network's layers keep the proportion of the
# published ones, and their width is the one whose number of learnt values comes nearest.

# %%
splits = {case: load("equal-synapse", settings, case) for case in settings.cases}
rows = []
for case, data in splits.items():
    inputs, outputs = data.train.x.shape[-1], data.n_classes
    for name in settings.methods:
        method, setting = sized(name, SETTINGS[case], inputs, outputs)
        network = setting.network(method, inputs, outputs)
        rows.append((case, name, setting.hidden, count_parameters(network)))
pd.DataFrame(rows, columns=["task", "network", "hidden neurons", "learnt values"])

# %% [markdown]
# What to notice: connections within and between hidden layers grow with the square of the width, so to learn twice as much a network
# needs less than twice the neurons.
#
# ## The grid
#
# Both networks train by the same recipe, that of the section on HetSyn, for as many epochs; the epoch is chosen on validation data.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("equal-synapse", place, settings, splits[place.case])
    cells.append(cell)
    print(
        f"{place}: macro-F1 {cell.result.macro_f1:.3f}, epoch {cell.result.best_epoch}"
    )

# %% [markdown]
# ## Results
#
# Behind a score *at chance* says that it can't be told from guessing, *collapsed* that the last epoch scored far below the best one
# on validation, *cut* that the budget ended a training before patience did; where it ended all of them, as often in `quick`, that
# isn't said.

# %%
document = results.merge(cells)
show.table_equal_size(document)

# %% mystnb={"image": {"alt": "Macro-F1 of this run's networks, a mark per seed, a panel per task"}}
lesson.draw_scores(cells)

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. Train longer (`max_epochs = 60`): does the order of the two networks stay?
# 2. Which of the two is hurt by less data? Compare `data_size = "small"` with `"medium"`.
