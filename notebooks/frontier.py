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
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/frontier.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes minutes on a laptop, `afternoon` less than an hour on two cores,
# `paper` is the full protocol.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick, afternoon or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: the profile's
seeds: list = None  # for example [42, 123, 999]
batch_size: int = None  # training examples per step
max_epochs: int = None  # upper limit, spiking networks
patience: int = None  # epochs without a better validation score
calibration_examples: int = None  # examples for the thresholds
dense_above: float = None  # share of nonzero inputs above which products are dense
cnn_epochs: int = None  # upper limit, CNNs; their cosine ends here
cnn_learning_rate: float = None  # of Adam, CNNs
cnn_weight_decay: float = None  # of Adam, CNNs

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
from IPython.display import Code

from mstask import results, show
from mstask.cell import load, run_cell
from mstask.cost import cnn_operations, count_parameters
from mstask.networks import SmallCNN
from mstask.section import given, grid, resolve
from mstask.show import lesson
from mstask.studies.tuning import cnn
from mstask.studies.tuning.declare import TRIPLES
from mstask.studies.tuning.facts import factor_by_tolerance
from mstask.training import train

settings = resolve("frontier", **given("frontier", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## The data
#
# To a convolutional network an example is one picture; time is just one of its two axes.

# %%
splits = load("frontier", settings)
pd.Series(splits.meta["counts"], name="examples").to_frame()

# %% mystnb={"image": {"alt": "One training example as a picture: Doppler bin against time"}}
x, y = splits.train.x[0], int(splits.train.y[0])
title = splits.meta["class_names"][y]
lesson.draw_example(x, title, "Doppler bin")

# %% [markdown]
# ## The network
#
# Three blocks of convolution, batch normalisation, ReLU and pooling, then an average over the picture and a linear map.

# %%
Code(inspect.getsource(SmallCNN), language="python")

# %% [markdown]
# The smallest of the frontier. Its name gives the channels of the three blocks.

# %%
channels = TRIPLES[0]
torch.manual_seed(settings.seeds[0])
network = SmallCNN(splits.n_classes, channels)
print(network)
print(f"{count_parameters(network):,} parameters")

# %% [markdown]
# What each convolution makes of a picture, and how many numbers it learns:

# %%
made, layers = x[None, None], []
for layer in network.eval().blocks:
    made = layer(made)
    if isinstance(layer, torch.nn.Conv2d):
        size = " x ".join(map(str, made.shape[1:]))
        layers.append((str(layer), size, count_parameters(layer)))
pd.DataFrame(layers, columns=["layer", "output", "parameters"])

# %% [markdown]
# ## What it costs
#
# A real value passes every connection, so all of its operations are multiplications with an addition. The proxy prices each at
# the energy that it takes in a 45 nm process and gives the sum in microjoule; memory traffic is ignored.

# %%
Code(inspect.getsource(cnn_operations), language="python")

# %% [markdown]
# Twice the channels cost about four times as much: nearly all operations are between two blocks. Compare the last row with the first.

# %%
side = splits.train.x.shape[-1]
costs = {}
for triple in TRIPLES:
    cost = cnn_operations(triple, splits.n_classes, side)
    n = count_parameters(SmallCNN(splits.n_classes, triple))
    costs[triple] = {"parameters": n} | cost
table = pd.DataFrame(costs).T
table.round(1)

# %% mystnb={"image": {"alt": "Operation-count proxy of the seven networks against their parameters, both on logarithmic axes"}}
axes = table.plot("parameters", "energy_uJ", marker="o", figsize=(6, 2.4))
axes.set(xscale="log", yscale="log", ylabel="µJ")
axes.get_legend().remove()

# %% [markdown]
# ## One run in the open
#
# A few epochs of the smallest network. The recipe is one for all: Adam with weight decay, and a learning rate that falls to zero along
# half a cosine. Here it falls within these few epochs.

# %%
Code(inspect.getsource(cnn.recipe), language="python")

# %%
few = settings.model_copy(update={"cnn_epochs": min(3, settings.cnn_epochs)})
outcome = train(
    network,
    splits,
    cnn.recipe(few),
    settings.seeds[0],
    on_epoch=lesson.LiveRun(),
)
print(f"after {outcome.epochs} epochs, on the test set:")
print(f"macro-F1 {outcome.macro_f1:.3f}")

# %% [markdown]
# What it has learnt first: of the eight channels of the first block the one that answers most to the example above.

# %% mystnb={"image": {"alt": "The strongest channel of the trained first block on one example: Doppler bin against time, half the size"}}
with torch.no_grad():
    answers = network.eval().blocks[:4](x[None, None])[0]
strongest = int(answers.mean((1, 2)).argmax())
heading = f"{title}, channel {strongest} of the first block"
lesson.draw_example(answers[strongest], heading, "Doppler bin / 2", "time step / 2")

# %% [markdown]
# ## The grid
#
# One cell of the grid is one network with one seed. The spiking references are the tuned networks of the section before; those that it
# trained with the same parameters are taken from there.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("frontier", place, settings, splits)
    cells.append(cell)
    done = cell.result
    print(f"{place}: macro-F1 {done.macro_f1:.3f}, {done.energy_uJ:.1f} µJ")

# %% [markdown]
# ## Results
#
# Behind a score *at chance* says that it can't be told from guessing, *collapsed* that the last epoch scored far below the best one
# on validation, *cut* that the budget ended a training before patience did; where it ended all of them, as often in `quick`, that
# isn't said.

# %%
document = results.merge(cells)
show.table_frontier({"run": document})

# %% mystnb={"image": {"alt": "Macro-F1 of each network against its operation-count proxy; spiking networks have marks of their own"}}
show.figure_frontier({"run": document})

# %% [markdown]
# ### How much the answer depends on the word "matches"
#
# A network matches when its mean macro-F1 falls short of the spiking one's by no more than a tolerance.

# %%
Code(inspect.getsource(factor_by_tolerance), language="python")

# %% [markdown]
# The curve shows, for each tolerance, how many times the spiking proxy the cheapest match costs.

# %% mystnb={"image": {"alt": "Proxy of the cheapest match as a multiple of the spiking network's, falling with the tolerance"}}
show.figure_factor_curve({"run": document})

# %% [markdown]
# ## The claim, judged by this run
#
# Verdicts are passed on runs of `afternoon` and `paper`; smaller ones are *not testable*.

# %%
lesson.verdicts(document, ["cnn-factor"])

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. Train the convolutional networks for twice as many epochs (`cnn_epochs`). Does a smaller one match then, and what is left of the
#    factor?
# 2. Run one network with more seeds (`methods = ["CNN-8-16-32", "Doppler-LIF"]`, `seeds = [42, 123, 999]`). Is the shortfall larger
#    than the spread over seeds?
