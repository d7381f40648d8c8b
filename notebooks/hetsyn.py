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
# # Run: time constants in the synapse
#
# Four networks that differ only in where their time constants live: one for all, one for each neuron, or one for each synapse.
# They meet tasks with a long delay, a pattern to generate, digits as sequences, spoken digits and radar.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/hetsyn.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. `quick` takes about a minute, `afternoon` is sized for two processor cores; `paper` is
# the published protocol.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick, afternoon or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: the profile's
cases: list = None  # which data or splits; None: the profile's
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

if "google.colab" in sys.modules and not os.path.exists("mstask-v0.2.0"):
    os.system("git clone -q https://github.com/mstask/mstask mstask-v0.2.0")
    os.system("git -C mstask-v0.2.0 checkout -q v0.2.0")
sys.path[:0] = [os.environ.get("MSTASK_ROOT", "."), "..", "mstask-v0.2.0"]
from mstask.lab import session  # not found? Name the checkout in MSTASK_ROOT

print(session.begin("v0.2.0"))

# %%
# %matplotlib inline
import inspect

import numpy as np
import pandas as pd
import torch
from IPython.display import Code

from mstask import results, show
from mstask.cell import load, run_cell
from mstask.cost import count_parameters
from mstask.section import given, grid, resolve, section
from mstask.show import lesson
from mstask.studies.hetsyn import analyses, forms, loop, synthetic
from mstask.studies.hetsyn.networks import Network, free_time_constants
from mstask.studies.hetsyn.settings import MATCH_TIMES, SETTINGS
from mstask.studies.hetsyn.tasks import MatchToSample

settings = resolve("hetsyn", **given("hetsyn", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## The task
#
# Delayed match-to-sample: ten channels fire for *left*, ten for *right*, ten are noise. Two cues of 100 ms, 800 ms apart; were
# they on the same side? A step is 5 ms, so the first cue must be remembered for 160 steps.

# %% mystnb={"image": {"alt": "Spikes of one trial: two short cues, a long pause between them, noise on the upper channels"}}
task, order = MatchToSample(), settings.seeds[0]
x, y = task.trials(1, torch.Generator().manual_seed(order))
lesson.draw_spikes(x[0], "match" if y else "mismatch")

# %% [markdown]
# ## The synapse
#
# Each connection from sender $i$ to neuron $j$ has a current of its own, with its own decay $r_{ji} = e^{-1/\tau_{ji}}$:
#
# $$I_{ji}^t = r_{ji}\, I_{ji}^{t-1} + w_{ji}\, x_i^t$$
#
# As code it is one line; where a neuron has a single decay, the currents can be added up first, and `x @ w.T` does that.

# %%
Code(inspect.getsource(forms.synapse_step), language="python")

# %% [markdown]
# ## One input, two neurons
#
# The trial above goes into two neurons with equal weights. In the first all synapses have the time constant of 8 steps that the
# task's homogeneous networks have; in the second they range from 1 step (dark) to 1000 (light). Drawn are the currents of the
# ten channels of the first cue.


# %%
def currents(tau):
    """The currents [T, 30] of a neuron's synapses on the trial."""
    w, r = torch.ones(1, 30), torch.exp(-1 / tau)
    current, found = None, []
    for step in range(task.steps):
        current = forms.synapse_step(current, x[:, step], w, r)
        found.append(current[0, 0])
    return torch.stack(found).numpy()


# %% mystnb={"image": {"alt": "Currents of ten synapses over a trial, all with one time constant above, each with its own below"}}
own = torch.logspace(0, 3, 10).repeat(3)[None]
left = x[0, : task.steps // 2, :10].sum() > 0
shown = slice(0, 10) if left else slice(10, 20)
titles = {"8 steps for all": torch.full_like(own, 8), "1 to 1000 steps": own}
for title, tau in titles.items():
    traces = pd.DataFrame(currents(tau)[:, shown])
    axes = traces.plot(figsize=(4.6, 2), cmap="viridis", legend=False)
    axes.set(title=title, xlabel="step", ylabel="current")

# %% [markdown]
# With 8 steps nothing of the first cue is left when the second comes. A single long time constant would keep it, and the noise of
# the whole trial with it; that is why it helps to have several.
#
# ## The neuron
#
# What the currents add up to drives the neuron. It has no membrane of its own: a spike only adds to a reset current that fades, and
# in HomNeuALIF to a second one:
#
# $$V_j^t = \sum_i I_{ji}^t - J_j^t, \qquad J_j^t = \kappa J_j^{t-1} + \theta z_j^{t-1}, \qquad z_j^t = [V_j^t > \theta]$$
#
# `surrogate` stands in for the derivative of the spike.

# %%
Code(inspect.getsource(forms.spikes), language="python")

# %% [markdown]
# ## The network
#
# Thirty inputs, one hidden layer, a readout through the same kind of synapses; the larger of the two outputs at the last step is the
# answer. Thresholds are 1 and aren't calibrated: a term of the loss pulls firing rates to 10 Hz.

# %%
torch.manual_seed(order)
network = Network(
    method="HetSynLIF",
    sizes=(task.n_channels, settings.hidden, task.n_classes),
    recurrent=False,
    times=MATCH_TIMES,
    surrogate="triangle",
    score="last",
)
print(network)
print(f"{count_parameters(network):,} parameters")

# %% [markdown]
# Its rivals have the same weights, and start from the same values. Beside them each learns this many time constants.

# %%
learnt = {}
for name in section("hetsyn").methods:
    rival = SETTINGS["match-feedforward"].network(name, 30, 2)
    learnt[name] = free_time_constants(rival)
pd.Series(learnt, name="time constants, 100 hidden neurons").to_frame()

# %% [markdown]
# ## One run in the open
#
# Every step draws 32 fresh trials, so there is no training set to remember. The loss:

# %%
Code(inspect.getsource(synthetic.match_loss), language="python")

# %% mystnb={"image": {"alt": "Loss and share of right answers over the iterations of this run, means of ten"}}
start = analyses.time_constants(network.decays()["layers.0.inputs"])
training = loop.Iterations(
    network,
    synthetic.match_loss,
    load("hetsyn", settings, "match-feedforward"),
    loop.StepDown(settings.match_learning_rate),
    iterations=min(150, settings.iterations),
    seed=order,
)
training.run(on_epoch=lambda found: print(f"loss {found.train_loss[-1]:.2f}"))
run = pd.DataFrame({"loss": training.losses, "right": training.merits})
smooth = run.rolling(10, min_periods=1).mean()
axes = smooth.plot(subplots=True, figsize=(4.6, 3), xlabel="iteration")

# %% [markdown]
# ## What was learnt
#
# The time constants of the input synapses, before and after. The last bar holds all that are longer, those that never forget
# included.

# %% mystnb={"image": {"alt": "Histograms of the time constants of the input synapses before and after the run, both axes logarithmic"}}
end = analyses.time_constants(network.decays()["layers.0.inputs"])
taus = pd.DataFrame({"before": start.flatten(), "after": end.flatten()})
axes = taus.clip(1, 4000).plot.hist(
    bins=np.geomspace(1, 4096, 25),
    alpha=0.6,
    logx=True,
    logy=True,
    figsize=(4.6, 3),
    xlabel="time constant, steps",
    ylabel="synapses",
)

# %% [markdown]
# The hidden layer on the trial above. Look for neurons whose firing after the first cue goes on through the pause.

# %% mystnb={"image": {"alt": "Spikes of the trained hidden layer on one trial, a row per neuron"}}
with torch.no_grad():
    outputs, spikes = network.run(x)
answer = "match" if outputs[0, -1].argmax() else "mismatch"
lesson.draw_spikes(spikes[0][0], f"the network says {answer}")

# %% [markdown]
# Do the long ones carry the memory? Set back to 8 steps all that are above 700 ms (140 steps), then as many others, then all others.

# %%
test = load("hetsyn", settings, "match-feedforward").test
pd.Series(
    analyses.knock_out(
        network, 140, 8, lambda m: analyses.accuracy(m, test), seed=0
    ),
    name="accuracy after the reset; n counts",
).to_frame()

# %% [markdown]
# ## The grid
#
# One cell of the grid is one network on one task with one seed. The synthetic tasks run for a fixed number of iterations; the
# others, of which `quick` has none, go through the training set for `max_epochs` (the digits for `digits_epochs`); the best epoch is
# kept. Each cell writes one result document; a cell that is already done is read back.

# %%
splits = {case: load("hetsyn", settings, case) for case in settings.cases}
sizes = {
    case: s.meta["counts"] | {"steps": s.test.x.shape[1]}
    for case, s in splits.items()
}
pd.DataFrame(sizes).T.rename_axis("task")

# %%
cells = []
for place in grid(settings):
    cell = run_cell("hetsyn", place, settings, splits[place.case])
    cells.append(cell)
    error = (cell.result.details or {}).get("mse")
    what = "accuracy" if error is None else "error"
    value = cell.result.accuracy if error is None else error
    print(f"{place}: {what} {value:.3f}")

# %% [markdown]
# ## Results
#
# Behind a score *at chance* says that it can't be told from guessing, *collapsed* that the last epoch scored far below the best one
# on validation, *cut* that the budget ended a training before patience did; where it ended all of them, as often in `quick`, that
# isn't said.

# %%
document = results.merge(cells)
show.table_hetsyn(document)

# %% mystnb={"image": {"alt": "Accuracy of the four networks on each task of this run"}}
show.figure_hetsyn(document)

# %% [markdown]
# ### Where the memory is
#
# Time constants and knock-outs as above, for HetSynLIF: histograms on match-to-sample and the pattern without recurrence, spoken
# digits in bins and radar, as far as this run has them; knock-outs on the tasks that are classified, in the table HetNeuLIF's, too.

# %% mystnb={"image": {"alt": "Histograms of the time constants of this run before and after training"}}
show.figure_hetsyn_times(document)

# %% mystnb={"image": {"alt": "Accuracy after resetting long, random or short time constants in this run"}}
show.figure_hetsyn_knock_out(document)

# %%
show.table_hetsyn_knock_out(document)

# %% [markdown]
# ### The pattern
#
# The network's output has to follow a curve of two seconds while the same input template comes three times.

# %% mystnb={"image": {"alt": "Output of each network on the pattern beside the target in this run"}}
show.figure_hetsyn_pattern(document)

# %%
show.table_hetsyn_pattern(document)

# %% [markdown]
# ### Disturbances, few neurons, weight decay
#
# What the run didn't include says so.

# %% mystnb={"image": {"alt": "Accuracy of each network under disturbances at test time in this run"}}
show.figure_hetsyn_robust(document)

# %% mystnb={"image": {"alt": "Accuracy of networks with few neurons in this run"}}
show.figure_hetsyn_small(document)

# %% mystnb={"image": {"alt": "Median time constants with and without weight decay in this run"}}
show.figure_hetsyn_decay(document)

# %% [markdown]
# ### Beside the paper

# %%
show.table_hetsyn_published(
    {"published": results.load("hetsyn", "published"), "run": document}
)

# %% [markdown]
# ## The claims, judged
#
# Verdicts are passed on runs of `afternoon` and `paper`; smaller ones are *not testable*.

# %%
lesson.verdicts(document)

# %% [markdown]
# ## What to change next
#
# Set a parameter in the cell at the top and run all cells again; a cell that was run before is read back.
#
# 1. Let the hidden layer listen to itself (`cases = ["match-feedforward", "match-recurrent"]`). Which of the four networks gains most?
#    Where could it keep the first cue now?
# 2. Take ten hidden neurons instead of a hundred (`hidden = 10`). Does HetSynLIF still learn the task, and how many long synapses does
#    it end with?
