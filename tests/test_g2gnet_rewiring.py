"""Dynamic Sparse Training and rate penalty: which connections go and come, and what stays as it was."""

from __future__ import annotations

import sys

import pytest
import torch

from mstask.errors import MstaskError
from mstask.studies.g2gnet.facts import expected_intra_share
from mstask.studies.g2gnet.networks import Design, Encoding, G2GNet, logits
from mstask.studies.g2gnet.rewiring import GROW, PRUNE, SCOPES, Rule, correlation, rewire, update
from mstask.studies.g2gnet.training import RatePenalty
from mstask.studies.g2gnet.wiring import Wiring, generator, intra_share, wirings

DRAW = generator(1, 0, "rewiring")
HALVES = torch.tensor([0, 0, 1, 1])


@pytest.fixture(autouse=True)
def same_draws(monkeypatch):
    """Each test draws the same, whatever ran before it."""
    monkeypatch.setattr(sys.modules[__name__], "DRAW", generator(1, 0, "rewiring"))


def by_hand(mask, weight, ch, rule):
    """Rewire a 4 x 4 layer of two groups."""
    wiring = Wiring(torch.tensor(mask, dtype=torch.bool), HALVES, HALVES)
    return rewire(wiring, torch.tensor(weight), torch.tensor(ch), rule, DRAW)


MASK = [[1, 1, 0, 0], [1, 1, 0, 1], [0, 0, 1, 1], [1, 0, 1, 1]]
WEIGHT = [[0.9, -0.1, 5.0, 5.0], [-0.7, 0.8, 5.0, 0.2], [5.0, 5.0, -0.6, 0.5], [-0.3, 5.0, 0.4, 1.0]]
CH = [[0.9, 0.8, 0.1, 0.7], [0.7, 0.1, 0.6, 0.5], [0.0, 0.2, 0.0, 0.9], [0.6, 0.3, 0.8, 0.9]]


def places(mask):
    return {(o, i) for o, i in mask.nonzero().tolist()}


@pytest.mark.parametrize(("regrow", "grown"), [(True, {(0, 1), (0, 3)}), (False, {(0, 3), (1, 2)})])
def test_set_prunes_the_smallest_weights_and_hebb_grows_the_largest_correlations(regrow, grown):
    """Without regrowth a pruned connection stays away."""
    change = by_hand(MASK, WEIGHT, CH, Rule("set", "hebb", fraction=0.2, regrow=regrow))
    assert places(change.removed) == {(0, 1), (1, 3)}
    assert places(change.grown) == grown


def test_hebb_prunes_the_least_correlated_connections():
    change = by_hand(MASK, WEIGHT, CH, Rule("hebb", "hebb", fraction=0.2))
    assert places(change.removed) == {(2, 2), (1, 1)}


def test_within_classes_the_groups_keep_their_connections():
    change = by_hand(MASK, WEIGHT, CH, Rule("set", "hebb", scope="class", fraction=0.5))
    intra = HALVES[:, None] == HALVES
    assert places(change.removed & ~intra) == {(1, 3)}
    assert places(change.grown & ~intra) == {(0, 3)}
    assert (change.mask & intra).sum() == intra.sum()


def test_ties_are_broken_at_random():
    empty = [[0.0] * 4] * 4
    found = {frozenset(places(by_hand(MASK, WEIGHT, empty, Rule("hebb", "hebb", fraction=0.1)).removed)) for _ in range(30)}
    assert len(found) > 4


@pytest.mark.parametrize("prune", PRUNE)
@pytest.mark.parametrize("grow", GROW)
@pytest.mark.parametrize("scope", SCOPES)
def test_as_many_connections_are_grown_as_were_removed(prune, grow, scope):
    (wiring,) = wirings("index", [64, 64], 0.15, seed=1)
    g = torch.Generator().manual_seed(0)
    weight, ch = torch.randn(64, 64, generator=g), torch.rand(64, 64, generator=g)
    change = rewire(wiring, weight, ch, Rule(prune, grow, scope), DRAW)
    present, inside = int(wiring.mask.sum()), int((wiring.mask & wiring.intra).sum())
    moved = {
        "layer": int(0.1 * present),
        "class": int(0.1 * inside) + int(0.1 * (present - inside)),
        "inter": int(0.1 * (present - inside)),
    }
    assert int(change.removed.sum()) == int(change.grown.sum()) == moved[scope]
    assert int(change.mask.sum()) == present
    if scope != "layer":
        assert int((change.mask & wiring.intra).sum()) == inside
    assert not (change.removed & ~wiring.mask).any()


def test_random_rewiring_erodes_the_groups_and_class_scope_does_not():
    for scope, expected in (("layer", expected_intra_share(0.15, 1)[1]), ("class", expected_intra_share(0.15, 0)[0])):
        (wiring,) = wirings("index", [512, 512], 0.15, seed=2)
        change = rewire(wiring, torch.ones(512, 512), torch.ones(512, 512), Rule("random", "random", scope), DRAW)
        assert intra_share(change.mask, wiring.intra) == pytest.approx(expected, abs=0.01), scope


def test_correlation_is_cofiring_over_the_geometric_mean_of_counts():
    g = torch.Generator().manual_seed(0)
    post, pre = (torch.rand(n, 7, 50, generator=g) < 0.2 for n in (6, 9))
    post[2] = pre[4] = False
    a, b = post.flatten(1).double(), pre.flatten(1).double()
    expected = (a @ b.T) / (a.sum(1)[:, None] * b.sum(1)).sqrt().clamp(min=1e-12)
    found = correlation(post.float(), pre.float())
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-6)
    assert found[2].eq(0).all() and found[:, 4].eq(0).all()


def test_a_held_input_correlates_as_if_it_were_repeated():
    post, pre = torch.rand(3, 5, 4).round(), torch.rand(2, 1, 4)
    torch.testing.assert_close(correlation(post, pre), correlation(post, pre.expand(-1, 5, -1)))


def trained_steps(steps, every=None):
    """A small network after some optimiser steps, rewired after every `every`-th."""
    torch.manual_seed(0)
    net = G2GNet(Design(64, 10, "index", 64, encoding=Encoding(steps=5)), seed=3)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3, weight_decay=1e-4)
    x, y = torch.rand(32, 8, 8), torch.arange(32) % 10
    told = []
    for step in range(steps):
        signals = net.signals(x)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(logits(signals), y).backward()
        optimiser.step()
        if every and step and step % every == 0:
            told.append(update(net, optimiser, signals, Rule("hebb", "hebb"), step))
    return net, optimiser, told


def test_absent_connections_have_no_gradient_no_weight_and_no_moments():
    net, optimiser, _ = trained_steps(50)
    for layer in net.hidden:
        absent = ~layer.mask
        state = optimiser.state[layer.weight]
        for values in (layer.weight.grad, layer.weight, state["exp_avg"], state["exp_avg_sq"]):
            assert values[absent].abs().max() == 0
        assert state["exp_avg_sq"][layer.mask].max() > 0


def test_grown_connections_start_from_nothing_and_then_learn():
    net, optimiser, (told,) = trained_steps(3, every=2)
    fresh = net.hidden[0].mask & (net.hidden[0].weight == 0)
    assert told[0]["removed"] == told[0]["grown"] > 0
    assert int(fresh.sum()) >= told[0]["grown"] - int(0.02 * net.hidden[0].mask.sum())
    assert optimiser.state[net.hidden[0].weight]["exp_avg"][fresh].abs().max() == 0
    net, optimiser, (*_, told) = trained_steps(12, every=4)
    absent = ~net.hidden[1].mask
    assert net.hidden[1].weight[absent].abs().max() == 0
    assert told[1]["intra"] < 0.488
    assert net.hidden[1].plan.mask.sum() == net.hidden[1].mask.sum()


def test_unknown_rules_are_refused():
    with pytest.raises(MstaskError, match="prune 'sets' is unknown; did you mean 'set'"):
        Rule("sets")
    with pytest.raises(MstaskError, match="fraction is 0"):
        Rule(fraction=0.0)


def test_the_rate_penalty_warms_up_and_tightens():
    penalty = RatePenalty(epochs=30, warmup=10)
    assert penalty.at(10)[0] == 0
    assert penalty.at(11) == pytest.approx((5.95e-4, 0.242))
    assert penalty.at(20) == pytest.approx((5.05e-3, 0.170))
    assert penalty.at(30) == pytest.approx((1e-2, 0.090))


def test_a_warm_up_as_long_as_the_run_leaves_no_penalty():
    for warmup in (10, 12):
        assert [RatePenalty(epochs=10, warmup=warmup).at(epoch)[0] for epoch in range(1, 11)] == [0.0] * 10


def test_the_penalty_sums_over_neurons_and_its_one_sided_form_spares_silent_ones():
    rates = torch.tensor([0.0, 0.5])
    spikes = [rates[:, None, None].expand(2, 4, 3)]
    weight, target = RatePenalty(20).at(20)
    assert RatePenalty(20)(spikes, 20).item() == pytest.approx(weight * (target**2 + (0.5 - target) ** 2))
    assert RatePenalty(20, one_sided=True)(spikes, 20).item() == pytest.approx(weight * (0.5 - target) ** 2)
