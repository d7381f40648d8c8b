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
# # Run 4.3: spoken digits with mixed speakers
#
# The same eight networks on the same words, but now every speaker is heard in training: the words are shuffled before they are
# split. Trained in full, most types score higher than with unfamiliar speakers. The scores can't be compared with the literature on
# the original data.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/mixed.ipynb)

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
from mstask.training import train

settings = resolve("mixed", **given("mixed", globals()))
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
# The words of both files are pooled, shuffled and split; the counts are standardised by the mean and standard deviation of
# training and validation together, as in the paper's script for this section.

# %%
splits = load("mixed", settings)
pd.Series(splits.meta["counts"], name="examples").to_frame()

# %% mystnb={"image": {"alt": "One training word as a picture: standardised counts by nerve fibre and frame"}}
x, y = splits.train.x[0], int(splits.train.y[0])
title = f"“{splits.meta['class_names'][y]}”"
lesson.draw_example(x, title, "nerve fibre")

# %% [markdown]
# Standardised input is negative where a channel is quieter than the average of all: silence acts, too, with the sign of its weight
# reversed. In the notebook `disjoint` a silent channel does nothing.

# %%
values = splits.train.x
print(f"mean {values.mean():.3f}, standard deviation {values.std():.3f}")
print(f"{(values < 0).float().mean():.0%} of the values are negative")

# %% [markdown]
# ## The neuron
#
# An STFT-IF neuron looks at the last steps through a window and fires where one frequency is strong there. Here the window is the
# neuron's own (`window_len` 0), as the paper's script for this section leaves it.

# %%
Math(describe(neuron_type("STFT-IF")).equation)

# %% [markdown]
# One time step of one layer as code. Its `x` is $e_t$, what the window holds of the frequency; `drive` has taken that before, for all
# steps. The layer fires when $u$ reaches the threshold; `fire` carries the surrogate gradient. A spike sets the membrane back to 0,
# which the equation leaves out; the window stays as it is.

# %%
Code(describe(neuron_type("STFT-IF")).step, language="python")

# %%
Code(inspect.getsource(neuron_type("STFT-IF").drive), language="python")

# %% [markdown]
# ## One run in the open
#
# Four layers of this neuron, built and calibrated as the notebook `disjoint` shows step by step, for a few epochs. Validation and test
# have the same speakers as training.

# %%
torch.manual_seed(settings.seeds[0])
network, layer_width = build(
    "STFT-IF", settings, splits.train.x.shape[-1], splits.n_classes
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
# The last layer's spikes on the word above.

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
    cell = run_cell("mixed", place, settings, splits)
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
show.table_mixed({"run": document})

# %% mystnb={"image": {"alt": "Macro-F1 of each neuron type of this run, one point per seed"}}
show.figure_mixed({"run": document})

# %% [markdown]
# ### Differences
#
# Each row is one pair of types on the same test words, resampled together; a positive number favours the first. "Consistent" means that
# the interval of every seed lies on the same side of zero.

# %%
show.table_comparisons(document)

# %% [markdown]
# ## The claim, judged by this run
#
# Verdicts are passed on runs of `afternoon` and `paper`; smaller ones are *not testable*.

# %%
lesson.verdicts(document, ["audio-winner-mixed"])

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. Compare with `disjoint`: for which neuron is the difference of the two tables largest? How much of it is due to known speakers, how
#    much to standardised input, other windows and more examples to calibrate on? `calibration_examples = 128` and `window_len = 8` take
#    two of the differences away, and `probe` has mixed speakers with raw counts.
# 2. Set `window_len = 8`, the window of the other speech sections. Does STFT-IF change its place?
