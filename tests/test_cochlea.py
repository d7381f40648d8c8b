"""The ear model obeys its published equations: the fast chain against slow, literal versions of them."""

from __future__ import annotations

import mpmath
import numba
import numpy as np
import pytest

from mstask.errors import MstaskError
from mstask.synth import cochlea, hair_cells, voices
from mstask.synth.cochlea import Ear, hear
from mstask.synth.hair_cells import RATE

EVERY = 5
"""The tests hear with every fifth channel."""


@pytest.fixture(scope="module")
def ear():
    units = np.arange(0, cochlea.N_CHANNELS, EVERY)
    return Ear(units, cochlea.response(units))


@pytest.fixture(scope="module")
def recordings():
    """The words seven, zero and acht by speaker 2."""
    words = [voices.draw(0, 0, row, label, 2) for row, label in enumerate((7, 0, 18))]
    said = voices.say_batch(words)
    return [(voices.record(samples, word), word.sample_rate) for samples, word in zip(said, words, strict=True)]


def velocity_of(wave, rate, ear):
    return np.concatenate([block for _, block in cochlea.membrane_velocity(wave, rate, ear)])


def transfer_by_mpmath(frequency, position):
    """V from its equations with 40 digits."""
    mp = mpmath.mp.clone()
    mp.dps = 40
    f, c = mp.mpf(frequency), mp.mpf(float(position))
    w, c0, a, alpha, h, m, rho = 2 * mp.pi * f, mp.mpf(10) ** 9, 3500, 3, mp.mpf("0.1"), mp.mpf("0.05"), 1
    r0 = mp.mpf("0.15") * mp.sqrt(c0 * m)

    def xi(c):
        return c0 * mp.exp(-alpha * c) - a - m * w**2 - 1j * w * r0 * mp.exp(-alpha * c / 2)

    def g(c):
        return w * mp.sqrt(rho / (h * xi(c)))

    s = mp.sqrt(a + m * w**2)

    def q(c):
        return -2 * mp.sqrt(xi(c)) + 1j * (2 * a + w * (2 * m * w + 1j * r0 * mp.exp(-alpha * c / 2))) / s

    def pressure(c):
        G = 2 * g(0) / alpha - 2j * w / (alpha * mp.sqrt(h) * s) * mp.log(q(0) / (mp.exp(alpha * c / 2) * q(c)))
        return mp.sqrt(G / g(c)) * mp.hankel1(0, G)

    z = 2 * w / alpha * mp.sqrt(2 / (h * c0))
    impedance = mp.sqrt(2 * c0 / h) * (1j * mp.besselj(0, z) + mp.bessely(0, z)) / (mp.besselj(1, z) - 1j * mp.bessely(1, z))
    return complex(2 * w / xi(c) * pressure(c) / pressure(0) * impedance)


@numba.njit(cache=True)
def literal_cells(velocity, seed):
    """Hair cell, forty Bernoulli draws per step and bushy cell as the equations stand; returns spikes [C, T]."""
    np.random.seed(seed)
    dt = 1 / 24000
    n_channels, n_steps = velocity.shape
    spikes = np.zeros((n_channels, n_steps), np.bool_)
    for channel in range(n_channels):
        k = 2000 * 5 / 305
        c = 5.05 * k / (2500 * k + 5.05 * (2500 + 6580))
        q, w = c * (2500 + 6580) / k, c * 6580 / 66.3
        last = np.full(40, -24)
        synapse, membrane, blocked = 0.0, 0.0, 0
        for t in range(n_steps):
            drive = velocity[channel, t] + 5
            k = 2000 * dt * drive / (drive + 300) if drive > 0 else 0.0
            refill = 5.05 * dt * (1 - q) if q < 1 else 0.0
            q_new = max(0.0, q + refill - k * q + 66.3 * dt * w)
            c_new = max(0.0, c + k * q - (2500 + 6580) * dt * c)
            w_new = max(0.0, w + 6580 * dt * c - 66.3 * dt * w)
            q, c, w = q_new, c_new, w_new
            p = 50000 * dt * c
            arrivals = 0
            for cell in range(40):
                if np.random.random() < p and t - last[cell] >= 24:
                    last[cell] = t
                    arrivals += 1
            if blocked <= 0:
                if membrane >= 1:
                    spikes[channel, t - 1] = True
                    membrane, blocked = 0.0, 24
                else:
                    membrane *= np.exp(-dt / 1e-3)
            synapse = synapse * np.exp(-dt / 0.5e-3) + arrivals
            if blocked <= 0:
                membrane = min(1.0, membrane + synapse * dt * 13000 / 40)
            blocked -= 1
    return spikes


class TestMembrane:
    def test_response_is_that_of_the_equations(self):
        """Where it is worth anything: 1e-14 of its peak of about 100, double precision cancels in any evaluation."""
        rng = np.random.default_rng(1)
        frequencies = np.concatenate([[1, 100, 473, 2100, 12000, 24000], np.exp(rng.uniform(0, np.log(24000), 24))])
        positions = np.concatenate([[0, 3.5, 2.5, 1.5, 0.5, 0.01], rng.uniform(0, 3.5, 24)])
        expected = [transfer_by_mpmath(f, c) for f, c in zip(frequencies, positions, strict=True)]
        np.testing.assert_allclose(cochlea.transfer(frequencies, positions), expected, rtol=1e-10, atol=1e-12)

    def test_places_are_tuned_from_base_to_apex(self, ear):
        best = ear.response.astype(np.complex128).real ** 2 + ear.response.imag.astype(float) ** 2
        peaks = best.argmax(axis=1)[ear.units >= 100]
        assert (np.diff(peaks) <= 0).all()
        assert best[-1].argmax() == pytest.approx(101, rel=0.35)

    def test_table_between_the_grid_points(self, ear):
        frequency = np.arange(1, 24001) / 2
        bins = ear.bins(slice(20, 24), 2, 24001)[:, 1:]
        exact = cochlea.transfer(frequency, cochlea.POSITIONS[ear.units[20:24], None])
        error = np.abs(bins[:, 2:] - exact[:, 2:]).max(axis=1) / np.abs(exact).max(axis=1)
        assert error.max() < 1e-2

    @pytest.mark.parametrize(("rate", "seconds"), [(22050, 0.3), (22050, 0.7), (48000, 0.2), (16000, 1.2), (11025, 0.3)])
    def test_velocity_is_the_sum_over_positive_frequencies(self, ear, rate, seconds):
        rng = np.random.default_rng(0)
        n = round(rate * seconds)
        wave = np.hanning(n) * np.sum(
            [np.sin(2 * np.pi * f * np.arange(n) / rate + rng.uniform(0, 6)) for f in (90, 700, 4800)], 0
        )
        few = Ear(ear.units[40:130:30], ear.response[40:130:30])
        found = velocity_of(wave, rate, few)
        assert found.shape == (3, np.ceil((n / rate + 0.015) * RATE))
        length = 0.5 if seconds < 0.48 and rate % 2 == 0 else np.ceil(n / rate + 0.015)
        x = np.fft.rfft(wave, round(rate * length))
        frequency = np.arange(len(x)) / length
        x, frequency = x[(frequency > 0) & (frequency < 12000)], frequency[(frequency > 0) & (frequency < 12000)]
        at = np.arange(0, found.shape[1], 97) / RATE
        spectrum = cochlea.transfer(frequency, cochlea.POSITIONS[few.units, None]) * x
        expected = 2 / round(rate * length) * (spectrum @ np.exp(2j * np.pi * frequency[:, None] * at)).real
        np.testing.assert_allclose(found[:, ::97], expected, atol=3e-3 * np.abs(expected).max())

    def test_level_and_window(self):
        wave = np.random.default_rng(0).normal(0, 7, 5000)
        ready = cochlea.prepare(wave)
        np.testing.assert_allclose(ready, 0.3 * wave / np.sqrt(np.mean(wave**2)) * np.hanning(5000))
        np.testing.assert_allclose(cochlea.prepare(1000 * wave), ready)

    @pytest.mark.parametrize(
        ("wave", "problem"),
        [
            (np.zeros(1000), "is silent"),
            (np.zeros(0), "is silent"),
            (np.full(10, np.nan), "not finite"),
            (np.ones((2, 10)), r"shape \(2, 10\)"),
        ],
    )
    def test_what_is_no_word_is_refused(self, ear, wave, problem):
        with pytest.raises(MstaskError, match=problem):
            hear(wave, 22050, ear, (0,))

    def test_ears_come_from_the_cache(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path))
        cochlea.ear.cache_clear()
        try:
            made = cochlea.ear(7)
            assert made.units.tolist() == list(range(0, 700, 100))
            monkeypatch.setattr(cochlea, "response", None)
            cochlea.ear.cache_clear()
            np.testing.assert_array_equal(cochlea.ear(7).response, made.response)
        finally:
            cochlea.ear.cache_clear()


class Forty:
    """The forty cells of one channel at a fixed probability."""

    def __init__(self, probability, due):
        self.hazard, self.free, self.due, self.used = np.empty(1), np.full(1, 40.0), np.full(1, due), np.zeros(1)
        self.streams, self.resting, self.hits = np.ones(1, np.uint64), np.zeros((24, 1)), np.empty(2, np.int64)
        self.steps = 0
        hair_cells._hazards(np.full(1, probability), self.hazard)

    def step(self):
        """How many fire in the next step."""
        fired = self.resting[self.steps % 24]
        hair_cells._forty(self.hazard, self.free, self.due, self.used, self.streams, fired, self.hits)
        self.steps += 1
        return fired[0]


class TestCells:
    def test_resting_state_is_at_rest(self):
        q, c, w = hair_cells.resting_state()
        k = 2000 * 5 / 305
        assert 5.05 * (1 - q) - k * q + 66.3 * w == pytest.approx(0, abs=1e-9)
        assert k * q - 9080 * c == pytest.approx(0, abs=1e-9)
        assert 6580 * c - 66.3 * w == pytest.approx(0, abs=1e-9)

    def test_firing_probability_is_that_of_the_equations(self):
        rng = np.random.default_rng(0)
        velocity = rng.normal(0, 100, (3, 400))
        q, c, w = (np.full(3, value) for value in hair_cells.resting_state())
        state = q.copy(), c.copy(), w.copy()
        dt = 1 / 24000
        for step in range(400):
            v = velocity[:, step]
            k = np.where(v + 5 > 0, 2000 * dt * (v + 5) / (v + 5 + 300), 0)
            q, c, w = (
                np.maximum(0, q + np.where(q < 1, 5.05 * dt * (1 - q), 0) - k * q + 66.3 * dt * w),
                np.maximum(0, c + k * q - 9080 * dt * c),
                np.maximum(0, w + 6580 * dt * c - 66.3 * dt * w),
            )
            found = v.copy()
            hair_cells._hair_cells(found, *state)
            np.testing.assert_allclose(found, 50000 * dt * c, rtol=1e-12)

    def test_silence_is_nearly_silent(self):
        steps, _ = hair_cells.fire(np.zeros((100, 5 * RATE)), hair_cells.streams((0,), np.arange(100)))
        assert 0.6 <= len(steps) / 100 / 5 <= 1.0

    def test_a_certain_probability_fires_every_rested_cell(self):
        forty = Forty(1 - 1e-12, due=0.5)
        assert (forty.step(), forty.free[0]) == (40, 0)
        current = np.zeros(1)
        assert hair_cells._bushy_cells(forty.resting[0], current, np.zeros(1), np.zeros(1)) == 0 and current[0] == 40

    def test_cells_fire_as_often_as_forty_bernoulli_trials(self):
        """At a fixed probability a cell's mean interval is 23 steps of rest and 1 / p."""
        for p in (1e-4, 3e-3, 0.05, 0.6):
            n_steps, forty = 48_000, Forty(p, due=1.0)
            fired = sum(forty.step() for _ in range(n_steps))
            expected = 40 * n_steps / (23 + 1 / p)
            assert fired == pytest.approx(expected, abs=4 * expected**0.5)

    def test_fast_chain_is_statistically_the_literal_one(self, ear, recordings):
        wave, rate = recordings[2]
        velocity = velocity_of(cochlea.prepare(wave), rate, ear)
        literal = [np.argwhere(literal_cells(velocity, seed)) for seed in range(4)]
        fast = [np.stack(hair_cells.fire(velocity, hair_cells.streams((seed,), ear.units))[::-1], 1) for seed in range(4)]
        assert np.mean([len(s) for s in fast]) == pytest.approx(np.mean([len(s) for s in literal]), rel=0.03)

        def channels(spikes):
            return np.bincount(spikes[:, 0], minlength=len(ear.units))

        def histogram(spikes):
            return np.bincount(spikes[:, 1] // 240, minlength=velocity.shape[1] // 240 + 1)

        def alike(a, b, profile):
            return np.mean([np.corrcoef(profile(x), profile(y))[0, 1] for x in a for y in b if x is not y])

        assert alike(fast, literal, channels) >= alike(literal, literal, channels) - 0.02
        together = [sum(histogram(spikes) for spikes in runs) for runs in (fast, literal)]
        assert np.corrcoef(*together)[0, 1] >= 0.99


class TestHearing:
    def test_spikes_are_sorted_and_in_range(self, ear, recordings):
        for wave, rate in recordings:
            times, units = hear(wave, rate, ear, (0, 1, 2))
            assert (np.diff(times) >= 0).all() and times[0] >= 0 and times[-1] <= len(wave) / rate + 0.015
            assert units.dtype == np.uint16 and np.isin(units, ear.units).all()

    def test_a_channel_rests_for_1_ms(self, ear, recordings):
        times, units = hear(*recordings[0], ear, (0,))
        gaps = [np.diff(times[units == unit]).min(initial=1) for unit in ear.units]
        assert min(gaps) >= 24 / RATE - 1e-12

    def test_same_key_same_spikes_another_key_other_spikes(self, ear, recordings):
        first, again, other = (hear(*recordings[0], ear, key) for key in ((0, 1, 2), (0, 1, 2), (0, 1, 3)))
        np.testing.assert_array_equal(first, again)
        assert len(first[0]) != len(other[0]) or not np.array_equal(first[0], other[0])

    def test_a_channel_hears_the_same_alone(self, ear, recordings):
        times, units = hear(*recordings[0], ear, (3,))
        some = Ear(ear.units[7::31], ear.response[7::31])
        kept = np.isin(units, some.units)
        np.testing.assert_array_equal(hear(*recordings[0], some, (3,)), (times[kept], units[kept]))

    def test_streams_of_words_and_channels_differ(self):
        starts = [hair_cells.streams((0, file, row), np.arange(700)) for file in (0, 1) for row in range(50)]
        assert len(np.unique(starts)) == 70_000

    def test_words_are_as_dense_as_recorded_ones(self, ear, recordings):
        """Over a few words of one speaker only."""
        spikes = [EVERY * len(hear(wave, rate, ear, (0,))[0]) for wave, rate in recordings]
        active = [EVERY * len(np.unique(hear(wave, rate, ear, (0,))[1])) for wave, rate in recordings]
        assert min(spikes) > 300 and 3000 < np.mean(spikes) < 8000
        assert 390 < np.mean(active) < 700


class TestAgainstLauscher:
    """The package behind SHD itself, on a short word and a few channels; it takes a second per channel and second."""

    @pytest.fixture
    def lauscher(self):
        return pytest.importorskip(
            "lauscher.transformations",
            reason="lauscher is not installed: pip install lauscher soundfile (only this check uses it)",
        )

    def test_response(self, lauscher, ear):
        membrane = lauscher.BasilarMembrane(channels=700)
        frequency = np.geomspace(1, 24000, 200)
        for unit in ear.units[::20]:
            expected = membrane._v(2 * np.pi * frequency, membrane.ch[unit])
            np.testing.assert_allclose(cochlea.transfer(frequency, cochlea.POSITIONS[unit]), expected, rtol=1e-10, atol=1e-12)

    def test_firing_probability(self, lauscher):
        velocity = np.random.default_rng(0).normal(0, 100, (2, 500))
        found = np.empty((500, 2))
        hair_cells._hair_cells(velocity, np.repeat(np.array(hair_cells.resting_state())[:, None], 2, 1), found)
        for channel in range(2):
            np.testing.assert_allclose(found[:, channel], lauscher.HairCell()._meddis(velocity[channel], RATE), rtol=1e-12)

    def test_spikes(self, lauscher, ear, recordings):
        from lauscher.audiowaves import MonoAudioWave
        from lauscher.helpers import CommandLineArguments
        from scipy.signal import resample

        wave, rate = recordings[2]
        wave = resample(wave, 2 * round(len(wave) / rate * 24000))
        some = Ear(ear.units[30::5], ear.response[30::5])
        CommandLineArguments().num_concurrent_jobs = 1
        np.random.seed(0)
        membrane = lauscher.BasilarMembrane(channels=700)
        membrane.ch = membrane.ch[some.units]
        sound = MonoAudioWave(wave.copy(), 48000)
        for step in (
            lauscher.RmsNormalizer(0.3),
            lauscher.HanningWindow(),
            membrane,
            lauscher.HairCell(),
            lauscher.BushyCell(),
        ):
            sound = sound.transform(step)
        expected = np.bincount(np.asarray(sound.spike_labels, int), minlength=len(some.units))
        runs = [np.searchsorted(some.units, hear(wave, 48000, some, (run,))[1]) for run in range(20)]
        found = np.array([np.bincount(run, minlength=len(some.units)) for run in runs])
        assert abs(expected.sum() - found.sum(1).mean()) < 4 * found.sum(1).std()
        assert np.corrcoef(expected, found.mean(0))[0, 1] > 0.8
