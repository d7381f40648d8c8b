"""The JavaScript of a layer fires when the reference fires, in a browser and in node, as far as they are installed."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import subprocess
from typing import NamedTuple

import numpy as np
import pytest
import torch
from test_scan import custom, delayed, kinked, layer, smooth
from torch import nn

from mstask import neurons
from mstask.errors import NotFusable
from mstask.fused import javascript
from mstask.lab import browser
from mstask.neurons.base import Membrane, Neuron
from mstask.studies.gallery import responses

CLOSE = 1e-12
RUN = """([source, trials]) => trials.map(([x, p, threshold]) => {
  const r = (0, eval)(`(${source})`)(Float64Array.from(x), p, threshold), flat = v => Array.from(v);
  return {u: flat(r.u), s: flat(r.s), state: Object.values(r.state).map(flat)};
})"""
NODE = f"""require("readline").createInterface({{input: process.stdin}}).on("line", line =>
  process.stdout.write(JSON.stringify(({RUN})(JSON.parse(line))) + "\\n"))"""


@contextlib.contextmanager
def node():
    """A process that answers each line."""
    with subprocess.Popen(["node", "-e", NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def ask(source, trials):
            process.stdin.write(json.dumps([source, trials]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask


@pytest.fixture(scope="module")
def engines():
    """What runs a function's text on trials (x, p, threshold): a browser and node, as far as they are installed."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(node())] if shutil.which("node") else []
        try:
            tab = stack.enter_context(browser.opened()).new_page()
            found.append(lambda source, trials: tab.evaluate(RUN, [source, trials]))
        except browser.NoBrowser as reason:
            if not found:
                pytest.skip(f"{reason}; nor is node installed")
        yield found


def inputs(width):
    """The zoo's four inputs, alike for all neurons, and noise of each neuron's own; float64 [5, T, W]."""
    alike = np.repeat(np.stack(list(responses.stimuli().values()))[..., None], width, 2)
    own = np.random.default_rng(3).standard_normal((1, responses.STEPS, width))
    return torch.from_numpy(np.concatenate([alike, own]))


def compare(engines, neuron, x, close=CLOSE):
    """Assert equal spikes and close membranes and final states, in every engine; return the spikes."""
    p = {name: value.flatten().tolist() for name, value in javascript.attributes(neuron).items()}
    source, trials = javascript.function(neuron, x.shape[1]), [[trial.flatten().tolist(), p, neuron.threshold] for trial in x]
    u, s = responses.run(neuron, x)
    with torch.no_grad():
        _, state = neuron(x)
    for k, trial in ((k, trial) for engine in engines for k, trial in enumerate(engine(source, trials))):
        assert np.array_equal(np.reshape(trial["s"], s[k].shape), s[k].numpy())
        assert np.abs(np.reshape(trial["u"], u[k].shape) - u[k].numpy()).max() < close
        for values, expected in zip(trial["state"], state, strict=True):
            assert np.abs(np.array(values) - expected[k].numpy()).max() < close
    return s


ALONE_AND_TOGETHER = [(name, seed, width) for name in neurons.names() for seed, width in ((None, 1), (0, 5))]
"""Each neuron as it begins alone, and five that differ; those that hear each other also as they begin."""


@pytest.mark.parametrize(("name", "seed", "width"), [*ALONE_AND_TOGETHER, ("Beam-IF", None, 5), ("CrossInhib-LIF", None, 5)])
def test_every_registered_neuron_fires_as_the_reference_does(name, seed, width, engines):
    neuron = neurons.create(name, width).double() if seed is None else layer(name, width, seed=seed)
    neuron.backend = "reference"
    x = inputs(width)
    neuron.threshold = math.inf
    neuron.threshold = responses.run(neuron, x)[0].quantile(0.8).item()
    spikes = compare(engines, neuron, x)
    assert width == 1 or 0 < spikes.mean() < 0.5


@pytest.mark.parametrize("name", ["Vanilla-LIF", "CrossInhib-LIF"])
def test_a_step_without_functions_is_the_same_bit_for_bit(name, engines):
    neuron = layer(name, 5, backend="reference")
    neuron.g = nn.Parameter(torch.full((5,), 30.0, dtype=torch.float64)) if name == "CrossInhib-LIF" else None
    compare(engines, neuron, inputs(5), close=5e-324)


@pytest.mark.parametrize("step", [smooth, kinked, delayed], ids=lambda step: step.__name__)
def test_every_operation_of_a_step_has_its_counterpart(step, engines):
    neuron, x = custom(step, backend="reference"), inputs(5)[:, :20]
    compare(engines, neuron, x.round() if step is kinked else x)


class Both(NamedTuple):
    decay: torch.Tensor
    gain: torch.Tensor


class Busy(Neuron):
    """Does outside its step whatever may be done there."""

    name = "Busy"
    State = Membrane

    def __init__(self, size, *, gain=0.3, **options):
        super().__init__(size, **options)
        self.gain = gain
        self.w = nn.Parameter(torch.linspace(-1, 1, size))
        self.inner = nn.Linear(size, size)
        self.register_buffer("order", torch.linspace(0, 1, 3 * size).reshape(3, size))

    def drive(self, x):
        before = nn.functional.pad(x[:, :-2], (0, 0, 2, 0))
        around = nn.functional.pad(x[..., 1:-1], (1, 1), value=0.5)
        mixed = x.transpose(1, 2).flip(1).transpose(1, 2) + torch.roll(x, 1, -1) * self.order[1]
        return torch.where(x > 0, before, self.inner(around)) - mixed.clamp(-1, 1) + (x @ torch.outer(self.w, self.w)).tanh()

    def coefficients(self, steps):
        time = torch.arange(steps, dtype=self.w.dtype)[:, None] / steps
        decay = torch.sigmoid(self.w - time) ** 0.5 + torch.atan2(self.w, time + 1).abs() / 10
        return Both(decay, nn.functional.softplus(self.w) * self.gain + torch.log1p(self.order[2]))

    @staticmethod
    def step(x, state, c, fire):
        u = 0.5 * c.decay * state.m + x * c.gain
        s = fire(u)
        return s, Membrane(u * (1 - s))


def test_what_a_neuron_does_outside_its_step_is_written_too(engines):
    neuron = Busy(5, backend="reference").double()
    assert compare(engines, neuron, inputs(5)).any()


def test_what_has_no_counterpart_is_refused_by_name():
    class Sorted(Busy):
        name = "Sorted"

        def drive(self, x):
            return x.sort(1).values

    class Branching(Busy):
        name = "Branching"

        def drive(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(NotFusable, match=r"^Sorted: drive or coefficients use aten.sort.default, which has no JavaScript yet$"):
        javascript.function(Sorted(5), 8)
    with pytest.raises(NotFusable, match=r"^Branching: drive and coefficients can't be traced"):
        javascript.function(Branching(5), 8)


def test_numbers_are_written_so_that_they_are_read_back():
    written = {0.1: "0.1", -2.0: "(-2)", 1e300: "1e+300", math.inf: "Infinity", -math.inf: "(-Infinity)", -0.0: "(-0)"}
    assert {value: javascript.literal(value) for value in written} == written
    assert javascript.literal(math.nan) == "NaN"
