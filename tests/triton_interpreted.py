"""The Triton kernels give the reference's numbers and gradients; test_triton.py runs these cases in Triton's interpreter."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from test_scan import custom, delayed, kinked, layer, sequence, smooth

from mstask import neurons
from mstask.fused import triton_loop
from mstask.fused.function import Program
from mstask.fused.trace import trace
from mstask.neurons.scan import reference

SHAPES = [(2, 6, 5), (1, 5, 33)]
NARROW = [(name, (3, 5, 1)) for name in ("Vanilla-LIF", "Chirp-LIF", "CrossInhib-LIF")]
SINGLE, DOUBLE = 2e-6, 1e-12


def interpreted(neuron, drive):
    """The layer's spikes and final states by its Triton kernels."""
    c = neuron.coefficients(drive.shape[1])
    program = Program(trace(type(neuron), type(c)))
    spikes, *state = triton_loop.run(program, neuron.threshold, neuron.surrogate_slope, drive, c)
    return spikes, state


def made(name, width, dtype=torch.float32, **options):
    options |= {"window_len": 4} if name == "STFT-IF" else {}
    return layer(name, width, dtype, backend="reference", **options)


def with_leaves(neuron, steps, changed=lambda value, k: value):
    """Give the layer coefficients that are leaves of autograd, each first passed through `changed`."""
    c = neuron.coefficients(steps)
    leaves = type(c)(*(changed(value.detach(), k).clone().requires_grad_() for k, value in enumerate(c)))
    neuron.coefficients = lambda _: leaves
    return leaves


def outcome(loop, neuron, drive, leaves):
    """Outputs, and gradients of a random weighing of all of them, for the drive and each coefficient."""
    drive = drive.detach().clone().requires_grad_()
    spikes, state = loop(neuron, drive)
    outputs = (spikes, *state)
    generator = torch.Generator().manual_seed(2)
    loss = sum((o * torch.randn(o.shape, generator=generator, dtype=o.dtype)).sum() for o in outputs)
    return outputs, torch.autograd.grad(loss, (drive, *leaves), allow_unused=True, materialize_grads=True)


def assert_same(neuron, drive, leaves, tolerance, exact=True):
    """Spikes and states are identical, gradients within `tolerance` of the greatest one."""
    expected, expected_gradients = outcome(reference, neuron, drive, leaves)
    found, gradients = outcome(interpreted, neuron, drive, leaves)
    with torch.no_grad():
        spikes, state = interpreted(neuron, drive)
    torch.testing.assert_close((spikes, *state), tuple(o.detach() for o in found), rtol=0, atol=0, equal_nan=True)
    assert torch.equal(found[0], expected[0])
    within = {"rtol": 0, "atol": 0} if exact else {"rtol": tolerance, "atol": tolerance}
    torch.testing.assert_close(found, expected, **within, equal_nan=True)
    for value, wanted in zip(gradients, expected_gradients, strict=True):
        greatest = wanted.nan_to_num().abs().max().clamp(min=1).item()
        torch.testing.assert_close(value, wanted, rtol=0, atol=tolerance * greatest, equal_nan=True)


@pytest.mark.parametrize(("name", "shape"), [*product(neurons.names(), SHAPES), *NARROW])
def test_spikes_and_states_are_identical_and_gradients_agree_in_single_precision(name, shape):
    neuron = made(name, shape[-1], threshold=0.7)
    leaves = with_leaves(neuron, shape[1])
    assert_same(neuron, neuron.drive(2 * sequence(*shape, dtype=torch.float32)), leaves, SINGLE)


@pytest.mark.parametrize("name", neurons.names())
def test_double_precision_keeps_a_threshold_that_single_precision_rounds(name):
    neuron = made(name, 5, torch.float64, threshold=0.3)
    leaves = with_leaves(neuron, 6)
    assert_same(neuron, neuron.drive(sequence(2, 6, 5)), leaves, DOUBLE)


@pytest.mark.parametrize("moving", [(1,), (0, 2)])
@pytest.mark.parametrize("name", ["Doppler-LIF", "CrossInhib-LIF"])
def test_any_coefficient_may_have_a_row_per_time_step(name, moving):
    def changed(value, k):
        return value * (1 + 0.1 * sequence(1, 6, 5, seed=k)[0]) if k in moving else value

    neuron = made(name, 5, torch.float64, threshold=0.3)
    leaves = with_leaves(neuron, 6, changed)
    assert [value.dim() == 2 for value in leaves] == [k in moving for k in range(3)]
    assert_same(neuron, sequence(2, 6, 5), leaves, DOUBLE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("step", [smooth, kinked, delayed], ids=lambda step: step.__name__)
def test_every_operation_of_a_step_agrees(step, dtype):
    neuron, drive = custom(step).to(dtype), sequence(2, 6, 5, dtype=dtype)
    leaves = with_leaves(neuron, 6)
    tolerance = 4 * SINGLE if dtype == torch.float32 else DOUBLE
    assert_same(neuron, drive.round() if step is kinked else drive, leaves, tolerance, exact=step is not smooth)


def test_lanes_beyond_the_width_fire_at_threshold_zero_but_inhibit_no_one():
    neuron = made("CrossInhib-LIF", 5, threshold=0.0)
    leaves = with_leaves(neuron, 6)
    assert_same(neuron, sequence(2, 6, 5, dtype=torch.float32), leaves, SINGLE)


@pytest.mark.parametrize("name", ["Vanilla-LIF", "Beam-IF", "Phase-LIF", "CrossInhib-LIF"])
def test_nan_spreads_as_in_the_reference(name):
    neuron, drive = made(name, 5, threshold=0.7), sequence(2, 6, 5, dtype=torch.float32)
    drive[1, 3, 2] = float("nan")
    assert_same(neuron, drive, with_leaves(neuron, 6), SINGLE)


@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 4, 3)])
@pytest.mark.parametrize("name", ["Chirp-LIF", "CrossInhib-LIF"])
def test_an_empty_batch_or_trial_gives_empty_spikes_and_a_resting_state(name, shape):
    neuron = made(name, 3)
    leaves = with_leaves(neuron, shape[1])
    outputs, gradients = outcome(interpreted, neuron, torch.zeros(shape), leaves)
    assert outputs[0].shape == shape
    assert all(value.shape == (shape[0], 3) and not value.any() for value in outputs[1:])
    assert not any(gradient.any() for gradient in gradients)


def test_layout_of_input_and_gradient_in_memory_does_not_matter():
    neuron, x = made("Doppler-LIF", 5, torch.float64, threshold=0.7), sequence(3, 8, 5)
    wide, time_major = torch.zeros(3, 8, 11, dtype=x.dtype), x.transpose(0, 1).contiguous().transpose(0, 1)
    wide[..., 3:8] = x
    found = []
    for view in (x, wide[..., 3:8], time_major, x.permute(2, 0, 1).contiguous().permute(1, 2, 0)):
        leaf = view.detach().requires_grad_()
        spikes, _ = interpreted(neuron, leaf)
        spikes.mean(1).sum().backward()
        found.append((spikes.detach(), leaf.grad))
    for spikes, gradient in found[1:]:
        assert torch.equal(spikes, found[0][0]) and torch.equal(gradient, found[0][1])


def test_a_loss_of_the_final_state_alone_and_coefficients_that_need_no_gradient():
    neuron, x = made("Dual-tau-LIF", 5, torch.float64), sequence(3, 8, 5)
    neuron.b.requires_grad_(False)
    found = []
    for loop in (reference, interpreted):
        neuron.zero_grad()
        loop(neuron, x)[1][1].sum().backward()
        found.append(neuron.c.grad)
    torch.testing.assert_close(*found, rtol=DOUBLE, atol=DOUBLE)
    assert neuron.b.grad is None
