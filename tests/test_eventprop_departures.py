"""Departures of the reference implementation, measured: each is what it is said to be, and the exact rule is the kernels'."""

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch

from mstask.studies.eventprop import gradients, probes
from mstask.studies.eventprop.declare import GRADIENTS_SECTION
from mstask.studies.eventprop.events import EventpropError
from mstask.studies.eventprop.layers import Membrane, SpikingLayer
from mstask.studies.eventprop.losses import LOSSES
from mstask.studies.eventprop.methods import Initial
from mstask.studies.eventprop.networks import EventpropNet


@pytest.fixture(scope="module")
def parameters():
    profile = GRADIENTS_SECTION.protocol | GRADIENTS_SECTION.profiles["smoke"]
    given = {"profile": "smoke", "data_source": "embedded", "methods": ["grid"], "cases": []}
    return GRADIENTS_SECTION.parameters(**(profile | given))


def test_the_exact_jump_restated_gives_the_kernels_gradient():
    net, inputs, label = probes.adaptive_problem(7)
    restated = probes.adaptive_gradient(net, inputs, label, probes.exact_jump)
    outputs, _ = net(inputs)
    net.zero_grad()
    LOSSES["exp"].judged(outputs, torch.tensor([label]))[1].backward()
    np.testing.assert_allclose(restated, net.hidden[0].weights.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_without_adaptation_the_reference_jump_is_the_exact_one():
    net, inputs, label = probes.adaptive_problem(7)
    plain = EventpropNet(replace(net.architecture, neuron="LIF"), 7)
    found = [probes.adaptive_gradient(plain, inputs, label, jump) for jump in (probes.reference_jump, probes.exact_jump)]
    np.testing.assert_allclose(*found, rtol=1e-9)
    assert probes.adaptation(7, probes.adaptive_problem).error > 0.01


def test_the_missing_factor_scales_the_gradient_and_bends_it_only_where_time_constants_vary(yin_yang):
    net = EventpropNet(probes.YIN_YANG, 0)
    alike = probes.forcing(net, yin_yang.train.x.take([0]), yin_yang.train.y[:1])["hidden"]
    assert alike.norm_ratio == pytest.approx(1 / 20) and alike.cosine == pytest.approx(1.0)
    varied = EventpropNet(replace(probes.YIN_YANG, readout="hetLI"), 0)
    assert probes.forcing(varied, yin_yang.train.x.take([0]), yin_yang.train.y[:1])["hidden"].cosine < 0.9999


def test_a_stale_backward_pass_is_exact_while_nothing_moves_and_off_when_it_does(yin_yang):
    def batches():
        return [(yin_yang.train.x.take(range(k, k + 8)), yin_yang.train.y[k : k + 8]) for k in range(0, 40, 8)]

    still = list(probes.stale(EventpropNet(probes.YIN_YANG, 0), batches(), rate=0.0))
    moving = list(probes.stale(EventpropNet(probes.YIN_YANG, 0), batches(), rate=0.02))
    assert len(still) == len(moving) == 4
    assert max(one.error for one in still) == 0.0
    assert min(one.error for one in moving) > 1e-4


def test_output_spikes_after_the_first_change_nothing_that_a_first_spike_loss_sees(yin_yang):
    architecture = replace(probes.YIN_YANG, readout="LIF", output_weights=Initial(0.93, 0.1))
    found = []
    for once in (True, False):
        net = EventpropNet(architecture, 1)
        layer = net.readout
        net.readout = SpikingLayer(layer.weights, layer.tau_m, layer.tau_s, Membrane(once=once))
        outputs, fired = net(yin_yang.train.x.take(range(8)))
        LOSSES["first-spike-exp"].judged(outputs, yin_yang.train.y[:8])[1].backward()
        done = net.readout(fired[0].spikes, 60.0)
        found.append((net.hidden[0].weights.grad, net.readout.weights.grad, len(done.spikes.times)))
        if once:
            assert done.spikes.counts().max() == 1
    for a, b in zip(found[0][:2], found[1][:2], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-15)
    assert found[0][2] < found[1][2]


def test_neurons_that_fire_once_cannot_be_recurrent():
    weights, tau = torch.ones(1, 1), torch.ones(1)
    with pytest.raises(EventpropError, match="fire once"):
        SpikingLayer(weights, 20 * tau, 5 * tau, Membrane(once=True), recurrent=weights)


@pytest.fixture(scope="module")
def answer(parameters, yin_yang):
    """The first answer to each question."""
    return functools.cache(lambda method: probes.ASKED[method](42, parameters, yin_yang))


@pytest.mark.parametrize("method", probes.ASKED)
def test_every_question_is_answered_in_plain_numbers(method, answer, parameters, yin_yang):
    details = answer(method)
    assert details == probes.ASKED[method](42, parameters, yin_yang)

    def numbers(value):
        if isinstance(value, dict):
            return [n for item in value.values() for n in numbers(item)]
        return [n for item in value for n in numbers(item)] if isinstance(value, list) else [value]

    assert all(isinstance(n, int | float) and np.isfinite(n) for n in numbers(details))


def test_the_gradients_of_a_small_run_are_exact(answer):
    found = answer("finite-differences")["networks"]
    assert set(LOSSES) | set(probes.NETWORKS) == set(found)
    assert max(c["error"] for network in found.values() for c in network.values()) < 1e-5


def test_agreement_of_a_gradient_with_itself_is_whole():
    net, inputs, label = gradients.sample_problem(0)
    exact = gradients.exact_gradients(net, inputs, label).inputs
    assert gradients.agreement(exact, exact).cosine == pytest.approx(1.0)
