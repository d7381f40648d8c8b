"""Files that claim more than they hold, or aren't what their name says: bounded memory, one sentence, the likely cause."""

from __future__ import annotations

import fcntl
import gzip
import io
import os
import struct
import zipfile

import h5py
import numpy as np
import pytest
import torch
from making import refused

from mstask import data
from mstask.data import DataError, checks, containers, idx, shd

TERA = 10**12


@pytest.fixture
def words(tmp_path):
    """A file as SHD's with 40 words of two spikes."""
    path = tmp_path / "shd_train.h5"
    labels = np.arange(40) % 20
    shd.write(path, [[0.1, 0.6]] * 40, [[3, 9]] * 40, labels, labels, shd.WORDS, {})
    return path


def refusal(read, *given):
    message = refused(read, *given)
    assert str(given[0]) in message
    return message


def replaced(path, key, **claim):
    with h5py.File(path, "a") as file:
        del file[key]
        file.create_dataset(key, **claim)
    return path


class TestClaims:
    @pytest.mark.parametrize(
        ("key", "dtype"),
        [("labels", "u2"), ("extra/speaker", "f8"), ("spikes/times", h5py.vlen_dtype("f2")), ("extra/keys", "S9")],
    )
    def test_a_packed_data_set_that_claims_terabytes(self, words, key, dtype):
        path = replaced(words, key, shape=(TERA,), dtype=dtype, chunks=(1000,), compression="gzip")
        assert path.stat().st_size < 100_000
        assert f"/{key} claims {TERA:,} rows" in refusal(shd.read, path)

    def test_one_chunk_or_one_text_that_claims_gigabytes(self, words):
        replaced(words, "labels", shape=(40,), maxshape=(None,), dtype="u8", chunks=(400_000_000,), compression="gzip")
        assert "/labels claims 3,200,000,000 bytes" in refusal(shd.read, words)
        replaced(words, "labels", data=np.arange(40) % 20)
        replaced(words, "extra/keys", shape=(20,), dtype="S1000000000")
        assert "/extra/keys claims 20,000,000,000 bytes" in refusal(shd.read, words)

    def test_a_word_of_too_many_spikes(self, words, monkeypatch):
        monkeypatch.setattr(shd, "MAX_SPIKES", 1)
        assert "word 0 has 2 spikes, expected at most 1" in refusal(shd.read, words)

    def test_rows_are_read_one_by_one_where_each_may_be_as_long_as_a_large_file(self, words, monkeypatch):
        whole = shd.read(words).counts
        monkeypatch.setattr(checks, "MAX_BYTES", words.stat().st_size)
        np.testing.assert_array_equal(shd.read(words).counts, whole)
        with h5py.File(words) as file:
            assert shd._rows_at_once(file) == 1

    @pytest.mark.parametrize("read", [lambda path: idx.read(path, 1), shd.read])
    def test_a_gzip_file_that_never_ends(self, tmp_path, monkeypatch, read):
        monkeypatch.setattr(checks, "MAX_BYTES", 3 << 20)
        path = tmp_path / "bomb.h5.gz"
        path.write_bytes(gzip.compress(struct.pack(">4BI", 0, 0, 8, 1, (3 << 20) + 1) + bytes(8 << 20)))
        assert path.stat().st_size < 20_000
        assert "bytes, expected at most 3,145,728" in refusal(read, path)

    def test_an_idx_header_that_promises_gigabytes(self, tmp_path):
        (tmp_path / "x.gz").write_bytes(gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 10**9, 28, 28) + bytes(50)))
        assert "by the shape (1000000000, 28, 28) in its header, claims" in refusal(idx.read, tmp_path / "x.gz", 3)

    def test_a_zip_bomb_of_arrays(self, tmp_path, monkeypatch):
        monkeypatch.setattr(checks, "MAX_BYTES", 1 << 20)
        path = tmp_path / "bomb.npz"
        np.savez_compressed(path, a=np.zeros(1 << 16), b=np.zeros(1 << 16))
        assert containers.read_npz(path, ["a"])["a"].shape == (1 << 16,)
        assert "claims 1,048,832 bytes, expected at most 1,048,576" in refusal(containers.read_npz, path, ["a", "b"])

    def test_an_array_whose_header_promises_more_than_the_archive_has(self, tmp_path):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"shape": (TERA,), "fortran_order": False, "descr": "<f8"})
        with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.npy", header.getvalue() + bytes(64))
        message = refusal(containers.read_npz, tmp_path / "a.npz", ["x"])
        assert f"x.npy is truncated: 64 bytes of data, its header promises {8 * TERA}" in message

    @pytest.mark.parametrize("zipped", [True, False])
    def test_a_tensor_that_repeats_one_value_terabytes_long(self, tmp_path, zipped):
        path = tmp_path / "shd.pt"
        torch.save({"X": torch.zeros(1).expand(TERA, 12, 700)}, path, _use_new_zipfile_serialization=zipped)
        assert path.stat().st_size < 10_000
        assert "bytes, expected at most" in refusal(containers.read_pt, path)

    def test_a_packed_pt_file_and_one_whose_tensor_is_longer_than_its_bytes(self, tmp_path):
        path = tmp_path / "shd.pt"
        torch.save({"X": torch.zeros(1000)}, path)
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        assert "has the compressed part" in refusal(containers.read_pt, path)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content[:100] if name.endswith("data/0") else content)
        assert "is not a complete .pt file" in refusal(containers.read_pt, path)

    def test_a_file_that_is_itself_too_large(self, tmp_path, monkeypatch):
        np.save(tmp_path / "x.npy", np.zeros(1000))
        monkeypatch.setattr(checks, "MAX_BYTES", 1000)
        assert "claims 8,128 bytes, expected at most 1,000" in refusal(checks.read_npy, tmp_path / "x.npy")


class TestOtherThanTheName:
    def test_a_gz_that_is_unpacked_already(self, words):
        path = words.rename(f"{words}.gz")
        assert "is unpacked already: it is an HDF5 file, not a gzip file; rename it to shd_train.h5" in refusal(shd.read, path)
        idx.write(words.with_name("y"), np.zeros(3, np.uint8))
        path = words.with_name("y").rename(words.with_name("y.gz"))
        assert "is unpacked already: it is an IDX file" in refusal(idx.read, path, 1)

    def test_a_plain_name_on_a_packed_file(self, words):
        words.write_bytes(gzip.compress(words.read_bytes()))
        assert "is still packed with gzip: unpack it, or rename it to shd_train.h5.gz" in refusal(shd.read, words)
        for read in (checks.read_npy, containers.read_pt, lambda path: idx.read(path, 1)):
            assert "is still packed with gzip" in refusal(read, words)

    @pytest.mark.parametrize(
        "read", [shd.read, checks.read_npy, containers.read_pt, lambda p: idx.read(p, 1), lambda p: containers.read_npz(p, "a")]
    )
    @pytest.mark.parametrize("name", ["x", "x.gz"])
    def test_a_web_page_in_place_of_a_download(self, tmp_path, read, name):
        (tmp_path / name).write_text("<!DOCTYPE html><html>Sign in</html>")
        assert "is a web page, as a failed download leaves it" in refusal(read, tmp_path / name)

    def test_another_kind_of_file(self, words):
        assert "is an HDF5 file, expected a .npy file" in refusal(checks.read_npy, words)
        assert "is an HDF5 file, expected a zip archive" in refusal(containers.read_pt, words)
        assert "can't be read: Is a directory" in refusal(shd.read, words.parent)

    def test_a_pipe_which_would_be_waited_for(self, tmp_path):
        for number, read in enumerate((shd.read, checks.read_npy, containers.read_pt)):
            os.mkfifo(pipe := tmp_path / f"pipe{number}")
            assert "is a pipe or a device, expected a file" in refusal(read, pipe)

    def test_a_file_that_is_packed_twice(self, words):
        twice = words.with_name("twice.h5.gz")
        twice.write_bytes(gzip.compress(gzip.compress(words.read_bytes())))
        assert "twice.h5.gz is packed with gzip twice: unpack it once" in refusal(shd.read, twice)

    def test_numbers_that_lie_in_another_file(self, words):
        with h5py.File(words, "a") as file:
            n = len(file["labels"])
            del file["labels"]
            file.create_dataset("labels", shape=(n,), dtype="u1", external=[("/dev/zero", 0, n)])
        assert "/labels lie in other files; refused" in refusal(shd.read, words)

    def test_a_file_that_another_program_keeps_locked(self, words):
        with words.open("rb") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            assert "is locked by another program that has it open for writing" in refusal(shd.read, words)
        assert len(shd.read(words).labels) == 40


class TestUnits:
    @pytest.mark.parametrize(
        ("factor", "likely"), [(1e3, "milliseconds: divide them by 1,000"), (1e6, "microseconds"), (1e9, "nanoseconds")]
    )
    def test_times_that_are_not_seconds(self, tmp_path, factor, likely):
        labels = np.arange(40) % 20
        with h5py.File(tmp_path / "a.h5", "w") as file:
            for key, row, dtype in (("times", [0.0, 0.1 * factor, 0.6 * factor], "f8"), ("units", [3, 9, 9], "u2")):
                rows = file.create_dataset(f"spikes/{key}", (40,), h5py.vlen_dtype(np.dtype(dtype)))
                for i in range(40):
                    rows[i] = np.array(row, dtype)
            file["labels"] = file["extra/speaker"] = labels
        message = refusal(shd.read, tmp_path / "a.h5")
        assert "66.7% of its spikes come after 1 s" in message and f"so the times are likely {likely}" in message

    def test_times_that_are_much_too_short(self, tmp_path):
        shd.write(tmp_path / "a.h5", [[0.0, 6e-4]] * 20, [[3, 9]] * 20, np.arange(20), np.zeros(20), shd.WORDS, {})
        assert "all of its spikes come within 0.000599861 s, the first frame" in refusal(shd.read, tmp_path / "a.h5")


def test_a_machine_without_enough_memory_is_told_in_one_sentence(monkeypatch):
    def loader(source, size, root):
        raise MemoryError("Unable to allocate 9 TiB")

    monkeypatch.setitem(data.found(), "radar", loader)
    with pytest.raises(DataError, match="radar needs more memory than this machine has free"):
        data.load("radar")
