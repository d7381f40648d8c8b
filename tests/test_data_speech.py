"""Spoken digits: the format of SHD exactly, three honest splits, and a refusal in one sentence for every bad file."""

from __future__ import annotations

import gzip
import pickle
import shutil
import warnings

import h5py
import numpy as np
import pytest
import torch
from making import Trap, altered, refused

from mstask import cell, data, section
from mstask.data import cache as data_cache, shd, speech
from mstask.errors import MstaskError
from mstask.synth import cochlea, spoken_digits, voices

N_TRAIN, N_TEST, N_CHANNELS = 140, 24, 10


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """An embedded set of 140 + 24 words with 10 channels, in a cache of this module's own; its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSTASK_DATA", str(tmp_path_factory.mktemp("cache")))
        patch.setitem(voices.FILE_SIZES, "tiny", (N_TRAIN, N_TEST))
        patch.setitem(spoken_digits.CHANNELS, "tiny", N_CHANNELS)
        cochlea.ear.cache_clear()
        yield speech.generated("tiny")
        cochlea.ear.cache_clear()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "cache"))
    for name in ("SHD_DATA", "SHD_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def words(n, speakers, seed=0, late=0.02):
    """Hand-made spikes of n words: times, units, labels, speakers."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 60, n)
    times = [np.sort(rng.uniform(0, 1 + late, length)) for length in lengths]
    units = [rng.integers(0, 700, length) for length in lengths]
    return times, units, np.arange(n) % 20, np.resize(speakers, n)


def save(path, times, units, labels, speakers, time_type=np.float16, unit_type=np.uint16, keys=True):
    """An HDF5 file as SHD's, written without the code under test."""
    with h5py.File(path, "w") as file:
        for name, rows, dtype in (("times", times, time_type), ("units", units, unit_type)):
            ragged = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(dtype))
            made = np.empty(len(rows), object)
            for i, row in enumerate(rows):
                made[i] = np.asarray(row, dtype)
            if len(rows) == 1:  # which h5py would take apart
                ragged[0] = made[0]
            elif len(rows):
                ragged[:] = made
        file["labels"] = np.asarray(labels)
        file["extra/speaker"] = np.asarray(speakers)
        if keys:
            file["extra/keys"] = np.array([word.encode() for word in shd.WORDS])


@pytest.fixture
def folder(tmp_path, cache):
    """SHD's two files by hand: 200 training words by four speakers, 60 test words by two others and one of the four."""
    place = tmp_path / "shd"
    place.mkdir()
    rewrite(place)
    save(place / "shd_test.h5", *words(60, np.repeat([4, 5, 0], 20), seed=1))
    return place


TIMES, UNITS, LABELS, SPEAKERS = words(200, np.repeat([0, 1, 2, 3], 20))
"""The training words of `folder`."""
ALL = np.arange(200)


def refusal(folder, name="speech"):
    return refused(data.load, name, source="real", root=folder)


def rewrite(folder, **changes):
    """Write the training file of `folder` again with other times, units, labels or speakers."""
    given = {"times": TIMES, "units": UNITS, "labels": LABELS, "speakers": SPEAKERS} | changes
    save(folder / "shd_train.h5", **given)


def replace(folder, key, value):
    """Put another value, a group or nothing in place of a key of the training file."""
    with h5py.File(folder / "shd_train.h5", "a") as file:
        del file[key]
        if isinstance(value, str):
            file.create_group(key)
        elif value is not None:
            file[key] = value


def with_word(rows, word, row):
    """Rows of times or units with another one for a word."""
    return [*rows[:word], row, *rows[word + 1 :]]


def with_spike(rows, word, spike, value):
    """Rows of times or units with another value for one spike of a word."""
    return with_word(rows, word, altered(rows[word], spike, value))


class TestBinning:
    def test_counts_are_the_papers_on_a_hand_made_file(self, tmp_path):
        times, units, labels, speakers = words(30, [0, 7])
        times[0][:3], units[0][:3] = (0.0, 1 / 12, 0.5), 0
        times[1][-1], units[1][-1] = 1.3, 699
        save(tmp_path / "hand.h5", times, units, labels, speakers, np.float64)
        found = shd.read(tmp_path / "hand.h5")
        expected = np.zeros((30, 12, 700))
        for n in range(30):
            for t, unit in zip(times[n], units[n], strict=True):
                expected[n, min(max(int(np.floor(t / 1.0 * 12)), 0), 11), min(max(unit, 0), 699)] += 1
        np.testing.assert_array_equal(found.counts, expected)
        assert found.counts.dtype == np.uint8
        assert found.events == sum(map(len, times))
        assert found.clipped == sum(int(np.sum(t >= 1)) for t in times) > 0
        np.testing.assert_array_equal(found.labels, labels)
        np.testing.assert_array_equal(found.speakers, speakers)
        assert found.keys == shd.WORDS

    def test_one_word_is_clipped_into_frames_and_channels(self):
        counts = shd.frame_counts(np.array([-0.1, 0.0, 0.99, 1.0, 5.0]), np.array([-3, 0, 699, 700, 900]))
        assert counts.shape == (12, 700) and counts.sum() == 5
        assert counts[0, 0] == 2 and counts[11, 699] == 3

    @pytest.mark.parametrize(("time_type", "unit_type"), [("f2", "u2"), ("f4", "i4"), ("f8", "i8")])
    def test_any_float_and_integer_width(self, tmp_path, time_type, unit_type):
        given = words(20, [3])
        rounded = [np.asarray(t, time_type).astype(np.float64) for t in given[0]]
        save(tmp_path / "a.h5", *given, time_type, unit_type)
        expected = [shd.frame_counts(t, u) for t, u in zip(rounded, given[1], strict=True)]
        np.testing.assert_array_equal(shd.read(tmp_path / "a.h5").counts, expected)

    def test_more_than_255_spikes_in_a_frame_are_kept(self, tmp_path):
        save(tmp_path / "a.h5", [np.r_[np.zeros(300), np.full(300, 1.5)]], [np.zeros(600)], [0], [0])
        found = shd.read(tmp_path / "a.h5")
        assert found.counts[0, 11, 0] == 300 and found.clipped == 300

    def test_what_is_written_is_read(self, tmp_path):
        times, units, labels, speakers = words(40, [1, 2])
        shd.write(tmp_path / "a.h5", times, units, labels, speakers, shd.WORDS, {"seed": 0})
        save(tmp_path / "b.h5", times, units, labels, speakers)
        ours, hand = shd.read(tmp_path / "a.h5"), shd.read(tmp_path / "b.h5")
        np.testing.assert_array_equal(ours.counts, hand.counts)
        assert ours.keys == hand.keys and ours.events == hand.events
        with h5py.File(tmp_path / "a.h5") as file:
            assert file["spikes/times"][0].dtype == np.float16 and file["spikes/units"][0].dtype == np.uint16
            assert file["labels"].dtype == file["extra/speaker"].dtype == np.uint16 and file.attrs["seed"] == 0

    def test_words_of_equal_length_stay_one_row_each(self, tmp_path):
        shd.write(tmp_path / "a.h5", [np.full(4, 0.1)] * 3, [np.arange(4)] * 3, np.zeros(3), np.zeros(3), shd.WORDS, {})
        assert shd.read(tmp_path / "a.h5").counts.sum() == 12


class TestOwnSplit:
    def test_files_are_the_split_and_counts_stay_raw(self, folder):
        splits = data.load("speech", source="real", root=folder)
        train, test = shd.read(folder / "shd_train.h5"), shd.read(folder / "shd_test.h5")
        assert splits.meta["counts"] == {"train": 170, "validation": 30, "test": 60}
        np.testing.assert_array_equal(splits.test.x, test.counts)
        both = torch.cat([splits.train.x, splits.validation.x])
        assert both.sum() == train.counts.sum() and splits.train.x.dtype == torch.float32
        assert splits.train.x.shape[1:] == (12, 700) and splits.n_classes == 20
        assert "mean" not in splits.meta

    def test_validation_is_a_stratified_15_percent_by_seed_0(self, folder):
        from sklearn.model_selection import train_test_split

        splits = data.load("speech", source="real", root=folder)
        words = shd.read(folder / "shd_train.h5")
        train, validation = train_test_split(np.arange(200), test_size=0.15, random_state=0, stratify=words.labels)
        np.testing.assert_array_equal(splits.validation.x, words.counts[validation])
        np.testing.assert_array_equal(splits.train.y, words.labels[train])

    def test_meta_tells_speakers_events_and_words(self, folder):
        meta = data.load("speech", source="real", root=folder).meta
        assert set(meta["speakers"]["train"]) | set(meta["speakers"]["validation"]) == {0, 1, 2, 3}
        assert meta["speakers"]["test"] == np.repeat([4, 5, 0], 20).tolist()
        assert meta["held_out"] == [4, 5]
        assert meta["class_names"] == list(shd.WORDS)
        assert (meta["name"], meta["source"], meta["size"]) == ("speech", "real", "all")
        assert meta["clipped_events"]["train"] == shd.read(folder / "shd_train.h5").clipped
        assert meta["events"]["test"] == shd.read(folder / "shd_test.h5").events
        assert len(meta["fingerprint"]) == 64

    def test_class_names_without_keys_are_shds(self, folder):
        save(folder / "shd_test.h5", *words(60, [4, 5]), keys=False)
        rewrite(folder, keys=False)
        assert data.load("speech", source="real", root=folder).meta["class_names"] == list(shd.WORDS)

    def test_compressed_files_and_the_environment(self, folder, tmp_path, monkeypatch):
        plain = data.load("speech", source="real", root=folder)
        packed = tmp_path / "packed"
        packed.mkdir()
        for name in speech.FILES:
            with gzip.open(packed / f"{name}.h5.gz", "wb") as file:
                file.write((folder / f"{name}.h5").read_bytes())
        monkeypatch.setenv("SHD_DATA", str(packed))
        splits = data.load("speech", source="real")
        assert splits.meta == plain.meta and torch.equal(splits.train.x, plain.train.x)

    def test_what_was_downloaded_is_found(self, folder, cache):
        shutil.copytree(folder, cache / "shd")
        assert data.load("speech", source="real").meta["counts"]["test"] == 60

    def test_files_are_counted_once(self, folder, monkeypatch):
        first = data.load("speech", source="real", root=folder)
        monkeypatch.setattr(shd, "read", None)
        assert data.load("speech", source="real", root=folder).meta == first.meta

    def test_changed_files_are_counted_again(self, folder):
        first = data.load("speech", source="real", root=folder)
        rewrite(folder, labels=np.roll(np.arange(200) % 20, 1))
        assert data.load("speech", source="real", root=folder).meta["fingerprint"] != first.meta["fingerprint"]


class TestMixedSplit:
    def test_pooled_permuted_cut_and_standardised(self, folder):
        splits = data.load("speech-mixed", source="real", root=folder)
        files = [shd.read(folder / f"{name}.h5") for name in speech.FILES]
        counts = np.concatenate([words.counts for words in files])
        order = torch.randperm(260, generator=torch.Generator().manual_seed(0)).numpy()
        assert splits.meta["counts"] == {"train": 176, "validation": 32, "test": 52}
        mean, sd = splits.meta["mean"], splits.meta["sd"]
        np.testing.assert_allclose(splits.test.x * (sd + 1e-6) + mean, counts[order[208:]], atol=1e-5)
        assert (mean, sd) == (pytest.approx(counts[order[:208]].mean()), pytest.approx(counts[order[:208]].std()))
        assert set(splits.meta["speakers"]["test"]) == set(splits.meta["speakers"]["train"]) == set(range(6))

    @pytest.fixture
    def tensors(self):
        rng = np.random.default_rng(0)
        x = torch.from_numpy(rng.poisson(0.1, (260, 12, 30)).astype(np.float32))
        return x, torch.arange(260) % 20

    def test_a_ready_made_split_is_kept(self, tensors, tmp_path, monkeypatch):
        x, y = tensors
        torch.save({"Xtr": x[:200], "ytr": y[:200], "Xte": x[200:], "yte": y[200:], "note": "mine"}, tmp_path / "shd.pt")
        monkeypatch.setenv("SHD_CACHE", str(tmp_path / "shd.pt"))
        splits = data.load("speech-mixed", source="real")
        assert splits.meta["counts"] == {"train": 170, "validation": 30, "test": 60}
        assert torch.equal(splits.test.y, y[200:]) and splits.meta["speakers"] is None
        assert splits.meta["mean"] == pytest.approx(x[:200].mean().item())

    def test_an_undivided_cache_is_cut_and_standardised_as_the_papers_script_does(self, tensors, tmp_path):
        """Script 05: randperm of a generator seeded 0, 80/20, mean and sd of the whole first part, then validation."""
        x, y = tensors
        torch.save({"X": x.to(torch.uint8), "y": y.to(torch.int32)}, tmp_path / "shd.pt")
        splits = data.load("speech-mixed", source="real", root=tmp_path / "shd.pt")
        order = torch.randperm(260, generator=torch.Generator().manual_seed(0))
        first, test = x[order[:208]], x[order[208:]]
        mean, sd = float(first.mean()), float(first.std() + 1e-6)
        assert torch.equal(splits.test.y, y[order[208:]])
        torch.testing.assert_close(splits.test.x, (test - mean) / sd, atol=1e-3, rtol=0)
        both = torch.cat([splits.train.x, splits.validation.x])
        assert (both.mean().item(), both.std().item()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-4))
        assert abs(splits.train.x.mean()) > 1e-4

    @pytest.mark.parametrize("kind", [torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float64])
    def test_labels_may_have_any_number_type(self, tensors, tmp_path, kind):
        x, y = tensors
        torch.save({"Xtr": x[:208], "ytr": y[:208].to(kind), "Xte": x[208:], "yte": y[208:].to(kind)}, tmp_path / "shd.pt")
        assert torch.equal(data.load("speech-mixed", source="real", root=tmp_path / "shd.pt").test.y, y[208:])

    @pytest.mark.parametrize("divided", [True, False])
    def test_the_probe_can_have_the_first_part_whole_and_as_it_is(self, tensors, tmp_path, monkeypatch, divided):
        x, y = tensors
        cut = {"Xtr": x[:208], "ytr": y[:208], "Xte": x[208:], "yte": y[208:]}
        torch.save(cut if divided else {"X": x, "y": y}, tmp_path / "shd.pt")
        monkeypatch.setenv("SHD_CACHE", str(tmp_path / "shd.pt"))
        splits = speech.load_mixed("real", "paper", None, standardise=False, validation=False)
        order = torch.arange(260) if divided else torch.randperm(260, generator=torch.Generator().manual_seed(0))
        assert splits.meta["counts"] == {"train": 208, "validation": 0, "test": 52}
        assert torch.equal(splits.train.x, x[order[:208]]) and torch.equal(splits.test.x, x[order[208:]])


class TestHeldOutPair:
    def test_tests_on_two_speakers_and_trains_on_none_of_their_words(self, folder):
        splits = speech.load_pair((3, 4), source="real", root=folder)
        speakers = splits.meta["speakers"]
        assert set(speakers["test"]) == {3, 4} and splits.meta["held_out"] == [3, 4]
        assert set(speakers["train"]) == set(speakers["validation"]) == {0, 1, 2, 5}
        assert splits.meta["counts"] == {"train": 170, "validation": 30, "test": 60}
        whole = sum(shd.read(folder / f"{name}.h5").counts.sum() for name in speech.FILES)
        assert sum(part.x.sum() for part in (splits.train, splits.validation, splits.test)) == whole

    @pytest.mark.parametrize("pair", [(4, 4), (4,), (4, 5, 0), (4, 9), ()])
    def test_what_is_no_pair_is_refused(self, folder, pair):
        with pytest.raises(MstaskError, match=r"expected two different ones of \[0, 1, 2, 3, 4, 5\]"):
            speech.load_pair(pair, source="real", root=folder)


class TestBadFiles:
    def test_no_folder_named(self, cache):
        with pytest.raises(MstaskError, match=r"set SHD_DATA .* data fetch shd"):
            data.load("speech", source="real")

    def test_folder_missing(self, cache, tmp_path, monkeypatch):
        assert "root names" in refusal(tmp_path / "nowhere")
        monkeypatch.setenv("SHD_DATA", str(tmp_path / "elsewhere"))
        with pytest.raises(MstaskError, match=r"SHD_DATA names .*elsewhere"):
            data.load("speech", source="real")

    def test_file_missing(self, folder):
        (folder / "shd_test.h5").unlink()
        assert "neither shd_test.h5 nor shd_test.h5.gz" in refusal(folder)

    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            *((key, None, f"no data set {key!r}") for key in shd.REQUIRED),
            ("labels", "a group", "no data set 'labels'"),
            ("spikes/times", np.zeros((200, 5)), "of shape (200, 5), expected one variable-length row of floats"),
            ("spikes/times", np.zeros(200), "of shape (200,), expected one variable-length row of floats"),
            ("extra/keys", np.arange(20), "extra/keys is no list of 20 words"),
        ],
    )
    def test_keys_are_there_and_hold_what_shds_do(self, folder, key, value, said):
        replace(folder, key, value)
        message = refusal(folder)
        assert "shd_train.h5" in message and said in message

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"time_type": ">f4"}, "has the byte order of >f4"),
            ({"unit_type": np.float32}, "variable-length float32"),
            (
                {"units": with_word(UNITS, 7, UNITS[7][:-1])},
                f"word 7 has {len(UNITS[7])} times and {len(UNITS[7]) - 1} units",
            ),
            ({"times": with_word(TIMES, 9, []), "units": with_word(UNITS, 9, [])}, "word 9 has no spike"),
            *(
                ({"units": with_spike(UNITS, 150, 2, unit)}, f"word 150 has a spike with unit {unit}, expected 0 to 699")
                for unit in (700, 65535)
            ),
            ({"units": with_spike(UNITS, 0, 0, -1), "unit_type": np.int16}, "word 0 has a spike with unit -1"),
            *(
                ({"times": with_spike(TIMES, 31, 1, time)}, f"word 31 has a spike with time {time}, expected finite seconds")
                for time in (-0.5, np.nan, np.inf)
            ),
            *(
                ({"labels": np.where(ALL == 8, label, LABELS)}, f"the first is {label} at index 8")
                for label in (-1, 20, 2.5, np.nan)
            ),
            ({"labels": np.where((LABELS == 6) & (ALL > 6), 5, LABELS)}, "1 samples of class 6 (six), too few"),
            ({"labels": np.zeros((200, 2))}, "/labels is"),
            ({"labels": np.array([b"one"] * 200)}, "/labels is"),
            ({"labels": LABELS[1:]}, "different lengths (spikes/times 200, spikes/units 200, labels 199"),
            ({"speakers": np.where(ALL == 3, -2, 0)}, "the speaker of word 3 is -2"),
            ({"times": [], "units": [], "labels": [], "speakers": []}, "holds no word"),
        ],
    )
    def test_what_no_word_can_be_is_named(self, folder, changes, said):
        rewrite(folder, **changes)
        assert said in refusal(folder)

    @pytest.mark.parametrize("kept", [0, 100, 4000, 0.5, -1])
    def test_truncated(self, folder, kept):
        content = (folder / "shd_train.h5").read_bytes()
        (folder / "shd_train.h5").write_bytes(content[: int(kept * len(content)) if kept == 0.5 else kept])
        message = refusal(folder)
        assert "shd_train.h5 is" in message and ("not a complete HDF5 file" in message or "is damaged" in message)

    def test_damaged_in_the_middle(self, folder):
        content = bytearray((folder / "shd_train.h5").read_bytes())
        content[len(content) // 8 :: 97] = b"\xff" * len(content[len(content) // 8 :: 97])
        (folder / "shd_train.h5").write_bytes(content)
        assert "shd_train.h5" in refusal(folder)

    @pytest.mark.parametrize(
        ("damage", "problem"),
        [
            (lambda packed: packed[: len(packed) // 2], "is truncated"),
            (lambda packed: b"<html>not found</html>", "is a web page, as a failed download"),
            (lambda packed: packed[:-8] + bytes(8), "is not an intact gzip file"),
            (lambda packed: gzip.compress(b"not HDF5"), "not a complete HDF5 file"),
        ],
    )
    def test_bad_compressed_file(self, folder, damage, problem):
        packed = gzip.compress((folder / "shd_train.h5").read_bytes())
        (folder / "shd_train.h5").unlink()
        (folder / "shd_train.h5.gz").write_bytes(damage(packed))
        message = refusal(folder)
        assert "shd_train.h5.gz" in message and problem in message

    def test_a_bad_file_leaves_nothing_in_the_cache(self, folder, cache):
        (folder / "shd_test.h5").write_bytes(b"")
        refusal(folder)
        assert [path for path in cache.iterdir() if path.is_dir()] == []


def _quantized():
    with warnings.catch_warnings(action="ignore"):
        return torch.quantize_per_tensor(torch.zeros(9), 0.1, 0, torch.qint8)


class TestBadCaches:
    def refusal(self, path):
        return refusal(path, "speech-mixed")

    def test_missing(self, cache, tmp_path, monkeypatch):
        monkeypatch.setenv("SHD_CACHE", str(tmp_path / "nowhere.pt"))
        with pytest.raises(MstaskError, match=r"SHD_CACHE names .*nowhere.pt"):
            data.load("speech-mixed", source="real")

    def test_pickle_is_never_opened(self, cache, tmp_path):
        path = tmp_path / "shd.pt"
        torch.save({"Xtr": Trap(tmp_path)}, path)
        assert "refused" in self.refusal(path)
        path.write_bytes(pickle.dumps(Trap(tmp_path)))
        assert "refused" in self.refusal(path)
        assert not (tmp_path / "sprung").exists()

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"plain text", b"\x80\x02]q\x00."])
    def test_not_a_pt_file(self, cache, tmp_path, content):
        (tmp_path / "shd.pt").write_bytes(content)
        assert "shd.pt" in self.refusal(tmp_path / "shd.pt")

    def test_truncated(self, cache, tmp_path):
        path = tmp_path / "shd.pt"
        torch.save({"X": torch.zeros(260, 12, 30), "y": torch.arange(260) % 20}, path)
        path.write_bytes(path.read_bytes()[:-2000])
        assert "not a complete .pt file" in self.refusal(path)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (torch.zeros(3), "holds a Tensor, expected a dictionary"),
            ({"a": torch.zeros(3)}, 'no tensor X, expected Xtr, ytr, Xte, yte or X, y; found ["a"]'),
            ({"X": torch.zeros(3, 12, 7)}, "no tensor y"),
            ({"X": torch.zeros(3, 12), "y": torch.zeros(3)}, "X is torch.float32 [3, 12] for 3 labels"),
            ({"X": torch.zeros(3, 12, 7), "y": torch.zeros(4)}, "for 4 labels"),
            ({"X": torch.full((3, 12, 7), torch.nan), "y": torch.zeros(3)}, "NaN or infinite"),
            ({"X": torch.zeros(3, 12, 7), "y": torch.tensor([0, 20, 0])}, "the first is 20 at index 1"),
            ({"X": torch.zeros(260, 12, 7), "y": torch.arange(260) % 20}, "has no variation"),
            ({"X": torch.rand(30, 12, 7), "y": torch.arange(30) % 20}, "too few"),
            ({"X": torch.rand(9), "y": _quantized()}, "y is a torch.qint8"),
        ],
    )
    def test_wrong_content(self, cache, tmp_path, content, problem):
        torch.save(content, tmp_path / "shd.pt")
        assert problem in self.refusal(tmp_path / "shd.pt")

    def test_parts_of_different_shapes(self, cache, tmp_path):
        x, y = torch.rand(200, 12, 7), torch.arange(200) % 20
        torch.save({"Xtr": x, "ytr": y, "Xte": x[:, :11], "yte": y}, tmp_path / "shd.pt")
        assert "expected equal frames and channels" in self.refusal(tmp_path / "shd.pt")


class TestEmbedded:
    def heard(self, folder):
        with h5py.File(folder / "shd_train.h5") as file:
            return [file["spikes/times"][:], file["spikes/units"][:]]

    def test_files_are_in_the_format_of_shd(self, tiny):
        for name, n in (("shd_train", N_TRAIN), ("shd_test", N_TEST)):
            with h5py.File(tiny / f"{name}.h5") as file:
                assert len(file["labels"]) == len(file["extra/speaker"]) == n
                assert [key.decode() for key in file["extra/keys"][:]] == list(shd.WORDS)
                for times, units in zip(file["spikes/times"][:], file["spikes/units"][:], strict=True):
                    assert times.dtype == np.float16 and units.dtype == np.uint16
                    assert (np.diff(times.astype(float)) >= 0).all() and set(units) <= set(range(0, 700, 70))
                assert (file.attrs["seed"], file.attrs["size"]) == (0, "tiny")
                assert spoken_digits.VERSION in file.attrs["generator"]

    def test_held_out_speaker_occurs_in_the_test_alone(self, tiny):
        meta = speech.load("embedded", "tiny", None).meta
        assert set(meta["speakers"]["train"]) <= set(voices.KNOWN)
        assert meta["held_out"] == [4] and np.mean(np.array(meta["speakers"]["test"]) == 4) > 0.8

    def test_counts_are_those_of_the_files(self, tiny):
        splits = speech.load("embedded", "tiny", None)
        np.testing.assert_array_equal(splits.test.x, shd.read(tiny / "shd_test.h5").counts)
        assert splits.meta["counts"] == {"train": 119, "validation": 21, "test": N_TEST}

    def test_embedded_files_load_as_real_ones(self, tiny):
        real, embedded = data.load("speech", source="real", root=tiny), speech.load("embedded", "tiny", None)
        assert real.meta["fingerprint"] == embedded.meta["fingerprint"] and torch.equal(real.train.x, embedded.train.x)

    def test_second_load_generates_nothing(self, tiny, monkeypatch):
        monkeypatch.setattr(spoken_digits, "generate", None)
        assert speech.generated("tiny") == tiny

    @pytest.fixture(scope="class")
    @classmethod
    def two_speakers(cls, tiny, tmp_path_factory):
        """A file of 40 words by two speakers, and a folder with its parts."""
        folder = tmp_path_factory.mktemp("two")
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(voices.FILE_SIZES, "two", (40, 0))
            patch.setitem(spoken_digits.CHANNELS, "two", N_CHANNELS)
            yield cls.bytes_of(spoken_digits.generate("two", folder / "whole", workers=1)), folder

    @staticmethod
    def bytes_of(files):
        return [[one.tobytes() for one in part] for part in (files[0].times, files[0].units)]

    def test_same_bytes_with_two_workers(self, two_speakers):
        expected, folder = two_speakers
        assert self.bytes_of(spoken_digits.generate("two", folder / "workers", workers=2)) == expected

    def test_an_interrupted_generation_goes_on(self, two_speakers, monkeypatch):
        expected, folder = two_speakers
        hear, heard, parts = cochlea.hear, [], folder / "interrupted"
        unfinished = data_cache.unfinished(parts)

        def failing(*arguments):
            heard.append(arguments[3])
            if len(heard) == 30:
                raise KeyboardInterrupt
            return hear(*arguments)

        monkeypatch.setattr(cochlea, "hear", failing)
        with pytest.raises(KeyboardInterrupt):
            spoken_digits.generate("two", parts)
        assert sorted(path.name for path in unfinished.iterdir()) == ["heard-00-0000.npz", "said-00.npz", "said-01.npz"]
        monkeypatch.setattr(voices, "say_batch", None)
        assert self.bytes_of(spoken_digits.generate("two", parts)) == expected
        assert len(heard) == 30 + 20
        (unfinished / "heard-01-0000.npz").write_bytes(b"PK damaged")
        assert self.bytes_of(spoken_digits.generate("two", parts)) == expected
        assert len(heard) == 30 + 20 + 20

    def test_parts_are_gone_when_the_set_is_complete(self, tiny):
        assert not [path for path in tiny.parent.iterdir() if path.suffix in (".parts", ".unfinished")]

    @pytest.mark.parametrize("damage", ["counts", "file"])
    def test_damage_is_found(self, tiny, tmp_path, damage):
        copy = shutil.copytree(tiny, tmp_path / "copy")
        assert speech._fault(copy) is None
        if damage == "counts":
            np.save(copy / "shd_test_labels.npy", np.zeros(N_TEST, np.int64))
        else:
            (copy / "shd_train.h5").unlink()
        assert speech._fault(copy)

    def test_the_recording_behind_a_word_is_the_one_that_was_heard(self, tiny):
        wave, rate = spoken_digits.recording("tiny", 0, 30)
        times, units = cochlea.hear(wave, rate, cochlea.ear(N_CHANNELS), (0, 0, 30))
        expected = self.heard(tiny)
        assert times.astype(np.float16).tolist() == expected[0][30].tolist() and units.tolist() == expected[1][30].tolist()

    def test_a_failing_voice_stops_the_generation_and_leaves_no_set(self, tmp_path, monkeypatch, tiny):
        speaker = voices.SPEAKERS[0].__class__("en+nobody", "de+m1", 50, 50, 100, 1.0)
        monkeypatch.setattr(voices, "SPEAKERS", (speaker, *voices.SPEAKERS[1:]))
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path))
        with pytest.raises(MstaskError, match="speaker 0 can't speak: voice 'en"):
            speech.generated("tiny")
        assert [path.name for path in tmp_path.iterdir() if path.is_dir() and path.suffix != ".unfinished"] == []


class TestMade:
    """Arrays that come with the package stand in for generated ones, and are those that would be generated."""

    @pytest.fixture
    def packed(self, tiny, tmp_path, monkeypatch):
        """The tiny set as if it came with the package, an empty cache, and no generator."""
        data_cache.pack(tiny, tmp_path / f"{tiny.name}.npz")
        monkeypatch.setattr(data_cache, "MADE", tmp_path)
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "cache"))
        monkeypatch.setattr(spoken_digits, "generate", self.refuse)
        return tiny

    def refuse(self, *_):
        raise MstaskError("generated after all")

    def test_arrays_are_those_that_were_packed(self, packed):
        with data_cache.arrays_suffice():
            corpus = speech.read("embedded", "tiny", None)
        for name, words in (("shd_train", corpus.train), ("shd_test", corpus.test)):
            assert (words.counts == shd.read(packed / f"{name}.h5").counts).all()
        assert corpus.fingerprint == data_cache.read_meta(packed)["fingerprint"]

    def test_a_damaged_copy_is_made_anew(self, packed):
        with data_cache.arrays_suffice():
            folder = speech.generated("tiny")
            (folder / "shd_test_counts.npy").write_bytes(b"damaged")
            assert speech._fault(folder) and speech._fault(speech.generated("tiny")) is None

    def test_a_package_that_is_damaged_is_told_and_the_set_generated(self, packed, caplog):
        (data_cache.MADE / f"{packed.name}.npz").write_bytes(b"damaged")
        with data_cache.arrays_suffice(), pytest.raises(MstaskError, match="generated after all"):
            speech.generated("tiny")
        assert "can't be unpacked" in caplog.text

    def test_what_another_process_has_done_of_the_set_stays(self, packed, tmp_path):
        unfinished = data_cache.unfinished(tmp_path / "cache" / packed.name)
        unfinished.mkdir(parents=True)
        (unfinished / "said-00.npz").write_bytes(b"hours of work")
        with data_cache.arrays_suffice():
            speech.generated("tiny")
        assert (unfinished / "said-00.npz").exists()

    def test_who_needs_single_spikes_has_them_generated(self, packed):
        with data_cache.arrays_suffice():
            speech.generated("tiny")
        with pytest.raises(MstaskError, match="generated after all"):
            speech.generated("tiny")

    @pytest.mark.parametrize("name", ["disjoint", "mixed", "rotation", "probe"])
    def test_a_quick_run_of_the_papers_sections_waits_for_no_generator(self, name, cache, monkeypatch):
        monkeypatch.setattr(spoken_digits, "generate", self.refuse)
        quick = section.checked(name, profile="quick")
        splits = cell.load(name, quick, quick.cases[0] if quick.cases else None)
        assert sum(splits.meta["counts"].values()) == sum(voices.FILE_SIZES["medium"])

    def test_the_packages_own_words_are_the_generators(self):
        """Some words of every speaker, at the ear's two ends and between."""
        folder = data_cache.MADE / f"speech-medium-v{spoken_digits.VERSION}.npz"
        units = np.array([0, 140, 350, 523, 699])
        ear = cochlea.Ear(units, cochlea.response(units))
        with np.load(folder) as made:
            for file, name in enumerate(speech.FILES):
                labels, speakers = voices.plan("medium", file)
                assert (made[f"{name}_labels"] == labels).all() and (made[f"{name}_speakers"] == speakers).all()
                for speaker in np.unique(speakers) if file == 0 else voices.HELD_OUT:
                    row = int(np.argmax(speakers == speaker))
                    wave, rate = spoken_digits.recording("medium", file, row)
                    times, heard = cochlea.hear(wave, rate, ear, (0, file, row))
                    expected = shd.frame_counts(times.astype(np.float16), heard)[:, units]
                    assert (made[f"{name}_counts"][row][:, units] == expected).all()
