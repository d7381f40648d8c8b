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
# # Run 4.3: the audio neurons on radar
#
# A double dissociation needs four corners: two neuron types, each on two tasks. This section trains the neurons that were compared
# on speech on the radar task: Doppler-LIF once more, with thresholds calibrated on more examples than in
# section 4.1, CrossInhib-LIF and Phase-LIF. In full, as `paper`, it trains all nine types.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/square.ipynb)

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
from mstask.training import train

settings = resolve("square", **given("square", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## The data
#
# Radar again: each example is a picture of 64 time frames by 64 Doppler bins; the network reads it frame by frame.

# %%
splits = load("square", settings)
pd.Series(splits.meta["counts"], name="examples").to_frame()

# %% mystnb={"image": {"alt": "One training example as a picture: Doppler bin against time"}}
x, y = splits.train.x[0], int(splits.train.y[0])
title = splits.meta["class_names"][y]
lesson.draw_example(x, title, "Doppler bin")

# %% [markdown]
# ## The neuron
#
# On speech, where speakers are mixed, the paper's best type is CrossInhib-LIF: a neuron that is inhibited by the last spikes of all
# others of its layer. The square is closed by asking it, and Phase-LIF, to read radar. If the fit flips, what won there loses here.

# %%
Math(describe(neuron_type("CrossInhib-LIF")).equation)

# %% [markdown]
# One time step of one layer as code. `c` holds what `coefficients` makes of the parameters. The layer fires when $u$ reaches the
# threshold; `fire` carries the surrogate gradient. A spike sets the membrane back to 0, which the equation leaves out; the spike itself
# is remembered for the next step.

# %%
Code(describe(neuron_type("CrossInhib-LIF")).step, language="python")

# %% [markdown]
# ## One run in the open
#
# Four layers of this neuron, built, calibrated and trained as the notebook `ablation` shows step by step, for a few epochs.

# %%
torch.manual_seed(settings.seeds[0])
network, layer_width = build(
    "CrossInhib-LIF", settings, splits.train.x.shape[-1], splits.n_classes
)
batch = splits.train.x[: settings.calibration_examples]
calibrate_thresholds(network, batch, settings.target_rate)
print(f"4 layers of {layer_width}, {count_parameters(network):,} parameters")

# %%
few = settings.model_copy(update={"max_epochs": min(3, settings.max_epochs)})
outcome = train(
    network,
    splits,
    recipe(few),
    settings.seeds[0],
    on_epoch=lesson.LiveRun(),
)
print(f"after {outcome.epochs} epochs, on the test set:")
print(f"macro-F1 {outcome.macro_f1:.3f}")

# %% [markdown]
# The last layer's spikes on the example above.

# %% mystnb={"image": {"alt": "Spikes of the trained last layer on one example, a row per neuron"}}
lesson.draw_spikes(lesson.spikes_of(network, x[None])[-1][0], title)

# %% [markdown]
# ## The grid
#
# One cell of the grid is one neuron type with one seed: four layers of it, thresholds calibrated once, trained with Adam until the
# smoothed validation macro-F1 has not improved for `patience` epochs, or for `max_epochs`, as in `quick`. The test figures are
# those of the best epoch. Each cell writes one result document; a cell that is already done is read back.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("square", place, settings, splits)
    cells.append(cell)
    done = cell.result
    print(f"{place}: macro-F1 {done.macro_f1:.3f}, epoch {done.best_epoch}")

# %% [markdown]
# ## Results
#
# The document below is the merge of the cells just run. Means, intervals and ranks are computed from it, never stored. Behind a
# score *at chance* says that it can't be told from guessing, *collapsed* that the last epoch scored far below the best one on
# validation, *cut* that the budget ended a training before patience did; where it ended all of them, as often in `quick`, that
# isn't said.

# %%
document = results.merge(cells)
show.table_square({"run": document})

# %% mystnb={"image": {"alt": "Macro-F1 of each neuron type of this run on radar, one point per seed"}}
show.figure_square({"run": document})

# %% [markdown]
# ### Differences
#
# Each row is one pair of types on the same test examples, resampled together; a positive number favours the first. "Consistent"
# means that the interval of every seed lies on the same side of zero.

# %%
show.table_comparisons(document)

# %% [markdown]
# ## Does the square close?
#
# The corners on speech are those of your own largest run of `disjoint`, if there is one; it may be of another profile. The paper's lines cross: Doppler-LIF is
# above on radar and below on speech.

# %% mystnb={"image": {"alt": "Doppler-LIF and CrossInhib-LIF on radar and on speech in your runs"}}
speech = results.load_present(["disjoint"], "run").get("disjoint")
corners = {"square": {"run": document}, "disjoint": {"run": speech}}
show.figure_square_crossed(corners)

# %%
show.table_square_crossed(corners)

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. Calibrate on as many examples as the ablation (`calibration_examples = 128`). Does Doppler-LIF now come out as `D0_doppler` does in
#    the notebook `ablation`? Compare the scores of one seed that both have run.
# 2. Calibrate on fewer still (`calibration_examples = 32`). Does the order of the three types change?
