"""The data of the HetSyn section: synthetic trials, digits as sequences, and SHD's bins with their quirks."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from mstask import data
from mstask.data import shd, speech
from mstask.errors import MstaskError
from mstask.section import resolve
from mstask.studies.hetsyn.data import binned, of_case, speech_bins
from mstask.studies.hetsyn.declare import TASK_SEED
from mstask.studies.hetsyn.names import CASES
from mstask.studies.hetsyn.settings import SETTINGS
from mstask.studies.hetsyn.tasks import MatchToSample, Pattern, rate_penalty, repeat_distances


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def of(case, **changes):
    return of_case(case, resolve("hetsyn", profile="smoke", **changes))


class TestMatchToSample:
    x, y = MatchToSample().trials(1000, generator())

    def test_a_trial_has_210_steps_and_30_channels_of_zeros_and_ones(self):
        assert self.x.shape == (1000, 210, 30)
        assert ((self.x == 0) | (self.x == 1)).all()

    def test_the_label_says_whether_the_cues_agree(self):
        first, second = self.x[:, 10:30], self.x[:, 190:]
        sides = [part[..., 10:20].sum((1, 2)) > part[..., :10].sum((1, 2)) for part in (first, second)]
        assert torch.equal((sides[0] == sides[1]).long(), self.y)

    def test_the_four_pairs_are_equally_likely(self):
        left = [self.x[:, span, :10].sum((1, 2)) > 0 for span in (slice(10, 30), slice(190, 210))]
        pairs = torch.bincount(2 * left[0].long() + left[1].long(), minlength=4)
        assert (pairs - 250).abs().max() < 55

    def test_cues_and_noise_have_their_rates_and_the_delay_is_silent(self):
        cue = self.x[:, 10:30, :20].mean().item() * 2  # one of the two sides fires
        assert cue == pytest.approx(0.2, abs=0.004)
        assert self.x[..., 20:].mean().item() == pytest.approx(0.05, abs=0.001)
        assert self.x[:, :10, :20].sum() == self.x[:, 30:190, :20].sum() == 0

    def test_extra_noise_reaches_every_channel(self):
        noisy, _ = MatchToSample().trials(500, generator(), extra_hz=20)
        assert noisy[:, 30:190, :20].mean().item() == pytest.approx(0.1, abs=0.002)

    def test_a_longer_delay_moves_the_second_cue(self):
        long, _ = MatchToSample(delay_ms=1600).trials(100, generator())
        assert long.shape[1] == 370
        assert long[:, 30:350, :20].sum() == 0 < long[:, 350:, :20].sum()


@cache
def pattern():
    return Pattern.draw(0)


class TestPattern:
    def test_the_target_is_a_smooth_curve_that_reaches_both_ends(self):
        target = pattern().target
        assert (target.shape, target.min().item(), target.max().item()) == ((2000,), -1, 1)
        assert target.diff().abs().max() < 0.03

    def test_the_target_repeats_after_two_seconds(self):
        ends = pattern().target[[0, -1]]
        assert (ends[0] - ends[1]).abs() < 0.03

    def test_the_template_returns_three_times_and_gaps_hold_noise_only(self):
        x = pattern().trials(1, generator(), noise_hz=0)[0]
        for start in (0, 750, 1500):
            assert torch.equal(x[start : start + 500], pattern().template.float())
        assert x[500:750].sum() == x[1250:1500].sum() == 0
        assert pattern().template.double().mean().item() == pytest.approx(0.01, abs=0.001)

    def test_noise_is_drawn_anew(self):
        rng = generator()
        first, second = pattern().trials(1, rng), pattern().trials(1, rng)
        assert not torch.equal(first, second)
        assert first[0, 500:750].mean().item() == pytest.approx(0.002, abs=0.001)

    def test_another_seed_is_another_task(self):
        other = Pattern.draw(1)
        assert not torch.equal(other.template, pattern().template)
        assert not torch.equal(other.target, pattern().target)

    def test_the_sections_target_is_the_first_that_asks_for_three_different_answers(self):
        def apart(seed):
            target = Pattern.draw(seed).target
            segments = [target[start : start + 500] for start in Pattern.starts]
            return min((b - a).square().mean().item() for a, b in combinations(segments, 2))

        assert [seed for seed in range(TASK_SEED + 1) if apart(seed) > 0.5] == [TASK_SEED]

    def test_repeat_distance_is_1_for_the_target_itself_and_0_for_a_repeating_output(self):
        target = pattern().target
        assert repeat_distances(target[None], target, Pattern.starts, 500) == pytest.approx([1, 1])
        repeating = torch.arange(2000.0).remainder(750)[None]
        assert repeat_distances(repeating, target, Pattern.starts, 500) == [0, 0]


def test_the_rate_penalty_vanishes_at_10_hz_and_is_a_hundredth_in_silence():
    spikes = torch.zeros(2, 200, 3)
    assert rate_penalty([spikes], 5.0).item() == pytest.approx(0.01)
    spikes[:, ::20] = 1
    assert rate_penalty([spikes], 5.0).item() == pytest.approx(0, abs=1e-9)


class TestBins:
    times = np.array([0, 0.0005, 0.004, 0.0041, 0.0041, 0.5, 0.996, 0.9961, 1.2])
    units = np.array([5, 5, 5, 0, 699, 5, 1, 5, 5])

    def test_spikes_land_where_the_papers_code_puts_them(self):
        ones = np.argwhere(binned(self.times, self.units)).tolist()
        assert ones == [[0, 695], [1, 695], [2, 1], [125, 695], [249, 699]]

    def test_warped_words_have_more_or_fewer_rows(self):
        warps = (2**0.5, 2**-0.5, 0.7, 1.1, 1.3)
        assert [len(binned(self.times, self.units, warp)) for warp in warps] == [353, 176, 175, 275, 325]

    @pytest.mark.parametrize(("seconds", "row"), [(0.404, 101), (0.804, 201), (0.1, 25), (0.9956, 249)])
    def test_the_border_of_a_bin_is_rounded_like_the_times(self, seconds, row):
        """Stored as float16, 0.404 s is 0.40405: later than the border in float64, but not in float16."""
        for kind in (np.float16, np.float32, np.float64):
            assert np.argwhere(binned(np.array([seconds], kind), np.array([5]))).tolist() == [[row, 695]]

    @given(
        seconds=st.floats(0, 1.25, width=16), warp=st.floats(0.5, 2), kind=st.sampled_from([np.float16, np.float32, np.float64])
    )
    def test_every_time_lands_in_the_first_row_whose_end_it_does_not_pass(self, seconds, warp, kind):
        time = kind(seconds)
        rows = (i for i in range(int(250 * warp)) if time * kind(warp) <= kind(i * 0.004))
        found = np.argwhere(binned(np.array([time]), np.array([1]), warp))[:, 0].tolist()
        assert found == [row for row in (next(rows, None),) if row is not None]

    def test_in_higher_precision_some_embedded_spikes_would_lie_in_another_bin(self):
        with shd.opened(speech.generated("small") / "shd_test.h5") as file:
            times, units = file["spikes/times"][:20], file["spikes/units"][:20]
        here = speech_bins("embedded", "small", test_only=True).test.x[:20].numpy()
        finer = np.stack([binned(t.astype(np.float64), u) for t, u in zip(times, units, strict=True)])
        assert 0.01 < (here > finer).sum() / here.sum() < 0.05

    def test_embedded_speech_is_binned_and_divided_as_the_speech_of_the_book(self):
        bins, frames = speech_bins("embedded", "small"), data.load("speech", size="small")
        for part in ("train", "validation", "test"):
            x, y = getattr(bins, part).x, getattr(bins, part).y
            assert (x.dtype, x.shape[1:]) == (torch.uint8, (250, 700))
            assert torch.equal(y, getattr(frames, part).y)
            assert x.max() == 1 and 0 < x.double().mean() < 0.05
        # both hold the same words: a bin that is on needs a spike of its channel
        channels = bins.test.x.amax(1).flip(1).roll(1, 1)[:, 1:].bool()
        assert not (channels & (frames.test.x.sum(1)[:, 1:] == 0)).any()

    def test_real_files_are_read_the_same_way(self, tmp_path, monkeypatch):
        rng = np.random.default_rng(0)
        labels = np.repeat(np.arange(20), 10)
        for name in ("shd_train", "shd_test"):
            rows = [np.sort(rng.random(30)).astype(np.float16) for _ in labels]
            units = [rng.integers(0, 700, 30) for _ in labels]
            shd.write(tmp_path / f"{name}.h5", rows, units, labels, labels % 3, [str(k) for k in range(20)], {})
        monkeypatch.setenv("SHD_DATA", str(tmp_path))
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "cache"))
        splits = speech_bins("real", "paper")
        assert splits.meta["counts"] == {"train": 170, "validation": 30, "test": 200}
        assert torch.equal(splits.test.x[-1], torch.from_numpy(binned(rows[-1], units[-1])))
        only = speech_bins("real", "paper", warp=0.5, test_only=True)
        assert (len(only.train), len(only.validation), only.test.x.shape) == (0, 0, (200, 125, 700))


class TestCases:
    def test_every_case_has_a_setting(self):
        assert set(SETTINGS) == set(CASES)

    def test_digits_come_by_rows_or_by_pixels(self):
        rows, pixels = (of(name) for name in ("digits-rows", "digits-pixels"))
        assert rows.test.x.shape[1:] == (8, 8) and pixels.test.x.shape[1:] == (64, 1)
        assert torch.equal(rows.test.x.flatten(), pixels.test.x.flatten())
        assert (pixels.meta["name"], rows.meta["name"]) == ("digits-pixels", "digits-rows")

    @pytest.mark.parametrize(("case", "shape"), [("speech", (12, 700)), ("radar", (64, 64))])
    def test_the_common_tasks_are_the_books_own(self, case, shape):
        assert of(case).test.x.shape[1:] == shape

    def test_synthetic_trials_are_the_same_whatever_the_source(self):
        first, again = (of("match-recurrent", data_source=source, test_trials=20) for source in ("embedded", "real"))
        assert first.meta["fingerprint"] == again.meta["fingerprint"]
        assert len(first.test) == 20 and again.meta["source"] == "real"

    def test_another_task_seed_is_other_data(self):
        first, other = (of("pattern-feedforward", task_seed=seed) for seed in (0, 1))
        assert first.meta["fingerprint"] != other.meta["fingerprint"]

    def test_an_unknown_case_is_refused(self):
        with pytest.raises(MstaskError, match="case 'match-feedback' is unknown; did you mean 'match-feedforward'"):
            of("match-feedback")
