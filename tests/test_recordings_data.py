"""Recordings of others: read whole and as they are or refused in one sentence; no group of them is in two parts of a split."""

from __future__ import annotations

import zipfile

import h5py
import making_recordings as making
import numpy as np
import pytest
from making import refused

from mstask import data
from mstask.data import acconeer, fsdd, neuroradar, originals, radhar, recorded, shd


@pytest.fixture
def copies(copies, monkeypatch):
    """And an empty cache."""
    monkeypatch.setenv("MSTASK_DATA", str(copies / "cache"))
    return copies


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """The case "speech-george" of tiny words through the ear's tenth, with its cache; what is read of it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("speech")
        patch.setenv("MSTASK_DATA", str(folder / "cache"))
        patch.setenv("FSDD_DATA", str(making.archive(folder / "recordings.zip", making.digits(), "recordings/")))
        yield recorded.load_case("speech-george", "small"), *fsdd.heard("small")


class TestSplits:
    @pytest.mark.parametrize("case", recorded.RADAR)
    def test_no_round_pass_or_date_is_in_two_parts(self, copies, case):
        splits = recorded.load_case(case)
        groups = [group for part in splits.meta["groups"].values() for group in part]
        assert len(set(groups)) == len(groups) and all(splits.meta["groups"].values())
        assert splits.meta["counts"] == {n: len(getattr(splits, n).y) for n in ("train", "validation", "test")}

    @pytest.mark.parametrize("case", recorded.RADAR)
    def test_training_and_test_hold_every_class(self, copies, case):
        splits = recorded.load_case(case)
        assert all(len(np.unique(part.y)) == splits.n_classes for part in (splits.train, splits.test))

    @pytest.mark.parametrize("cases", [recorded.SPEECH, recorded.NEURORADAR, recorded.RADHAR])
    def test_every_group_is_tested_once(self, cases):
        tested = [group for held_out in cases.values() for group in held_out.test]
        assert sorted(tested) == list(range(len(tested)))
        assert all(not set(held_out.test) & set(held_out.validation) for held_out in cases.values())

    def test_pictures_are_standardised_by_what_is_trained_on_and_counts_stay(self, copies):
        pictures, counts = recorded.load_case("radhar-pass-1"), recorded.load_case("neuroradar-days")
        assert abs(pictures.train.x.mean().item()) < 1e-5 and abs(pictures.train.x.std().item() - 1) < 1e-3
        assert abs(pictures.test.x.mean().item()) > 1e-5
        assert (counts.train.x == counts.train.x.round()).all() and (counts.train.x >= 0).all()

    def test_the_days_are_the_rounds_of_each(self, copies):
        groups = recorded.load_case("neuroradar-days").meta["groups"]
        assert groups["test"] == [f"round {number}" for number in range(5, 10)]
        assert {*groups["train"], *groups["validation"]} == {f"round {number}" for number in range(5)}

    def test_words_by_chance_are_dealt_evenly(self):
        y, speakers = (grid.ravel() for grid in np.mgrid[:10, :6])
        y, speakers = np.repeat(y, 20), np.repeat(speakers, 20)
        rng = np.random.default_rng(0)
        examples = recorded.Examples(rng.poisson(1, (len(y), 3, 4)), y, speakers, fsdd.SPEAKERS, shd.ENGLISH, "0")
        splits = recorded.dealt(examples)
        assert splits.meta["counts"] == {"train": 816, "validation": 144, "test": 240}
        assert np.bincount(splits.test.y).tolist() == [24] * 10

    def test_a_class_that_one_part_lacks_is_named(self):
        examples = recorded.Examples(np.zeros((4, 1, 1)), np.array([0, 1, 0, 0]), np.arange(4), "abcd", ["x", "y"], "0")
        said = refused(recorded.split, examples, recorded.HeldOut((2,), (3,)), "set")
        assert "the test part of set has no example of class 'y'" in said

    def test_unknown_case(self):
        assert "did you mean 'speech-theo'" in refused(recorded.load_case, "speech-teo")


class TestSpeech:
    def test_it_is_a_file_of_shds_format_with_ten_labels(self, heard):
        _, words, path, _ = heard
        assert words.keys == shd.ENGLISH and words.labels.tolist() == np.repeat(range(10), 6).tolist()
        assert words.speakers.tolist() == list(range(6)) * 10 and words.counts.shape == (60, 12, 700)
        with h5py.File(path) as file:
            assert set(shd.REQUIRED) <= {"spikes/times", "spikes/units", "labels", "extra/speaker"}
            assert len(file["extra/keys"]) == 10

    def test_one_speaker_is_held_out_and_classes_follow_the_data(self, heard):
        splits = heard[0]
        assert splits.n_classes == 10 and splits.meta["class_names"] == list(shd.ENGLISH)
        assert splits.meta["groups"]["test"] == ["george"] and splits.meta["groups"]["validation"] == ["jackson"]
        assert len(splits.meta["groups"]["train"]) == 4 and splits.meta["source"] == "recorded"

    def test_what_reads_shd_reads_ten_words_and_has_as_many_classes(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "cache"))
        rng = np.random.default_rng(0)
        for name, speakers in (("shd_train", range(4)), ("shd_test", (4, 5))):
            labels, who = (grid.ravel() for grid in np.meshgrid(np.repeat(range(10), 4), speakers))
            times = [np.sort(rng.uniform(0, 1, 30)) for _ in labels]
            units = [rng.integers(0, 700, 30) for _ in labels]
            shd.write(tmp_path / f"{name}.h5", times, units, labels, who, shd.ENGLISH, {})
        for name in ("speech", "speech-mixed"):
            splits = data.load(name, "real", root=tmp_path)
            assert (splits.n_classes, splits.meta["class_names"]) == (10, list(shd.ENGLISH))

    def test_the_same_words_give_the_same_spikes_in_another_cache(self, heard, tmp_path, monkeypatch):
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path))
        for name, content in making.digits().items():
            (tmp_path / name).write_bytes(content)
        assert fsdd.heard("small", tmp_path)[2] == heard[3]

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"3_theo_0.wav": None}, "0 recordings of 3 by theo (no 3_theo_0.wav), expected 1"),
            ({"3_theo_7.wav": making.wav([1, 2])}, "2 recordings of 3 by theo"),
            ({"3_anna_0.wav": making.wav([1, 2])}, "holds 3_anna_0.wav, expected {digit}_{speaker}_{index}.wav"),
            ({"3_theo_0.wav": making.digits()["3_theo_0.wav"][:-100]}, "3_theo_0.wav is truncated: 750 samples"),
            ({"3_theo_0.wav": making.digits()["3_theo_0.wav"][:30]}, "3_theo_0.wav is no complete WAV file"),
            ({"3_theo_0.wav": b"<html>"}, "3_theo_0.wav is no complete WAV file"),
            ({"3_theo_0.wav": making.wav([1, 2], rate=16000)}, "1 channels of 16 bit at 16000 Hz, expected 1 of 16 at 8000"),
            ({"3_theo_0.wav": making.wav([1, 2], channels=2)}, "2 channels of 16 bit"),
            ({"3_theo_0.wav": making.wav([0, 0])}, "3_theo_0.wav is silent"),
            ({"3_theo_0.wav": making.wav([])}, "3_theo_0.wav has 0 samples"),
            ({"3_theo_0.wav": making.wav(np.ones(80_001))}, "80001 samples, expected at least one and at most 10 s"),
            ({"3_theo_0.wav": making.digits()["2_theo_0.wav"]}, "3_theo_0.wav is the same recording as 2_theo_0.wav"),
        ],
    )
    def test_a_bad_copy_is_refused(self, tmp_path, change, said):
        files = {name: content for name, content in (making.digits() | change).items() if content is not None}
        assert said in refused(fsdd.read, making.archive(tmp_path / "a.zip", files))


class TestNeuroRadar:
    def test_the_label_is_the_files_and_not_its_numbers(self, copies):
        read = neuroradar.read()
        swapped = read.y[read.rounds == making.SWAPPED]
        assert swapped.tolist() == [0, 1, 2, 3, 4, 10, 6, 7, 8, 9, 5, 11]
        assert read.y[read.rounds == 3].tolist() == list(range(12))

    def test_spikes_are_counted_in_frames_and_late_ones_in_the_last(self, tmp_path):
        files = making.gestures() | {"gesture_1.txt": b"1\n1 0.0000\n1 0.0234\n2 0.0235\n6 1.5320\n"}
        x = neuroradar.read(making.archive(tmp_path / "a.zip", files)).x[0]
        assert (x[0, 0], x[1, 1], x[63, 5], x.sum()) == (2, 1, 1, 4)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"13\n1 0.5\n", "begins with '13', expected a label from 1 to 12"),
            (b"", "begins with '', expected a label"),
            (b"1\n", "holds no spike"),
            (b"1\n1 0.5\n1 0.", "is truncated: its last line, '1 0.', has no end"),
            (b"1\n7 0.5\n", "line 2: channel 7, expected 1 to 6"),
            (b"1\n1 0.5\n1 nan\n", "line 3 is '1 nan', expected a channel and seconds"),
            (b"1\n1 2.5\n", "line 2: a spike at 2.5 s"),
            (b"1\n1 0.5\n1 0.4\n", "line 3: a spike out of order"),
            (b"2\n1 0.5\n", "round 0 holds [0, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] files of the 12 labels"),
            (b"\xff\n", "is no plain text"),
            (None, "holds no gesture_1.txt"),
        ],
    )
    def test_a_bad_gesture_is_refused(self, tmp_path, content, said):
        files = {name: text for name, text in (making.gestures() | {"gesture_1.txt": content}).items() if text is not None}
        assert said in refused(neuroradar.read, making.archive(tmp_path / "a.zip", files))


POINT = 'header: \n  seq: 1\n  stamp: \n    secs: 1\n    nsecs: 2\n  frame_id: "x"\npoint_id: {}\nx: 0.1\ny: -0.0\n'
POINT += "z: 0.0\nrange: 1.0\nvelocity: 0.6\ndoppler_bin: {}\nbearing: -3.1\nintensity: {}\n---\n"


class TestRadHAR:
    ABOUT = radhar.Recording(0, 126, 63)

    def text(self) -> str:
        """63 frames of two points each: bin 9 of 30 dB, and one that stands still."""
        return "".join(POINT.format(0, 9, 30.0) + POINT.format(1, 8, 40.0) for _ in range(63))

    def test_windows_are_logarithms_of_what_moves(self):
        x = radhar.doppler_time("file", self.text().encode(), self.ABOUT)
        assert x.shape == (1, 60, 16) and x.dtype == np.float32
        assert np.allclose(x[0, :, 9], np.log10(2)) and not np.delete(x, 9, axis=2).any()

    def test_two_points_add_their_power(self):
        text = "".join(POINT.format(0, 9, 30.0) + POINT.format(1, 9, 30.0) for _ in range(63))
        assert np.allclose(radhar.doppler_time("file", text.encode(), self.ABOUT)[0, :, 9], np.log10(3))

    def test_a_bin_that_the_radar_lacks_is_not_looked_at(self):
        text = self.text().replace("doppler_bin: 9", "doppler_bin: 100", 1)
        assert radhar.doppler_time("file", text.encode(), self.ABOUT)[0, 0].sum() == 0

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda text: text[:-60], "is truncated: 125 complete points, expected 126"),
            (lambda text: text + text[:300], "127 complete points, expected 126"),
            (lambda text: text.replace("point_id: 1", "point_id: 0", 1).replace("point_id: 0", "point_id: 1", 1), "frames"),
            (lambda text: text.replace("intensity: 30.0", "intensity: nan", 1), "125 complete points"),
        ],
    )
    def test_a_bad_text_is_refused(self, change, said):
        assert said in refused(radhar.doppler_time, "file", change(self.text()).encode(), self.ABOUT)

    def test_an_unpacked_clone_is_read_in_the_order_of_the_names(self, tmp_path, monkeypatch):
        known = {f"Train/{name}/{name}_20_1.txt": self.ABOUT for name in radhar.CLASS_NAMES}
        monkeypatch.setattr(radhar, "recordings", lambda: known)
        for name in known:
            path = tmp_path / "RadHAR" / "Data" / name
            path.parent.mkdir(parents=True)
            path.write_text(self.text())
        assert radhar.read(tmp_path).y.tolist() == [0, 1, 2, 3, 4]
        path.unlink()
        assert "has no Train/walk/walk_20_1.txt (1 files are missing), expected 5" in refused(radhar.read, tmp_path)

    def test_what_is_known_of_the_recordings(self):
        known = radhar.recordings()
        assert len(known) == 186 and {about.number for about in known.values()} == {0, 1, 2, 3}
        assert sum(about.frames // radhar.WINDOW for about in known.values()) == 1853

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"X": np.zeros((120, 60, 15), np.float32)}, "X is float32 (120, 60, 15), expected float32 (N, 60, 16)"),
            ({"X": np.full((120, 60, 16), np.nan, np.float32)}, "NaN"),
            ({"y": np.full(120, 5)}, "y is int64 (120,), expected 120 whole numbers from 0 to 4"),
            ({"session": np.zeros(119, int)}, "session is int64 (119,)"),
            ({"y": np.zeros(120, int)}, "a window of Train/jack/jack_20_1.txt is labelled boxing"),
            ({"rec": np.arange(20).repeat(6)[::-1]}, "rec falls at window"),
            ({"names": np.array(["Train/boxing/a.txt"] * 20)}, "two recordings go by one name"),
        ],
    )
    def test_a_bad_packed_form_is_refused(self, tmp_path, change, said):
        np.savez(tmp_path / radhar.PACKED, **(making.windows() | change))
        assert said in refused(radhar.read, tmp_path)


class TestAcconeer:
    def test_a_tone_lies_in_its_doppler_bin_whichever_way_it_turns(self):
        time = np.arange(256) / 1000
        for frequency, expected in ((125, 40), (-250, 16)):
            tone = 1000 * np.exp(2j * np.pi * frequency * time)
            iq = np.repeat(np.stack([tone.real, tone.imag], -1)[None, :, None], 6, axis=2)
            picture = acconeer.spectrograms(iq)
            assert picture.shape == (1, 64, 64) and set(picture[0].argmax(axis=1)) == {expected}

    def test_what_stands_still_is_taken_away(self):
        assert acconeer.spectrograms(np.full((1, 256, 6, 2), 5000.0)).max() < 1e-3

    def test_the_recordings_of_the_exploration_tool_give_the_same_as_the_packed_form(self, copies, monkeypatch, tmp_path):
        packed = making.hands(n=1)
        known = {name: acconeer.Recording(about.date, about.starts[:1]) for name, about in acconeer.recordings().items()}
        monkeypatch.setattr(acconeer, "recordings", lambda: known)
        folder = tmp_path / "clone" / "data" / "gesture_classification"
        folder.mkdir(parents=True)
        for number, (name, about) in enumerate(known.items()):
            frames = np.zeros((about.starts[0] + 64, 16, 6), [("real", "<i2"), ("imag", "<i2")])
            frames["real"][-64:], frames["imag"][-64:] = packed["iq"][number, ..., 0], packed["iq"][number, ..., 1]
            with h5py.File(folder / f"label_{name}.h5", "w") as file:
                file[acconeer.PATHS[number % 2]] = frames
        np.savez(tmp_path / "packed.npz", **packed)
        ours, theirs = acconeer.read(tmp_path / "clone"), acconeer.read(tmp_path / "packed.npz")
        assert (ours.x == theirs.x).all() and (ours.y == theirs.y).all() and (ours.dates == theirs.dates).all()
        (folder / "label_tap_in_idx_1.h5").write_bytes(b"\x89HDF\r\n\x1a\ncut off")
        assert "label_tap_in_idx_1.h5 is not a complete HDF5 file" in refused(acconeer.read, tmp_path / "clone")
        (folder / "label_tap_in_idx_1.h5").unlink()
        assert "has no label_tap_in_idx_1.h5, expected 13 recordings" in refused(acconeer.read, tmp_path / "clone")

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"iq": np.zeros((39, 64, 16, 6), np.int16)}, "iq is int16 (39, 64, 16, 6)"),
            ({"iq": np.zeros((39, 64, 16, 6, 2))}, "iq is float64"),
            ({"classes": np.array(["a", "b", "c", "d"])}, "classes are ['a', 'b', 'c', 'd']"),
            ({"session": np.full(39, 4)}, "session is int64 (39,), expected 39 whole numbers from 0 to 3"),
            ({"start": np.zeros(39, int)}, "src and start name a gesture twice"),
            ({"y": np.zeros(39, int)}, "a gesture of tap_in_idx_1 is labelled double_tap_in"),
        ],
    )
    def test_a_bad_packed_form_is_refused(self, tmp_path, change, said):
        np.savez(tmp_path / acconeer.PACKED, **(making.hands() | change))
        assert said in refused(acconeer.read, tmp_path)


class TestCopies:
    def test_without_a_copy_one_sentence_says_how_to_get_one(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path))
        for original in recorded.ORIGINALS:
            monkeypatch.delenv(original.variable, raising=False)
            with pytest.raises(originals.MissingRecordings, match=f"data fetch {original.name}, or set {original.variable} to"):
                originals.located(original)
            monkeypatch.setenv(original.variable, str(tmp_path / "nowhere"))
            assert f"{original.variable} names {tmp_path}/nowhere, which does not exist" in refused(originals.located, original)

    def test_an_archive_in_a_folder_or_in_an_archive_is_found(self, tmp_path):
        inner = making.archive(tmp_path / "gesture_data.zip", making.gestures())
        outer = making.archive(tmp_path / "outer.zip", {"dataset/gesture_data.zip": inner.read_bytes()}, "spike-sampler-d8a/")
        for copy in (inner, tmp_path, outer):
            assert len(neuroradar.read(copy).y) == 120

    def test_a_member_that_is_damaged_is_named(self, tmp_path):
        path = making.archive(tmp_path / "a.zip", making.gestures())
        with zipfile.ZipFile(path) as archive:
            at = archive.getinfo("gesture_7.txt").header_offset + 40
        content = bytearray(path.read_bytes())
        content[at + 10 : at + 14] = b"\0\0\0\0"
        path.write_bytes(content)
        assert "gesture_7.txt is damaged" in refused(neuroradar.read, path)

    def test_a_truncated_archive_is_refused(self, tmp_path):
        path = making.archive(tmp_path / "a.zip", making.gestures())
        path.write_bytes(path.read_bytes()[:-30])
        assert "is no intact zip archive" in refused(neuroradar.read, path)

    def test_what_a_zip_may_unpack_to_is_limited(self, tmp_path, monkeypatch):
        path = making.archive(tmp_path / "a.zip", making.gestures() | {"gesture_1.txt": b"0" * 100_000})
        monkeypatch.setattr(originals, "MAX_MEMBER", 99_999)
        assert "gesture_1.txt claims 100,000 bytes, expected at most 99,999" in refused(neuroradar.read, path)
        monkeypatch.setattr(originals, "MAX_MEMBERS", 0)
        assert "holds 120 files, expected at most 0" in refused(neuroradar.read, path)

    def test_two_files_of_one_name_are_refused(self, tmp_path):
        path = making.archive(tmp_path / "a.zip", {"a/gesture_1.txt": b"", "b/gesture_1.txt": b""})
        assert "holds gesture_1.txt twice" in refused(neuroradar.read, path)

    def test_an_empty_folder_and_another_kind_of_file_are_refused(self, tmp_path):
        (tmp_path / "a").mkdir()
        assert "holds none of the files of fsdd, expected recordings/0_george_0.wav" in refused(fsdd.read, tmp_path / "a")
        (tmp_path / "page.zip").write_bytes(b"<html>")
        assert "is a web page" in refused(fsdd.read, tmp_path / "page.zip")


class TestRegistry:
    def test_both_sets_are_recorded_and_nothing_else_is(self, copies):
        assert data.sources_of("radar-recorded") == ("recorded",) == data.sources_of("speech-recorded")
        assert data.load("radar-recorded", "recorded").meta["groups"]["test"][0] == "round 5"
        assert "pass source='recorded'" in refused(data.load, "speech-recorded")
        assert "radar has no recorded data" in refused(data.load, "radar", "recorded")
