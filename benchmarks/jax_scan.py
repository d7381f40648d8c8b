"""The LIF network in JAX: one jitted function for a whole training step, the time loop a `lax.scan` of a given unroll.

Input is time-major [T, B, F], as a scan runs. Weights, thresholds, the order of operations within a time step and the surrogate
gradient are those of the network of this project that it is made from.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from torch import Tensor

from mstask.networks import VerticalNet
from mstask.protocol import PROTOCOL

BETAS, EPS = (0.9, 0.999), 1e-8
"""torch's defaults of Adam."""


class Neuron(NamedTuple):
    """What a layer's neurons share: leak, slope of the surrogate, and time steps written out per turn of the loop."""

    beta: float
    slope: float
    unroll: int


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def fire(distance: jax.Array, slope: float) -> jax.Array:
    """Spike H(d), with the fast-sigmoid surrogate gradient 1 / (k |d| + 1)^2."""
    return (distance >= 0).astype(distance.dtype)


fire.defvjp(lambda d, slope: (fire(d, slope), d), lambda slope, d, grad: (grad / (slope * jnp.abs(d) + 1) ** 2,))


def lif(x: jax.Array, threshold: float, neuron: Neuron) -> jax.Array:
    """Spikes [T, B, W] of inputs [T, B, W]: u = beta m + x, a spike where u reaches the threshold resets m to 0."""

    def step(membrane: jax.Array, current: jax.Array) -> tuple[jax.Array, jax.Array]:
        u = neuron.beta * membrane + current
        s = fire(u - threshold, neuron.slope)
        return u * (1 - s), s

    return jax.lax.scan(step, jnp.zeros_like(x[0]), x, unroll=neuron.unroll)[1]


def forward(parameters: list[Any], x: jax.Array, thresholds: tuple[float, ...], neuron: Neuron) -> tuple[jax.Array, list]:
    """Logits [B, C], and the firing rate of each layer."""
    *layers, (readout, offset) = parameters
    rates = []
    for (weight, bias), threshold in zip(layers, thresholds, strict=True):
        x = lif(x @ weight.T + bias, threshold, neuron)
        rates.append(x.mean())
    return x.mean(0) @ readout.T + offset, rates


def cross_entropy(parameters: list[Any], x: jax.Array, y: jax.Array, **options: Any) -> jax.Array:
    """Mean over the batch; options are those of `forward`."""
    told = jax.nn.log_softmax(forward(parameters, x, **options)[0])
    return -jnp.take_along_axis(told, y[:, None], axis=1).mean()


def update(state: tuple, x: jax.Array, y: jax.Array, **options: Any) -> tuple:
    """One step of Adam: (parameters, first and second moments, steps done)."""
    parameters, first, second, done = state
    gradients = jax.grad(cross_entropy)(parameters, x, y, **options)
    (a, b), done, each = BETAS, done + 1, jax.tree.map
    first = each(lambda m, g: a * m + (1 - a) * g, first, gradients)
    second = each(lambda v, g: b * v + (1 - b) * g * g, second, gradients)
    rate, scale = PROTOCOL.learning_rate / (1 - a**done), 1 / (1 - b**done)
    return each(lambda p, m, v: p - rate * m / (jnp.sqrt(scale * v) + EPS), parameters, first, second), first, second, done


class ScannedNet:
    """A network of JAX with the weights and thresholds of one of this project, and its training state."""

    def __init__(self, net: VerticalNet, unroll: int) -> None:
        linear = [*(layer.linear for layer in net.layers()), net.readout]
        parameters = [(_array(one.weight), _array(one.bias)) for one in linear]
        thresholds = tuple(layer.neuron.threshold for layer in net.layers())
        known = {"thresholds": thresholds, "neuron": Neuron(PROTOCOL.beta, PROTOCOL.surrogate_slope, unroll)}
        first, second = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
        self.state = (parameters, first, second, jnp.zeros((), jnp.int32))
        self._update = jax.jit(partial(update, **known), donate_argnums=0)
        self._forward = jax.jit(partial(forward, **known))

    def training_step(self, x: Tensor, y: Tensor) -> Callable[[], None]:
        """One step of training on x [B, T, F]: forward, cross-entropy, backward, Adam."""
        given, labels = _time_major(x), jnp.asarray(y.numpy())

        def step() -> None:
            self.state = jax.block_until_ready(self._update(self.state, given, labels))

        return step

    def evaluation(self, x: Tensor) -> Callable[[], tuple[jax.Array, list]]:
        """One forward pass of x [B, T, F]."""
        given = _time_major(x)
        return lambda: jax.block_until_ready(self._forward(self.state[0], given))


def spikes_and_gradient(x: Tensor, threshold: float, beta: float, slope: float, upstream: Tensor) -> list[np.ndarray]:
    """In double precision, of inputs [B, T, W]: the spikes, and the gradient of the inputs for that of the spikes."""
    with jax.enable_x64(True):
        spikes, pull = jax.vjp(lambda given: lif(given, threshold, Neuron(beta, slope, 4)), _time_major(x))
        found = spikes, pull(_time_major(upstream))[0]
        return [np.asarray(one).swapaxes(0, 1) for one in found]


def _array(tensor: Tensor) -> jax.Array:
    return jnp.array(tensor.detach().numpy())


def _time_major(x: Tensor) -> jax.Array:
    return _array(x.transpose(0, 1).contiguous())
