"""Eventprop on a time grid approximates the exact gradient, and surrogate gradients point roughly the same way."""

import numpy as np
import torch

from mstask.studies.eventprop import gradients, grid

STEP = 0.1


def loss_on_grid(net, inputs, label, weight):
    run = grid.simulate(net, inputs, STEP)
    score = torch.from_numpy((weight[:, None] * run.voltage).mean(axis=0))
    return float(torch.nn.functional.cross_entropy(score[None], torch.tensor([label])))


def differences(entry_of, net, inputs, label, weight, entries, step=1e-6):
    found = []
    values = entry_of(net).data
    for where in entries:
        original, ends = values[where].item(), []
        for sign in (1, -1):
            values[where] = original + sign * step
            ends.append(loss_on_grid(net, inputs, label, weight))
        values[where] = original
        found.append((ends[0] - ends[1]) / (2 * step))
    return np.array(found)


def test_on_the_grid_hidden_weights_have_no_gradient_and_output_weights_the_discrete_adjoints():
    net, inputs, label = gradients.sample_problem(0)
    weight = gradients.weighted(60.0, STEP)
    found = grid.gradients(net, inputs, STEP, label, weight)
    hidden = [(c, n) for c in range(5) for n in (0, 3, 7)]
    assert np.abs(differences(lambda n: n.hidden[0].weights, net, inputs, label, weight, hidden)).max() == 0
    assert np.abs(found.inputs).max() > 1e-3
    outputs = [(n, c) for n in range(0, 8, 2) for c in range(3)]
    expected = differences(lambda n: n.readout.weights, net, inputs, label, weight, outputs)
    np.testing.assert_allclose([found.outputs[where] for where in outputs], expected, atol=1e-6 * np.abs(expected).max())


def test_a_finer_grid_comes_closer_to_the_exact_gradient():
    tables = [gradients.grid_bias([0.1, 0.02], seed) for seed in (0, 1, 3, 4)]
    coarse, fine = zip(*(table["input_error"] for table in tables), strict=True)
    assert np.mean(fine) < np.mean(coarse) / 4
    assert max(fine) < 0.05 and min(table["input_cosine"][1] for table in tables) > 0.999
    assert all(table["same_spikes"][1] for table in tables)


def test_a_grid_that_turns_two_events_round_keeps_its_error():
    _, inputs, _ = gradients.sample_problem(2)
    net = gradients.sample_problem(2)[0]
    hidden = net(inputs)[1][0].spikes.times
    assert np.abs(hidden[:, None] - inputs.times).min() < 0.002
    assert gradients.grid_bias([0.02], 2)["input_error"][0] > 0.1


def test_a_steep_surrogate_points_towards_the_exact_gradient():
    gentle, steep = zip(*(gradients.surrogate_agreement([1.0, 20.0], seed, 1.0) for seed in (0, 1)), strict=True)
    assert all(0.3 < one.cosine < 0.99 for one in steep)
    assert min(one.norm_ratio for one in gentle) > max(one.norm_ratio for one in steep)
