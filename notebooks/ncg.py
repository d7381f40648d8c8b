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
# # Run: groups of competing readout neurons
#
# A spiking classifier that learns by local rules usually has one readout neuron per class, which can stand for one typical example.
# Does it gain from several neurons per class that compete, and what keeps all of them in use? Three learning rules, groups of one
# to twenty neurons and four ways to regulate the competition are compared here.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/ncg.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes less than a minute on a laptop, `afternoon` less than an hour on two cores,
# `paper` is the full protocol.
# The digits are part of the software; `data_source = "real"` asks for your own MNIST, radar recordings or spoken digits.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick, afternoon or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: the profile's
cases: list = None  # which data or splits; None: the profile's
seeds: list = None  # for example [42, 123, 999]
max_epochs: int = None  # upper limit
patience: int = None  # epochs without a better validation score; 0: never stop
annealing: float = None  # factor on the learning rates per epoch
threshold_scale: float = None  # factor on the chosen firing threshold
rate_scale: float = None  # factor on the chosen learning rates
regulation_scale: float = None  # factor on the competition regulation; 0: none
reference_timing: bool = None  # event order of the published code

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

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Code, Math
from matplotlib.figure import Figure

from mstask import results, show
from mstask.cell import load, run_cell
from mstask.section import given, grid, resolve
from mstask.show import lesson
from mstask.studies.ncg import inputs, rules
from mstask.studies.ncg.methods import Schedule, configuration, settings as chosen
from mstask.studies.ncg.names import METHODS
from mstask.studies.ncg.readout import Readout
from mstask.studies.ncg.training import fit

settings = resolve("ncg", **given("ncg", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## One digit as first spikes
#
# Handwritten digits are part of the software, so the idea is shown on them. A picture becomes two maps: where a pixel is brighter
# than around it (on) and where it is darker (off). Every input fires at most once, the earlier the stronger its contrast; time 1
# means never.

# %% mystnb={"image": {"alt": "Spike times of one digit as two maps of 8 by 8 inputs, brighter and darker than around"}}
digits = inputs.load("digits", "embedded", settings.data_size)
first_spikes = digits.train.x[0, 0].numpy().reshape(2, 8, 8)
figure, panels = plt.subplots(1, 2, figsize=(6, 2.6), layout="constrained")
for axes, picture, title in zip(panels, first_spikes, ("on", "off"), strict=True):
    drawn = axes.imshow(picture, vmin=0, vmax=1, cmap="viridis_r")
    axes.set(title=title, xticks=[], yticks=[])
figure.colorbar(drawn, ax=panels, label="spike time (1: never)")
print("a picture of the digit", int(digits.train.y[0]))

# %% [markdown]
# ## The neuron
#
# A readout neuron adds up the weights of the inputs that have fired so far. When the sum passes its threshold, it fires, once.

# %%
Math(
    r"V_j(t) = \sum_{i:\, t_i \leq t} w_{ij}, \qquad "
    r"o_j = \min\,\{t : V_j(t) > \theta_j\}"
)

# %% [markdown]
# ## Groups
#
# Each class owns a group of neurons. The first neuron of all to fire decides the class. In the paper's groups one neuron of each is
# labelled non-target: it stands for all other classes. Thresholds and rates are those chosen for the digits on validation data.

# %%
train_list, validation_list, _ = inputs.spike_lists(digits)
order = settings.seeds[0]
few = min(5, settings.max_epochs)


def configured(name):
    return configuration(
        METHODS[name],
        chosen("digits", name),
        Schedule(few, patience=0),
        digits.n_classes,
        train_list.spikes_per_sample,
    )


untrained = Readout.create(
    configured("S2-M5-CR2-L"), train_list.n_inputs, digits.n_classes, order
)
print(f"{untrained.weights.shape[1]} neurons, {untrained.weights.size} weights")
print(f"threshold {untrained.base[0]:.2f}")

# %% [markdown]
# The digit above, seen by the group of its own class before any learning: all five rise nearly together, since their weights were
# drawn alike. Who fires first is chance.

# %% mystnb={"image": {"alt": "Potentials of the five neurons of one group over time, rising to the threshold on one digit"}}
spikes = slice(train_list.starts[0], train_list.starts[1])
potential = untrained.weights[train_list.inputs[spikes]].cumsum(axis=0)
label = int(train_list.labels[0])
figure, axes = plt.subplots(figsize=(6, 2.6))
for neuron in range(5 * label, 5 * label + 5):
    axes.step(
        train_list.times[spikes],
        potential[:, neuron],
        where="post",
        label=f"neuron {neuron}",
    )
axes.axhline(untrained.base[0], color="grey", linestyle=":")
axes.set(xlabel="time", ylabel="potential without firing", xlim=(0, 1))
axes.legend(fontsize=8)
# %% [markdown]
# ## The rule
#
# S2-STDP gives every neuron a time at which it should fire: a gap before the mean firing time for the sample's class, a gap after it
# for the others. In a group only the first neuron to fire is told. The error is how much too late it fired.

# %%
Code(inspect.getsource(rules.timing_errors.py_func), language="python")

# %% [markdown]
# The error moves the weights: inputs that fired no later than the neuron change by the error times $A_+$, all others by the error
# times $A_-$. Then weights are clipped and, in S2-STDP, rescaled to the sum that they began with.

# %%
Code(inspect.getsource(rules.stdp.py_func), language="python")

# %% [markdown]
# ## Competition
#
# A neuron that wins learns, and then wins more. The regulation raises the winner's threshold and lowers its rivals', for training
# examples of their own class only.

# %%
Code(inspect.getsource(rules.regulate.py_func), language="python")

# %% [markdown]
# ## One run in the open
#
# A few epochs of the paper's groups. The accuracy on training examples is measured while learning, with the moved thresholds.


# %%
def draw_accuracy(history):
    figure = Figure(figsize=(6, 2.4), layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="accuracy", ylim=(0, 1))
    number = range(1, len(history.train_accuracy) + 1)
    axes.plot(number, history.train_accuracy, ".-", label="training")
    axes.plot(number, history.validation_accuracy, ".-", label="validation")
    axes.set_xticks(list(number))
    axes.legend()
    return figure


# %% mystnb={"image": {"alt": "Accuracy on training and validation digits after each epoch of the run"}}
groups = fit(
    configured("S2-M5-CR2-L"),
    train_list,
    validation_list,
    seed=order,
    on_epoch=lesson.LiveRun(draw_accuracy),
)

# %% [markdown]
# What the group of one class has learnt: weights of the on map minus those of the off map, before and after. Red draws the neuron
# earlier where a pixel is bright.

# %% mystnb={"image": {"alt": "Weights of the five neurons of one class as pictures, before and after training"}}
figure, panels = plt.subplots(2, 5, figsize=(7, 3), layout="constrained")
stages = {"before": untrained, "after": groups.readout}
own = groups.readout.weights[:, 5 * label : 5 * label + 5]
reach = abs(own[:64] - own[64:]).max()
for row, (name, readout) in zip(panels, stages.items(), strict=True):
    row[0].set_ylabel(name)
    for k, axes in enumerate(row):
        maps = readout.weights[:, 5 * label + k].reshape(2, 8, 8)
        axes.imshow(maps[0] - maps[1], cmap="RdBu_r", vmin=-reach, vmax=reach)
        axes.set(xticks=[], yticks=[])
for k, axes in enumerate(panels[0]):
    axes.set_title("non-target" if k == 0 else f"target {k}", fontsize=9)

# %% [markdown]
# Who won the examples of each class in the last epoch? Beside it a run without regulation and without labels, so with target neurons
# alone: look for rows in which one neuron takes nearly everything. With labels, neuron 0 is the non-target one.

# %% mystnb={"image": {"alt": "Share of each class's examples that each neuron of its group won, without and with regulation"}}
alone = fit(configured("S2-M5"), train_list, validation_list, seed=order)
figure, panels = plt.subplots(1, 2, figsize=(6, 3.2), layout="constrained")
shown = {"no regulation": alone, "two thresholds, labels": groups}
for axes, (title, run) in zip(panels, shown.items(), strict=True):
    won = np.reshape(run.history.wins[-1], (digits.n_classes, 5))
    drawn = axes.imshow(
        won / won.sum(axis=1, keepdims=True), vmin=0, vmax=1, aspect="auto"
    )
    axes.set(title=title, xlabel="neuron of the group", ylabel="class")
figure.colorbar(drawn, ax=panels, label="share won")
# %% [markdown]
# ## All data sets
#
# Below, the number of examples of each, and the first training example of each as spikes.

# %%
splits = {case: load("ncg", settings, case) for case in settings.cases}
counts = {case: split.meta["counts"] for case, split in splits.items()}
pd.DataFrame(counts).T.rename_axis("data set")

# %% mystnb={"image": {"alt": "Spike times of the inputs for the first training example of each data set"}}
figure, panels = plt.subplots(
    1, len(splits), figsize=(4 * len(splits), 3), squeeze=False
)
for axes, (case, split) in zip(panels.flat, splits.items(), strict=True):
    times = split.train.x[0, 0].numpy()
    fired = np.flatnonzero(times < 1)
    axes.plot(times[fired], fired, ".", markersize=3)
    axes.set(title=case, xlabel="spike time", ylabel="input", xlim=(0, 1))

# %% [markdown]
# ## Readouts
#
# Each has a learning rule, a number of neurons per class, and a way to regulate who learns. CR-1 and CR-2 move thresholds so that
# frequent winners win less; with labels (L), one neuron of each group stands for all other classes. Dropout leaves neurons out by
# chance, example by example, while learning.

# %%
readouts = pd.DataFrame({name: vars(METHODS[name]) for name in settings.methods}).T
readouts.rename_axis("readout")

# %% [markdown]
# ## The grid
#
# One cell of the grid is one readout on one data set with one seed. It sees the training examples in the same order in every epoch
# and stops when the validation accuracy has not improved for `patience` epochs; the test figures are those of the last epoch. Each
# cell writes one result document; a cell that is already done is read back.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("ncg", place, settings, splits[place.case])
    cells.append(cell)
    done = cell.result
    print(f"{place}: macro-F1 {done.macro_f1:.3f} after {done.epochs} epochs")

# %% [markdown]
# ## Results
#
# Behind a score *at chance* says that it can't be told from guessing, *collapsed* that the last epoch scored far below the best one
# on validation, *cut* that the budget ended a training before patience did; where it ended all of them, as often in `quick`, that
# isn't said.

# %%
document = results.merge(cells)
show.table_ncg(document)

# %% mystnb={"image": {"alt": "Macro-F1 by neurons per class for each rule in this run"}}
show.figure_ncg(document)

# %% mystnb={"image": {"alt": "Macro-F1 from one neuron per class to regulated and labelled groups in this run"}}
show.figure_ncg_ablation(document)

# %% [markdown]
# ### Who wins?
#
# The share of a class's training examples that its most frequent winner takes, and the winners of one class epoch by epoch.

# %% mystnb={"image": {"alt": "Share of the most frequent winner in groups of five in this run"}}
show.figure_ncg_balance(document)

# %% mystnb={"image": {"alt": "Winners of the examples of one class over the epochs of this run"}}
show.figure_ncg_winners(document)

# %% [markdown]
# ## The claims, judged by this run
#
# Verdicts are passed on runs of `afternoon` and `paper`; smaller ones are *not testable*.

# %%
lesson.verdicts(document)

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. Switch the regulation off (`regulation_scale = 0`). Which readouts change, and does the score fall as much as the balance?
# 2. Raise the thresholds (`threshold_scale = 1.3`). Neurons then wait for more inputs: who gains, single neurons or groups?
