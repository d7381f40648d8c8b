"""The radar loader: the same checks, split and standardisation for simulated and real files; bad input is named."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from making import Trap, altered, refused

from mstask import data
from mstask.data import cache, checks, radar
from mstask.errors import MstaskError
from mstask.synth import micro_doppler

X = np.random.default_rng(0).random((60, 64, 64), dtype=np.float32)
Y = np.repeat(np.arange(6), 10)
"""The samples and labels of `folder`."""


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    """A cache of this module's own, with the small set in it, copied from the user's cache where that has it."""
    root = tmp_path_factory.mktemp("cache")
    made = radar.generated("small")
    shutil.copytree(made, root / made.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSTASK_DATA", str(root))
        yield data.load("radar", size="small"), root


@pytest.fixture
def folder(tmp_path):
    """A real-format folder of 60 samples, 10 of each class."""
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", Y)
    return tmp_path


def refusal(folder):
    return refused(data.load, "radar", source="real", root=folder)


class TestSplits:
    def test_paper_size_splits_as_published(self):
        train, validation, test = radar.split_indices(micro_doppler.labels("paper"))
        assert (len(train), len(validation), len(test)) == (3151, 728, 970)
        assert sorted(np.concatenate([train, validation, test])) == list(range(4849))

    def test_parts_are_stratified(self):
        y = micro_doppler.labels("paper")
        for part in radar.split_indices(y):
            np.testing.assert_allclose(np.bincount(y[part]) / len(part), np.bincount(y) / len(y), atol=0.002)

    def test_types_shapes_and_counts(self, cached):
        splits, _ = cached
        for name in ("train", "validation", "test"):
            part = getattr(splits, name)
            assert part.x.dtype == torch.float32 and part.y.dtype == torch.int64
            assert part.x.shape == (splits.meta["counts"][name], 64, 64) and len(part) == len(part.y)
        assert splits.n_classes == 6
        assert splits.meta["counts"] == {"train": 156, "validation": 36, "test": 48}

    def test_standardised_by_the_training_part_alone(self, cached):
        splits, _ = cached
        assert splits.train.x.mean().item() == pytest.approx(0, abs=1e-5)
        assert splits.train.x.std().item() == pytest.approx(1, abs=1e-4)
        mean, sd = splits.meta["mean"], splits.meta["sd"]
        x, y, _ = radar.read(radar.generated("small"))
        back = splits.test.x.numpy() * (sd + 1e-6) + mean
        np.testing.assert_allclose(back, x[radar.split_indices(y)[2]], atol=1e-6)

    def test_meta_says_what_was_loaded(self, cached):
        meta = cached[0].meta
        assert (meta["name"], meta["source"], meta["size"]) == ("radar", "embedded", "small")
        assert len(meta["class_names"]) == 6 and len(meta["fingerprint"]) == 64


class TestRealData:
    def test_any_number_of_samples_and_the_environment(self, folder, monkeypatch):
        monkeypatch.setenv("DIAT_DATA", str(folder))
        splits = data.load("radar", source="real")
        assert sum(splits.meta["counts"].values()) == 60
        assert (splits.meta["source"], splits.meta["size"]) == ("real", "all")

    @pytest.mark.parametrize("dtype", ["float64", "float16", "uint8", ">f4"])
    def test_any_real_dtype_and_memory_order(self, folder, dtype):
        x = np.asfortranarray(np.random.default_rng(1).integers(0, 255, (60, 64, 64)).astype(dtype))
        np.save(folder / "X.npy", x)
        np.save(folder / "y.npy", np.repeat(np.arange(6.0), 10))
        splits = data.load("radar", source="real", root=folder)
        assert splits.train.x.dtype == torch.float32 and splits.train.y.dtype == torch.int64

    def test_fingerprint_follows_the_content(self, folder):
        before = data.load("radar", source="real", root=folder).meta["fingerprint"]
        assert data.load("radar", source="real", root=str(folder)).meta["fingerprint"] == before
        np.save(folder / "y.npy", np.roll(np.load(folder / "y.npy"), 1))
        assert data.load("radar", source="real", root=folder).meta["fingerprint"] != before


class TestBadInput:
    def test_no_folder_named(self, monkeypatch):
        monkeypatch.delenv("DIAT_DATA", raising=False)
        with pytest.raises(MstaskError, match="set DIAT_DATA"):
            data.load("radar", source="real")

    def test_folder_missing(self, tmp_path, monkeypatch):
        assert "not a folder" in refusal(tmp_path / "nowhere")
        monkeypatch.setenv("DIAT_DATA", str(tmp_path / "elsewhere"))
        with pytest.raises(MstaskError, match=r"DIAT_DATA names .*elsewhere"):
            data.load("radar", source="real")

    @pytest.mark.parametrize("name", ["X.npy", "y.npy"])
    def test_file_missing(self, folder, name):
        (folder / name).unlink()
        message = refusal(folder)
        assert name in message and "does not exist" in message

    def test_folder_in_place_of_a_file(self, folder):
        (folder / "X.npy").unlink()
        (folder / "X.npy").mkdir()
        assert "X.npy can't be read" in refusal(folder)

    @pytest.mark.parametrize("kept", [0, 5, 40, 100, 4000, -1])
    def test_truncated(self, folder, kept):
        content = (folder / "X.npy").read_bytes()
        (folder / "X.npy").write_bytes(content[:kept])
        message = refusal(folder)
        assert "X.npy" in message and ("truncated" in message or "not a complete .npy file" in message)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.binary(max_size=200), st.sampled_from([b"", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x01\x00\x40\x00{"]))
    def test_arbitrary_bytes(self, tmp_path, content, start):
        path = tmp_path / "X.npy"
        path.write_bytes(start + content)
        with pytest.raises(MstaskError, match=r"X\.npy"):
            checks.read_npy(path)

    def test_pickle_is_never_opened(self, folder):
        np.save(folder / "X.npy", np.array([Trap(folder)], dtype=object), allow_pickle=True)
        assert "pickled" in refusal(folder)
        (folder / "X.npy").write_bytes(pickle.dumps(Trap(folder)))
        assert "X.npy holds pickled Python objects, expected a .npy file" in refusal(folder)
        assert not (folder / "sprung").exists()

    @pytest.mark.parametrize(
        ("x", "said"),
        [
            *(
                (np.zeros(shape, np.float32), f"{shape}, expected (N, 64, 64)")
                for shape in ((60, 64), (60, 64, 63), (60, 64, 64, 1), ())
            ),
            *(
                (np.zeros((60, 64, 64)).astype(kind), "expected real numbers")
                for kind in ("complex64", "U3", "bool", "datetime64[s]")
            ),
            *((altered(X, ([3, 7], [4, 0], [5, 0]), value), "has 2 values") for value in (np.nan, np.inf, -np.inf)),
            (altered(X, (3, 4, 5), np.nan), "the first at index (3, 4, 5)"),
            (altered(X.astype(float), (0, 0, 1), 1e300), "the first at index (0, 0, 1)"),
            (np.ones((60, 64, 64)), "no variation"),
        ],
    )
    def test_what_no_samples_can_be_is_named(self, folder, x, said):
        np.save(folder / "X.npy", x)
        assert said in refusal(folder)

    @pytest.mark.parametrize(
        ("y", "said"),
        [
            (np.arange(59) % 6, "y.npy has 59 labels"),
            *(
                (np.where(np.arange(60) == 8, label, Y), f"the first is {label} at index 8")
                for label in (-1, 6, 2.5, np.nan, np.inf)
            ),
            *((Y.astype(kind), f"has dtype {np.dtype(kind)}") for kind in ("U8", "complex64", "bool")),
            (np.eye(6)[Y], "expected one label per sample"),
            (np.where(Y == 4, 5, Y), "no sample of class 4 (quadcopter)"),
            *((altered(Y, slice(20 + kept, 30), 5), f"{kept} samples of class 2 (bird), too few") for kept in (1, 2, 3)),
        ],
    )
    def test_what_no_labels_can_be_is_named(self, folder, y, said):
        np.save(folder / "y.npy", y)
        assert said in refusal(folder)


class TestRegistry:
    def test_unknown_names_are_answered_with_the_nearest(self):
        with pytest.raises(MstaskError, match="did you mean 'radar'"):
            data.load("rader")
        with pytest.raises(MstaskError, match="did you mean 'embedded'"):
            data.load("radar", source="embeded")
        with pytest.raises(MstaskError, match="did you mean 'medium'"):
            data.load("radar", size="Medium")

    def test_root_without_real_source_is_refused(self, tmp_path):
        with pytest.raises(MstaskError, match="source='real'"):
            data.load("radar", root=tmp_path)


class TestCache:
    def test_files_are_in_the_format_of_the_original(self, cached):
        folder = cached[1] / "radar-small-v1"
        x, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
        assert x.dtype == np.float32 and x.shape == (240, 64, 64)
        assert y.dtype == np.int64 and np.bincount(y).tolist() == [40] * 6
        assert x.min() >= 0 and (x.max((1, 2)) == 1).all()

    def test_embedded_files_load_as_real_ones(self, cached):
        splits, root = cached
        real = data.load("radar", source="real", root=root / "radar-small-v1")
        assert real.meta["fingerprint"] == splits.meta["fingerprint"]
        assert torch.equal(real.test.x, splits.test.x)

    def test_second_load_generates_nothing(self, cached, monkeypatch):
        monkeypatch.setattr(micro_doppler, "generate", None)
        assert data.load("radar", size="small").meta == cached[0].meta

    @pytest.mark.parametrize("damage", ["truncated", "edited", "without meta"])
    def test_damage_is_mended(self, cached, caplog, monkeypatch, damage):
        """By the generator, which gives the same bytes each time (`tests/test_micro_doppler.py`); here it isn't waited for."""
        splits, root = cached
        folder = root / "radar-small-v1"
        made, asked = (np.load(folder / "X.npy"), np.load(folder / "y.npy")), []
        monkeypatch.setattr(micro_doppler, "generate", lambda *given: asked.append(given) or made)
        if damage == "truncated":
            content = (folder / "X.npy").read_bytes()
            (folder / "X.npy").write_bytes(content[:-100])
        elif damage == "edited":
            np.save(folder / "y.npy", np.zeros(240, np.int64))
        else:
            (folder / "meta.json").write_text("{")
        again = data.load("radar", size="small")
        assert again.meta == splits.meta and torch.equal(again.train.x, splits.train.x)
        assert asked == [("small", radar.SEED)] and len(caplog.records) == 1 and "generating it again" in caplog.text
        assert [path.name for path in root.glob("*.tmp-*")] == []

    def test_failed_generation_leaves_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path))

        def make(folder):
            (folder / "X.npy").write_bytes(b"half")
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            cache.ensure("set", make, lambda folder: None)
        assert [path for path in tmp_path.iterdir() if path.is_dir()] == []

    def test_unwritable_cache_is_named(self, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("MSTASK_DATA", str(tmp_path / "file" / "cache"))
        with pytest.raises(MstaskError, match=r"cache .* can't be written .* MSTASK_DATA"):
            data.load("radar", size="small")

    def test_two_processes_at_once_agree(self, tmp_path):
        program = """
import os, time
from mstask.data import cache
def make(folder):
    time.sleep(0.5)
    (folder / "maker").write_text(str(os.getpid()))
    return {}
def fault(folder):
    return None if (folder / "maker").exists() else "it is empty"
print((cache.ensure("set", make, fault) / "maker").read_text())
"""
        environment = {**os.environ, "MSTASK_DATA": str(tmp_path)}
        command = [sys.executable, "-c", program]
        both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        makers = [process.communicate()[0].strip() for process in both]
        assert makers[0] == makers[1] and int(makers[0]) in [process.pid for process in both]
        assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["set"]
