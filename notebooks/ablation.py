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
# # Run 4.1: matched-capacity ablation on radar
#
# Does a network win by mixing neuron types, or by using one type that fits the task? Eight networks of the same capacity
# answer the question on micro-Doppler radar: four homogeneous ones, three vertical mixes and one horizontal bank.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/ablation.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes minutes on a laptop, `paper` is the full protocol of the paper. `afternoon` is
# the same as `paper` here.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick, afternoon or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: the profile's
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
dense_above: float = None  # share of nonzero inputs above which products are dense

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
import torch
from IPython.display import Code, Math

from mstask import claims, results, show
from mstask.architectures import build
from mstask.calibration import calibrate_thresholds
from mstask.cell import load, run_cell
from mstask.cost import count_parameters
from mstask.networks import VerticalNet
from mstask.neurons import neuron_type
from mstask.neurons.description import describe
from mstask.section import given, grid, resolve, section
from mstask.show import lesson
from mstask.spiking import recipe
from mstask.studies.matching.exhibits import PREDICTIONS
from mstask.training import train

settings = resolve("ablation", **given("ablation", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## What was predicted
#
# The paper fixed five predictions before the radar results were known. They are printed here before anything is trained,
# and judged at the end.
#
# They speak of four layers of one type (*homogeneous*, `D0_...`), of a *vertical mix* with a type of its own in each layer (`D1_H1`;
# `D1_rev` has the same types in reverse, `D1_perm1` in another order), and of a *bank* that runs five types side by side, each in
# layers of its own, and reads them all (`D2_concat`).

# %%
for claim in claims.judge({}):
    if claim.id in PREDICTIONS:
        print(f"{claim.id}: {claim.text}")

# %% [markdown]
# ## The data
#
# An example is a picture of what a radar sees of one flying object: 64 time frames by 64 Doppler bins. Turning blades show as
# stripes away from the body's own line. The network reads the picture frame by frame, from left to right.

# %%
splits = load("ablation", settings)
pd.Series(splits.meta["counts"], name="examples").to_frame()

# %% mystnb={"image": {"alt": "One training example as a picture: Doppler bin against time"}}
x, y = splits.train.x[0], int(splits.train.y[0])
lesson.draw_example(x, splits.meta["class_names"][y], "Doppler bin")

# %% [markdown]
# ## The neuron
#
# A Doppler-LIF neuron is a damped resonator: its state is a complex number that turns by its own angle in every step. Input that
# swings at that frequency adds up; other input cancels. It fires when $u$ reaches the threshold; $i$ is the neuron.

# %%
Math(describe(neuron_type("Doppler-LIF")).equation)

# %% [markdown]
# One time step as code; the fused loop is compiled from it. `c` holds what `coefficients` makes of the learnt parameters, and a
# spike sets the state back to 0, which the equation leaves out. `fire(u)` is 1 where $u$ reaches the threshold; in the backward
# pass its derivative is that of a fast sigmoid (`surrogate_slope`).

# %%
Code(describe(neuron_type("Doppler-LIF")).step, language="python")

# %% [markdown]
# ## The network
#
# Four layers in sequence; each is a linear map of its input, step by step, followed by a layer of neurons. Only spikes pass between
# layers. The class is read from the mean over time of the last layer's spikes.

# %%
torch.manual_seed(settings.seeds[0])
network = VerticalNet(
    in_features=splits.train.x.shape[-1],
    n_classes=splits.n_classes,
    layer_types=["Doppler-LIF"] * 4,
    width=settings.width,
    neuron_kwargs={
        "beta": settings.beta,
        "surrogate_slope": settings.surrogate_slope,
    },
)
print(network)
print(f"{count_parameters(network):,} parameters")

# %% [markdown]
# ## Thresholds
#
# With a threshold of 1 everywhere, how much a layer fires depends on the scale of inputs and weights, and a silent layer passes nothing
# on. Calibration sets one threshold per layer, once, by bisection: on the first training examples the layer fires at the target on
# average; single neurons may differ.

# %% mystnb={"image": {"alt": "Firing rates of the neurons of each layer before and after calibration"}}
batch = splits.train.x[: settings.calibration_examples]
before = lesson.spikes_of(network, batch)
calibrate_thresholds(network, batch, settings.target_rate)
after = lesson.spikes_of(network, batch)
lesson.draw_rates(before, after, settings.target_rate)

# %% [markdown]
# ## One run in the open
#
# A few epochs of this one network: Adam on the cross-entropy, selected by macro-F1 on the validation examples. The full length
# comes below, for all networks. Dots are the macro-F1 of each epoch, the line is their moving average; the epoch where that is best is
# kept.

# %%
order = settings.seeds[0]
few = settings.model_copy(update={"max_epochs": min(3, settings.max_epochs)})
outcome = train(network, splits, recipe(few), order, on_epoch=lesson.LiveRun())
print(f"after {outcome.epochs} epochs, on the test set:")
print(f"macro-F1 {outcome.macro_f1:.3f}")

# %% [markdown]
# The last layer's spikes on the example above. Its mean over time, neuron by neuron, is all that the readout gets.

# %% mystnb={"image": {"alt": "Spikes of the trained last layer on one example, a row per neuron"}}
lesson.draw_spikes(
    lesson.spikes_of(network, x[None])[-1][0],
    splits.meta["class_names"][y],
)

# %% [markdown]
# ## Capacity
#
# All vertical networks have the same width. The bank's width is the integer whose parameter count comes nearest to that of
# the vertical mix.

# %%
capacity = []
for method in section("ablation").methods:
    n_features = splits.train.x.shape[-1]
    model, layer_width = build(method, settings, n_features, splits.n_classes)
    capacity.append([method, layer_width, count_parameters(model)])
pd.DataFrame(capacity, columns=["method", "width", "parameters"]).set_index(
    "method"
)

# %% [markdown]
# ## The grid
#
# One cell of the grid is one method with one seed. Its thresholds are calibrated once, then it is trained with Adam until the
# smoothed validation macro-F1 has not improved for `patience` epochs, or for `max_epochs`, as in `quick`; the test figures are
# those of the best epoch. Each cell writes one result document; a cell that is already done is read back.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("ablation", place, settings, splits)
    cells.append(cell)
    done = cell.result
    print(f"{place}: macro-F1 {done.macro_f1:.3f}, epoch {done.best_epoch}")

# %% [markdown]
# ## Results
#
# The document below is the merge of the cells just run. Means, intervals and verdicts are computed from it, never stored. Behind a
# score *at chance* says that it can't be told from guessing, *collapsed* that the last epoch scored far below the best one on
# validation, *cut* that the budget ended a training before patience did; where it ended all of them, as often in `quick`, that
# isn't said.

# %%
document = results.merge(cells)
show.table_ablation({"run": document})

# %% mystnb={"image": {"alt": "Macro-F1 of each method of this run, one point per seed"}}
show.figure_ablation({"run": document})

# %% [markdown]
# ### Paired bootstraps
#
# Two methods are compared on the same test examples, resampled together; "consistent" means that the interval of every seed
# lies on the same side of zero. *Best homogeneous* is, at each seed, the homogeneous network with the highest validation score.

# %%
show.table_comparisons(document)

# %% [markdown]
# ### Firing
#
# Thresholds are set once. Afterwards firing is free; this is where it went.

# %% mystnb={"image": {"alt": "Firing rate of each layer over the epochs of this run, one panel per method"}}
show.figure_firing(document)

# %% [markdown]
# ## The predictions, judged
#
# Verdicts are passed on runs of `afternoon` and `paper`; smaller ones are *not testable*. P4 also needs the results of the probe, so
# this notebook alone can't test it.

# %%
lesson.verdicts(document, PREDICTIONS)

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. Give all networks half the width (`width = 64`). Does the order of the methods change, or only the scores?
# 2. Make firing rarer (`target_rate = 0.05`). Which network loses most? Look at the firing figure: does training bring the rate back
#    up?
