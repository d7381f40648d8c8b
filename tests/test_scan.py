"""The fused time loop gives the numbers and the gradients of the reference loop, and says clearly when it can't."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from mstask import neurons
from mstask.calibration import calibrate_thresholds
from mstask.errors import MstaskError, NotFusable
from mstask.fused import function, numba_kernel
from mstask.fused.trace import trace
from mstask.networks import VerticalNet
from mstask.neurons import registry, scan
from mstask.neurons.base import Membrane, Neuron
from mstask.neurons.ops import angle, layer_sum, modulus

SHAPES = [(3, 20, 5), (2, 17, 33), (4, 16, 1)]


def layer(name, width, dtype=torch.float64, seed=0, **options):
    """A layer whose parameters are moved off their regular starting values."""
    neuron = neurons.create(name, width, **options).to(dtype)
    return perturbed(neuron, seed)


def perturbed(neuron, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in neuron.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return neuron


def sequence(batch, steps, width, dtype=torch.float64, seed=1):
    return torch.randn(batch, steps, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def run(neuron, x, backend):
    neuron.backend = backend
    return neuron(x)


def gradients(neuron, x, backend):
    """Gradients of a random weighing of all spikes and all final states, for the input and each parameter."""
    x = x.detach().clone().requires_grad_()
    neuron.zero_grad()
    spikes, state = run(neuron, x, backend)
    generator = torch.Generator().manual_seed(2)
    outputs = (spikes, *state)
    loss = sum((o * torch.randn(o.shape, generator=generator, dtype=o.dtype)).sum() for o in outputs)
    loss.backward()
    return {"input": x.grad, **{name: p.grad for name, p in neuron.named_parameters()}}


def assert_same(neuron, x):
    """Spikes and final states are identical, in training and in evaluation."""
    expected, expected_state = run(neuron, x, "reference")
    with torch.no_grad():
        evaluated, evaluated_state = run(neuron, x, "fused")
    trained, trained_state = run(neuron, x, "fused")
    for spikes, state in ((evaluated, evaluated_state), (trained, trained_state)):
        assert torch.equal(spikes, expected)
        assert type(state) is type(expected_state)
        for value, wanted in zip(state, expected_state, strict=True):
            torch.testing.assert_close(value, wanted, rtol=0, atol=0, equal_nan=True)


def assert_same_gradients(neuron, x, tolerance=1e-10):
    expected, found = gradients(neuron, x, "reference"), gradients(neuron, x, "fused")
    for name, wanted in expected.items():
        if wanted is None:
            assert found[name] is None
            continue
        scale = wanted.nan_to_num().abs().max().item() + 1
        assert torch.allclose(found[name], wanted, rtol=0, atol=tolerance * scale, equal_nan=True), f"gradient of {name}"


@pytest.mark.parametrize("threshold", [0.3, 1.5])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", neurons.names())
def test_fused_spikes_and_states_are_those_of_the_reference_in_single_precision(name, shape, threshold):
    neuron = layer(name, shape[-1], torch.float32, threshold=threshold)
    assert_same(neuron, 2 * sequence(*shape, dtype=torch.float32))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", neurons.names())
def test_fused_gradients_of_input_and_every_parameter_are_those_of_autograd(name, shape):
    neuron = layer(name, shape[-1], threshold=0.7)
    assert_same_gradients(neuron, sequence(*shape))


@pytest.mark.parametrize("name", neurons.names())
def test_nan_inputs_spread_exactly_as_in_the_reference(name):
    neuron = layer(name, 5, threshold=0.7)
    x = sequence(3, 20, 5)
    x[1, 7, 2] = float("nan")
    assert_same(neuron, x)
    assert_same_gradients(neuron, x)


@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 4, 3)])
@pytest.mark.parametrize("name", ["Parametric-LIF", "Chirp-LIF", "CrossInhib-LIF"])
def test_an_empty_batch_or_trial_gives_empty_spikes_and_a_resting_state(name, shape):
    neuron = layer(name, 3)
    spikes, state = run(neuron, torch.zeros(shape, dtype=torch.float64), "fused")
    assert spikes.shape == shape
    assert all(value.shape == (shape[0], 3) and not value.any() for value in state)
    (spikes.sum() + sum(value.sum() for value in state)).backward()
    assert all(p.grad is not None and not p.grad.any() for p in neuron.parameters())


@pytest.mark.parametrize("name", ["Vanilla-LIF", "Doppler-LIF"])
def test_layout_of_input_and_gradient_in_memory_does_not_matter(name):
    neuron = layer(name, 5, threshold=0.7)
    x = sequence(3, 20, 5)
    wide, time_major, width_first = (
        torch.zeros(3, 20, 11, dtype=x.dtype),
        x.transpose(0, 1).contiguous(),
        x.permute(2, 0, 1).contiguous(),
    )
    wide[..., 3:8] = x
    weighing = sequence(3, 20, 5, seed=3)

    def gradient(leaf):
        (run(neuron, leaf, "fused")[0] * weighing).sum().backward()
        return leaf.grad

    expected = gradient(x.clone().requires_grad_())
    for view in (wide[..., 3:8], time_major.transpose(0, 1), width_first.permute(1, 2, 0)):
        leaf = view.detach().requires_grad_()
        assert torch.equal(run(neuron, leaf, "fused")[0], run(neuron, x, "fused")[0])
        assert torch.equal(gradient(leaf), expected)
    x.requires_grad_()
    run(neuron, x, "fused")[0].sum(1).backward(torch.ones(3, 5, dtype=x.dtype))
    by_expanded_gradient, x.grad = x.grad, None
    run(neuron, x, "fused")[0].backward(torch.ones(3, 20, 5, dtype=x.dtype))
    assert torch.equal(by_expanded_gradient, x.grad)


@pytest.mark.parametrize("backend", ["fused", "reference"])
def test_a_value_exactly_at_the_threshold_fires(backend):
    neuron = neurons.create("Vanilla-LIF", 2, backend=backend, threshold=0.1)
    at = torch.tensor(0.1)
    below = torch.nextafter(at, torch.tensor(0.0))
    spikes, state = neuron(torch.stack((at, below)).view(1, 1, 2))
    assert spikes.tolist() == [[[1.0, 0.0]]]
    assert state.m[0, 0] == 0


def test_gradients_do_not_depend_on_the_number_of_threads():
    neuron, x = layer("Doppler-LIF", 33, torch.float32), sequence(40, 30, 33, dtype=torch.float32)
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(gradients(neuron, x, "fused"))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(other[name], found[0][name]) for name in found[0])


def test_unused_outputs_need_no_gradient():
    neuron, x = layer("Dual-tau-LIF", 5), sequence(3, 20, 5)
    found = []
    for backend in ("reference", "fused"):
        leaf = x.clone().requires_grad_()
        run(neuron, leaf, backend)[1].slow.sum().backward()
        found.append(leaf.grad)
    torch.testing.assert_close(*found, rtol=1e-10, atol=1e-12)


def test_calibration_does_not_compile_again(monkeypatch):
    neuron, x = layer("Vanilla-LIF", 5, torch.float32, backend="fused"), sequence(3, 20, 5, dtype=torch.float32)
    with torch.no_grad():
        neuron(x)
        monkeypatch.setattr(function, "compile_kernel", lambda *_: pytest.fail("compiled again"))
        rates = []
        for neuron.threshold in (0.5, 1.0, 2.0):
            rates.append(neuron(x)[0].mean().item())
    assert rates[0] > rates[1] > rates[2]


def kept(name):
    """How many arrays a training pass of a type keeps for its gradients, and which of its other tensors."""
    neuron = neurons.create(name, 4)
    coefficients = neuron.coefficients(4)
    plan = function.Program(trace(type(neuron), type(coefficients))).plan(
        tuple(i for i, value in enumerate(coefficients) if value.requires_grad)
    )
    return len(plan.stored), plan.reads & {"drive", "spikes"}


def test_a_training_pass_keeps_one_array_per_membrane():
    assert kept("Vanilla-LIF") == (1, set())
    assert kept("Parametric-LIF") == (1, set())
    assert kept("Dual-tau-LIF") == (2, set())
    assert kept("Chirp-LIF") == (2, {"spikes"})


class Rates(NamedTuple):
    decay: torch.Tensor
    sweep: torch.Tensor


class Custom(Neuron):
    """A neuron whose step the tests replace."""

    name = "Custom"
    State = Membrane

    def __init__(self, size, **options):
        super().__init__(size, **options)
        self.a = nn.Parameter(torch.linspace(0.4, 0.9, size))
        self.b = nn.Parameter(torch.linspace(-0.5, 0.5, size))

    def coefficients(self, steps):
        n = torch.arange(steps, dtype=self.a.dtype)
        return Rates(torch.sigmoid(self.a), self.b * (1 + n[:, None] / 10))


def custom(step, width=5, **options):
    kind = type("Custom", (Custom,), {"step": staticmethod(step)})
    return kind(width, **options).double()


def smooth(x, state, c, fire):
    m = c.decay * state.m + x.tanh() * torch.exp(-c.sweep * c.sweep) - torch.square(c.sweep) / 3
    m = m + torch.log(1.0 + m * m) + torch.sin(m) * torch.cos(x) - (2 - m) ** 3 / 50 + 1 / (2 + torch.sigmoid(m)) ** 2
    m = m + (m**2 + 1) ** -1 + torch.reciprocal(x.square() + 2) + modulus(m, x) + angle(m, x) + torch.sqrt(m * m + 0.1)
    share = layer_sum(m * c.sweep) / 5
    m = 0.3 * m - 0.1 * share * m + layer_sum(share + m) / 100
    s = fire(m - share.abs() * 0.1)
    return s, Membrane(m * (1 - s) + 0.1 * m.detach())


def kinked(x, state, c, fire):
    m = c.decay * state.m + x
    m = (
        m
        + torch.abs(x)
        + torch.relu(x)
        + torch.nn.functional.relu(x)
        - 0.5 * x.clamp(-1, 1)
        + torch.clamp(x, min=0)
        + torch.clamp(x, max=1)
    )
    m = m + torch.minimum(x, 2 * x) + torch.maximum(x * c.sweep, x) + torch.where(x > 0, x * c.sweep, -x)
    quiet = ((x >= 1) | (x <= -1)) & ~(x == 0) & (x != 2) & (x < 3)
    s = fire(m) * torch.where(quiet, 1.0, 0.5) + quiet * x * 0 + (x > 5).to(x.dtype) + torch.zeros_like(x)
    return s, Membrane(m * (1 - s))


def delayed(x, state, c, fire):
    u = x - state.m
    return fire(u), Membrane(x)


@pytest.mark.parametrize("step", [smooth, kinked, delayed], ids=lambda step: step.__name__)
def test_a_step_of_ones_own_is_traced_and_differentiated(step):
    neuron = custom(step)
    x = sequence(3, 12, 5)
    if step is kinked:
        x = x.round()
    assert_same_gradients(neuron, x)
    if step is not smooth:
        assert_same(neuron, x)


def test_the_example_of_a_root_in_an_unselected_branch_leaks_as_little_as_in_torch():
    def rooted(x, state, c, fire):
        m = state.m + torch.where(x > 0, torch.sqrt(torch.where(x > 0, x, 1.0)), 0.0)
        return fire(m), Membrane(m * c.decay)

    neuron, x = custom(rooted), sequence(2, 6, 5).clamp(min=0)
    found = gradients(neuron, x, "fused")
    assert all(torch.isfinite(value).all() for value in found.values() if value is not None)
    assert not found["input"][x == 0].any()


FACTOR = 0.5


def scaled(x, state, c, fire):
    u = c.decay * state.m + FACTOR * x
    s = fire(u)
    return s, Membrane(u * (1 - s))


def test_a_changed_constant_is_another_step(monkeypatch):
    neuron, x = custom(scaled), sequence(2, 8, 5)
    small = run(neuron, x, "fused")[0]
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 4.0)
    assert torch.equal(run(neuron, x, "fused")[0], run(neuron, x, "reference")[0])
    assert not torch.equal(run(neuron, x, "fused")[0], small)


OUTSIDE = torch.ones(5)


def softplus(x, state, c, fire):
    u = torch.nn.functional.softplus(x)
    return fire(u), state


def stacked(x, state, c, fire):
    u = torch.stack((x, state.m)).sum(0)
    return fire(u), state


def cube_root(x, state, c, fire):
    return fire(x ** (1 / 3)), state


def branch(x, state, c, fire):
    if (x > 0).any():
        x = -x
    return fire(x), state


def comparison_branch(x, state, c, fire):
    u = x if x > 0 else -x
    return fire(u), state


def outside(x, state, c, fire):
    return fire(x * OUTSIDE), state


def in_place(x, state, c, fire):
    x += 1
    return fire(x), state


def index(x, state, c, fire):
    return fire(x[:, :1]), state


def to_number(x, state, c, fire):
    return fire(x * float(state.m)), state


@pytest.mark.parametrize(
    ("step", "operation", "line"),
    [
        (softplus, "softplus", "u = torch.nn.functional.softplus(x)"),
        (stacked, "stack", "u = torch.stack((x, state.m)).sum(0)"),
        (cube_root, "exponent 0.333", "return fire(x ** (1 / 3)), state"),
        (branch, "what one trial does then depends on the others of its batch", "if (x > 0).any():"),
        (comparison_branch, "a branch on data", "u = x if x > 0 else -x"),
        (outside, "a tensor that is no argument of step", "return fire(x * OUTSIDE), state"),
        (in_place, "in-place", "x += 1"),
        (index, "indexing", "return fire(x[:, :1]), state"),
        (to_number, "float()", "return fire(x * float(state.m)), state"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_an_unsupported_operation_is_named_with_the_line_and_what_is_supported(step, operation, line):
    with pytest.raises(MstaskError) as error:
        run(custom(step), sequence(2, 3, 5), "fused")
    message = str(error.value)
    number = step.__code__.co_firstlineno + 1
    assert operation in message and line in message and "supports + - * /" in message
    assert f"{__file__}:{number}" in message


def compared(x, state, c, fire):
    return (x > 1).to(x.dtype), Membrane(x)


def fired_in_vain(x, state, c, fire):
    fire(x)
    return torch.where(x > 1, 1.0, 0.0), Membrane(x)


def cut_off(x, state, c, fire):
    return fire(x).detach(), Membrane(x)


@pytest.mark.parametrize("backend", ["fused", "auto", "reference"])
@pytest.mark.parametrize("step", [compared, fired_in_vain, cut_off], ids=lambda step: step.__name__)
def test_spikes_that_carry_no_gradient_are_refused_in_training_by_every_loop(step, backend):
    with pytest.raises(MstaskError, match=r"Custom: the spikes .* don't come from fire\(u\).*return s = fire\(u\)"):
        run(custom(step), sequence(2, 3, 5).requires_grad_(), backend)


def test_calibration_refuses_a_step_that_never_fires(monkeypatch):
    kind = type("Compared", (Custom,), {"step": staticmethod(compared), "name": "Compared"})
    monkeypatch.setitem(registry._types, "Compared", kind)
    for backend in scan.BACKENDS:
        net = VerticalNet(4, 2, ["Compared"], 5, {"backend": backend})
        with pytest.raises(MstaskError, match=r"Compared: the spikes .* don't come from fire"):
            calibrate_thresholds(net, sequence(2, 3, 4, dtype=torch.float32))


def few(x, state, c, fire):
    return fire(x)


def plain_tuple(x, state, c, fire):
    return fire(x), (x,)


def shared_state(x, state, c, fire):
    return fire(x), Membrane(layer_sum(x))


def number_state(x, state, c, fire):
    return fire(x), Membrane(0.0)


def two_states(x, state, c, fire):
    return fire(x), Rates(x, x)


@pytest.mark.parametrize("backend", ["fused", "auto", "reference"])
@pytest.mark.parametrize("step", [few, plain_tuple, shared_state, number_state, two_states], ids=lambda step: step.__name__)
def test_wrong_results_of_a_step_are_refused_by_every_loop(step, backend):
    with pytest.raises(MstaskError, match=r"Custom: step returned .*expected"):
        run(custom(step), sequence(2, 3, 5), backend)


def test_auto_falls_back_to_the_reference_and_says_so_once(caplog):
    neuron, x = custom(softplus), sequence(2, 3, 5)
    scan._told.clear()
    with caplog.at_level(logging.WARNING, "mstask.neurons"):
        first, second = run(neuron, x, "auto")[0], run(neuron, x, "auto")[0]
    assert torch.equal(first, second)
    assert [record.message.count("softplus") > 0 for record in caplog.records] == [True]


def test_half_precision_is_refused_by_fused_and_run_by_auto(caplog):
    neuron, x = layer("Vanilla-LIF", 5, torch.float16), sequence(2, 3, 5, dtype=torch.float16)
    scan._told.clear()
    with pytest.raises(MstaskError, match="float32 and float64"):
        run(neuron, x, "fused")
    with caplog.at_level(logging.WARNING, "mstask.neurons"):
        assert run(neuron, x, "auto")[0].dtype == torch.float16
    assert len(caplog.records) == 1


def test_coefficients_of_a_wider_dtype_are_refused():
    with pytest.raises(MstaskError, match=r"coefficient beta is torch\.float64"):
        run(layer("Parametric-LIF", 5), sequence(2, 3, 5, dtype=torch.float32), "fused")


def test_environment_chooses_the_default_backend(monkeypatch):
    neuron, x = custom(softplus), sequence(2, 3, 5)
    monkeypatch.setenv("MSTASK_BACKEND", "fused")
    with pytest.raises(NotFusable):
        run(neuron, x, "auto")
    monkeypatch.setenv("MSTASK_BACKEND", "fussed")
    with pytest.raises(MstaskError, match="did you mean 'fused'"):
        run(neuron, x, "auto")


def test_without_numba_auto_runs_the_reference(monkeypatch, caplog):
    neuron, x = custom(scaled), sequence(2, 3, 5)
    monkeypatch.setitem(sys.modules, "numba", None)
    scan._told.clear()
    with caplog.at_level(logging.WARNING, "mstask.neurons"):
        spikes = run(neuron, x, "auto")[0]
    assert torch.equal(spikes, run(neuron, x, "reference")[0])
    assert [("numba" in record.message) for record in caplog.records] == [True]


def test_a_cache_that_cannot_be_written_only_costs_compilation(monkeypatch, tmp_path, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "file"))
    numba_kernel._told.clear()
    neuron, x = custom(scaled), sequence(2, 3, 5)
    with caplog.at_level(logging.WARNING, "mstask.neurons"), torch.no_grad():
        found = run(neuron, x, "fused")[0]
    assert torch.equal(found, run(neuron, x, "reference")[0])
    assert ["this process only" in record.message for record in caplog.records] == [True]


ONE = numba_kernel.Source("# Generated: one\nfrom numba import njit\ndef kernel(x):\n    x[0] = 1\n", ("x",), 0)


@pytest.mark.parametrize(("kind", "left"), [("nbi", 0), ("nbc", 1000), ("py", 0)])
def test_a_damaged_file_of_the_cache_is_made_anew(kind, left, monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("MSTASK_DATA", str(tmp_path))
    numba_kernel.compile_kernel(ONE, "float64")
    [damaged] = tmp_path.glob(f"kernels*/**/*.{kind}")
    whole = len(damaged.read_bytes())
    os.truncate(damaged, left)
    x = np.zeros(1)
    with caplog.at_level(logging.WARNING, "mstask.neurons"):
        numba_kernel.compile_kernel(ONE, "float64")(x)
    assert x[0] == 1 and not caplog.records and len(damaged.read_bytes()) == whole


PROGRAM = f"""
import numpy as np
from mstask.fused import numba_kernel
x = np.zeros(1)
numba_kernel.compile_kernel(numba_kernel.{ONE!r}, "float64")(x)
print(x[0])
"""


def test_two_processes_may_compile_the_same_kernel_at_once(monkeypatch, tmp_path):
    environment = os.environ | {"MSTASK_DATA": str(tmp_path), "OMP_NUM_THREADS": "1"}
    processes = [subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    assert {process.communicate(timeout=120)[0] for process in processes} == {b"1.0\n"}

    monkeypatch.setenv("MSTASK_DATA", str(tmp_path))
    kernel = numba_kernel.compile_kernel(ONE, "float64")
    assert sum(kernel.stats.cache_hits.values()) == 1
    assert not list(tmp_path.rglob("*.tmp"))
