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
# # Run 3.3: which speakers are held out?
#
# The paper tests on one pair of unfamiliar speakers. How much of its ranking is due to that pair? Here twelve speakers are held
# out two by two, in six pairs, and the networks are trained on the other ten. `quick` has two of the pairs and two neuron types. This
# experiment is not in the paper.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/rotation.ipynb)

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
from IPython.display import Audio, Code, Math, display

from mstask import results, show
from mstask.calibration import calibrate_thresholds
from mstask.cell import load, run_cell
from mstask.cost import count_parameters
from mstask.networks import VerticalNet, own_options
from mstask.neurons import neuron_type
from mstask.neurons.description import describe
from mstask.section import given, grid, resolve
from mstask.show import lesson
from mstask.spiking import recipe
from mstask.studies.gallery.exhibits_speech import SHOWN, spoken
from mstask.training import train

settings = resolve("rotation", **given("rotation", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# One word by three of the embedded voices. How much do they differ to your ear? A network that never heard a voice must get over that.

# %%
for place in SHOWN[::2]:
    sound = spoken(*place)
    print(sound.title.removesuffix(", held out"))
    display(Audio(sound.samples, rate=sound.rate))

# %% [markdown]
# ## The data
#
# One row for each pair: words to train on, to select on, and by the two speakers that are held out.

# %%
splits = {case: load("rotation", settings, case) for case in settings.cases}
counts = {case: split.meta["counts"] for case, split in splits.items()}
pd.DataFrame(counts).T.rename_axis("held out")

# %% mystnb={"image": {"alt": "One test word by a speaker held out: spike counts by nerve fibre and frame"}}
pair = settings.cases[0]
part = splits[pair].test
x, y = part.x[0], int(part.y[0])
title = f"“{splits[pair].meta['class_names'][y]}”, {pair} held out"
lesson.draw_example(x, title, "nerve fibre")

# %% [markdown]
# ## The neuron
#
# Doppler-LIF, the paper's winner on radar, is the one whose place on speech is in question: does it fall behind for every pair of
# speakers, or for the paper's pair only?

# %%
Math(describe(neuron_type("Doppler-LIF")).equation)

# %% [markdown]
# One time step of one layer as code. `c` holds what `coefficients` makes of the learnt parameters. The layer fires when $u$ reaches the
# threshold; `fire` carries the surrogate gradient. A spike sets the state back to 0, which the equation leaves out.

# %%
Code(describe(neuron_type("Doppler-LIF")).step, language="python")

# %% [markdown]
# ## The network
#
# Four layers of this type in sequence. Only spikes pass from one to the next; the class is read from the mean over time of the
# last layer's spikes.

# %%
torch.manual_seed(settings.seeds[0])
types = ["Doppler-LIF"] * 4
wanted = {
    "beta": settings.beta,
    "surrogate_slope": settings.surrogate_slope,
}
network = VerticalNet(
    in_features=splits[pair].train.x.shape[-1],
    n_classes=splits[pair].n_classes,
    layer_types=types,
    width=settings.width,
    neuron_kwargs=own_options(types, wanted),
)
print(network)
print(f"{count_parameters(network):,} parameters")

# %% [markdown]
# ## Thresholds
#
# One threshold per layer is set by bisection so that the layer fires at the target on the first training examples, and then left
# alone.

# %% mystnb={"image": {"alt": "Firing rates of the neurons of each layer before and after calibration"}}
batch = splits[pair].train.x[: settings.calibration_examples]
before = lesson.spikes_of(network, batch)
calibrate_thresholds(network, batch, settings.target_rate)
after = lesson.spikes_of(network, batch)
lesson.draw_rates(before, after, settings.target_rate)

# %% [markdown]
# ## One run in the open
#
# A few epochs with the first pair held out. The curve is that of known speakers; the number below it is that of the pair.

# %%
few = settings.model_copy(update={"max_epochs": min(3, settings.max_epochs)})
outcome = train(
    network,
    splits[pair],
    recipe(few),
    settings.seeds[0],
    on_epoch=lesson.LiveRun(),
)
print(f"after {outcome.epochs} epochs, on the test set:")
print(f"macro-F1 {outcome.macro_f1:.3f}")

# %% [markdown]
# The last layer's spikes on the word above, by a speaker whom the network never heard.

# %% mystnb={"image": {"alt": "Spikes of the trained last layer on one example, a row per neuron"}}
lesson.draw_spikes(lesson.spikes_of(network, x[None])[-1][0], title)

# %% [markdown]
# ## The grid
#
# One cell of the grid is one neuron type with one pair held out and one seed: four layers of it, thresholds calibrated once,
# trained with Adam until the smoothed validation macro-F1 has not improved for `patience` epochs, or for `max_epochs`, as in
# `quick`. The test figures are those of the best epoch. Each cell writes one result document; a cell that is already done is read
# back.

# %%
cells = []
for place in grid(settings):
    cell = run_cell("rotation", place, settings, splits[place.case])
    cells.append(cell)
    done = cell.result
    print(f"{place}: macro-F1 {done.macro_f1:.3f}, epoch {done.best_epoch}")

# %% [markdown]
# ## Results
#
# The first figure shows the ranking for each pair. The second sets the spread over pairs beside the spread over seeds; the
# table below it splits the spread into its sources, for which at least two types, pairs and seeds are needed. Behind a score *at chance* says that it can't be told from guessing, *collapsed* that the last epoch
# scored far below the best one on validation, *cut* that the budget ended a training before patience did; where it ended all of
# them, as often in `quick`, that isn't said.

# %%
document = results.merge(cells)
show.table_rotation(document)

# %% mystnb={"image": {"alt": "Rank of each neuron type for each held-out pair of this run"}}
show.figure_rotation(document)

# %% mystnb={"image": {"alt": "Spread of the scores over held-out pairs and over seeds in this run"}}
show.figure_rotation_spread(document)

# %%
show.table_rotation_components(document)

# %% [markdown]
# ## The claim, judged by this run
#
# Verdicts are passed on runs of `afternoon` and `paper`; smaller ones are *not testable*.

# %%
lesson.verdicts(document, ["rotation"])

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. Which pair is hardest, and is it so for every neuron type? Add pairs (`cases`) and read *lowest (pair)* and
#    *highest (pair)* in the table.
# 2. Add seeds (`seeds = [42, 123, 999]`): is the spread over speakers wider than that over seeds?
