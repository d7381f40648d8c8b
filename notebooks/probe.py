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
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/probe.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes minutes on a laptop, `paper` is the full protocol. `afternoon` is the same as
# `paper` here.

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
rate_low: float = None  # a layer firing less is flagged
rate_high: float = None  # a layer firing more is flagged
select_on: str = None  # the best epoch by validation, or by test as in the paper

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
from IPython.display import Audio, Code, Math

from mstask import results, show
from mstask.architectures import build
from mstask.calibration import calibrate_thresholds
from mstask.cell import load, run_cell
from mstask.cost import count_parameters
from mstask.neurons import neuron_type
from mstask.neurons.description import describe
from mstask.section import given, grid, resolve
from mstask.show import lesson
from mstask.spiking import recipe
from mstask.studies.matching import probe
from mstask.training import predict, train

settings = resolve("probe", **given("probe", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# The recording of a word, spoken by one of the embedded voices. The ear of this project turns such recordings into spikes; the word
# drawn below is another one.

# %%
sound = show.audio_speech_word()[0]
print(sound.title)
Audio(sound.samples, rate=sound.rate)

# %% [markdown]
# ## The data
#
# The words of all speakers, shuffled and split, as raw counts. With `select_on = "test"` there is no validation part, as in the
# paper's script.

# %%
splits = load("probe", settings)
pd.Series(splits.meta["counts"], name="examples").to_frame()

# %% mystnb={"image": {"alt": "One training word as a picture: spike counts by nerve fibre and frame"}}
x, y = splits.train.x[0], int(splits.train.y[0])
title = f"“{splits.meta['class_names'][y]}”"
lesson.draw_example(x, title, "nerve fibre")

# %% [markdown]
# ## The network
#
# The vertical mix has a different neuron in each of its four layers. The first is STFT-IF:

# %%
Math(describe(neuron_type("STFT-IF")).equation)

# %%
torch.manual_seed(settings.seeds[0])
network, layer_width = build(
    "D1_H1", settings, splits.train.x.shape[-1], splits.n_classes
)
print(network)
print(f"{count_parameters(network):,} parameters")

# %% [markdown]
# ## Thresholds that follow the weights
#
# Elsewhere thresholds are calibrated once. Here they are set anew before every epoch, a kind of homeostasis. Beside its
# few epochs this is all in which the section differs from the others: calibration, what is noted after each epoch and, with `select_on = "test"`, the selection.

# %%
Code(inspect.getsource(probe.measure), language="python")

# %% [markdown]
# The same in the open, for a few epochs of this one network. Before an epoch each layer fires at the target; what training then
# does to it is watched. With `select_on = "test"` there is no validation to draw, so this run is left out and its tables are empty.

# %%
batch = splits.train.x[: settings.calibration_examples]
thresholds, rates = [], []


def recalibrate(model):
    calibrate_thresholds(model, batch, settings.target_rate)
    thresholds.append([one.neuron.threshold for one in model.layers()])


def note_rates(model):
    rates.append(predict(model, batch)[1])
    return {}


# %%
few = settings.model_copy(update={"max_epochs": min(3, settings.max_epochs)})
if len(splits.validation):
    outcome = train(
        network,
        splits,
        recipe(few),
        settings.seeds[0],
        on_epoch=lesson.LiveRun(),
        before_epoch=recalibrate,
        watch=note_rates,
    )

# %% [markdown]
# Thresholds before each epoch, and how far firing had strayed from the target after it (here epochs count from 0).

# %%
layers = [f"layer {n}" for n in range(1, 5)]
pd.DataFrame(thresholds, columns=layers).rename_axis("epoch").round(2)

# %%
pd.DataFrame(rates, columns=layers).rename_axis("epoch").round(3)

# %% mystnb={"image": {"alt": "Spikes of the last layer on one word, a row per neuron"}}
lesson.draw_spikes(lesson.spikes_of(network, x[None])[-1][0], title)

# %% [markdown]
# ## The grid
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
# the figure. Behind a score *at chance* says that it can't be told from guessing, *collapsed* that the last epoch scored far below
# the best one on validation, *cut* that the budget ended a training before patience did.

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

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. The column *the second adds* says what it is worth to choose the epoch on the test words. Do as the paper's script did
#    (`select_on = "test"`), which also trains on the words that were for validation. How much does each network gain beyond that
#    column?
# 2. Allow less (`rate_low = 0.1`, `rate_high = 0.3`): which layers are astray first, the early or the late ones?
