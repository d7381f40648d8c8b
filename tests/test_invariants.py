"""What holds for any input: of neurons, thresholds, statistics, data splits, documents, wirings, codes and errors."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, strategies as st
from scipy import stats as scipy_stats
from test_neurons import NAMES as OURS

from mstask import neurons, stats
from mstask.calibration import bisect_threshold, calibrate_thresholds
from mstask.cost import count_parameters, solve_width
from mstask.data import checks, shd, speech
from mstask.data.radar import split_indices
from mstask.errors import closest, nearest
from mstask.networks import PathBankNet, VerticalNet
from mstask.parameters import read
from mstask.results.files import read_json, write_atomic
from mstask.studies.eventprop import events
from mstask.studies.g2gnet import wiring
from mstask.studies.ncg import inputs

NAMES = st.sampled_from(neurons.names())
COUPLED = {"Beam-IF", "CrossInhib-LIF"}
SEEDS = st.integers(0, 2**32 - 1)
SCORES = st.lists(st.floats(0, 1, width=32), min_size=2, max_size=8)


def drawn(seed, batch=3, steps=9, width=6, scale=2.0):
    """An input [B, T, W] in double precision."""
    return scale * torch.randn(batch, steps, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def layer(name, width=6, backend="reference"):
    torch.manual_seed(0)
    return neurons.create(name, width, backend=backend).double()


class TestNeurons:
    @given(NAMES, SEEDS)
    def test_spikes_are_zero_or_one_and_as_many_as_inputs(self, name, seed):
        x = drawn(seed)
        spikes, _ = layer(name)(x)
        assert spikes.shape == x.shape and set(spikes.unique().tolist()) <= {0.0, 1.0}

    @given(NAMES, SEEDS)
    def test_an_example_does_not_hear_the_others_of_its_batch(self, name, seed):
        x, neuron = drawn(seed), layer(name)
        assert torch.equal(neuron(x)[0][1:2], neuron(x[1:2])[0])

    @given(NAMES, SEEDS, st.integers(1, 8))
    def test_the_past_does_not_depend_on_the_future(self, name, seed, now):
        x, neuron = drawn(seed), layer(name)
        other = torch.cat([x[:, :now], drawn(seed + 1)[:, now:]], 1)
        assert torch.equal(neuron(x)[0][:, :now], neuron(other)[0][:, :now])

    @given(NAMES, SEEDS)
    def test_a_threshold_that_nothing_reaches_silences_a_layer(self, name, seed):
        neuron = layer(name)
        neuron.threshold = 1e9
        assert not neuron(drawn(seed))[0].any()

    @given(st.sampled_from([name for name in OURS if name not in COUPLED]), SEEDS, st.integers(0, 5))
    def test_only_coupled_types_hear_other_neurons(self, name, seed, one):
        x, neuron = drawn(seed), layer(name)
        other = x.clone()
        other[..., one] += 1.0
        same = [i for i in range(6) if i != one]
        assert torch.equal(neuron(x)[0][..., same], neuron(other)[0][..., same])

    @given(NAMES, SEEDS, st.sampled_from([1, 2, 5]), st.sampled_from([1, 3, 8]), st.sampled_from([1, 4, 7]))
    def test_both_backends_agree_at_any_size(self, name, seed, batch, steps, width):
        x = drawn(seed, batch, steps, width)
        assert torch.equal(layer(name, width, "fused")(x)[0], layer(name, width)(x)[0])

    @given(NAMES, SEEDS)
    def test_the_state_dict_carries_all_that_a_layer_is(self, name, seed):
        x, one, other = drawn(seed), layer(name), neurons.create(name, 6, backend="reference").double()
        one.threshold = 0.7
        other.load_state_dict(one.state_dict())
        assert torch.equal(one(x)[0], other(x)[0])


class TestThresholds:
    @given(st.sampled_from(["Vanilla-LIF", "Doppler-LIF", "Chirp-LIF"]), SEEDS, st.floats(0.05, 0.15))
    def test_the_target_lies_between_the_rates_on_both_sides_of_the_threshold(self, name, seed, target):
        x, neuron = drawn(seed, batch=16, steps=20, width=16), layer(name, 16, "fused")
        found, rates = bisect_threshold(neuron, neuron.drive(x), target), []
        for factor in (1 - 1e-7, 1 + 1e-7):
            neuron.threshold = found * factor
            rates.append(neuron(x)[0].mean().item())
        assert rates[1] <= target < rates[0]

    @given(SEEDS)
    def test_calibrating_twice_changes_nothing(self, seed):
        torch.manual_seed(0)
        net = VerticalNet(6, 3, ["Vanilla-LIF"] * 2, 8)
        x = drawn(seed).float()
        once = [one.neuron.threshold for one in calibrate_thresholds(net, x).layers()]
        assert [one.neuron.threshold for one in calibrate_thresholds(net, x).layers()] == once


class TestNetworks:
    @given(st.lists(NAMES, min_size=1, max_size=3), st.integers(1, 4), st.integers(2, 5), SEEDS)
    def test_logits_have_a_column_for_each_class_and_rates_are_shares(self, types, batch, classes, seed):
        net, x = VerticalNet(6, classes, types, 5), drawn(seed, batch).float()
        assert net(x).shape == (batch, classes)
        rates = net.firing_rates(x)
        assert len(rates) == len(types) and all(0 <= rate <= 1 for rate in rates)

    @given(st.integers(500, 20_000))
    def test_the_width_found_is_the_one_with_the_nearest_count(self, target):
        def build(width):
            return PathBankNet(6, 3, ("Vanilla-LIF", "Doppler-LIF"), width, 2)

        width, count = solve_width(build, target, low=2, high=60)
        near = {w: abs(count_parameters(build(w)) - target) for w in range(max(2, width - 1), min(59, width + 1) + 1)}
        assert count == count_parameters(build(width)) and near[width] == min(near.values())


class TestStatistics:
    @given(SCORES, st.floats(-3, 3))
    def test_an_interval_moves_with_the_values(self, values, shift):
        one, other = stats.estimate(values).interval(), stats.estimate([v + shift for v in values]).interval()
        assert other == pytest.approx(tuple(v + shift for v in one), abs=1e-9)

    @given(SCORES)
    def test_an_interval_is_that_of_student(self, values):
        assume(np.std(values) > 1e-6)
        expected = scipy_stats.t.interval(0.95, len(values) - 1, np.mean(values), scipy_stats.sem(values))
        assert stats.estimate(values).interval() == pytest.approx(expected, abs=1e-9)

    @given(st.lists(st.integers(-9, 9), min_size=3, max_size=7, unique=True), SEEDS)
    def test_rank_correlation_knows_only_ranks(self, a, seed):
        b = np.random.default_rng(seed).permutation(len(a)).tolist()
        assert stats.rank_correlation(a, b) == stats.rank_correlation([math.exp(v / 9) for v in a], b)

    @given(st.lists(st.integers(-9, 9), min_size=3, max_size=7, unique=True), SEEDS)
    def test_rank_correlations_turn_with_the_order(self, a, seed):
        b = np.random.default_rng(seed).permutation(len(a)).tolist()
        (value, p), (turned, same) = stats.rank_correlation(a, b), stats.rank_correlation(a, [-v for v in b])
        assert (turned, same) == (pytest.approx(-value), pytest.approx(p))

    @given(st.integers(2, 5), SEEDS)
    def test_a_bootstrap_turns_with_its_sides(self, classes, seed):
        rng = np.random.default_rng(seed)
        true, a, b = rng.integers(0, classes, (3, 40))
        difference, low, high = stats.paired_bootstrap(a, b, true, classes, resamples=200)
        turned = stats.paired_bootstrap(b, a, true, classes, resamples=200)
        assert turned == (pytest.approx(-difference), pytest.approx(-high), pytest.approx(-low)) and low <= high

    @given(st.integers(2, 5), SEEDS)
    def test_names_of_classes_do_not_matter_to_macro_f1(self, classes, seed):
        rng = np.random.default_rng(seed)
        true, pred = rng.integers(0, classes, (2, 30))
        renamed = rng.permutation(classes)
        assert stats.macro_f1(renamed[pred], renamed[true], classes)[0] == pytest.approx(stats.macro_f1(pred, true, classes)[0])


class TestData:
    @given(SEEDS)
    def test_parts_of_a_split_share_nothing_and_leave_nothing_out(self, seed):
        y = np.random.default_rng(seed).permutation(np.repeat(np.arange(6), 20))
        parts = split_indices(y, "here")
        assert sorted(np.concatenate(parts).tolist()) == list(range(len(y)))
        assert all(set(y[part]) == set(range(6)) for part in parts)

    @given(SEEDS)
    def test_so_of_the_mixed_words(self, seed):
        labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(20), 12))
        parts = speech._mixed_indices(labels, True, shd.WORDS, "here")
        assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))

    @given(st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=9), st.integers(0, 8))
    def test_a_fingerprint_knows_every_value_and_the_shape(self, values, at):
        one = np.array(values, np.float32)
        other = one.copy()
        other[at % len(one)] += 1
        assert checks.fingerprint(one) == checks.fingerprint(one.copy())
        assert len({checks.fingerprint(one), checks.fingerprint(other), checks.fingerprint(one[:, None])}) == 3


class TestDocuments:
    values = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=9,
    )

    @given(values)
    def test_what_is_written_is_read(self, tmp_path_factory, value):
        path = tmp_path_factory.mktemp("written") / "value.json"
        write_atomic(path, json.dumps(value))
        assert read_json(path) == value and [found.name for found in path.parent.iterdir()] == ["value.json"]


class TestParameters:
    @given(st.lists(st.integers(0, 99), min_size=1, max_size=5))
    def test_a_list_may_be_written_in_any_of_its_ways(self, seeds):
        written = [seeds, tuple(seeds), np.array(seeds), str(seeds), ",".join(map(str, seeds))]
        assert all(list(read(list[int], value)) == seeds for value in written)


class TestErrors:
    @given(st.lists(st.text("abcdefgh-LIF", min_size=1, max_size=9), min_size=1, max_size=6, unique_by=str.casefold), st.data())
    def test_a_valid_name_is_nearest_to_itself_whatever_its_case(self, names, data):
        name = data.draw(st.sampled_from(names))
        assert closest(name.upper(), names) == name
        assert all(valid in nearest("?", names) for valid in names)


class TestWirings:
    @given(st.integers(1, 4), st.integers(1, 4), st.sampled_from(["contiguous", "interleaved"]))
    def test_groups_are_of_equal_size(self, groups, times, kind):
        labels = getattr(wiring, kind)(groups * times * 2, groups)
        assert torch.bincount(labels, minlength=groups).tolist() == [times * 2] * groups

    @given(SEEDS, st.integers(2, 4))
    def test_a_shuffle_keeps_the_sizes_of_groups(self, seed, groups):
        labels = wiring.shuffled(groups * 5, torch.Generator().manual_seed(seed), groups)
        assert torch.bincount(labels, minlength=groups).tolist() == [5] * groups


class TestCodes:
    pictures = st.lists(st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4), min_size=1, max_size=4)

    @given(pictures)
    def test_a_brighter_value_fires_earlier(self, rows):
        values = np.array(rows, np.float32)
        times = inputs.latency(values)
        order = np.argsort(values, axis=None)
        assert (np.diff(times.reshape(-1)[order]) <= 0).all()


class TestEvents:
    @given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 9, width=32), st.integers(0, 4)), min_size=1, max_size=30))
    def test_every_spike_keeps_its_trial_its_channel_and_the_order_of_time(self, spikes):
        trials, times, ids = (np.array(column) for column in zip(*spikes, strict=True))
        found = events.from_events(trials, times, ids, 3, 5)
        per_trial = [sorted(zip(times[trials == k], ids[trials == k], strict=True)) for k in range(3)]
        assert [sorted(zip(*found.trial(k), strict=True)) for k in range(3)] == per_trial
