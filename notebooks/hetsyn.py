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
# # Run 5.1: time constants in the synapse
#
# Four networks that differ only in where their time constants live: one for all, one for each neuron, or one for each synapse.
# They meet tasks with a long delay, a pattern to generate, digits as sequences, spoken digits and radar.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.1.0/notebooks/hetsyn.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes about a minute, `paper` is sized for two processor cores; the chapter says
# how it falls short of the paper's own protocol.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: all
cases: list = None  # which data or splits; None: all
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
digits_learning_rate: float = None  # of AdamW on the digits, highest
digits_batch_size: int = None  # training examples per step on the digits
digits_weight_decay: float = None  # of AdamW on the digits
digits_dropout: float = None  # share of spikes lost on the digits
match_learning_rate: float = None  # of Adam on match-to-sample
pattern_learning_rate: float = None  # of Adam on the pattern
digits_epochs: int = None  # upper limit on the digits, which are few and small
iterations: int = None  # optimiser steps on each synthetic task
hidden: int = None  # hidden neurons of the synthetic tasks
test_trials: int = None  # match-to-sample trials to test on
small_hidden: list = None  # sizes of the few-neuron networks
small_repeats: int = None  # few-neuron networks of each size
slow_tau_ms: list = None  # initial time constants, ms
task_seed: int = None  # of the pattern and its target
bins_size: str = None  # size of the speech in 4 ms bins
deletions: list = None  # shares of spikes removed at test time
additions: list = None  # shares of bins filled at test time
warps: list = None  # factors that stretch test words
decay_steps: int = None  # steps of the weight-decay trial; 0: none

# %% tags=["setup", "hide-input"]
import os
import sys

places = [os.environ.get("MSTASK_ROOT", "."), "..", "mstask-v0.1.0"]
if "google.colab" in sys.modules and not os.path.exists("mstask-v0.1.0"):
    git = "new=$(mktemp -d mstask-XXXX) && git clone -q https://github.com/mstask/mstask $new && (git -C $new checkout -q v0.1.0; mv -T $new mstask-v0.1.0)"
    os.system(git)
sys.path[:0] = [p for p in places if os.path.exists(f"{p}/mstask/session.py")]
from mstask import session  # not found? Name the checkout in MSTASK_ROOT

print(session.begin("v0.1.0"))

# %%
# %matplotlib inline
from dataclasses import replace

import pandas as pd

from mstask import results, show
from mstask.cell import load, run_cell
from mstask.section import given, grid, resolve
from mstask.studies.hetsyn.networks import free_time_constants
from mstask.studies.hetsyn.settings import SETTINGS

settings = resolve("hetsyn", **given("hetsyn", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Data
#
# One row for each task: trials to train on, to select on and to test on, time steps and inputs. The synthetic tasks draw
# fresh trials for every training step; their training part is only there to be looked at.

# %%
splits = {case: load("hetsyn", settings, case) for case in settings.cases}
sizes = {
    case: {
        **s.meta["counts"],
        "steps": s.test.x.shape[1],
        "inputs": s.test.x.shape[2],
    }
    for case, s in splits.items()
}
pd.DataFrame(sizes).T.rename_axis("task")

# %% [markdown]
# ## Networks
#
# The weights are the same in all four, and start from the same values. Beside them each learns this many time constants.

# %%
learnt = {}
for case, s in splits.items():
    n_inputs, n_outputs = s.test.x.shape[-1], s.n_classes
    setting = SETTINGS[case]
    if case in ("match-small", "match-slow"):
        continue
    if case.startswith(("match", "pattern")):
        setting = replace(setting, hidden=(settings.hidden,))
    for method in settings.methods:
        network = setting.network(method, n_inputs, n_outputs)
        learnt[case, method] = free_time_constants(network)
pd.Series(learnt, dtype=int, name="time constants").to_frame()

# %% [markdown]
# ## Train
#
# One cell of the grid is one network on one task with one seed. The synthetic tasks run for a fixed number of iterations; the
# others go through the training set until validation stops improving. Each cell writes one result document; a cell that is
# already done is read back.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("hetsyn", place, settings, splits[place.case])
    cells.append(cell)
    done = cell.result
    error = (done.details or {}).get("mse")
    said = (
        f"accuracy {done.accuracy:.3f}" if error is None else f"error {error:.3f}"
    )
    print(f"{place}: {said}")

# %% [markdown]
# ## Scores

# %%
document = results.merge(cells)
show.table_hetsyn(document)

# %% mystnb={"image": {"alt": "Accuracy of the four networks on each task of this run"}}
show.figure_hetsyn(document)

# %% [markdown]
# ## Where the memory is
#
# Time constants of single synapses before and after training; then some of them are set back to where they started, to see
# which the network can't do without.

# %% mystnb={"image": {"alt": "Histograms of the time constants of this run before and after training"}}
show.figure_hetsyn_times(document)

# %% mystnb={"image": {"alt": "Accuracy after resetting long, random or short time constants in this run"}}
show.figure_hetsyn_knock_out(document)

# %%
show.table_hetsyn_knock_out(document)

# %% [markdown]
# ## The pattern

# %% mystnb={"image": {"alt": "Output of each network on the pattern beside the target in this run"}}
show.figure_hetsyn_pattern(document)

# %%
show.table_hetsyn_pattern(document)

# %% [markdown]
# ## Disturbances, few neurons, weight decay
#
# What the run didn't include says so.

# %% mystnb={"image": {"alt": "Accuracy of each network under disturbances at test time in this run"}}
show.figure_hetsyn_robust(document)

# %% mystnb={"image": {"alt": "Accuracy of networks with few neurons in this run"}}
show.figure_hetsyn_small(document)

# %% mystnb={"image": {"alt": "Median time constants with and without weight decay in this run"}}
show.figure_hetsyn_decay(document)

# %%
show.table_hetsyn_published(
    {"published": results.load("hetsyn", "published"), "run": document}
)
