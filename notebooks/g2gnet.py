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
# # Run 5.4: which inputs may a neuron combine?
#
# G2GNet connects like-numbered groups of consecutive layers fully and different groups sparsely. Its networks have a quarter
# of the connections of a dense one. Is it the groups that matter, or would any quarter do? So each of them is trained beside a
# network with as many connections in no order at all.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.1.0/notebooks/g2gnet.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes a minute or so on a laptop, `paper` is the full set of networks and data.

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
hidden: int = None  # neurons per hidden layer, a multiple of 8
hidden_layers: int = None  # wired layers
p_inter: float = None  # probability of a connection between groups
labels: str = None  # groups of random: dealt per layer, or per neuron
encoding: str = None  # pixels as current, or as spike probability
steps: int = None  # time steps of a still input
scale: float = None  # factor of the input
bias: float = None  # added to the input
weight_decay: float = None  # Adam's L2 term
prune: str = None  # which connections go
grow: str = None  # which connections come
scope: str = None  # where connections may move
fraction: float = None  # share of the connections moved by an update
regrow: bool = None  # whether a just pruned connection may come back at once
updates: int = None  # rewirings in a run of full length
rate_penalty: str = None  # on hidden firing rates
warmup_epochs: int = None  # epochs free of the rate penalty
form: str = None  # how products are computed

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

from mstask import claims, results, show
from mstask.cell import load, run_cell
from mstask.section import given, grid, resolve
from mstask.studies.g2gnet.measure import design
from mstask.studies.g2gnet.methods import METHODS
from mstask.studies.g2gnet.networks import G2GNet

settings = resolve("g2gnet", **given("g2gnet", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Wirings
#
# Three ways to deal neurons to groups, and the control without groups. Each small picture is one layer: a black square in
# row o and column i means that neuron o listens to neuron i.

# %% mystnb={"image": {"alt": "Which connections exist in two layers of four wirings: blocks, stripes, and no visible order"}}
show.figure_g2gnet_wirings()

# %%
show.table_g2gnet_wirings()

# %% [markdown]
# ## Data
#
# Pictures are held still as a constant input current; radar and speech are read frame by frame.

# %%
splits = {case: load("g2gnet", settings, case) for case in settings.cases}
counts = {case: split.meta["counts"] for case, split in splits.items()}
pd.DataFrame(counts).T.rename_axis("data")

# %% [markdown]
# ## Capacity
#
# Connections that exist in the hidden layers, and all parameters. Grouped and unstructured networks have the same expected
# number; `dense-matched` is a dense network made as narrow as it takes.

# %%
first = settings.cases[0]
rows = []
for method in settings.methods:
    model = G2GNet(design(METHODS[method], settings, splits[first]), seed=1)
    n_connections = sum(int(layer.mask.sum()) for layer in model.hidden)
    rows.append([method, model.design.hidden, n_connections, model.n_parameters()])
columns = ["method", "width", "connections", "parameters"]
pd.DataFrame(rows, columns=columns).set_index("method")

# %% [markdown]
# ## Train
#
# One cell of the grid is one wiring with one seed on one data set. The seed draws the wiring too. The test figures are those of
# the epoch that validation selects. Each cell writes one result document; a cell that is already done is read back.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("g2gnet", place, settings, splits[place.case])
    cells.append(cell)
    done = cell.result
    print(f"{place}: macro-F1 {done.macro_f1:.3f}, epoch {done.best_epoch}")

# %%
document = results.merge(cells)
show.table_g2gnet(document)

# %% [markdown]
# ## Do groups beat no groups?
#
# Everything is compared with unstructured wiring, seed by seed. The table corrects its p-values for the number of comparisons
# that answer one question; "would be found" is the smallest difference that so few seeds could be expected to show.

# %% mystnb={"image": {"alt": "Lead of each wiring over unstructured wiring in this run, one tick per seed"}}
show.figure_g2gnet_grouping({"run": document})

# %%
show.table_g2gnet_contrasts(document)

# %% [markdown]
# ## What rewiring does to the groups
#
# Rewired networks drop a tenth of their connections now and then and grow as many elsewhere.

# %% mystnb={"image": {"alt": "Share of the connections inside groups after each rewiring of this run"}}
show.figure_g2gnet_erosion(document)

# %% [markdown]
# ## Cutting the connections between groups
#
# The trained network loses them all at once. Beside it: the same network after losing as many connections drawn at random, and,
# where they were run, networks trained without any connections between groups.

# %% mystnb={"image": {"alt": "Accuracy of grouped networks of this run, whole and after two kinds of cut"}}
show.figure_g2gnet_cut(document)

# %%
show.table_g2gnet_cut(document)

# %% [markdown]
# ## The claims, judged

# %%
judged = claims.judge({"g2gnet": document})
show.table_claims(
    {"run": [claim for claim in judged if claim.id.startswith("g2gnet")]}
)
