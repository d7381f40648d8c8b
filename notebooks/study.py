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
# # Run 4.2: tuning for radar
#
# How good can a neuron type get on radar, and how little need it fire for that? For each architecture a study tries configurations
# of width, depth, decay, learning rate, schedule, surrogate slope, calibrated rate and input, and looks for two things at once: high
# macro-F1 and little firing.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/study.ipynb)

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
max_epochs: int = None  # upper limit of a trial
patience: int = None  # epochs without a better validation score
calibration_examples: int = None  # examples for the thresholds
dense_above: float = None  # share of nonzero inputs above which products are dense
n_trials: int = None  # trials of each architecture
startup_trials: int = None  # of these, drawn at random first
prune_epoch: int = None  # epochs after which a hopeless trial ends
prune_below: float = None  # smoothed validation macro-F1 then
select_on: str = None  # validation, or test as in the paper

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
from mstask.calibration import calibrate_thresholds
from mstask.cell import load, run_cell
from mstask.cost import count_parameters
from mstask.section import given, grid, resolve
from mstask.show import lesson
from mstask.studies.tuning import search, study, tuned
from mstask.studies.tuning.trials import suggest
from mstask.training import train

settings = resolve("study", **given("study", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## The data
#
# Pictures of time against Doppler frequency, six kinds of flying objects.

# %%
splits = load("study", settings)
pd.Series(splits.meta["counts"], name="examples").to_frame()

# %% mystnb={"image": {"alt": "One training example as a picture: Doppler bin against time"}}
x, y = splits.train.x[0], int(splits.train.y[0])
title = splits.meta["class_names"][y]
lesson.draw_example(x, title, "Doppler bin")

# %% [markdown]
# Each trial decides for itself whether to take the logarithm first. It lifts what is faint.

# %% mystnb={"image": {"alt": "The same example after the logarithm: Doppler bin against time"}}
compressed = tuned.prepared(splits, "log1p")
lesson.draw_example(compressed.train.x[0], f"{title}, logarithm", "Doppler bin")

# %% [markdown]
# ## The search space
#
# What may vary, and over which values. Everything else is fixed.

# %%
show.table_space()

# %% [markdown]
# ## The two objectives
#
# Macro-F1 is to be high and firing low. No single trial is best at both, so what is looked for is a front: trials that no other beats
# in one objective without losing in the other.

# %%
Code(inspect.getsource(search.pareto_front), language="python")

# %% [markdown]
# ## The next trial
#
# The first `startup_trials` are drawn at random. After that a multivariate TPE sampler proposes configurations like those near the
# front. It is given the earlier trials and a seed that depends on the number of the trial, so a study that was stopped goes on as
# if it had not been.

# %%
Code(inspect.getsource(suggest), language="python")

# %% [markdown]
# The first proposal, before anything is known:

# %%
study_seed = settings.seeds[0]
drawn = suggest([], study_seed, 0, settings.startup_trials)
configuration = search.Configuration(**drawn)
pd.Series(drawn, name="value").to_frame()

# %% [markdown]
# ## The network of this trial
#
# Layers of Doppler-LIF neurons in sequence, as many and as wide as was drawn. Only spikes pass from one to the next.

# %%
torch.manual_seed(study_seed)
inputs = tuned.prepared(splits, configuration.input)
network = tuned.build(
    "Doppler-LIF",
    configuration,
    inputs.train.x.shape[-1],
    inputs.n_classes,
)
print(network)
print(f"{count_parameters(network):,} parameters")

# %% [markdown]
# One threshold per layer is set by bisection, so that the layer fires at the rate that was drawn. It is where firing starts; training
# moves it.

# %% mystnb={"image": {"alt": "Firing rates of the neurons of each layer before and after calibration"}}
batch = inputs.train.x[: settings.calibration_examples]
before = lesson.spikes_of(network, batch)
calibrate_thresholds(network, batch, configuration.target_rate)
after = lesson.spikes_of(network, batch)
lesson.draw_rates(before, after, configuration.target_rate)

# %% [markdown]
# ## One trial in the open
#
# A few epochs of it, with the learning rate and the schedule that were drawn. A cosine only rises in them.

# %%
few = settings.model_copy(update={"max_epochs": min(3, settings.max_epochs)})
outcome = train(
    network,
    inputs,
    tuned.recipe(configuration, few),
    study_seed,
    on_epoch=lesson.LiveRun(),
)

# %% [markdown]
# What the sampler is told of it: of the epoch that validation selected, the smoothed macro-F1 and the mean firing over the layers.

# %%
history, best = outcome.history, outcome.best_epoch - 1
rates = history.firing_rates[best]
print(f"macro-F1 on validation: {history.smoothed[best]:.3f}")
print(f"mean firing: {sum(rates) / len(rates):.3f} spikes per step")

# %% mystnb={"image": {"alt": "Spikes of the trained last layer on one example, a row per neuron"}}
example = inputs.train.x[:1]
lesson.draw_spikes(lesson.spikes_of(network, example)[-1][0], title)

# %% [markdown]
# ## Giving up early
#
# Most of what a search costs is spent on configurations that lead nowhere. A trial whose smoothed validation score is too low after
# `prune_epoch` epochs is ended, and never selected. In `quick` trials are shorter than that, and none is ended.

# %%
Code(inspect.getsource(study.hopeless), language="python")

# %% [markdown]
# ## The grid
#
# One cell of the grid is the whole study of one architecture. A study that was stopped goes on where it was, in the middle of a trial
# if need be.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("study", place, settings, splits)
    cells.append(cell)
    trials = cell.result.details["trials"]
    ended = sum(trial["state"] == "complete" for trial in trials)
    print(f"{place}: {ended} of {len(trials)} trials trained to their end")

# %% [markdown]
# ## The chosen trials among the others
#
# The line joins the front. Two points are taken: the best macro-F1, and the one that fires least among those within a hundredth of it.

# %%
Code(inspect.getsource(search.select), language="python")

# %% mystnb={"image": {"alt": "Macro-F1 against mean firing of every trial, one panel for each architecture, with the Pareto front"}}
document = results.merge(cells)
show.figure_pareto(document)

# %%
show.table_configurations(document)

# %% [markdown]
# ## What looking at the test set is worth
#
# The paper's search maximised macro-F1 on the test set, and then reported macro-F1 on the test set. Here selection looks at
# validation. The test score of each trial is known once it has ended, so the difference can be shown: the table chooses among the
# same trials twice. `select_on = "test"` goes further and lets the sampler see the test scores as well.

# %%
show.table_selection(document)

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. Double `n_trials`. The study is extended, not begun anew. Does the front still move, and do the chosen trials change?
# 2. Let the sampler look at the test set (`select_on = "test"`). Does the chosen trial score higher on test than before, and on
#    validation (`show.data_pareto(document)` has both)?
