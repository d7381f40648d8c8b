"""Claims about the nine neuron types: their traces, their gradients, their registry."""

import cmath
import math
import sys

import pytest
import torch
from torch.nn.functional import softplus

from mstask import neurons
from mstask.errors import MstaskError
from mstask.neurons import scan
from mstask.neurons.ops import ANGLE_FLOOR, FastSigmoid

PARAMETERS = {
    "Vanilla-LIF": 0,
    "Parametric-LIF": 1,
    "Doppler-LIF": 3,
    "Chirp-LIF": 2,
    "Dual-tau-LIF": 2,
    "STFT-IF": 1,
    "Phase-LIF": 1,
    "Beam-IF": 1,
    "CrossInhib-LIF": 1,
}
NAMES = list(PARAMETERS)
W, T, N = 5, 10, 4


def layer(name, size=W, threshold=0.7, **options):
    """A double-precision layer whose learnable parameters are moved off their initial values."""
    options |= {"window_len": N} if name == "STFT-IF" else {}
    made = neurons.create(name, size, backend="reference", **options).double()
    made.threshold = threshold
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in made.parameters():
            p += 0.1 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return made


def signal(batch=2, steps=T, width=W, seed=0):
    return torch.randn(batch, steps, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Scalar re-statements of the equations, one neuron at a time, in complex arithmetic: x is one trial [T][W].


def vanilla(neuron, x, decay=None):
    spikes = [[0.0] * W for _ in x]
    for i in range(W):
        beta, m = float((neuron.beta if decay is None else decay)[i]), 0.0
        for t in range(len(x)):
            m = beta * m + x[t][i]
            if m >= neuron.threshold:
                spikes[t][i], m = 1.0, 0.0
    return spikes


def parametric(neuron, x):
    return vanilla(neuron, x, torch.sigmoid(neuron.b.detach()))


def resonator(neuron, x, rotation, drive, compared):
    spikes = [[0.0] * W for _ in x]
    for i in range(W):
        z = 0j
        for t in range(len(x)):
            z = rotation(i, t) * z + drive(i) * x[t][i]
            if compared(z) >= neuron.threshold:
                spikes[t][i], z = 1.0, 0j
    return spikes


def doppler(neuron, x):
    beta = torch.sigmoid(neuron.b)
    turn = [beta[i].item() * cmath.exp(1j * neuron.w[i].item()) for i in range(W)]
    return resonator(neuron, x, lambda i, t: turn[i], lambda i: neuron.g[i].item(), lambda z: z.real)


def chirp(neuron, x):
    def turn(i, t):
        return neuron.beta * cmath.exp(1j * (neuron.w[i].item() + neuron.k[i].item() * t))

    return resonator(neuron, x, turn, lambda i: 1.0, abs)


def dual_tau(neuron, x):
    spikes = [[0.0] * W for _ in x]
    for i in range(W):
        fast, slow = torch.sigmoid(neuron.b[i]).item(), torch.sigmoid(neuron.c[i]).item()
        f = q = 0.0
        for t in range(len(x)):
            f, q = fast * f + x[t][i], slow * q + x[t][i]
            if (f + q) / 2 >= neuron.threshold:
                spikes[t][i], f, q = 1.0, 0.0, 0.0
    return spikes


def stft(neuron, x):
    spikes = [[0.0] * W for _ in x]
    hann = [math.sin(math.pi * (n + 1) / (N + 1)) ** 2 for n in range(N)]
    for i in range(W):
        m = 0.0
        for t in range(len(x)):
            taps = range(min(N, t + 1))
            m += abs(sum(hann[n] * x[t - n][i] * cmath.exp(-1j * neuron.w[i].item() * n) for n in taps))
            if m >= neuron.threshold:
                spikes[t][i], m = 1.0, 0.0
    return spikes


def phase(neuron, x):
    spikes = [[0.0] * W for _ in x]
    for i in range(W):
        z, resting = 0j, False
        for t in range(len(x)):
            before, z = z, neuron.beta * cmath.exp(-1j * neuron.w[i].item()) * z + x[t][i]
            step = z * before.conjugate()
            u = abs(cmath.phase(step)) if abs(step) ** 2 > ANGLE_FLOOR else 0.0
            resting = u >= neuron.threshold and not resting
            spikes[t][i] = float(resting)
    return spikes


def beam(neuron, x):
    spikes = [[0.0] * W for _ in x]
    for i in range(W):
        m = 0.0
        for t in range(len(x)):
            y = sum(cmath.exp(1j * m_ * neuron.phi[i].item()) * x[t][(i + m_) % W] for m_ in range(4)) / 4
            m = max(m + y.real, 0.0)
            if m >= neuron.threshold:
                spikes[t][i], m = 1.0, 0.0
    return spikes


def cross_inhib(neuron, x):
    spikes = [[0.0] * W for _ in x]
    m, before = [0.0] * W, [0.0] * W
    for t in range(len(x)):
        for i in range(W):
            others = sum(before[j] for j in range(W) if j != i) / (W - 1)
            m[i] = float(neuron.beta[i]) * m[i] + x[t][i] - softplus(neuron.g[i]).item() * others
            if m[i] >= neuron.threshold:
                spikes[t][i], m[i] = 1.0, 0.0
        before = spikes[t]
    return spikes


RESTATED = dict(zip(NAMES, (vanilla, parametric, doppler, chirp, dual_tau, stft, phase, beam, cross_inhib), strict=True))


def test_the_registry_holds_the_nine_types_with_their_parameters():
    assert set(NAMES) <= set(neurons.names())
    assert {name: neurons.create(name, 7).params_per_neuron for name in NAMES} == PARAMETERS


@pytest.mark.parametrize("name", NAMES)
def test_ten_steps_agree_with_the_equation_restated_for_one_neuron(name):
    neuron, x = layer(name), signal(batch=6)
    spikes, _ = neuron(x)
    assert 0.05 < spikes.mean() < 0.95
    assert spikes.tolist() == [RESTATED[name](neuron, trial) for trial in x.tolist()]


def test_vanilla_lif_by_hand():
    neuron = neurons.create("Vanilla-LIF", 1, backend="reference", beta=0.5).double()
    x = torch.tensor([0.5, 0.5, 0.5, 0.25, 0.0, 1.0, 0.0, -1.0, 1.25, 0.5], dtype=torch.float64)
    spikes, state = neuron(x.reshape(1, 10, 1))
    # membrane: 0.5, 0.75, 0.875, 0.6875, 0.34375, 1.171875 (spike), 0, -1, 0.75, 0.875
    assert spikes.flatten().tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert state.m.item() == 0.875


def test_lateral_inhibition_by_hand():
    neuron = neurons.create("CrossInhib-LIF", 3, backend="reference", beta=1.0).double()
    x = torch.tensor([[[1.0, 1.0, 0.25], [0.0, 0.0, 0.0]]], dtype=torch.float64)
    spikes, state = neuron(x)
    assert spikes[0].tolist() == [[1, 1, 0], [0, 0, 0]]
    strength = softplus(neuron.g.detach())[0].item()
    assert strength == pytest.approx(0.5, abs=1e-7)
    assert state.m[0].tolist() == pytest.approx([-strength / 2, -strength / 2, 0.25 - strength])


@pytest.mark.parametrize("name", neurons.names())
def test_a_threshold_exactly_met_fires(name):
    neuron = layer(name, threshold=0.0)
    spikes, _ = neuron(torch.zeros(1, 6, W, dtype=torch.float64))
    assert spikes[0, 0].tolist() == [1] * W


@pytest.mark.parametrize("name", neurons.names())
def test_gradients_equal_finite_differences_when_the_spike_is_smooth(name, monkeypatch):
    """With a smooth spike in place of the step function every equation must pass the numerical gradient check."""
    monkeypatch.setattr(scan, "surrogate_spike", lambda threshold, slope: lambda u: torch.sigmoid(2 * (u - threshold)))
    neuron = layer(name, size=3)
    parameters = tuple(p.detach().clone().requires_grad_() for p in neuron.parameters())
    keys = [key for key, _ in neuron.named_parameters()]

    def run(x, *values):
        spikes, state = torch.func.functional_call(neuron, dict(zip(keys, values, strict=True)), (x,))
        return (spikes, *state)

    x = signal(batch=2, steps=6, width=3).requires_grad_()
    assert torch.autograd.gradcheck(run, (x, *parameters), eps=1e-6, atol=1e-6)


def test_the_surrogate_is_the_fast_sigmoid():
    distance = torch.tensor([-0.5, -1e-9, 0.0, 0.02, 2.0], dtype=torch.float64, requires_grad=True)
    spikes = FastSigmoid.apply(distance, 25.0)
    spikes.sum().backward()
    assert spikes.tolist() == [0, 0, 1, 1, 1]
    assert distance.grad.tolist() == [1 / (25 * abs(d) + 1) ** 2 for d in distance.tolist()]


def test_gradient_of_a_spike_train_follows_the_published_recursion():
    """Backward formula of the leaky integrator with the gradient flowing through the reset, written out by hand."""
    beta, theta = 0.95, 0.7
    neuron = layer("Vanilla-LIF", threshold=theta)
    x = signal(batch=3, steps=20).requires_grad_()
    weight = signal(batch=3, steps=20, seed=5)
    spikes, _ = neuron(x)
    (spikes * weight).sum().backward()
    beta = neuron.beta
    u, m = [], torch.zeros(3, W, dtype=torch.float64)
    for t in range(20):
        u.append(beta * m + x[:, t].detach())
        m = u[-1] * (u[-1] < theta)
    expected, mu = torch.zeros_like(x), torch.zeros(3, W, dtype=torch.float64)
    for t in reversed(range(20)):
        s = (u[t] >= theta).double()
        surrogate = 1 / (25 * (u[t] - theta).abs() + 1) ** 2
        expected[:, t] = (weight[:, t] - mu * u[t]) * surrogate + mu * (1 - s)
        mu = beta * expected[:, t]
    assert torch.allclose(x.grad, expected.detach(), atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", neurons.names())
def test_gradients_stay_finite_where_the_input_is_silent(name):
    neuron = layer(name)
    x = torch.zeros(2, 8, W, dtype=torch.float64, requires_grad=True)
    neuron(x)[0].sum().backward()
    assert all(g is None or g.isfinite().all() for g in [x.grad, *(p.grad for p in neuron.parameters())])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: neurons.create("Dopler-LIF", 3), "did you mean 'Doppler-LIF'"),
        (lambda: neurons.create("STFT-IF", 3, window=4), "did you mean 'window_len'"),
        (lambda: neurons.create("Vanilla-LIF", 0), "at least 1 neuron"),
        (lambda: neurons.create("Vanilla-LIF", 3, backend="fusd"), "did you mean 'fused'"),
        (lambda: neurons.create("STFT-IF", 3, window_len=0), "expected at least 1 step"),
        (lambda: neurons.create("STFT-IF", 3, window_len=16)(torch.zeros(1, 12, 3)), "longer than the trial of 12"),
        (lambda: neurons.create("Vanilla-LIF", 3)(torch.zeros(1, 12, 4)), r"expected \[B, T, 3\]"),
        (lambda: neurons.register(dict), "expected a Neuron subclass"),
    ],
)
def test_bad_use_gets_one_clear_sentence(call, message):
    with pytest.raises(MstaskError, match=message):
        call()


def test_a_name_can_not_be_taken_twice():
    class Impostor(neurons.Neuron):
        name = "Vanilla-LIF"

    with pytest.raises(MstaskError, match="already taken"):
        neurons.register(Impostor)


def test_a_missing_original_package_is_named(monkeypatch):
    monkeypatch.setenv("MSTASK_NEURONS", "original")
    monkeypatch.setitem(sys.modules, "dikmen_neurons", None)
    with pytest.raises(MstaskError, match="needs the package dikmen_neurons"):
        neurons.create("Doppler-LIF", 8)


@pytest.mark.parametrize(("steps", "taps"), [(40, 16), (12, 12)])
def test_stft_s_own_window_is_16_steps_or_the_whole_of_a_shorter_trial(steps, taps):
    x = torch.randn(2, steps, 3, generator=torch.Generator().manual_seed(0))
    own, given = (neurons.create("STFT-IF", 3, **options) for options in ({}, {"window_len": taps}))
    assert torch.equal(own.drive(x), given.drive(x))
