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
# # Run: exact gradients and the shape of the loss
#
# Networks of event-based neurons are trained with exact gradients and nine losses, on Yin-Yang in short and in long trials, spoken
# digits and radar. Data, hidden layer and optimiser are the same for all losses of a task. First-spike losses have outputs that fire,
# output weights of their own and, on long Yin-Yang, a learning rate of their own; the losses of single instants have output weights of
# their own. A control leaves the hidden weights as they were drawn.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/eventprop.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes less than a minute and runs Yin-Yang only, `afternoon` about two hours on two cores;
# `paper` is the full protocol. Yin-Yang is generated; `data_source = "real"` asks for your own copy of spoken digits and radar.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick, afternoon or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: the profile's
cases: list = None  # which data or splits; None: the profile's
seeds: list = None  # for example [42, 123, 999]
budget: str = None  # a task's own epochs, trials and width: the papers', or fewer, for two cores
max_epochs: int = None  # upper limit; a task or variant may have fewer
patience: int = None  # epochs without a better score that end training; 0: never
samples_per_epoch: int = None  # training trials per epoch; a task may have fewer
batch_size: int = None  # trials per step
rate_factor: float = None  # factor on each task's learning rate
width_factor: float = None  # factor on each task's hidden width
tau_membrane: float = None  # membrane time constant, ms
tau_synapse: float = None  # synaptic time constant, ms
threshold: float = None  # membrane threshold
spikes_target: float = None  # hidden spikes per neuron and trial to aim at
too_many: float = None  # strength against more spikes than that
too_few: float = None  # strength against fewer
batch_mean: bool = None  # count spikes as the batch's mean, not trial by trial
layer_target: float = None  # hidden spikes per trial and layer to stay below
layer_strength: float = None  # strength against more spikes than that
rewire: bool = None  # draw the weights of silent neurons anew after every epoch
lift: float = None  # with rewire: raise their weights by this instead; 0: draw
drop_input: float = None  # share of input spikes dropped in training
drop_hidden: float = None  # share of hidden spikes lost on the way
shift: float = None  # training trials move by up to this many channels
dilate: list = None  # [lowest, highest] factor on the times of a training trial
jitter: float = None  # channels by which each training spike moves on its own, standard deviation
blend: list = None  # shares of trials mixed into new ones of their class, as [0.5, 0.5]; []: none
blend_factor: float = None  # how many times larger blending makes it
equal_spikes: bool = None  # thin trials to the sparsest's count
speakers_left: list = None  # speakers whose training words are for validation instead; []: the set's own split
delay_copies: int = None  # delayed copies of the input, on channels of their own
delay_ms: float = None  # delay from copy to copy, ms
input_scale: float = None  # factor on the first input weights
ease_in: float = None  # growth of the rate per batch; 1: none
ema_fast: float = None  # share that the fast average of accuracy keeps per epoch
ema_slow: float = None  # share that the slow average keeps
plateau_factor: float = None  # factor on the rate once the fast average isn't above the slow one; 1: never
plateau_wait: int = None  # epochs from one such change to the next
select: str = None  # the accuracy that selects the epoch and moves the averages
record: list = None  # what is saved beside the result; []: nothing
record_at: list = None  # when it is saved: [epoch, batch] pairs, from 0

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
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Code

from mstask import results, show
from mstask.cell import load, run_cell
from mstask.cost import count_parameters
from mstask.section import given, grid, resolve
from mstask.show import lesson
from mstask.studies.eventprop import measure
from mstask.studies.eventprop.losses import WEIGHTS
from mstask.studies.eventprop.methods import LOSS_METHODS, TASKS
from mstask.studies.eventprop.networks import EventpropNet
from mstask.studies.eventprop.training import train

settings = resolve("eventprop", **given("eventprop", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Data
#
# Every task is a set of spike trains: times in ms, and the input channel of each spike. Below, the first training trial of each.

# %%
splits = {case: load("eventprop", settings, case) for case in settings.cases}
counts = {case: split.meta["counts"] for case, split in splits.items()}
pd.DataFrame(counts).T.rename_axis("task")

# %% mystnb={"image": {"alt": "Spike times and channels of the first training trial of each task"}}
figure, panels = plt.subplots(
    1, len(splits), figsize=(4 * len(splits), 3), squeeze=False
)
for axes, (case, split) in zip(panels.flat, splits.items(), strict=True):
    times, channels = split.train.x.trial(0)
    axes.plot(times, channels, ".", markersize=3)
    axes.set(title=case, xlabel="time, ms", ylabel="channel")
    axes.set_xlim(0, TASKS[case].trial_ms)
plt.show()

# %% [markdown]
# ## Losses
#
# The output neurons don't fire; their voltages $V_m(t)$ are read. A weight $u(t)$ says which instants of the trial of length $T$ count,
# and the cross-entropy of the weighted means is the loss for a trial of class $l$:
#
# $$S_m = \frac{1}{T}\int_0^T u(t)\, V_m(t)\, dt, \qquad L = -\log \mathrm{softmax}(S)_l.$$
#
# The weight also decides which hidden spikes learn. One at time $t$ hears of an error about $-\tau_s\, u'(t)/T$: nothing where the
# weight is flat, but for the end of the trial.

# %% mystnb={"image": {"alt": "The four weights by share of the trial, and their falling slopes, which are what a hidden spike hears"}}
share = np.linspace(0, 1, 201)
figure, (shape, slope) = plt.subplots(1, 2, figsize=(7, 2.8))
for name, weight in WEIGHTS.items():
    shape.plot(share, weight(share), label=name)
    slope.plot(share, -np.gradient(weight(share), share))
shape.set(title="weight", xlabel="share of the trial", ylabel="u", ylim=(0, 1.05))
slope.set(
    title="what a hidden spike hears", xlabel="share of the trial", ylabel="−u′"
)
shape.legend(fontsize=8)
plt.show()

# %% [markdown]
# Five more losses. *input* weighs by the rate of the input spikes; *average cross-entropy* takes the loss at each instant and then the
# mean; *max* takes each output's largest voltage. The last two let the outputs fire and compare their first spike times $t_m$,
# with one of two terms that grow with the time of the right one:
#
# $$L = -\log \mathrm{softmax}(-t/\tau_0)_l + \alpha\, (e^{t_l/\tau_1} - 1) \quad\text{or}\quad \ldots + \frac{\alpha}{1.01\,T - t_l}.$$

# %%
show.table_eventprop_losses()

# %% [markdown]
# ## The network
#
# One hidden layer of neurons that fire in continuous time, and a readout. The gradient of every weight is exact: the notebook
# on exact gradients derives it for one neuron. The number of parameters below still counts two time constants per neuron, which
# don't learn here.

# %%
name, case = settings.methods[0], settings.cases[0]
order = settings.seeds[0]
data = splits[case]
architecture, recipe = measure.plan(
    LOSS_METHODS[name], case, data.n_classes, settings
)
network = EventpropNet(architecture, order)
print(network)
print(f"{count_parameters(network):,} parameters; loss: {recipe.loss}")

# %%
Code(inspect.getsource(EventpropNet.forward), language="python")

# %% [markdown]
# ## One run in the open
#
# A few epochs of this network on the first task. The curve is drawn anew after each.

# %%
example = data.train.x.take([0])
before = network(example)[1][0].spikes.trial(0)
few = replace(recipe, max_epochs=min(3, recipe.max_epochs))
live = lesson.LiveRun(
    lambda h: lesson.draw_curves(h.train_loss, h.validation_accuracy, "accuracy")
)
outcome = train(network, data, few, order, on_epoch=live)
print(f"test accuracy {outcome.test.accuracy(data.test.y):.3f}")

# %% [markdown]
# What training did to the hidden layer on the first training trial. An exact gradient knows how spikes move, not that one could appear
# or vanish: look for spikes that moved, and count those that are new or gone. The weights are those of the best epoch, which may be
# the first.

# %% mystnb={"image": {"alt": "Hidden spikes of one trial before and after the short run, a row per neuron"}}
after = network(example)[1][0].spikes.trial(0)
figure, panels = plt.subplots(1, 2, figsize=(7, 3), sharex=True, sharey=True)
for axes, (when, neuron), title in zip(
    panels, (before, after), ("before", "after"), strict=True
):
    axes.plot(when, neuron, "|", color="#00796b")
    axes.set(title=f"{title}: {len(when)} spikes", xlabel="time, ms")
panels[0].set_ylabel("hidden neuron")
plt.show()

# %% [markdown]
# ## The grid
#
# One cell of the grid is one loss on one task with one seed. After every epoch the validation accuracy is taken; the test figures
# are those of the best epoch. Each cell writes one result document; a cell that is already done is read back.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("eventprop", place, settings, splits[place.case])
    cells.append(cell)
    done = cell.result
    print(f"{place}: accuracy {done.accuracy:.3f}, epoch {done.best_epoch}")

# %% [markdown]
# ## Results
#
# Behind a score *at chance* says that it can't be told from guessing, *collapsed* that the last epoch scored far below the best one
# on validation, *cut* that the budget ended a training before patience did; where it ended all of them, as often in `quick`, that
# isn't said.

# %%
document = results.merge(cells)
show.table_eventprop(document)

# %% mystnb={"image": {"alt": "Accuracy of each loss on each task of this run"}}
show.figure_eventprop(document)

# %% mystnb={"image": {"alt": "Validation accuracy by epoch of each loss on long Yin-Yang and on spoken digits, where this run has them"}}
show.figure_eventprop_curves(document)

# %% [markdown]
# ### Hidden spikes
#
# A loss can drive away the hidden spikes that it needs.

# %%
show.table_eventprop_spikes(document)

# %% [markdown]
# ### What was mistaken for what
#
# Answers by label on the last task of this run, in shares of each label's trials, for the first method.

# %%
last = [cell for cell in cells if cell.case == settings.cases[-1]]
found = np.sum([c.result.details["confusion"] for c in last[:1]], axis=0)
names = last[0].data.class_names
pd.DataFrame(found / found.sum(axis=0), names, names).round(2).rename_axis("answer")

# %% [markdown]
# ## The claims, judged by this run
#
# Verdicts are passed on runs of `afternoon` and `paper`; smaller ones are *not testable*.

# %%
lesson.verdicts(document)

# %% [markdown]
# ## What to change next
#
# 1. Train longer (`data_size = "paper"`, `max_epochs = 12`, `samples_per_epoch = 2500`) with `methods = ["sum", "exp",
#    "sum-frozen"]`. Does the plain mean do better than hidden weights that never learn? Look again at what a hidden spike hears.
# 2. Make the hidden layer louder or more quiet (`input_scale = 2.0`, `input_scale = 0.75`). Which loss suffers first when few neurons
#    fire, and does `rewire = True` help it?
