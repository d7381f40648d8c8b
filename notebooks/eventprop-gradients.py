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
# # Run 5.2: are the gradients exact?
#
# The gradients of event-based networks are compared with finite differences, with the same method on a time grid, with surrogate
# gradients, and with what the reference implementation computes in their place.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.1.0/notebooks/eventprop-gradients.ipynb)

# %% [markdown]
# ## Parameters
#
# `None` means: the profile's value. Every profile takes seconds to a few minutes; `paper` draws more networks and finer grids.

# %% tags=["parameters"]
profile: str = "quick"  # smoke, quick or paper
data_source: str = "embedded"  # embedded, or real: the user's own copy
data_size: str = None  # small, medium or paper
methods: list = None  # which to run; None: all
seeds: list = None  # for example [42, 123, 999]
entries: int = None  # weights of each network that are checked, per kind
grid_steps: list = None  # steps of the time grid, ms, falling
slopes: list = None  # slopes of the surrogate gradient
surrogate_step: float = None  # step of the surrogate gradient, ms
trial_ms: float = None  # trial for the error that spikes hear, ms
batches: int = None  # training steps over which gradients are compared

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
import pandas as pd

from mstask import claims, results, show
from mstask.cell import load, run_cell
from mstask.section import given, grid, resolve

settings = resolve("eventprop-gradients", **given("eventprop-gradients", globals()))
pd.Series(settings.model_dump(), name="value").to_frame()

# %% [markdown]
# ## Measure
#
# One cell is one question about gradients, on networks that the seed draws. Nothing but a few steps is trained.

# %%
data = load("eventprop-gradients", settings)
cells = []
for place in grid(settings):
    cells.append(run_cell("eventprop-gradients", place, settings, data))
    print(f"{place}: {cells[-1].timing.seconds:.1f} s")
document = results.merge(cells)

# %% [markdown]
# ## Exact?
#
# Every parameter is moved by a millionth to either side; the change of the loss, over the change of the parameter, is the finite
# difference. Where a spike appears, vanishes or changes places between the two ends, the loss isn't smooth and the entry is skipped.

# %%
show.table_eventprop_checks(document)

# %% [markdown]
# ## On a time grid

# %% mystnb={"image": {"alt": "Relative error of the gradient on a time grid by step in this run"}}
show.figure_eventprop_grid(document)

# %%
show.table_eventprop_surrogate(document)

# %% [markdown]
# ## What a hidden spike hears

# %% mystnb={"image": {"alt": "Error that a hidden spike hears by its time in the trial, for four weights"}}
show.figure_eventprop_shaping(document)

# %% [markdown]
# ## Departures of the reference implementation

# %%
show.table_eventprop_departures(document)

# %% [markdown]
# ## The claims, judged by this run

# %%
judged = [
    claim
    for claim in claims.judge({"eventprop-gradients": document})
    if "eventprop-gradients" in claim.needs
]
pd.DataFrame(
    [(claim.text, claim.verdict, claim.evidence) for claim in judged],
    columns=["claim", "verdict", "evidence"],
)
