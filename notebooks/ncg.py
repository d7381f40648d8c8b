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
# # Run 5.3: groups of competing readout neurons
#
# A spiking classifier that learns by local rules usually has one readout neuron per class, which can stand for one typical example.
# Does it gain from several neurons per class that compete, and what keeps all of them in use? Three learning rules, groups of one
# to twenty neurons and four ways to regulate the competition are compared here.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.1.0/notebooks/ncg.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes a minute on a laptop, `paper` is the full protocol. The digits are part of the
# software; `data_source = "real"` asks for your own MNIST, radar recordings or spoken digits.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: all
cases: list = None  # which data or splits; None: all
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

if "google.colab" in sys.modules and not os.path.exists("mstask-v0.1.0"):
    os.system("git clone -q https://github.com/mstask/mstask mstask-v0.1.0")
    os.system("git -C mstask-v0.1.0 checkout -q v0.1.0")
sys.path[:0] = [os.environ.get("MSTASK_ROOT", "."), "..", "mstask-v0.1.0"]
from mstask.lab import session  # not found? Name the checkout in MSTASK_ROOT

print(session.begin("v0.1.0"))

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mstask import claims, results, show
from mstask.cell import load, run_cell
from mstask.section import given, grid, resolve
from mstask.studies.ncg.names import METHODS

settings = resolve("ncg", **given("ncg", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Data
#
# Every input neuron fires at most once, the earlier the stronger its input; time 1 means never. Below, the first training example
# of each data set as spikes.

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
# frequent winners win less; with labels (L), one neuron of each group stands for all other classes.

# %%
readouts = pd.DataFrame({name: vars(METHODS[name]) for name in settings.methods}).T
readouts.rename_axis("readout")

# %% [markdown]
# ## Train
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

# %%
judged = [
    claim for claim in claims.judge({"ncg": document}) if "ncg" in claim.needs
]
pd.DataFrame(
    [(claim.text, claim.verdict, claim.evidence) for claim in judged],
    columns=["claim", "verdict", "evidence"],
)
