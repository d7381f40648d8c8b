"""G2GNet's wirings: who is connected to whom, how many connections there are, and how they begin."""

from __future__ import annotations

import math

import pytest
import torch

from mstask.errors import MstaskError
from mstask.studies.g2gnet.facts import expected_intra_share
from mstask.studies.g2gnet.networks import Design, Encoding, G2GNet
from mstask.studies.g2gnet.wiring import (
    contiguous,
    density,
    expected_parameters,
    experts,
    interleaved,
    intra_share,
    matched_width,
    reach,
    wirings,
)

GROUPED = ("index", "random", "mixer")


@pytest.mark.parametrize("model", [*GROUPED, "er"])
@pytest.mark.parametrize("p", [0.0, 0.05, 0.15, 0.5, 1.0])
def test_densities_are_those_of_the_formula(model, p):
    for wiring in wirings(model, [64, 256, 256], p, seed=42):
        size = wiring.mask.numel()
        q = p if model != "er" else density(p)
        random_entries = size * 7 / 8 if model != "er" else size
        deviation = 5 * math.sqrt(q * (1 - q) * random_entries)
        assert abs(int(wiring.mask.sum()) - density(p) * size) <= deviation + 1e-6
        if model != "er":
            assert bool(wiring.mask[wiring.intra].all())
            assert int(wiring.intra.sum()) == size // 8


def test_densities_at_the_usual_probabilities():
    assert [density(p) for p in (0, 0.05, 0.15, 0.5, 1)] == pytest.approx([0.125, 0.16875, 0.25625, 0.5625, 1])


@pytest.mark.parametrize(
    ("sizes", "classes", "at_zero", "at_15"),
    [
        ([784, 2048, 2048], 10, 749_578, 1_510_820),
        ([3072, 2048, 2048], 10, 1_335_306, 2_711_562),
        ([3072, 2048, 2048], 100, 1_519_716, 2_895_972),
        ([784, 2048, 2048, 2048], 10, 749_578 + 526_336, 1_510_820 + 1_076_838),
    ],
)
def test_expected_parameters_are_those_of_the_sources_networks(sizes, classes, at_zero, at_15):
    assert expected_parameters(sizes, classes, density(0.0)) == at_zero
    assert round(expected_parameters(sizes, classes, density(0.15))) == at_15


def test_a_wiring_depends_on_its_seed_and_nothing_else():
    first = wirings("random", [64, 256, 256], 0.15, seed=42)
    torch.rand(100)
    deeper = wirings("random", [64, 256, 256, 256], 0.15, seed=42)
    for a, b in zip(first, deeper, strict=False):
        assert torch.equal(a.mask, b.mask) and torch.equal(a.groups_in, b.groups_in)
    assert not torch.equal(first[1].mask, wirings("random", [64, 256, 256], 0.15, seed=43)[1].mask)


def test_contiguous_groups_of_a_picture_are_rows_and_interleaved_ones_columns():
    picture = torch.arange(64).view(8, 8)
    for k in range(8):
        assert torch.equal(contiguous(64).eq(k).nonzero().squeeze(), picture[k])
        assert torch.equal(interleaved(64).eq(k).nonzero().squeeze(), picture[:, k])


def test_mixer_alternates_and_random_deals_equal_groups():
    mixer = wirings("mixer", [64, 64, 64, 64], 0.0, seed=1)
    assert [torch.equal(w.groups_in, contiguous(64)) for w in mixer] == [True, False, True]
    assert torch.equal(mixer[1].groups_out, interleaved(64))
    for wiring in wirings("random", [64, 64], 0.0, seed=1):
        assert torch.bincount(wiring.groups_in).tolist() == [8] * 8 == torch.bincount(wiring.groups_out).tolist()


def test_shared_labels_keep_a_neuron_in_one_group():
    apart, shared = (wirings("random", [64, 64, 64], 0.0, 1, labels) for labels in ("per_layer", "shared"))
    assert torch.equal(shared[0].groups_out, shared[1].groups_in)
    assert not torch.equal(apart[0].groups_out, apart[1].groups_in)


def test_without_connections_between_groups_index_is_eight_experts_and_mixer_one():
    index, mixer = (wirings(model, [64, 256, 256], 0.0, seed=42) for model in ("index", "mixer"))
    assert (experts(index), reach(index)) == (8, 1 / 8)
    assert (experts(mixer), reach(mixer)) == (1, 1.0)
    assert experts(wirings("index", [64, 256, 256], 0.15, seed=42)) == 1


@pytest.mark.parametrize(("model", "sizes"), [("index", [60, 64]), ("mixer", [64, 100]), ("random", [64, 4])])
def test_sizes_that_do_not_divide_into_groups_are_refused(model, sizes):
    with pytest.raises(MstaskError, match="doesn't divide into 8 groups"):
        wirings(model, sizes, 0.15, seed=1)


def test_unknown_models_and_impossible_probabilities_are_refused():
    with pytest.raises(MstaskError, match="did you mean 'mixer'"):
        wirings("mixed", [64, 64], 0.15, seed=1)
    with pytest.raises(MstaskError, match=r"p_inter is 1\.5"):
        wirings("index", [64, 64], 1.5, seed=1)


def test_active_weights_begin_as_uniform_for_their_real_number_of_inputs():
    for layer in G2GNet(Design(64, 10, "index", 256), seed=1).hidden:
        bound = 1 / layer.mask.sum(1, keepdim=True).double().sqrt()
        scaled = (layer.weight.double() / bound)[layer.mask]
        assert scaled.abs().max() <= 1 + 1e-6
        assert scaled.var().item() == pytest.approx(1 / 3, rel=0.05)
        assert layer.weight[~layer.mask].abs().max() == 0
        assert layer.bias.abs().max() <= 1 / layer.mask.sum(1).double().mean().sqrt() + 1e-6


def test_with_every_connection_the_network_is_the_dense_one():
    still = Encoding(steps=6)
    full, dense = (G2GNet(Design(64, 10, m, 64, p_inter=1.0, encoding=still), seed=1) for m in ("index", "dense"))
    dense.load_state_dict(full.state_dict())
    x = torch.rand(5, 8, 8)
    for a, b in zip(full.signals(x), dense.signals(x), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_inputs_that_do_not_divide_get_silent_neighbours():
    net = G2GNet(Design(700, 20, "index", 64), seed=1)
    drive = net.encode(torch.ones(2, 3, 700))
    assert drive.shape == (704, 3, 2)
    assert drive[:700].min() == 1 and drive[700:].max() == 0


def test_the_matched_dense_network_has_as_many_parameters():
    for n_in, hidden, n_hidden, classes in ((784, 1024, 3, 10), (64, 128, 2, 10), (512, 128, 1, 20)):
        width = matched_width(n_in, hidden, n_hidden, classes, 0.15)
        target = expected_parameters([n_in] + [hidden] * n_hidden, classes, density(0.15))
        near = [abs(expected_parameters([n_in] + [w] * n_hidden, classes, 1.0) - target) for w in (width - 1, width, width + 1)]
        assert near[1] == min(near)


def test_the_sources_matched_network_of_447_neurons_has_755887_parameters():
    assert expected_parameters([784, 447, 447, 447], 10, 1.0) == 755_887
    assert round(expected_parameters([784, 1024, 1024, 1024], 10, density(0.15))) == 756_439


def test_random_rewiring_erodes_the_groups_as_the_closed_form_says():
    assert expected_intra_share(0.15, 4) == pytest.approx([0.488, 0.441, 0.400, 0.364, 0.333], abs=6e-4)
    (wiring,) = wirings("index", [512, 512], 0.15, seed=1)
    assert intra_share(wiring.mask, wiring.intra) == pytest.approx(0.488, abs=0.005)
