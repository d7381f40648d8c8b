"""G2GNet's neuron and its products: hand-computed traces, compiled loops against plain ones, all forms alike."""

from __future__ import annotations

import math

import pytest
import torch

from mstask.errors import MstaskError
from mstask.studies.g2gnet import neurons, products
from mstask.studies.g2gnet.networks import Design, Encoding, G2GNet
from mstask.studies.g2gnet.neurons import CompiledLoop, Leaky, reference
from mstask.studies.g2gnet.wiring import wirings

LOOPS = {"compiled": CompiledLoop.apply, "plain": reference}


def scalars(dtype=torch.float64, decay=0.9, threshold=1.0):
    return [torch.tensor(value, dtype=dtype, requires_grad=True) for value in (decay, threshold)]


def test_a_constant_current_gives_the_trace_computed_by_hand():
    membrane, spikes = torch.zeros(2, 1, 6, 1, dtype=torch.float64)
    drive = torch.full((1, 1, 1), 0.6, dtype=torch.float64)
    neurons.advance(0, 1, 0.9, 1.0, drive.numpy(), membrane.numpy(), spikes.numpy())
    assert membrane.flatten().tolist() == pytest.approx([0.6, 1.14, 0.626, 1.1634, 0.64706, 1.182354], abs=1e-12)
    assert spikes.flatten().tolist() == [0, 1, 0, 1, 0, 1]
    assert torch.equal(reference(drive, *scalars(), 6).flatten(), spikes.flatten())


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_a_neuron_at_its_threshold_does_not_fire(loop):
    assert loop(torch.ones(1, 1, 1), *scalars(torch.float32), 1).item() == 0
    assert loop(torch.ones(1, 1, 1) * (1 + 2**-23), *scalars(torch.float32), 1).item() == 1


@pytest.mark.parametrize("held", [False, True])
def test_the_compiled_loop_and_the_plain_one_agree(held):
    g = torch.Generator().manual_seed(1)
    current = torch.randn(5, 1 if held else 9, 4, generator=g, dtype=torch.float64) * 0.8
    weights = torch.randn(5, 9, 4, generator=g, dtype=torch.float64)
    found = {}
    for name, loop in LOOPS.items():
        x, (decay, threshold) = current.clone().requires_grad_(), scalars()
        spikes = loop(x, decay, threshold, 9)
        found[name] = spikes, *torch.autograd.grad((spikes * weights).sum(), (x, decay, threshold))
    assert torch.equal(found["compiled"][0], found["plain"][0])
    assert 0.05 < found["plain"][0].mean() < 0.95
    for a, b in zip(found["compiled"][1:], found["plain"][1:], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_the_surrogate_is_an_arctan_of_slope_two():
    x = torch.tensor([[[1.3]]], dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(CompiledLoop.apply(x, *scalars(), 1).sum(), x)
    assert grad.item() == pytest.approx(1 / (1 + (math.pi * 0.3) ** 2))


def test_a_decay_above_one_is_clamped_and_gets_no_gradient():
    layer = Leaky(decay=1.2)
    layer(torch.full((2, 4, 3), 0.3), 4).sum().backward()
    assert layer.decay.grad.item() == 0 != layer.threshold.grad.item()


@pytest.mark.parametrize("model", ["index", "random", "mixer", "er"])
@pytest.mark.parametrize("p", [0.0, 0.15])
def test_all_forms_of_a_product_agree_forward_and_backward(model, p):
    g = torch.Generator().manual_seed(3)
    wiring = wirings(model, [40, 64, 48], p, seed=5)[1]
    wiring.mask[3] = False
    wiring.mask[:, 7] = False
    weight, x, back = (torch.randn(s, generator=g) for s in ((48, 64), (64, 1100), (48, 1100)))
    found = {}
    for form in ("dense", "grouped", "sparse"):
        w, v = weight.clone().requires_grad_(), x.clone().requires_grad_()
        y = products.product(w, v, products.plan(wiring, form))
        found[form] = y, *torch.autograd.grad(y, (w, v), back)
    expected = (weight * wiring.mask) @ x, (back @ x.T) * wiring.mask, (weight * wiring.mask).T @ back
    for form, values in found.items():
        for a, b in zip(values, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=2e-4, msg=lambda m, form=form: f"{form}: {m}")
        assert values[1][~wiring.mask].abs().max() == 0, form


def test_the_form_is_chosen_by_what_there_is_to_skip():
    forms = {
        (model, p): products.plan(wirings(model, [256, 256], p, seed=1)[0]).form
        for model in ("dense", "index", "er")
        for p in (0.0, 0.15, 0.9)
    }
    assert {forms["dense", p] for p in (0.0, 0.15, 0.9)} == {"dense"}
    assert forms["index", 0.0] == forms["index", 0.15] == "grouped"
    assert forms["er", 0.0] == forms["er", 0.15] == "sparse"
    assert forms["index", 0.9] == forms["er", 0.9] == "dense"


def test_an_unknown_form_is_refused():
    with pytest.raises(MstaskError, match="did you mean 'grouped'"):
        products.plan(wirings("index", [8, 8], 0.5, seed=1)[0], "group")


@pytest.mark.parametrize("form", ["dense", "grouped", "sparse"])
def test_a_layer_at_a_time_equals_a_step_at_a_time(form):
    net = G2GNet(Design(16, 4, "mixer", 16, encoding=Encoding(scale=3.0), form=form, threshold=0.3), seed=2)
    x = torch.rand(300, 6, 16)
    membranes = spikes = None
    total = torch.zeros(300, 4)
    with torch.no_grad():
        for t in range(6):
            s = x[:, t] * 3.0
            after_m, after_s = [], []
            for k, (linear, neuron) in enumerate(zip(net.linear, net.neuron, strict=True)):
                current = s @ (linear.weight * linear.mask).T + linear.bias.T
                u = current if t == 0 else neuron.decay * membranes[k] + current - spikes[k] * neuron.threshold
                s = (u > neuron.threshold).float()
                after_m.append(u)
                after_s.append(s)
            membranes, spikes = after_m, after_s
            total += s
        assert (net(x) != total).double().mean() < 0.01
    assert total.sum() > 0


def test_currents_are_held_and_rates_are_drawn():
    x = torch.rand(4, 8, 8)
    held = G2GNet(Design(64, 10, hidden=16, encoding=Encoding(steps=5, scale=2.0, bias=0.1)), seed=1).encode(x)
    assert held.shape == (64, 1, 4)
    torch.testing.assert_close(held[:, 0].T, 2 * x.flatten(1) + 0.1)
    net = G2GNet(Design(64, 10, hidden=16, encoding=Encoding("rate", steps=400)), seed=1)
    spikes = net.encode(x)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(spikes.mean(1).T, x.flatten(1), rtol=0, atol=0.13)


def test_rate_coding_draws_anew_in_training_and_repeats_in_evaluation():
    net, x = G2GNet(Design(64, 10, hidden=16, encoding=Encoding("rate", steps=5)), seed=1), torch.rand(4, 8, 8)
    saved = net.state_dict()
    first, second = net.encode(x), net.encode(x)
    assert not torch.equal(first, second)
    net.eval()
    assert torch.equal(net.encode(x), net.encode(x))
    net.train().load_state_dict(saved)
    assert torch.equal(net.encode(x), first)


def test_bad_encodings_and_inputs_are_refused():
    with pytest.raises(MstaskError, match="did you mean 'current'"):
        Encoding("currents")
    with pytest.raises(MstaskError, match="held for 0 steps"):
        Encoding(steps=0)
    with pytest.raises(MstaskError, match="input of 30 features per step, expected 64"):
        G2GNet(Design(64, 10, hidden=16), seed=1)(torch.rand(2, 3, 30))
