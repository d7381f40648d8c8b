"""The simulated radar obeys the physics it claims, and every sample is reproducible alone."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from functools import cache
from itertools import islice
from math import pi

import numpy as np
import pytest
from scipy.signal import detrend
from scipy.signal.windows import blackmanharris

from mstask import show
from mstask.data import radar
from mstask.studies.gallery import exhibits_radar
from mstask.synth import micro_doppler, parallel, receiver, scatterers as s

AT_REST = np.zeros(s.N_SAMPLES)


def scenes(target, n):
    return [target(np.random.default_rng([77, i])) for i in range(n)]


def blades_of(scene, **changes):
    """The scene's rotor as bare thin wires, whose band ends at f_max; the tip scatterer is a sinusoid on top."""
    return replace(scene.rotors[0], tip=0.0, **changes)


@cache
def in_view(target):
    """Forty scenes whose rotor's f_max lies between 200 and 1700 Hz."""
    drawn = (target(np.random.default_rng([77, i])) for i in range(4000))
    chosen = list(islice((c for c in drawn if 200 < s.tip_doppler(c.rotors[0], c.u).mean() < 1700), 40))
    assert len(chosen) == 40
    return chosen


def half_width(signal, share=0.99):
    """Half-width in Hz of the band around 0 that holds `share` of the power."""
    energy = np.abs(np.fft.fft(signal)) ** 2
    frequency = np.abs(np.fft.fftfreq(len(signal), 1 / s.SAMPLE_RATE))
    order = np.argsort(frequency)
    held = np.cumsum(energy[order])
    return frequency[order][np.searchsorted(held, share * held[-1])]


def strongest(series, rate, low, high):
    """Frequency in Hz of the strongest component of a real series between `low` and `high`."""
    n = 1 << 17
    spectrum = np.abs(np.fft.rfft((series - series.mean()) * np.hanning(len(series)), n))
    frequency = np.fft.rfftfreq(n, 1 / rate)
    inside = (frequency >= low) & (frequency <= high)
    return frequency[inside][spectrum[inside].argmax()]


def turns_per_second(rotor):
    return abs(rotor.angle[-1] - rotor.angle[0]) / (2 * pi) * s.SAMPLE_RATE / (len(rotor.angle) - 1)


class TestRotor:
    def test_return_is_the_integral_along_the_blades(self):
        for scene in scenes(micro_doppler.short_rotor, 5) + scenes(micro_doppler.quadcopter, 5):
            rotor = scene.rotors[0]
            centre = np.linspace(0, 0.3, s.N_SAMPLES)
            some = np.arange(0, s.N_SAMPLES, 997)
            tips = s.blade_tips(rotor, scene.u)[:, some] - rotor.hub
            along, weights = np.polynomial.legendre.leggauss(200)
            fraction = rotor.root + (1 - rotor.root) * (along + 1) / 2
            points = rotor.hub + fraction[:, None, None, None] * tips
            wire = np.exp(-1j * s.WAVENUMBER * (centre[some] - points @ scene.u))
            flash = np.tensordot(weights / 2, wire, 1)
            end = np.exp(-1j * s.WAVENUMBER * (centre[some] - (rotor.hub + tips) @ scene.u))
            phi = rotor.angle[some] + 2 * pi * np.arange(rotor.n_blades)[:, None] / rotor.n_blades
            lead, trail = rotor.edges
            edge = (lead + trail) / 2 + (lead - trail) / 2 * np.sin(phi)
            expected = (edge * flash + rotor.tip * end).sum(0)
            np.testing.assert_allclose(s.rotor_return(rotor, scene.u, centre)[some], expected, atol=1e-9)

    def test_band_ends_at_the_tips_doppler(self):
        for scene in in_view(micro_doppler.long_rotor):
            blades = blades_of(scene)
            f_max = s.tip_doppler(blades, scene.u).mean()
            assert 0.93 <= half_width(s.rotor_return(blades, scene.u, AT_REST)) / f_max <= 1.00

    def test_band_of_short_blades_ends_within_one_line_of_the_tips_doppler(self):
        for scene in in_view(micro_doppler.short_rotor):
            blades = blades_of(scene)
            f_max, spacing = s.tip_doppler(blades, scene.u).mean(), 3 * turns_per_second(blades)
            assert abs(half_width(s.rotor_return(blades, scene.u, AT_REST)) - f_max) < spacing

    @pytest.mark.parametrize("n_blades", [2, 3, 4])
    def test_spectrum_has_lines_at_multiples_of_the_blade_rate(self, n_blades):
        for scene in in_view(micro_doppler.long_rotor)[:5]:
            steps = 8 * s.SAMPLE_RATE
            rpm = scene.facts["rpm"]
            rotor = replace(scene.rotors[0], n_blades=n_blades, angle=s.rotor_angle(rpm, np.zeros(steps)))
            signal = s.rotor_return(rotor, scene.u, np.zeros(steps)) * blackmanharris(steps)
            line = n_blades * rpm / 60
            multiples = np.arange(1, int(0.8 * s.tip_doppler(rotor, scene.u).mean() / line))
            assert len(multiples) >= 2
            time = np.arange(steps) / s.SAMPLE_RATE

            def level(frequencies, time=time, signal=signal):
                return 20 * np.log10(np.abs(np.exp(-2j * pi * np.outer(frequencies, time)) @ signal))

            on, half_way = level(line * multiples), level(line * (multiples + 0.5))
            assert (on - half_way).min() >= 40

    @pytest.mark.parametrize("n_blades", [2, 3, 4])
    def test_flash_rate_is_twice_the_blade_rate_for_odd_rotors(self, n_blades):
        for scene in in_view(micro_doppler.long_rotor)[:20]:
            blades = blades_of(scene, n_blades=n_blades)
            expected = n_blades * (1 + n_blades % 2) * turns_per_second(blades)
            envelope = np.abs(s.rotor_return(blades, scene.u, AT_REST)) ** 2
            ratio = strongest(envelope, s.SAMPLE_RATE, 5, 5000) / expected
            assert abs(ratio - 1) < 0.02 or abs(ratio / 2 - 1) < 0.02

    def test_odd_rotor_flashes_alternate_between_the_sides(self):
        for scene in in_view(micro_doppler.long_rotor)[:20]:
            blades = blades_of(scene, edges=(1.0, 1.0))
            spectrum = np.fft.fft(s.rotor_return(blades, scene.u, AT_REST))
            spectrum[np.fft.fftfreq(s.N_SAMPLES, 1 / s.SAMPLE_RATE) < 50] = 0
            approaching = np.abs(np.fft.ifft(spectrum)) ** 2
            blade_rate = 3 * turns_per_second(blades)
            assert strongest(approaching, s.SAMPLE_RATE, 5, 5000) == pytest.approx(blade_rate, rel=0.02)


class TestExtent:
    @pytest.fixture(scope="class")
    @staticmethod
    def drawn():
        return {label: np.array([micro_doppler.extent(label, i) for i in range(40)]) for label in (1, 3, 4, 5)}

    def test_no_propeller_tip_folds_back_into_the_picture(self, drawn):
        for label in (3, 4, 5):
            assert 0 < drawn[label][:, 0].max() < s.SAMPLE_RATE - receiver.BAND

    def test_many_tips_of_planes_and_quadcopters_fold_and_much_of_their_echo_is_outside_the_picture(self, drawn):
        folded = {label: np.mean(values[:, 0] > s.SAMPLE_RATE / 2) for label, values in drawn.items()}
        outside = {label: values[:, 1].mean() for label, values in drawn.items()}
        assert folded[1] == 0 and 0.1 < folded[4] < folded[5] < 0.5
        assert outside[1] < 1e-3 and 0.3 < outside[4] < outside[5] < 0.7
        assert micro_doppler.extent(2, 0)[0] == 0

    def test_a_tone_outside_the_picture_has_all_its_energy_there(self, monkeypatch):
        def tone(rng):
            moving = np.exp(2j * pi * 3000 * s.TIME) + np.exp(2j * pi * 1000 * s.TIME)
            return micro_doppler.Scene(0, np.array([1.0, 0, 0]), moving, moving, (), None, {})

        monkeypatch.setattr(micro_doppler, "TARGETS", (tone,))
        np.testing.assert_allclose(micro_doppler.extent(0, 0), [0, 0.5], atol=1e-3)

    def test_the_table_tells_them_once_for_all(self, monkeypatch, tmp_path):
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path))
        monkeypatch.setattr(exhibits_radar, "MEASURED", 3)
        table = show.table_radar_extent().set_index("class")
        expected = np.mean([micro_doppler.extent(4, i)[1] for i in range(3)])
        assert list(table.columns) == ["targets", "fastest tip (kHz)", "tips beyond ±5 kHz", "energy beyond ±2 kHz"]
        assert table.loc["quadcopter", "energy beyond ±2 kHz"] == f"{expected:.0%}" and set(table["targets"]) == {3}
        monkeypatch.setattr(micro_doppler, "extent", None)
        assert show.table_radar_extent().set_index("class").equals(table)


class TestBird:
    def test_doppler_centroid_follows_the_wing_beat(self):
        close = []
        for scene in scenes(micro_doppler.bird, 100):
            energy = receiver.spectrogram(scene.moving)
            centroid = detrend((energy * receiver.DOPPLER).sum(1) / energy.sum(1))
            beat = strongest(centroid, receiver.N_FRAMES / s.DURATION, 1, 12)
            close.append(abs(beat / scene.facts["wing_beat_hz"] - 1) < 0.10)
        assert np.mean(close) >= 0.80

    def test_wing_segments_keep_their_length(self):
        wings = micro_doppler.bird(np.random.default_rng(3)).wings
        shoulder, elbow, tip = wing_parts = np.moveaxis(s.wing_joints(wings), 1, 0)
        assert wing_parts.shape == (3, 2, s.N_SAMPLES, 3)
        np.testing.assert_allclose(np.linalg.norm(elbow - shoulder, axis=-1), wings.inner)
        np.testing.assert_allclose(np.linalg.norm(tip - elbow, axis=-1), wings.outer)


class TestRadar:
    def test_approaching_scatterer_has_positive_doppler(self):
        image = receiver.picture(np.exp(-1j * s.WAVENUMBER * (100 - 9.0 * s.TIME)))
        column = image[10].argmax()
        assert receiver.DOPPLER[column] == pytest.approx(2 * 9.0 / s.WAVELENGTH, abs=62.5 / 2)

    def test_column_32_is_zero_doppler(self):
        assert receiver.DOPPLER[32] == 0
        assert receiver.picture(np.ones(s.N_SAMPLES, complex))[0].argmax() == 32
        assert (receiver.DOPPLER[0], receiver.DOPPLER[-1]) == (-2000, 1937.5)

    def test_levels_are_those_of_the_band_in_the_picture(self):
        inside = 3 * np.exp(2j * pi * 1500 * s.TIME)
        outside = 9 * np.exp(2j * pi * 3000 * s.TIME)
        assert receiver.in_band_power(inside + outside) == pytest.approx(9)
        white = receiver.complex_noise(np.random.default_rng(0), s.N_SAMPLES)
        assert receiver.power(white) == pytest.approx(1, rel=0.05)
        assert receiver.in_band_power(white) == pytest.approx(0.4, rel=0.05)

    @pytest.mark.parametrize("target", micro_doppler.TARGETS)
    def test_moving_parts_have_unit_power_in_band(self, target):
        for scene in scenes(target, 5):
            assert receiver.in_band_power(scene.moving) == pytest.approx(1)

    def test_noise_stands_where_the_drawn_snr_puts_it(self):
        for index in range(10):
            noisy = micro_doppler.example(index, 5)
            quiet = np.fft.fftfreq(s.N_SAMPLES, 1 / s.SAMPLE_RATE) < -4500
            spectrum = np.abs(np.fft.fft(noisy.signal)[quiet]) ** 2 / s.N_SAMPLES
            floor = 10 * np.log10(np.median(spectrum) / np.log(2) * 0.4)
            assert floor >= -noisy.levels["snr_db"] - 1

    def test_slow_jitter_is_normalised_and_slow(self):
        wander = s.slow_jitter(np.random.default_rng(0), 3.0)
        assert abs(wander.mean()) < 1e-12 and wander.std() == pytest.approx(1)
        spectrum = np.abs(np.fft.rfft(wander * np.hanning(len(wander)))) ** 2
        frequency = np.fft.rfftfreq(len(wander), 1 / s.SAMPLE_RATE)
        assert spectrum[frequency < 9].sum() > 0.99 * spectrum.sum()

    @pytest.mark.parametrize("label", range(6))
    def test_picture_format(self, label):
        image = micro_doppler.sample(0, 17, label)
        assert image.dtype == np.float32 and image.shape == (64, 64)
        assert image.min() >= 0 and image.max() == 1

    def test_nuisances_leave_the_target_alone(self):
        noisy, clean = micro_doppler.example(4, 2), micro_doppler.example(4, 2, nuisances=False)
        np.testing.assert_array_equal(noisy.scene.echo, clean.scene.echo)
        np.testing.assert_array_equal(clean.signal, clean.scene.echo)
        assert not np.array_equal(noisy.picture, clean.picture)


class TestReproducibility:
    @pytest.fixture(scope="class")
    @staticmethod
    def begun(small):
        """The first samples of the small set, generated by two workers of a daemon, which may have none by itself."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(micro_doppler, "labels", lambda size, seed: small[1][:48])
            patch.setitem(multiprocessing.current_process()._config, "daemon", True)
            with pytest.raises(AssertionError, match="daemonic processes are not allowed to have children"):
                multiprocessing.get_context("spawn").Process().start()
            return micro_doppler.generate("small", 0, 2)

    def test_same_bytes_with_one_and_two_workers(self, begun):
        items = [(0, i, int(label)) for i, label in enumerate(begun[1])]
        alone = parallel.compute("mstask.synth.micro_doppler:sample", items, (64, 64), np.float32, 1)
        np.testing.assert_array_equal(np.array(list(alone)), begun[0])

    def test_same_bytes_whichever_products_the_processor_would_take(self, begun, monkeypatch):
        """OpenBLAS would choose by the processor, or as this variable says; the last bits of a product depend on it."""
        monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
        items = [(0, i, int(label)) for i, label in enumerate(begun[1][:24])]
        again = parallel.compute("mstask.synth.micro_doppler:sample", items, (64, 64), np.float32, 1)
        np.testing.assert_array_equal(np.array(list(again)), begun[0][:24])

    def test_generates_inside_a_daemonic_process(self, begun, small):
        """What the suite's cache holds, to the last bits, which another processor may have taken otherwise."""
        x, y = small
        assert x.shape == (len(y), 64, 64)
        np.testing.assert_array_equal(y, micro_doppler.labels("small"))
        np.testing.assert_allclose(begun[0], x[:48], atol=1e-5)

    def test_a_sample_alone_equals_its_place_in_the_batch(self, small):
        """To the last bits, which products in this process may take otherwise."""
        x, y = small
        for i in (0, 5, 101, 239):
            np.testing.assert_allclose(micro_doppler.sample(0, i, int(y[i])), x[i], atol=1e-5)

    def test_another_seed_differs(self, small):
        assert not np.array_equal(micro_doppler.labels("small", 1), small[1])
        assert not np.array_equal(micro_doppler.sample(1, 0, 0), micro_doppler.sample(0, 0, 0))

    def test_work_goes_on_where_child_processes_are_forbidden(self, monkeypatch, caplog):
        def forbidden(*_args, **_options):
            raise PermissionError("no child processes here")

        monkeypatch.setattr(parallel.subprocess, "Popen", forbidden)
        results = list(parallel.compute("math:sqrt", [(4,), (9,)], (1,), float, 2))
        assert np.concatenate(results).tolist() == [2, 3]
        assert "no child processes here" in caplog.text

    def test_a_failing_sample_raises_its_own_error(self):
        with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
            list(parallel.compute("math:sqrt", [(4,), (-1,), (9,)], (1,), float, 2))


class TestSizes:
    def test_paper_size_has_the_published_class_counts(self):
        y = micro_doppler.labels("paper")
        assert y.dtype == np.int64
        assert np.bincount(y).tolist() == [718, 848, 758, 778, 849, 898] and len(y) == 4849

    def test_small_is_balanced_and_medium_is_proportional(self):
        assert np.bincount(micro_doppler.labels("small")).tolist() == [40] * 6
        share = np.bincount(micro_doppler.labels("medium")) / np.bincount(micro_doppler.labels("paper"))
        np.testing.assert_allclose(share, 0.25, atol=0.002)

    def test_brightness_follows_the_bandwidth(self, small):
        x, y = small
        assert x.mean() == pytest.approx(0.34, abs=0.02) and x.std() == pytest.approx(0.21, abs=0.01)
        by_class = [x[y == label].mean() for label in range(6)]
        np.testing.assert_allclose(by_class, [0.505, 0.409, 0.262, 0.287, 0.313, 0.277], atol=0.04)

    def test_labels_are_shuffled(self):
        y = micro_doppler.labels("paper")
        assert set(y[:100]) == set(range(6))


@pytest.fixture(scope="module")
def small():
    """Pictures and labels of the small set, as they lie in the cache; generated where they don't yet."""
    return radar.read(radar.generated("small"))[:2]
