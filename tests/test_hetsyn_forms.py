"""HetSyn's forms agree: step by step under autograd, compiled with gradients by hand, and as a convolution."""

import math

import pytest
import torch
from hypothesis import given, strategies as st

from mstask.studies.hetsyn import forms, fused
from mstask.studies.hetsyn.forms import SURROGATES, Spike, multi_gaussian, triangle

B, T, M, N = 4, 61, 30, 20
RESET = {"theta": 1.0, "kappa": 0.95, "a": 0.0, "rho_a": 0.0}
ADAPTIVE = RESET | {"a": 0.15, "rho_a": 0.99}


def numbers(seed, decays="synapse", dtype=torch.float64):
    """Spikes, weights and decays, with one decay at each end of [0, 1]."""
    rng = torch.Generator().manual_seed(seed)
    x = (torch.rand(B, T, M, generator=rng) < 0.2).to(dtype)
    w = torch.randn(N, M, generator=rng, dtype=dtype) / 2
    v = torch.randn(N, N, generator=rng, dtype=dtype) / 2
    shapes = {"synapse": ((N, M), (N, N)), "neuron": ((N,), (N,)), "one": ((), ())}[decays]
    r, s = (torch.rand(shape, generator=rng, dtype=dtype) for shape in shapes)
    for decay in (r, s):
        if decay.dim() == 2:
            decay[0, 0], decay[1, 0] = 0.0, 1.0
    return [tensor.requires_grad_() for tensor in (x, w, v, r, s)]


def gradients(output, inputs):
    weights = torch.cos(torch.arange(output.numel(), dtype=output.dtype)).reshape(output.shape)
    return torch.autograd.grad((output * weights).sum(), inputs, materialize_grads=True)


def relative_error(found, expected):
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, expected, strict=True))


class TestDrive:
    @given(
        shape=st.tuples(st.integers(1, 5), st.integers(1, 13), st.integers(1, 12), st.integers(1, 12)),
        decays=st.sampled_from(["synapse", "neuron", "one"]),
        drive=st.sampled_from([fused.drive, forms.convolved]),
        seed=st.integers(0, 99),
    )
    def test_every_form_equals_the_plain_loop(self, shape, decays, drive, seed):
        """Of any shape: the compiled loops do four steps at once, and their gradients run along the longer side of w."""
        batch, steps, inputs, width = shape
        x, w, _, r, _ = numbers(seed, decays)
        x, w = x[:batch, :steps, :inputs], w[:width, :inputs]
        r = r[:width, :inputs] if decays == "synapse" else r[:width] if decays == "neuron" else r
        expected, found = forms.drive(x, w, r), drive(x, w, r)
        assert (found - expected).abs().max() < 1e-12
        for ours, plain in zip(gradients(found, (x, w, r)), gradients(expected, (x, w, r)), strict=True):
            assert (ours - plain).abs().max() < 1e-11 * max(1, plain.abs().max())

    @pytest.mark.parametrize("drive", [forms.drive, forms.convolved, fused.drive])
    def test_gradients_are_those_of_finite_differences(self, drive):
        rng = torch.Generator().manual_seed(2)
        x = torch.rand(2, 7, 3, generator=rng, dtype=torch.float64, requires_grad=True)
        w = torch.randn(2, 3, generator=rng, dtype=torch.float64, requires_grad=True)
        r = (0.1 + 0.8 * torch.rand(2, 3, generator=rng, dtype=torch.float64)).requires_grad_()
        assert torch.autograd.gradcheck(drive, (x, w, r))

    def test_input_that_needs_no_gradient_gets_none(self):
        x, w, _, r, _ = numbers(4)
        with_x = gradients(fused.drive(x, w, r), (w, r))
        without = gradients(fused.drive(x.detach(), w, r), (w, r))
        assert all(torch.equal(a, b) for a, b in zip(with_x, without, strict=True))


class TestSpikes:
    @pytest.mark.parametrize("constants", [RESET, ADAPTIVE], ids=["reset", "adaptive"])
    @pytest.mark.parametrize("surrogate", SURROGATES)
    @pytest.mark.parametrize("decays", ["none", "synapse", "neuron", "one"])
    def test_compiled_scan_equals_the_plain_loop(self, decays, surrogate, constants):
        x, w, v, r, s = numbers(5, "one" if decays == "none" else decays)
        v = None if decays == "none" else v
        inputs = (x, w, r) if v is None else (x, w, r, v, s)
        spikes = {}
        for form in (forms, fused):
            spikes[form] = form.spikes(form.drive(x, w, r), v, s, **constants, surrogate=SURROGATES[surrogate])
        assert torch.equal(spikes[fused], spikes[forms])
        assert 0.02 < spikes[forms].mean() < 0.9
        found, expected = (gradients(spikes[form], inputs) for form in (fused, forms))
        assert relative_error(found, expected) < 1e-10

    def test_the_number_of_threads_does_not_change_a_bit(self):
        found = []
        for threads in (1, 2):
            before = torch.get_num_threads()
            torch.set_num_threads(threads)
            try:
                x, w, v, r, s = numbers(6, dtype=torch.float32)
                x = x.detach().repeat(9, 1, 1).requires_grad_()
                z = fused.spikes(fused.drive(x, w, r), v, s, **RESET, surrogate=triangle)
                found.append((z, *gradients(z, (x, w, v, r, s))))
            finally:
                torch.set_num_threads(before)
        assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


class TestReduction:
    """With tied decays the currents of HetSyn sum to the membrane of the simpler models; dyadic numbers make it exact."""

    def dyadic(self):
        rng = torch.Generator().manual_seed(7)
        x = (torch.rand(3, 24, M, generator=rng) < 0.3).double()
        return x, torch.randint(-16, 33, (N, M), generator=rng).double() / 64

    @staticmethod
    def one_state(x, w, rho, a=0.0, rho_a=0.0):
        """V^t = rho V^{t-1} + W x^t - z^{t-1} - A^t, the leaky integrator with soft reset (HetSyn, Eqs. 3, 12, 11)."""
        v = z = adaptation = torch.zeros(len(x), len(w), dtype=x.dtype)
        out = []
        for t in range(x.shape[1]):
            adaptation = rho_a * adaptation + a * z
            v = rho * v + x[:, t] @ w.T - z
            z = (v - adaptation > 1).to(x.dtype)
            out.append(z)
        return torch.stack(out, 1)

    @pytest.mark.parametrize("form", [forms, fused])
    def test_one_decay_for_all_gives_the_leaky_integrate_and_fire_neuron(self, form):
        x, w = self.dyadic()
        half = torch.full((N, M), 0.5, dtype=torch.float64)
        found = form.spikes(form.drive(x, w, half), None, half, 1.0, 0.5, 0.0, 0.0, triangle)
        assert torch.equal(found, self.one_state(x, w, 0.5))
        assert 0.05 < found.mean() < 0.95

    @pytest.mark.parametrize("form", [forms, fused])
    def test_one_decay_per_neuron_gives_heterogeneous_neurons(self, form):
        x, w = self.dyadic()
        rho = torch.tensor([0.5, 0.25, 0.75, 1.0], dtype=torch.float64).repeat(N // 4)
        per_synapse = rho[:, None].expand(N, M)
        for j in range(N):  # the reset decays with the neuron too, so each neuron is a layer of its own
            alone = form.drive(x, w[j : j + 1], per_synapse[j : j + 1])
            found = form.spikes(alone, None, rho[j], 1.0, rho[j].item(), 0.0, 0.0, triangle)
            assert torch.equal(found, self.one_state(x, w, rho)[..., j : j + 1])

    @pytest.mark.parametrize("form", [forms, fused])
    def test_a_second_reset_current_gives_threshold_adaptation(self, form):
        x, w = self.dyadic()
        half = torch.tensor(0.5, dtype=torch.float64)
        found = form.spikes(form.drive(x, w, half), None, half, 1.0, 0.5, 0.125, 0.75, triangle)
        assert torch.equal(found, self.one_state(x, w, 0.5, 0.125, 0.75))
        assert found.sum() < form.spikes(form.drive(x, w, half), None, half, 1.0, 0.5, 0.0, 0.0, triangle).sum()


class TestSurrogates:
    def test_triangle_has_the_values_of_the_paper(self):
        v = torch.tensor([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
        assert triangle(v - 1).tolist() == [0, 0, 0.5, 1, 0.5, 0, 0]
        assert triangle(v - 2, 2.0).tolist() == (1 - (v - 2).abs() / 2).clamp_min(0).tolist()

    def test_multi_gaussian_has_the_values_of_the_paper(self):
        u = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 5.0], dtype=torch.float64)
        assert multi_gaussian(u).tolist() == pytest.approx([0.43911, 0.25886, 0.04345, -0.01232, -0.01570, -0.00510], abs=5e-6)
        assert math.isclose(multi_gaussian(-u)[1].item(), multi_gaussian(u)[1].item())

    def test_a_neuron_at_threshold_stays_silent(self):
        v = torch.tensor([0.99, 1.0, 1.01], requires_grad=True)
        z = Spike.apply(v, 1.0, triangle)
        z.sum().backward()
        assert z.tolist() == [0, 0, 1]
        assert v.grad.tolist() == pytest.approx([0.99, 1.0, 0.99])
