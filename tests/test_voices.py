"""The synthetic speakers say what the plan says, always the same way, and complain when they can't."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mstask.errors import MstaskError
from mstask.synth import voices


@pytest.fixture(scope="module")
def said():
    """The first 20 words of speaker 4 in the small set, and what eSpeak says for them."""
    words = voices.batch("small", 4)[:20]
    return words, voices.say_batch(words)


def word(**changes):
    return replace(voices.draw(0, file=0, row=0, label=7, speaker=0), **changes)


class TestPlan:
    @pytest.mark.parametrize("size", voices.FILE_SIZES)
    def test_files_have_the_sizes_and_all_words(self, size):
        for file, n in enumerate(voices.FILE_SIZES[size]):
            labels, speakers = voices.plan(size, file)
            assert len(labels) == len(speakers) == n
            assert np.ptp(np.bincount(labels, minlength=20)) <= 1

    def test_paper_size_is_that_of_shd(self):
        assert voices.FILE_SIZES["paper"] == (8156, 2264)

    @pytest.mark.parametrize("size", voices.FILE_SIZES)
    def test_held_out_speakers_are_absent_from_training_and_most_of_the_test(self, size):
        train, test = voices.plan(size, 0)[1], voices.plan(size, 1)[1]
        assert sorted(set(train)) == list(voices.KNOWN)
        assert np.isin(test, voices.HELD_OUT).mean() > 0.8
        assert set(test) == set(range(12))

    def test_every_known_speaker_says_every_word_in_training(self):
        labels, speakers = voices.plan("small", 0)
        assert {(label, who) for label, who in zip(labels, speakers, strict=True)} == {
            (label, who) for label in range(20) for who in voices.KNOWN
        }

    def test_a_batch_is_the_training_rows_and_then_the_test_rows_of_a_speaker(self):
        words = voices.batch("medium", 3)
        places = [(word.file, word.row) for word in words]
        assert places == sorted(places) and {file for file, _ in places} == {0, 1}
        for file in (0, 1):
            labels, speakers = voices.plan("medium", file)
            rows = [word.row for word in words if word.file == file]
            assert rows == np.flatnonzero(speakers == 3).tolist()
            assert [word.label for word in words if word.file == file] == labels[rows].tolist()

    def test_batches_hold_every_word_once(self):
        words = [word for speaker in range(12) for word in voices.batch("small", speaker)]
        assert len(words) == 320 and len({(word.file, word.row) for word in words}) == 320


class TestDraw:
    def test_follows_from_seed_file_and_row(self):
        assert voices.draw(0, 0, 5, 5, 0) == voices.draw(0, 0, 5, 5, 0)
        others = [voices.draw(0, 1, 5, 5, 0), voices.draw(0, 0, 6, 5, 0), voices.draw(1, 0, 5, 5, 0)]
        assert len({voices.draw(0, 0, 5, 5, 0).tract, *(other.tract for other in others)}) == 4

    def test_words_and_voices_by_language(self):
        assert voices.draw(0, 0, 0, 5, 4).voice == "en-us+linda" and voices.draw(0, 0, 0, 15, 4).voice == "de+linda"
        assert voices.draw(0, 0, 0, 5, 4).text.rstrip(".!?,") == "five" and voices.draw(0, 0, 0, 15, 4).text.startswith("fünf")

    def test_distributions(self):
        words = [voices.draw(0, 0, row, 0, 0) for row in range(2000)]
        who = voices.SPEAKERS[0]
        for values, mean, sd in (
            (np.log([w.rate for w in words]), np.log(who.rate), 0.10),
            ([w.pitch for w in words], who.pitch, 6),
            ([w.pitch_range for w in words], who.pitch_range, 12),
            (np.log([w.tract for w in words]), np.log(who.tract), 0.015),
            ([w.tilt for w in words], 0, 1),
            ([w.snr for w in words], 35, 20 / 12**0.5),
        ):
            assert np.mean(values) == pytest.approx(mean, abs=4 * sd / 2000**0.5)
            assert np.std(values) == pytest.approx(sd, rel=0.07)
        endings = [w.text.removeprefix("zero") for w in words]
        assert {ending: round(endings.count(ending) / 2000, 1) for ending in set(endings)} == dict.fromkeys(voices.ENDINGS, 0.2)

    def test_sampling_rate_is_a_multiple_of_50_near_the_tract_factor(self):
        for row in range(100):
            drawn = voices.draw(0, 0, row, 0, 9)
            assert drawn.sample_rate % 50 == 0
            assert drawn.sample_rate == pytest.approx(22050 * drawn.tract, abs=25)


class TestSpeaking:
    def test_same_batch_same_bytes(self, said):
        words, samples = said
        for first, again in zip(samples, voices.say_batch(words), strict=True):
            assert first.dtype == np.int16
            np.testing.assert_array_equal(first, again)

    def test_a_shorter_batch_is_the_start_of_the_longer_one(self, said):
        words, samples = said
        for first, again in zip(samples, voices.say_batch(words[:3]), strict=False):
            np.testing.assert_array_equal(first, again)

    def test_a_rough_voice_follows_the_seed(self):
        """Two of the voices (speakers 1 and 3) have random numbers in them."""
        words = voices.batch("small", 1)[:3]
        first, again, other = (voices.say_batch(words, seed) for seed in (0, 0, 1))
        for a, b, c in zip(first, again, other, strict=True):
            np.testing.assert_array_equal(a, b)
            assert not np.array_equal(a, c)

    def test_another_data_seed_gives_other_words(self, said):
        assert not set(said[0]) & set(voices.batch("small", 4, seed=1))

    def test_every_speaker_speaks_both_languages(self):
        words = [voices.draw(0, 0, 12 * (label > 9) + who, label, who) for who in range(12) for label in (7, 17)]
        samples = voices.say_batch(words)
        recorded = [voices.record(one, word) for one, word in zip(samples, words, strict=True)]
        seconds = [len(wave) / word.sample_rate for wave, word in zip(recorded, words, strict=True)]
        assert min(seconds) > 0.3 and max(seconds) < 1.4
        assert max(np.abs(one).max() for one in samples) < 32767
        assert len({one.tobytes() for one in samples}) == 24

    def test_the_same_word_of_a_speaker_differs_between_utterances(self):
        words = [voices.draw(0, 0, row, 3, 7) for row in range(4)]
        samples = voices.say_batch(words)
        assert len({one.tobytes() for one in samples}) == 4

    @pytest.mark.parametrize(
        ("voice", "problem"),
        [
            ("xx", "no such language"),
            ("en-gb+m1", "no such language"),
            ("en+nobody", "no variant 'nobody'"),
            ("en+M1", "no variant 'M1'"),
        ],
    )
    def test_unknown_voice_is_refused(self, voice, problem):
        with pytest.raises(MstaskError, match=f"speaker 0 can't speak: voice .*{problem}"):
            voices.say_batch([word(voice=voice)])

    def test_a_voice_that_says_nothing_is_named(self):
        with pytest.raises(MstaskError, match=r"'en\+m1' says nothing for '...'"):
            voices.say_batch([word(text="...")])

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            (
                "raise ImportError('no wheel for this platform')",
                "no wheel for this platform.*install espeakng-loader.*SHD_DATA",
            ),
            ("import os; os._exit(7)", "ended with code 7"),
        ],
    )
    def test_a_missing_synthesiser_and_one_that_dies_are_named(self, tmp_path, monkeypatch, source, said):
        (tmp_path / "espeakng_loader.py").write_text(source)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        with pytest.raises(MstaskError, match=said):
            voices.say_batch([word()])

    def test_no_process_speaks_twice(self, monkeypatch):
        monkeypatch.setattr(voices.Synthesiser, "started", True)
        with pytest.raises(MstaskError, match="use a fresh process"):
            voices.Synthesiser(1)


class TestRecording:
    RATE = 22050

    def tone(self, before=0.3, sound=0.4, after=0.2, frequency=1000):
        seconds = np.arange(round((before + sound + after) * self.RATE)) / self.RATE
        inside = (seconds >= before) & (seconds < before + sound)
        return np.where(inside, 8000 * np.sin(2 * np.pi * frequency * seconds), 0).astype(np.int16)

    def test_trimmed_to_the_sound_and_10_ms_around_it(self):
        wave = voices.trim(self.tone() / 32768, self.RATE)
        assert len(wave) / self.RATE == pytest.approx(0.42, abs=0.0101)

    def test_background_has_the_drawn_level_and_falls_as_1_over_f(self):
        said, clean = self.tone(), word(tilt=0.0, snr=30.0, tract=1.0)
        wave = voices.trim(said / 32768, self.RATE)
        noise = voices.record(said, clean) - wave
        assert 10 * np.log10(np.mean(wave**2) / np.mean(noise**2)) == pytest.approx(30, abs=1e-6)
        spectrum = np.abs(np.fft.rfft(voices.pink_noise(np.random.default_rng(0), 1 << 18, self.RATE))) ** 2
        frequency = np.fft.rfftfreq(1 << 18, 1 / self.RATE)
        octaves = [spectrum[(frequency >= f) & (frequency < 2 * f)].mean() for f in (100, 200, 400, 800, 1600, 3200)]
        np.testing.assert_allclose(np.diff(10 * np.log10(octaves)), -10 * np.log10(2), atol=0.5)

    @pytest.mark.parametrize("frequency", [250, 1000, 4000])
    def test_chain_is_tilted_around_1_khz(self, frequency):
        said, quiet = self.tone(frequency=frequency), {"snr": 200.0, "tract": 1.0}
        flat, tilted = (voices.record(said, word(tilt=tilt, **quiet)) for tilt in (0.0, 3.0))
        gain = 10 * np.log10(np.mean(tilted**2) / np.mean(flat**2))
        assert gain == pytest.approx(3 * np.log2(frequency / 1000), abs=0.1)

    def test_noise_follows_from_seed_file_and_row(self):
        said = self.tone()
        np.testing.assert_array_equal(voices.record(said, word()), voices.record(said, word()))
        for other in (voices.record(said, word(row=1)), voices.record(said, word(file=1)), voices.record(said, word(), seed=1)):
            assert not np.array_equal(voices.record(said, word()), other)

    @pytest.mark.parametrize("samples", [np.zeros(9000, np.int16), np.ones(9000, np.int16), np.zeros(0, np.int16)])
    def test_silence_is_refused(self, samples):
        with pytest.raises(MstaskError, match="is silent"):
            voices.record(samples, word())
