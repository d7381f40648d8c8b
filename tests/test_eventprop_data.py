"""Spike trains: the Yin-Yang set, radar and speech encodings, augmentations, and the names of the original parameters."""

import gzip
import shlex

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from mstask import data, show
from mstask.data import speech as speech_files
from mstask.lab.cli import parser
from mstask.lab.commands import requested
from mstask.paths import ROOT
from mstask.studies.eventprop import augment, radar, speech, yin_yang
from mstask.studies.eventprop.declare import SECTION
from mstask.studies.eventprop.events import EventpropError, Spikes, from_events
from mstask.studies.eventprop.losses import LOSSES, Constants, input_rate
from mstask.studies.eventprop.methods import LOSS_METHODS

TRIAL_MS = 60.0


@pytest.fixture(scope="module")
def published():
    return {
        part: yin_yang.points(n, seed) for (part, seed), n in zip(yin_yang.SEEDS.items(), yin_yang.SIZES["paper"], strict=True)
    }


def trains(n=20, n_spikes=15, n_ids=30, seed=0):
    rng = np.random.default_rng(seed)
    times, ids = rng.uniform(0, TRIAL_MS, n * n_spikes), rng.integers(0, n_ids, n * n_spikes)
    return from_events(np.repeat(np.arange(n), n_spikes), times, ids, n, n_ids)


def in_range(spikes):
    times, ids = spikes.times, spikes.ids
    inside = (times >= 0).all() and (times <= TRIAL_MS).all() and (ids >= 0).all() and (ids < spikes.n_ids).all()
    return inside and all((np.diff(spikes.trial(b)[0]) >= 0).all() for b in range(len(spikes)))


def test_the_yin_yang_sets_are_the_published_ones(published):
    np.testing.assert_allclose(published["train"][0][0], [0.68030754, 0.45049925], atol=1e-8)
    counts = {part: np.bincount(labels).tolist() for part, (_, labels) in published.items()}
    assert counts == {"train": [1681, 1702, 1617], "validation": [316, 336, 348], "test": [350, 316, 334]}


def test_a_linear_classifier_cannot_learn_yin_yang(published):
    features, labels = yin_yang.features(published["train"][0]), published["train"][1]
    linear = LogisticRegression().fit(features, labels)
    assert linear.score(yin_yang.features(published["test"][0]), published["test"][1]) < 0.68


def test_points_become_one_spike_per_feature_and_a_bias_at_the_start():
    times, ids = yin_yang.encode(np.array([[0.25, 0.9]])).trial(0)
    np.testing.assert_allclose(times, [0.0, 3.0, 7.5, 22.5, 27.0])
    assert ids.tolist() == [4, 3, 0, 2, 1]


def test_smaller_yin_yang_sets_are_the_first_trials_of_the_published_ones(published):
    small = yin_yang.spike_splits("small")
    assert small.train.y.tolist() == published["train"][1][: len(small.train.y)].tolist()
    assert small.meta["counts"] == {"train": 400, "validation": 100, "test": 200}


def test_a_radar_bin_fires_once_per_level_it_exceeds():
    picture = torch.full((1, 3, 4), -1.0)
    picture[0, 1, 2] = 1.5
    picture[0, 2, 3] = 2.5
    spikes = radar.encode(picture)
    assert spikes.times.tolist() == [2.0, 4.0, 4.0]
    assert spikes.ids.tolist() == [2, 3, 7] and spikes.n_ids == 8


def test_speech_trials_are_the_words_of_the_common_split():
    found, common = speech.spike_splits("embedded", "small"), data.load("speech", size="small")
    for part in ("train", "validation", "test"):
        assert torch.equal(getattr(found, part).y, getattr(common, part).y)
    assert found.meta["speakers"] == common.meta["speakers"]
    times, ids = found.train.x.trial(0)
    counted = common.train.x[0].sum(dim=0)
    assert set(ids.tolist()) <= set(counted.nonzero().flatten().tolist())
    assert times.max() <= speech.TRIAL_MS and (times % 1.0 == 0).all()
    assert len(np.unique(times * 700 + ids)) == len(times)


def test_double_precision_puts_every_half_precision_time_into_the_step_of_the_original():
    """The original reads whole microseconds, computed in single precision, and counts them in steps."""
    seconds = np.arange(np.float16(1).view(np.uint16), dtype=np.uint16).view(np.float16)
    whole = (seconds.astype(np.float32) * np.float32(1e6)).astype(np.int64) // 1000
    for part in np.array_split(np.arange(len(seconds)), 40):
        found = speech._slots(seconds[part], part % 700)
        assert set(found.tolist()) == set((whole[part] * 700 + part % 700).tolist())


def test_a_speaker_left_out_validates_and_is_not_trained_on():
    splits = speech.spike_splits("embedded", "small")
    everyone = sorted({*splits.meta["speakers"]["train"], *splits.meta["speakers"]["validation"]})
    folds = [speech.leave_out(splits, [speaker]) for speaker in everyone]
    for speaker, fold in zip(everyone, folds, strict=True):
        assert set(fold.meta["speakers"]["validation"]) == {speaker}
        assert speaker not in fold.meta["speakers"]["train"]
        assert len(fold.train.y) == len(fold.train.x) == fold.meta["counts"]["train"]
    assert len({fold.meta["fingerprint"] for fold in folds}) == len(folds)


@pytest.mark.parametrize(
    "change",
    [
        augment.Augmentation(shift=10),
        augment.Augmentation(dilate=(0.5, 2.0)),
        augment.Augmentation(jitter=4.0),
        augment.Augmentation(drop=0.3),
    ],
)
def test_augmented_events_stay_in_range(change):
    before = trains()
    after = change.apply(before, TRIAL_MS, np.random.default_rng(1))
    assert in_range(after) and 0 < len(after.times) < len(before.times)
    assert not np.array_equal(after.ids, before.ids[: len(after.ids)]) or not np.array_equal(
        after.times, before.times[: len(after.times)]
    )


def test_a_shift_moves_all_channels_of_a_trial_alike():
    before = trains(1, n_ids=1000)
    after = augment.shift(before, 5.9, np.random.default_rng(3))
    assert len(set((after.ids - before.ids).tolist())) == 1 and abs(after.ids[0] - before.ids[0]) <= 5


def test_blended_trials_keep_the_class_and_about_half_of_each_parents_events():
    before, labels = trains(), np.arange(20) % 4
    after, new = augment.blend(before, labels, 60, (0.5, 0.5), TRIAL_MS, np.random.default_rng(0))
    assert in_range(after) and len(after) == 60
    np.testing.assert_array_equal(after.take(range(20)).times, before.times)
    assert set(new[20:].tolist()) <= set(labels.tolist())
    assert 8 < np.diff(after.starts)[20:].mean() <= 15


def test_thinning_leaves_every_trial_the_count_of_the_sparsest():
    spikes = from_events([0] * 9 + [1] * 4, [*range(9), *range(4)], [0] * 9 + [1] * 4, 2, 2)
    thinned = augment.thin(spikes, np.random.default_rng(0), fewest=4)
    assert np.diff(thinned.starts).tolist() == [4, 4] and in_range(thinned)


def test_a_delay_line_repeats_the_input_later_on_channels_of_its_own():
    spikes = augment.delay_line(from_events([0], [5.0], [1], 1, 3), copies=3, delay_ms=10.0, trial_ms=30.0)
    assert spikes.times.tolist() == [5.0, 15.0, 25.0] and spikes.ids.tolist() == [1, 4, 7] and spikes.n_ids == 12


def test_taking_trials_keeps_their_spikes():
    spikes = trains()
    chosen = spikes.take([3, 0, 3])
    for new, old in enumerate([3, 0, 3]):
        np.testing.assert_array_equal(chosen.trial(new)[0], spikes.trial(old)[0])
    assert isinstance(chosen, Spikes) and chosen.counts().sum(axis=1).tolist() == [15, 15, 15]


def test_the_input_trace_sums_decaying_steps():
    constants = Constants(input_ms=20.0, input_gain=0.01)
    times = np.array([1.0, 6.0, 30.0])
    found = input_rate(from_events([0, 0], [0.5, 5.0], [0, 1], 1, 2), times, constants)
    expected = [sum(np.exp(-(t - s) / 20.0) for s in (0.5, 5.0) if s <= t) * 0.01 / 20.0 for t in times]
    np.testing.assert_allclose(found[0], expected, rtol=1e-12)


def test_every_loss_has_its_original_name():
    originals = [LOSS_METHODS[name].original for name in LOSSES]
    assert all(originals) and len(set(originals)) == len(LOSSES)


def test_the_chapters_commands_ask_for_options_that_the_sections_have():
    page = (ROOT / "book" / "eventprop.md").read_text("utf-8").replace("\\\n", "")
    commands = [shlex.split(line)[3:] for line in page.splitlines() if line.startswith("python -m mstask run")]
    asked = [requested(parser().parse_args(command)) for command in commands]
    changed = {name for ((_, p),) in asked for name, rest in SECTION.protocol.items() if getattr(p, name, rest) != rest}
    assert {"shift", "blend", "delay_copies", "rewire", "speakers_left", "ease_in", "plateau_factor", "record"} <= changed


def test_every_option_at_rest_is_a_parameter_named_in_the_table():
    told = " ".join(show.table_eventprop_names()["here"])
    own = {"budget", "patience", "rate_factor", "width_factor", "input_scale"}
    assert all(name in told for name in SECTION.protocol.keys() - own)


def test_the_drawn_options_are_those_of_a_run():
    drawn = show.data_eventprop_options().groupby("panel")["channel"].agg(["min", "max", "count"])
    plain, shifted, line = (drawn.loc[name] for name in ("speech word", "shift", "delay line"))
    assert shifted["count"] <= plain["count"] and shifted["min"] != plain["min"]
    assert 2 * plain["count"] < line["count"] <= 4 * plain["count"] and line["max"] >= 2100


def test_impossible_augmentations_are_refused():
    with pytest.raises(EventpropError, match="expected 0 < dilate"):
        augment.Augmentation(dilate=(2.0, 1.0))
    with pytest.raises(EventpropError, match="expected at least 20 trials, 2 parts"):
        augment.blend(trains(), np.zeros(20, int), 5, (0.5, 0.5), TRIAL_MS, np.random.default_rng(0))


def test_a_packed_copy_of_the_files_gives_the_same_words(tmp_path):
    folder = speech_files.generated("small")
    for name in speech_files.FILES:
        (tmp_path / f"{name}.h5.gz").write_bytes(gzip.compress((folder / f"{name}.h5").read_bytes(), compresslevel=1))
    packed, plain = speech.spike_splits("real", "small", root=str(tmp_path)), speech.spike_splits("embedded", "small")
    assert packed.meta["source"] == "real"
    np.testing.assert_array_equal(packed.test.x.times, plain.test.x.times)
    np.testing.assert_array_equal(packed.train.x.ids, plain.train.x.ids)
