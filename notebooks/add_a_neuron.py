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
# # Add a neuron
#
# A neuron type is one short class: its equation, written once for one time step. The time loop, the compiled forward and
# backward pass, calibration, training and tests follow from it. This page adds one, checks it and trains it.

# %% [markdown] tags=["badge", "remove-cell"]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/mstask/mstask/blob/v0.2.0/notebooks/add_a_neuron.ipynb)

# %% tags=["parameters"]
seed: int = 42  # of weights, data order and test inputs
epochs: int = 5  # training epochs on the small radar set

# %% tags=["setup", "hide-input"]
import os
import sys

if "google.colab" in sys.modules and not os.path.exists("mstask-v0.2.0"):
    os.system("git clone -q https://github.com/mstask/mstask mstask-v0.2.0")
    os.system("git -C mstask-v0.2.0 checkout -q v0.2.0")
sys.path[:0] = [os.environ.get("MSTASK_ROOT", "."), "..", "mstask-v0.2.0"]
from mstask.lab import session  # not found? Name the checkout in MSTASK_ROOT

print(session.begin("v0.2.0"))

# %% [markdown]
# ## The equation
#
# As an example, a leaky integrator that tires: each spike raises a fatigue $a$, which is subtracted from the membrane $m$ before
# the comparison with the threshold and fades with its own learnt decay. A spike also sets $m$ to 0.
#
# $$m \leftarrow \beta m + x, \qquad u = m - a, \qquad a \leftarrow \sigma(r_i)\, a + h_i s$$

# %%
from typing import NamedTuple

import torch

from mstask import neurons


class Tired(NamedTuple):
    m: torch.Tensor
    fatigue: torch.Tensor


class TiringCoefficients(NamedTuple):
    beta: torch.Tensor
    decay: torch.Tensor
    jump: torch.Tensor


@neurons.register
class TiringLIF(neurons.Neuron):
    r"""LIF that tires: m <- beta m + x, u = m - a; a spike resets m to 0 and raises the fatigue a.

    Equation
    --------
    m \leftarrow \beta m + x, \qquad u = m - a, \qquad a \leftarrow \sigma(r_i)\, a + h_i s

    Listens for
    -----------
    The onset of an input: it fires fast at first and ever more slowly when the input lasts.
    """

    name = "Tiring-LIF"
    State = Tired

    def __init__(self, size, *, beta=0.95, **options):
        super().__init__(size, **options)
        self.register_buffer("beta", torch.full((size,), beta), persistent=False)
        self.r = torch.nn.Parameter(torch.full((size,), 2.0))
        self.h = torch.nn.Parameter(torch.full((size,), 0.1))

    def coefficients(self, steps):
        return TiringCoefficients(self.beta, torch.sigmoid(self.r), self.h)

    @staticmethod
    def step(x, state, c, fire):
        m = c.beta * state.m + x
        s = fire(m - state.fatigue)
        return s, Tired(m * (1 - s), c.decay * state.fatigue + c.jump * s)


# %% [markdown]
# Four rules make a step:
#
# - `State` names the state variables, [B, W] each, all 0 at the start of a trial.
# - `coefficients(self, steps)` turns parameters into per-neuron numbers: [W], or [T, W] when they change with time.
# - `step(x, state, c, fire)` is pointwise torch code on [B, W]. `fire(u)` is 1 where `u` reaches the threshold and carries the
#   surrogate gradient; the spikes must come from it, and a step whose spikes don't is refused.
#   `neurons.layer_sum(value)`, [B, W] to [B, 1], sums over the neurons of a layer, trial by trial, and is the one way to look
#   at other neurons; `neurons.modulus(real, imag)` and `neurons.angle(imag, real)` are safe at 0.
# - What depends on the input alone goes into `drive(self, x)`, which maps the whole sequence [B, T, W] to another of the same
#   shape before the time loop, and is ordinary torch code.
#
# A step that uses anything else still runs, by the slower reference loop, and a warning says why. One thing never belongs into a
# step or a drive: looking at the whole batch. After `if (state.m > 3).any(): ...` one trial decides what happens to all others,
# so that a result depends on which trials share a batch, and on the batch size. The warning names such a line;
# `torch.where(state.m > 3, a, b)` decides for each neuron of each trial.

# %% [markdown]
# ## The compiled loop computes the same
#
# The reference is the same step run by plain autograd. Spikes must be equal, and in double precision so must every gradient.


# %%
def run(backend):
    """Spikes and all gradients of one layer on random input."""
    torch.manual_seed(seed)
    layer = neurons.create("Tiring-LIF", 33, backend=backend).double()
    x = torch.randn(4, 50, 33, dtype=torch.float64, requires_grad=True)
    spikes, _ = layer(x)
    (spikes * torch.randn_like(spikes)).sum().backward()
    return spikes.detach(), [x.grad, *(p.grad for p in layer.parameters())]


fused, reference = run("fused"), run("reference")
error = max(
    (a - b).abs().max().item() for a, b in zip(fused[1], reference[1], strict=True)
)
assert torch.equal(fused[0], reference[0])
assert error < 1e-10
print(
    f"firing rate {fused[0].mean():.3f}, spikes equal, largest gradient difference {error:.1e}"
)

# %% [markdown]
# ## What it listens for
#
# A steady input, and the steps between one spike and the next: the longer the input lasts, the longer they get, here with a
# fatigue that fades slowly and jumps by more and more.

# %% mystnb={"image": {"alt": "Steps between spikes under a steady input, spike by spike: they grow, more so where the fatigue jumps by more"}}
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(5, 2.6))
steady = torch.full((1, 200, 1), 0.2)
for jump in (0.1, 0.5, 1.0):
    layer = neurons.create("Tiring-LIF", 1)
    layer.h.data.fill_(jump)
    layer.r.data.fill_(4.0)
    when = layer(steady)[0][0, :, 0].nonzero().ravel()
    axes.plot(when.diff(), "o-", label=f"h = {jump}")
axes.set(xlabel="spike", ylabel="steps since the last one")
axes.legend()
plt.show()

# %% [markdown]
# ## It trains
#
# The new name works wherever a neuron name does. A few epochs on the small radar set show that it learns, not how well it ranks.

# %%
from mstask import data
from mstask.calibration import calibrate_thresholds
from mstask.networks import VerticalNet
from mstask.show import lesson
from mstask.training import Recipe, train

splits = data.load("radar", size="small")
torch.manual_seed(seed)
net = VerticalNet(64, splits.n_classes, ["Tiring-LIF"] * 2, 32)
calibrate_thresholds(net, splits.train.x)
print(
    "firing rates after calibration:",
    [round(rate, 3) for rate in net.firing_rates(splits.train.x)],
)
recipe = Recipe(max_epochs=epochs, batch_size=16, learning_rate=3e-3)
outcome = train(net, splits, recipe, seed, on_epoch=lesson.LiveRun())
print(
    "cross-entropy by epoch:",
    [round(loss, 3) for loss in outcome.history.train_loss],
)
assert epochs < 2 or (
    outcome.history.train_loss[-1] < outcome.history.train_loss[0]
)

# %% [markdown]
# ## To keep it
#
# Put imports and classes, the decorator included, into a file of their own in `mstask/neurons/`, under another `name` than
# Tiring-LIF, which this page defines itself: every file there is imported. (Write `from mstask.neurons import Neuron, register`
# there.) The generic tests then check its gradient by finite differences
# and its compiled loop against the reference, and the book's zoo of neurons measures and draws it. The equation and the
# description there come from the two sections of the docstring.
#
# ## What to change next
#
# 1. Divide the membrane instead of subtracting from it: `fire(m / (1 + state.fatigue))`. Is the compiled loop still the same as the
#    reference?
# 2. Look at a whole layer: subtract `0.01 * neurons.layer_sum(state.fatigue)` instead of `state.fatigue`. Neurons now tire each other.
