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
# # Run: which inputs may a neuron combine?
#
# G2GNet connects like-numbered groups of consecutive layers fully and different groups sparsely. Its networks have a quarter
# of the connections of a dense one. Is it the groups that matter, or would any quarter do? So each of them is trained beside a
# network with as many connections in no order at all.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/g2gnet.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes less than a minute on a laptop, `afternoon` less than an hour on two cores,
# `paper` is the full set of networks and data.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick, afternoon or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: the profile's
cases: list = None  # which data or splits; None: the profile's
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

if "google.colab" in sys.modules and not os.path.exists("mstask-v0.2.0"):
    os.system("git clone -q https://github.com/mstask/mstask mstask-v0.2.0")
    os.system("git -C mstask-v0.2.0 checkout -q v0.2.0")
sys.path[:0] = [os.environ.get("MSTASK_ROOT", "."), "..", "mstask-v0.2.0"]
from mstask.lab import session  # not found? Name the checkout in MSTASK_ROOT

print(session.begin("v0.2.0"))

# %%
# %matplotlib inline
import inspect

import pandas as pd
import torch
from IPython.display import Code, Math

from mstask import results, show
from mstask.cell import load, run_cell
from mstask.section import given, grid, resolve
from mstask.show import lesson
from mstask.studies.g2gnet import neurons
from mstask.studies.g2gnet.exhibits_wiring import draw_change
from mstask.studies.g2gnet.measure import design, regime
from mstask.studies.g2gnet.methods import METHODS, STILL
from mstask.studies.g2gnet.networks import G2GNet
from mstask.studies.g2gnet.rewiring import Rule, correlation, rewire
from mstask.studies.g2gnet.training import train
from mstask.studies.g2gnet.wiring import generator, wirings

settings = resolve("g2gnet", **given("g2gnet", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Wirings
#
# Three ways to deal neurons to groups, and the control without groups. Each small picture is one layer: a black square in
# row o and column i means that neuron o listens to neuron i. The third row is the second layer without any connection between
# groups.

# %% mystnb={"image": {"alt": "Which connections exist in two layers of four wirings, and in the second without any between groups: blocks, stripes, and no visible order"}}
show.figure_g2gnet_wirings()

# %%
show.table_g2gnet_wirings()

# %% [markdown]
# Where a connection is allowed is drawn once, from the seed. The whole rule, for every wiring:

# %%
Code(inspect.getsource(wirings), language="python")

# %% [markdown]
# ## Data
#
# Pictures are held still as a constant input current; radar and speech are read frame by frame.

# %%
splits = {case: load("g2gnet", settings, case) for case in settings.cases}
counts = {case: split.meta["counts"] for case, split in splits.items()}
pd.DataFrame(counts).T.rename_axis("data")

# %% mystnb={"image": {"alt": "One training example as a picture"}}
first = settings.cases[0]
part = splits[first].train
x, y = part.x[:1], int(part.y[0])
still = first.startswith(STILL)
draw_one = lesson.draw_picture if still else lesson.draw_example
draw_one(x[0], splits[first].meta["class_names"][y])

# %% [markdown]
# ## The neuron
#
# A leaky integrate-and-fire neuron whose decay and threshold are learnt, one number each per layer. After a spike the
# threshold is subtracted, one step later.

# %%
Math(
    r"\begin{aligned}U_t&=\beta U_{t-1}+I_t-S_{t-1}\theta,\quad S_t=[U_t>\theta],\\"
    r"\frac{\partial S}{\partial U}&=\frac{1}{1+(\pi(U-\theta))^2}\end{aligned}"
)

# %%
Code(inspect.getsource(neurons.reference), language="python")

# %% [markdown]
# ## The network
#
# Hidden layers wired in index groups, and a dense readout of one neuron per class, whose spikes are counted. A printed
# layer tells how many of its connections exist.

# %%
plan = design(METHODS["index"], settings, splits[first])
network = G2GNet(plan, seed=settings.seeds[0])
for layer in network.linear:
    n_out, n_in = layer.mask.shape
    print(f"{n_in:4} -> {n_out:4}: {int(layer.mask.sum()):6,} connections")
print(f"{network.n_parameters():,} parameters")

# %% [markdown]
# ## Capacity
#
# Connections that exist in the hidden layers, and all parameters. Grouped and unstructured networks have the same expected
# number; `dense-matched` is a dense network made as narrow as it takes.

# %%
rows = []
for method in settings.methods:
    model = G2GNet(
        design(METHODS[method], settings, splits[first]), settings.seeds[0]
    )
    n_connections = sum(int(layer.mask.sum()) for layer in model.hidden)
    rows.append([method, model.design.hidden, n_connections, model.n_parameters()])
columns = ["method", "width", "connections", "parameters"]
pd.DataFrame(rows, columns=columns).set_index("method")

# %% [markdown]
# ## One rewiring
#
# Dynamic sparse training prunes a share of the connections and grows as many elsewhere. "hebb" prunes where two neurons fire
# together least, and grows where they fire together most. This is the last hidden layer after one batch, before any training.

# %%
with torch.no_grad():
    signals = network.signals(part.x[: settings.batch_size])
wired = network.hidden[-1]
together = correlation(signals[-2], signals[-3])
rule = Rule("hebb", "hebb", fraction=settings.fraction)
draw = generator(network.seed, settings.hidden_layers - 1, "rewiring")
change = rewire(wired.wiring, wired.weight, together, rule, draw)
print(f"{int(change.removed.sum())} pruned, {int(change.grown.sum())} grown")

# %% mystnb={"image": {"alt": "Connections of one layer before a rewiring, those pruned and grown, and those after it"}}
draw_change(wired.mask, change)

# %%
Code(inspect.getsource(rewire), language="python")

# %% [markdown]
# ## One run in the open
#
# A few epochs of index groups that are rewired, selected by macro-F1 on the validation examples. The full length comes below,
# for all networks.

# %%
few = settings.model_copy(update={"max_epochs": min(3, settings.max_epochs)})
how = regime(METHODS["index-dst"], few, len(part))
trained = train(
    network, splits[first], how, settings.seeds[0], on_epoch=lesson.LiveRun()
)
print(f"macro-F1 on the test set: {trained.outcome.macro_f1:.3f}")

# %% [markdown]
# Share of the connections inside groups after each rewiring. Groups erode unless activity holds their connections there.

# %%
shares = {
    told["step"]: [layer["intra"] for layer in told["layers"]]
    for told in trained.rewirings
}
names = [f"layer {k}" for k in range(1, settings.hidden_layers + 1)]
pd.DataFrame(shares, index=names).T.rename_axis("after step")

# %% [markdown]
# The last hidden layer's spikes on the example above.

# %% mystnb={"image": {"alt": "Spikes of the trained last hidden layer on one example, a row per neuron"}}
with torch.no_grad():
    spikes = network.signals(x)[-2]
lesson.draw_spikes(spikes[:, :, 0].T, splits[first].meta["class_names"][y])

# %% [markdown]
# ## The grid
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
# Wirings are compared seed by seed, most of them with the unstructured one. A difference counts as *better* or *worse* once it is
# clear of zero by tests that are corrected for their number, and is *open* else; in brackets stands the smallest one that so many
# seeds could be expected to show, were it tested alone.

# %% mystnb={"image": {"alt": "Lead of each wiring over unstructured wiring in this run, one tick per seed"}}
show.figure_g2gnet_grouping({"run": document})

# %%
show.table_g2gnet_contrasts(document)

# %% [markdown]
# ## What rewiring does to the groups
#
# Rewired networks drop a share of their connections (`fraction`) at every rewiring and grow as many elsewhere.

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
#
# Verdicts are passed on runs of `afternoon` and `paper`; smaller ones are *not testable*.

# %%
lesson.verdicts(document)

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. Leave out the connections between groups (`p_inter = 0.0`). Which wiring loses most, and does the table of wirings say why?
# 2. Let connections move only within their class (`scope = "class"`). The groups stay: does the rewired network score higher?
