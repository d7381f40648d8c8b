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
# # Run: the crossing on recordings
#
# So far the radar was simulated and the speakers were synthetic. Here the paper's networks meet recordings that others have published
# under open licences: digits spoken by six men, the spikes of a neuromorphic radar, Doppler maps of people who exercise, and gestures
# before a coherent radar. Does the neuron that wins on radar still lose on speech? The paper has no such experiment.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/recordings.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes minutes on a laptop, `paper` is the full protocol with every fold.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick, afternoon or paper
data_source: str = "recorded"  # recorded: what data fetch downloads, or your copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: the profile's
cases: list = None  # which data or splits; None: the profile's
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
audio_window_len: int = None  # STFT-IF window on speech, steps; 0: its own
cnn_epochs: int = None  # upper limit, CNN; its cosine ends here
cnn_learning_rate: float = None  # of Adam, CNN
cnn_weight_decay: float = None  # of Adam, CNN

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
from IPython.display import Code, Math

from mstask import results, show
from mstask.architectures import build
from mstask.calibration import calibrate_thresholds
from mstask.cell import load, run_cell
from mstask.cost import count_parameters
from mstask.data import recorded
from mstask.neurons import neuron_type
from mstask.neurons.description import describe
from mstask.section import given, grid, resolve
from mstask.show import lesson
from mstask.spiking import recipe
from mstask.studies.recordings import measure
from mstask.training import train

settings = resolve("recordings", **given("recordings", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## The recordings
#
# None of them comes with this project. `python -m mstask data fetch NAME` downloads one from its authors' repository, checks it and
# says under which licence it stands; a variable names your own copy instead. Cases whose recordings aren't here are left out.

# %%
absent = {o.name: recorded.absence(o) for o in recorded.ORIGINALS}
for name, why in absent.items():
    print(f"{name}: {why or 'is here'}")

# %%
present = [case for case in settings.cases if recorded.is_here(case)]
if not present:
    raise SystemExit("none of the recordings is here: fetch one, see above")
settings = settings.model_copy(update={"cases": present})
splits = {case: load("recordings", settings, case) for case in present}

# %% [markdown]
# ## What is held out
#
# A network that has heard a man, or seen a round of gestures, has it easy with more of the same. So no group is in two parts: one or
# more are for testing, another for choosing the epoch, and the rest for training. Only `speech-mixed` deals words by chance.

# %%
groups = {
    case: {
        part: f"{', '.join(named)} ({one.meta['counts'][part]})"
        for part, named in one.meta["groups"].items()
    }
    for case, one in splits.items()
}
pd.DataFrame(groups).T.rename_axis("case")

# %% [markdown]
# Two examples, of the first case and of the last, as the network gets them: frame by frame, from left to right. A channel is a
# Doppler bin on RadHAR and Acconeer.

# %%
first = present[0]
chosen = splits[first]
x, y = chosen.train.x[0], int(chosen.train.y[0])
title = f"“{chosen.meta['class_names'][y]}”, {first}"

# %% mystnb={"image": {"alt": "One training example of the first case: channels or Doppler bins against time"}}
lesson.draw_example(x, title, "channel")

# %% mystnb={"image": {"alt": "One training example of the last case: channels or Doppler bins against time"}}
last = present[-1]
picture, number = splits[last].train.x[0], int(splits[last].train.y[0])
name = splits[last].meta["class_names"][number]
lesson.draw_example(picture, f"“{name}”, {last}", "channel")

# %% [markdown]
# ## The neurons
#
# The two at the heart of the paper. Doppler-LIF is a damped resonator: input that swings at its frequency adds up. In the paper
# it wins on radar. It fires when $u$ reaches the threshold; `fire` carries the surrogate gradient.

# %%
Math(describe(neuron_type("Doppler-LIF")).equation)

# %% [markdown]
# In CrossInhib-LIF, which beats it on speech there, every neuron is inhibited by what the others of its layer have just fired.

# %%
Math(describe(neuron_type("CrossInhib-LIF")).equation)

# %% [markdown]
# ## The network
#
# Nothing about it is new: four layers in sequence, only spikes between them, the class read from the mean over time of the last
# layer's spikes. Nor is anything tuned to the recordings.

# %%
torch.manual_seed(settings.seeds[0])
n_features = chosen.train.x.shape[-1]
network, _ = build("Doppler-LIF", settings, n_features, chosen.n_classes)
print(network)
print(f"{count_parameters(network):,} parameters")

# %% [markdown]
# ## Thresholds
#
# One threshold per layer, set once, at the target rate, as in the notebook `ablation`.

# %% mystnb={"image": {"alt": "Firing rates of the neurons of each layer before and after calibration"}}
batch = chosen.train.x[: settings.calibration_examples]
before = lesson.spikes_of(network, batch)
calibrate_thresholds(network, batch, settings.target_rate)
after = lesson.spikes_of(network, batch)
lesson.draw_rates(before, after, settings.target_rate)

# %% [markdown]
# ## One run in the open
#
# A few epochs on the first case. The curve is that of the group held out for validation; the number below it is that of the group
# held out for testing, whom the network meets only now.

# %%
few = settings.model_copy(update={"max_epochs": min(3, settings.max_epochs)})
outcome = train(
    network,
    chosen,
    recipe(few),
    settings.seeds[0],
    on_epoch=lesson.LiveRun(),
)
print(f"after {outcome.epochs} epochs, on {first}:")
print(f"macro-F1 {outcome.macro_f1:.3f}")

# %% [markdown]
# ## Two baselines
#
# How hard is a case, spikes aside? Logistic regression looks at all values of an example at once, of the 700
# channels of speech at sums of ten neighbours; validation selects its penalty.

# %%
Code(inspect.getsource(measure.linear), language="python")

# %% [markdown]
# The other is the small convolutional network of the frontier, by the recipe it has there; `quick` leaves it out.

# %%
Code(inspect.getsource(measure.convolutional), language="python")

# %% [markdown]
# ## The grid
#
# One cell of the grid is one method on one case with one seed. A cell that is already done is read back.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("recordings", place, settings, splits[place.case])
    cells.append(cell)
    print(f"{place}: macro-F1 {cell.result.macro_f1:.3f}")

# %% [markdown]
# ## Results
#
# Of one set of recordings the folds are what the interval is taken over: another man, another round, another pass. Where a set has one
# fold only, it is taken over seeds.

# %%
document = results.merge(cells)
show.table_recordings(document)

# %% mystnb={"image": {"alt": "Macro-F1 of every method, a panel for each set of recordings of this run; chance is dotted"}}
show.figure_recordings(document)

# %% [markdown]
# ## From synthetic to recorded speech
#
# Two cases train on one kind of speech and test on the other: `transfer-to-recorded` and `transfer-to-embedded`. They say how far
# synthetic voices can stand in for people. `quick` runs neither: add them to `cases`, else the table is empty.

# %%
show.table_transfer(document)

# %% [markdown]
# ## Does the crossing hold?
#
# Doppler-LIF beside CrossInhib-LIF on every set that was run, and whether the order is the paper's.

# %%
show.table_recorded_square(document)

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. Compare `speech-mixed` with `speech-george` (`cases`). What is a split by chance worth to a network, and what to logistic
#    regression? (`speech-mixed` is standardised besides.)
# 2. Test each man in turn (`cases` from `speech-george` to `speech-yweweler`). Who is hardest, and is it so for every neuron?
