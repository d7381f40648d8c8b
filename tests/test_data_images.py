"""Pictures: the bundled digits, and IDX and CIFAR files that nobody vouches for."""

from __future__ import annotations

import gzip
import sys

import numpy as np
import pytest
import torch
from making import refused

from mstask import data
from mstask.data import idx, images
from mstask.errors import MstaskError

RNG = np.random.default_rng(0)
N_TRAIN, N_TEST = 200, 50


@pytest.fixture(autouse=True)
def same_draws(monkeypatch):
    """Each test draws the same, whatever ran before it."""
    monkeypatch.setattr(sys.modules[__name__], "RNG", np.random.default_rng(0))


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def pictures(n):
    return RNG.integers(0, 256, (n, 28, 28), dtype=np.uint8), (np.arange(n) % 10).astype(np.uint8)


def write_idx(folder, suffix="", separator="-"):
    """A folder in MNIST's format with small official parts."""
    parts = {"train": pictures(N_TRAIN), "t10k": pictures(N_TEST)}
    for stem, (x, y) in parts.items():
        idx.write(folder / f"{stem}-images{separator}idx3-ubyte{suffix}", x)
        idx.write(folder / f"{stem}-labels{separator}idx1-ubyte{suffix}", y)
    return parts


def write_cifar(folder, n_labels=1):
    """A folder in the binary format of CIFAR-10 (one label byte) or CIFAR-100 (two)."""
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"] if n_labels == 1 else ["train.bin", "test.bin"]
    n, classes = (40, 10) if n_labels == 1 else (1000, 100)
    for name in names:
        records = RNG.integers(0, 256, (n, n_labels + 3072), dtype=np.uint8)
        records[:, :n_labels] = (np.arange(n) % classes)[:, None]
        if n_labels == 2:
            records[:, 0] //= 5
        records.tofile(folder / name)
    return records


def refusal(name, folder, **options):
    return refused(data.load, name, **({"source": "real", "root": folder} | options))


class TestDigits:
    def test_every_picture_is_in_one_part(self, digits):
        assert digits.meta["counts"] == {"train": 1167, "validation": 270, "test": 360}
        assert sum(digits.meta["counts"].values()) == 1797 and digits.n_classes == 10

    def test_values_are_sixteenths_from_0_to_1(self, digits):
        x = digits.train.x
        assert x.shape[1:] == (8, 8) and x.dtype == torch.float32 and digits.train.y.dtype == torch.int64
        assert x.min() == 0 and x.max() == 1 and torch.equal(x * 16, (x * 16).round())

    def test_parts_are_stratified_and_the_same_every_time(self, digits):
        counts = np.bincount(digits.test.y, minlength=10)
        assert counts.min() >= 35 and counts.max() <= 37
        again = data.load("digits")
        assert torch.equal(again.test.x, digits.test.x) and again.meta == digits.meta

    @pytest.mark.parametrize(("size", "n"), [("small", 300), ("medium", 900)])
    def test_smaller_sizes_are_stratified_subsets(self, size, n):
        splits = data.load("digits", size=size)
        assert sum(splits.meta["counts"].values()) == n
        assert np.bincount(splits.train.y, minlength=10).min() >= n // 20

    def test_folds_share_the_test_part_and_divide_the_rest(self, digits):
        folds = [images.digits_fold(k) for k in range(5)]
        assert all(torch.equal(fold.test.x, digits.test.x) for fold in folds)
        assert sum(len(fold.validation) for fold in folds) == 1437
        assert all(len(fold.train) + len(fold.validation) == 1437 for fold in folds)

    @pytest.mark.parametrize(("fold", "n"), [(5, 5), (-1, 5), (0, 1)])
    def test_no_such_fold(self, fold, n):
        with pytest.raises(MstaskError, match="numbered from 0"):
            images.digits_fold(fold, n)

    def test_there_are_no_digits_of_the_users_own(self):
        assert "bundled with scikit-learn" in refusal("digits", None, root=None)


class TestIdx:
    @pytest.mark.parametrize("suffix", ["", ".gz"])
    def test_what_is_written_is_read(self, tmp_path, suffix):
        x = RNG.integers(0, 256, (3, 4, 5), dtype=np.uint8)
        idx.write(tmp_path / f"x{suffix}", x)
        np.testing.assert_array_equal(idx.read(tmp_path / f"x{suffix}", 3), x)

    def test_hand_made_bytes(self, tmp_path):
        (tmp_path / "y").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9]))
        assert idx.read(tmp_path / "y", 1).tolist() == [7, 0, 9]

    def test_only_bytes_can_be_written(self, tmp_path):
        with pytest.raises(MstaskError, match="expected uint8"):
            idx.write(tmp_path / "x", np.zeros(3))


class TestRealFiles:
    @pytest.mark.parametrize(("suffix", "separator"), [("", "-"), (".gz", "-"), ("", ".")])
    def test_official_parts_are_kept_and_validation_is_a_tenth(self, tmp_path, suffix, separator):
        parts = write_idx(tmp_path, suffix, separator)
        splits = data.load("mnist", source="real", root=tmp_path)
        assert splits.meta["counts"] == {"train": 180, "validation": 20, "test": 50}
        np.testing.assert_allclose(splits.test.x.numpy() * 255, parts["t10k"][0], atol=1e-4)
        np.testing.assert_array_equal(splits.test.y, parts["t10k"][1])
        assert np.bincount(splits.validation.y).tolist() == [2] * 10

    def test_folder_from_the_environment(self, tmp_path, monkeypatch):
        write_idx(tmp_path)
        monkeypatch.setenv("FASHION_MNIST_DATA", str(tmp_path))
        splits = data.load("fashion-mnist", source="real")
        assert splits.meta["class_names"][-1] == "ankle boot" and splits.meta["size"] == "all"

    def test_what_was_downloaded_is_found(self, tmp_path, monkeypatch):
        (tmp_path / "mnist").mkdir()
        write_idx(tmp_path / "mnist", ".gz")
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path))
        monkeypatch.delenv("MNIST_DATA", raising=False)
        assert data.load("mnist", source="real").n_classes == 10

    def test_plain_and_packed_files_have_one_fingerprint(self, tmp_path):
        write_idx(tmp_path)
        plain = data.load("mnist", source="real", root=tmp_path).meta["fingerprint"]
        for path in list(tmp_path.iterdir()):
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
        assert data.load("mnist", source="real", root=tmp_path).meta["fingerprint"] == plain

    def test_cifar_10_rows_are_those_of_the_red_green_and_blue_plane(self, tmp_path):
        last = write_cifar(tmp_path)
        splits = data.load("cifar-10", source="real", root=tmp_path)
        assert splits.test.x.shape == (40, 96, 32) and splits.meta["counts"]["train"] == 180
        np.testing.assert_allclose(splits.test.x[3].numpy().ravel() * 255, last[3, 1:], atol=1e-4)

    def test_cifar_100_has_fine_labels(self, tmp_path):
        write_cifar(tmp_path, n_labels=2)
        splits = data.load("cifar-100", source="real", root=tmp_path)
        assert splits.n_classes == 100 and splits.test.y[:3].tolist() == [0, 1, 2]


class TestBadFiles:
    IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"

    @pytest.fixture
    def folder(self, tmp_path):
        write_idx(tmp_path)
        return tmp_path

    @pytest.mark.parametrize(
        ("file", "change", "said"),
        [
            (IMAGES, lambda b: b[:-1], "is truncated"),
            (IMAGES, lambda b: b[:9], "ends within its header"),
            (IMAGES, lambda b: b + b"x", "is longer than"),
            (IMAGES, lambda b: b"", "begins with nothing"),
            (IMAGES, lambda b: b"\x00\x00\x0d\x03" + b[4:], "begins with 00 00 0d 03, expected 00 00 08 03"),
            (IMAGES, lambda b: b[:4] + b"\xff" * 12 + b[16:], "in its header, claims"),
            (IMAGES, lambda b: b[:8] + (7).to_bytes(4, "big") + b[12:], "is longer than"),
            (LABELS, lambda b: b[:8] + b"\x0a" + b[9:], "the first is 10 at index 0"),
            (LABELS, lambda b: b[:4] + (199).to_bytes(4, "big") + b[8:-1], "199 labels; expected as many"),
            (LABELS, lambda b: b[:8] + b"\x01" * 200, "no sample of class 0"),
        ],
    )
    def test_damage_is_named(self, folder, file, change, said):
        path = folder / file
        path.write_bytes(change(path.read_bytes()))
        assert said in refusal("mnist", folder)

    def test_other_pixels(self, folder):
        idx.write(folder / self.IMAGES, np.zeros((200, 32, 32), np.uint8))
        assert "(32, 32) pixels, expected (28, 28)" in refusal("mnist", folder)

    def test_damaged_gzip(self, tmp_path):
        write_idx(tmp_path, ".gz")
        path = tmp_path / f"{self.IMAGES}.gz"
        path.write_bytes(path.read_bytes()[:-20])
        assert "is truncated: its compressed data ends early" in refusal("mnist", tmp_path)

    def test_missing_file_folder_and_variable(self, folder, monkeypatch):
        (folder / self.LABELS).unlink()
        assert f"has no {self.LABELS}" in refusal("mnist", folder)
        assert "is not a folder" in refusal("mnist", folder / "nowhere")
        monkeypatch.delenv("MNIST_DATA", raising=False)
        monkeypatch.setenv("MSTASK_DATA", str(folder))
        assert "set MNIST_DATA" in refusal("mnist", None, root=None)

    def test_real_sets_are_not_embedded(self):
        assert "is not embedded: pass source='real'" in refusal("mnist", None, source="embedded", root=None)

    def test_cifar_pickles_are_refused(self, tmp_path):
        (tmp_path / "data_batch_1").write_bytes(b"anything")
        assert "pickles, which can run code" in refusal("cifar-10", tmp_path)

    def test_cifar_of_another_length_or_label(self, tmp_path):
        write_cifar(tmp_path)
        path = tmp_path / "test_batch.bin"
        content = path.read_bytes()
        path.write_bytes(content[:-1])
        assert "expected a multiple of 3073" in refusal("cifar-10", tmp_path)
        path.write_bytes(b"\x0b" + content[1:])
        assert "the first is 11 at index 0" in refusal("cifar-10", tmp_path)
        path.unlink()
        assert "test_batch.bin does not exist" in refusal("cifar-10", tmp_path)
