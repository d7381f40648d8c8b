"""Exact gradients of event-based networks: the adjoint equals finite differences, for every loss and kind of neuron."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mstask.studies.eventprop import gradients, layers, yin_yang
from mstask.studies.eventprop.events import EventpropError, from_events
from mstask.studies.eventprop.layers import Membrane, SpikingLayer
from mstask.studies.eventprop.losses import LOSSES, WEIGHTS, Constants
from mstask.studies.eventprop.methods import Initial
from mstask.studies.eventprop.networks import Architecture, EventpropNet
from mstask.studies.eventprop.probes import RECURRENT as SMALL

INTEGRAL_LOSSES = ["sum", "linear", "exp", "sigmoid", "average-cross-entropy"]


def trials(n=2, n_spikes=12, seed=0):
    rng = np.random.default_rng(seed)
    return from_events(
        np.repeat(np.arange(n), n_spikes), rng.uniform(0, 30, n * n_spikes), rng.integers(0, 5, n * n_spikes), n, 5
    )


def slow_variation(weight, times, trial_ms, tau_m=20.0, tau_s=5.0):
    """The error a spike hears where the weight varies slowly: -tau_s weight'(t)/T, plus what the trial's end adds."""
    small, shape = 1e-4 * trial_ms, WEIGHTS[weight]
    falling = (shape((times - small) / trial_ms) - shape((times + small) / trial_ms)) / (2 * small)
    left = trial_ms - times
    end = float(shape(np.array(1.0))) * tau_s / (tau_m - tau_s) * (np.exp(-left / tau_m) - np.exp(-left / tau_s))
    return (tau_s * falling + end) / trial_ms


def weighted_kernel(weight, times, trial_ms, tau_m=20.0, tau_s=5.0):
    """What a unit spike at each time adds to the shaped readout, in closed form: 1/T int weight(u) eps(u - t) du."""
    left = trial_ms - times

    def integral(tau):
        fade, c = np.exp(-left / tau), 1 / tau + 1 / trial_ms
        rest = tau**2 - fade * (tau**2 + tau * left)
        return {
            "sum": tau * (1 - fade),
            "exp": np.exp(-times / trial_ms) * (1 - np.exp(-c * left)) / c,
            "linear": (1 - times / trial_ms) * tau * (1 - fade) - rest / trial_ms,
        }[weight]

    return tau_s / (tau_m - tau_s) * (integral(tau_m) - integral(tau_s)) / trial_ms


LABELS = torch.tensor([1, 2])


def yin_yang_batch(readout, **changes):
    xy, labels = yin_yang.points(8, seed=3)
    output = Initial(0.93, 0.1) if readout == "LIF" else Initial(0.2, 0.37)
    net = EventpropNet(Architecture(5, 3, 60.0, (200,), readout=readout, output_weights=output, **changes), 1)
    return net, yin_yang.encode(xy), torch.from_numpy(labels)


def some_entries_checked(comparison):
    assert comparison.used > comparison.skipped


@pytest.mark.parametrize("loss", INTEGRAL_LOSSES)
def test_weights_and_time_constants_of_a_recurrent_network_have_exact_gradients(loss):
    net = EventpropNet(SMALL, 3)
    assert len(net(trials())[1][0].spikes.times) >= 15
    for name, found in gradients.finite_differences(net, trials(), LABELS, loss).items():
        some_entries_checked(found)
        assert found.error < 1e-6, name


ADAPTIVE = {"neuron": "ALIF", "adaptation": 0.3, "initial_adaptation": 0.1}


@pytest.mark.parametrize(
    ("changes", "seed"),
    [
        ({"largest_delay": 4.0}, 3),
        ({"largest_delay": 4.0, "recurrent": False}, 3),
        (ADAPTIVE, 3),
        (ADAPTIVE | {"largest_delay": 4.0}, 3),
        ({"hidden": (5, 4), "hidden_weights": Initial(1.0, 0.5)}, 2),
    ],
)
def test_delays_adaptive_thresholds_and_two_hidden_layers_have_exact_gradients(changes, seed):
    net = EventpropNet(replace(SMALL, **changes), seed)
    for name, found in gradients.finite_differences(net, trials(), LABELS, "exp").items():
        assert found.error < 1e-6, name


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_every_loss_has_exact_gradients_on_yin_yang(loss):
    net, inputs, labels = yin_yang_batch("LIF" if LOSSES[loss].spiking else "LI")
    constants = Constants(input_gain=20.0)
    names = ["hidden.0.weights", "readout.weights"]
    found = gradients.finite_differences(net, inputs, labels, loss, constants, names=names, at_most=60)
    for name, limit in zip(names, (1e-5, 1e-6), strict=True):
        some_entries_checked(found[name])
        assert found[name].error < limit, name


def test_a_phantom_spike_pushes_a_silent_label_neuron_towards_its_threshold():
    net, inputs, labels = yin_yang_batch("LIF")
    with torch.no_grad():
        net.readout.weights *= 0.1
    constants = Constants(silent_label="phantom", late_ms=30.0)
    found = gradients.finite_differences(
        net, inputs, labels, "first-spike-exp", constants, names=["readout.weights"], at_most=40
    )
    assert found["readout.weights"].error < 1e-6
    assert (net.readout.weights.grad[:, labels[0]] < 0).any()


def test_a_silent_trial_teaches_nothing():
    net = EventpropNet(replace(SMALL, input_weights=Initial(0.01, 0.0)), 0)
    outputs, fired = net(trials())
    outputs.voltage.sum().backward()
    assert len(fired[0].spikes.times) == 0
    assert not net.hidden[0].weights.grad.any() and not net.readout.weights.grad.any()


def test_a_neuron_that_fires_a_burst_has_an_exact_gradient():
    net = EventpropNet(replace(SMALL, hidden=(1,), recurrent=False, neuron="LIF", input_weights=Initial(60.0, 0.0)), 0)
    inputs = from_events([0], [5.0], [0], 1, 5)
    assert len(net(inputs)[1][0].spikes.times) > 2
    found = gradients.finite_differences(net, inputs, LABELS[:1], "exp", names=["hidden.0.weights", "readout.weights"])
    assert all(comparison.error < 1e-6 for comparison in found.values())


def test_the_gradient_of_a_batch_is_the_mean_of_its_trials_gradients():
    def gradient(rows):
        net = EventpropNet(SMALL, 3)
        outputs, _ = net(trials().take(rows))
        LOSSES["exp"].judged(outputs, LABELS[rows])[1].backward()
        return net.hidden[0].weights.grad

    torch.testing.assert_close(gradient([0, 1]), (gradient([0]) + gradient([1])) / 2, rtol=1e-12, atol=1e-15)


def test_without_delays_both_kernels_give_the_same_spikes_and_gradients():
    found = []
    for delays in (None, torch.zeros(5, 4)):
        net = EventpropNet(SMALL, 3)
        layer = net.hidden[0]
        own = None if delays is None else torch.zeros(4, 4)
        net.hidden[0] = SpikingLayer(layer.weights, layer.tau_m, layer.tau_s, layer.membrane, layer.recurrent, delays, own)
        outputs, fired = net(trials())
        outputs.voltage.square().sum().backward()
        layer = net.hidden[0]
        found.append([fired[0].times.detach(), *(p.grad for p in (layer.weights, layer.recurrent, layer.tau_m, layer.tau_s))])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_a_spike_stands_where_the_membrane_reaches_the_threshold():
    layer = SpikingLayer(torch.full((1, 1), 8.0), torch.tensor([20.0]), torch.tensor([5.0]), Membrane())
    fired = layer(from_events([0], [2.0], [0], 1, 1), 30.0)
    t = float(fired.times[0].detach()) - 2.0
    assert 8.0 * 5.0 / 15.0 * (np.exp(-t / 20.0) - np.exp(-t / 5.0)) == pytest.approx(1.0, abs=1e-13)


@pytest.mark.parametrize("weight", ["sum", "linear", "exp"])
def test_the_sampled_readout_agrees_with_the_closed_form(weight):
    net = EventpropNet(replace(SMALL, neuron="LIF", readout="LI", readout_step=0.01), 3)
    outputs, fired = net(trials())
    scores = LOSSES[weight].scores(outputs, Constants())[0].detach().numpy()
    times, ids = fired[0].spikes.trial(0)
    kernel = weighted_kernel(weight, times, 60.0)
    np.testing.assert_allclose(kernel @ net.readout.weights.detach().numpy()[ids], scores, rtol=1e-4)


@pytest.mark.parametrize("weight", sorted(WEIGHTS))
def test_a_hidden_spike_hears_what_the_weights_slope_says(weight):
    times = np.array([100.0, 700.0, 1200.0])
    heard = gradients.transmitted_error(weight, times, 1400.0)
    if weight == "sum":
        assert (np.abs(heard[:2]) < 1e-12).all()
        times, heard = times[2:], heard[2:]
    np.testing.assert_allclose(heard, slow_variation(weight, times, 1400.0), rtol=0.08 if weight == "sigmoid" else 0.03)


def test_equal_time_constants_are_no_special_case():
    layer = SpikingLayer(torch.full((1, 1), 4.0), torch.tensor([10.0]), torch.tensor([10.0]), Membrane())
    t = float(layer(from_events([0], [0.0], [0], 1, 1), 50.0).times[0].detach())
    assert 4.0 * t / 10.0 * np.exp(-t / 10.0) == pytest.approx(1.0, rel=1e-5)


def test_wrong_input_is_refused_in_one_sentence():
    layer = SpikingLayer(torch.ones(2, 3), torch.full((3,), 20.0), torch.full((3,), 5.0), Membrane())
    with pytest.raises(EventpropError, match="5 channels meet weights for 2"):
        layer(trials(), 60.0)
    with pytest.raises(EventpropError, match="after the trial's end at 10 ms"):
        layer(from_events([0], [20.0], [0], 1, 2), 10.0)
    with pytest.raises(EventpropError, match=r"time -1\.0 ms"):
        from_events([0], [-1.0], [0], 1, 2)
    with pytest.raises(EventpropError, match="channel 7, expected 0 to 1"):
        from_events([0], [1.0], [7], 1, 2)
    with pytest.raises(EventpropError, match="not below the threshold"):
        Membrane(reset=1.0)
    with pytest.raises(EventpropError, match="did you mean 'ALIF'"):
        replace(SMALL, neuron="ALIFF")
    with pytest.raises(EventpropError, match="not a whole number of readout steps"):
        replace(SMALL, trial_ms=60.3)


def test_a_network_that_explodes_is_stopped(monkeypatch):
    monkeypatch.setattr(layers, "LARGEST", 1000)
    with pytest.raises(EventpropError, match="exploded"):
        loud = SpikingLayer(torch.full((1, 1), 1e5), torch.tensor([20.0]), torch.tensor([5.0]), Membrane())
        loud(from_events([0], [0.0], [0], 1, 1), 1000.0)
