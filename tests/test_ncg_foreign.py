"""The published code's spike files are read, and nothing in them is run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from making import Trap

from mstask.studies.ncg import drivers, foreign, spikes
from mstask.studies.ncg.spikes import SpikeError, from_dense

TIMES = np.array([[0.2, 1.0, 0.0, 0.5], [0.5, 0.1, 0.5, 1.5]], np.float32)
KINDS = [("index", np.int16), ("time", np.float32)]


def content(records=False, **changes):
    """What the published code stores of TIMES; ties in any order."""
    samples = [np.array([(2, 0.0), (0, 0.2), (3, 0.5)], KINDS), np.array([(1, 0.1), (2, 0.5), (0, 0.5)], KINDS)]
    if records:
        samples = [sample.view(np.recarray) for sample in samples]
    return {"data": samples, "labels": np.array([7, 3]), "shape": (2, 4), "max_time": 1} | changes


def as_array(samples):
    """An array of objects in place of a list."""
    made = np.empty(len(samples), object)
    for n, sample in enumerate(samples):
        made[n] = sample
    return made


def stored(path, value):
    np.save(path, value, allow_pickle=True)
    return path


class TestRead:
    @pytest.mark.parametrize(
        "value",
        [
            content(),
            content(records=True),
            content(labels=[7, 3], max_time=np.float64(1.0), shape=np.array([2, 4])),
            {name: part for name, part in content().items() if name != "max_time"},
            content(data=as_array(content()["data"])),
        ],
        ids=["arrays", "records", "other containers", "no max_time", "array of arrays"],
    )
    def test_the_samples_are_those_that_were_stored(self, tmp_path, value):
        read, expected = foreign.read(stored(tmp_path / "trainset.npy", value)), from_dense(TIMES, [7, 3])
        for name in spikes.FIELDS:
            np.testing.assert_array_equal(getattr(read, name), getattr(expected, name))
        assert read.inputs.dtype == np.int32 and read.fingerprint == expected.fingerprint

    @pytest.mark.parametrize("place", ["data", "labels", "other"])
    def test_a_function_named_in_the_file_is_never_called(self, tmp_path, place):
        stored(tmp_path / "trainset.npy", content(**{place: Trap(tmp_path)}))
        with pytest.raises(SpikeError, match=r"it names io\.open, which is no part of an array and could run code"):
            foreign.read(tmp_path / "trainset.npy")
        assert not (tmp_path / "sprung").exists()

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            (np.zeros((2, 4)), r"an array of float64 of shape \(2, 4\); `convert` reads dense spike times"),
            ([1, 2], "expected the published code's: data, labels, shape"),
            ({"data": []}, r"it holds \['data'\]"),
            (content(shape=(3, 4)), "2 samples for a shape of 3"),
            (content(shape=(2, 3)), "an input is not in 0 to 2"),
            (content(labels=np.array([7])), "3 starts, 1 labels"),
            (content(labels=np.array([0.5, 1.0])), "labels of float64, which are no whole numbers"),
            (content(data=[np.array([(0, np.nan)], KINDS)] * 2), r"a time is not in \[0, 1\)"),
            (content(data=[np.array([(2**32, 0.1)], [("i", "i8"), ("t", "f4")])] * 2), "an input is not in 0 to 3"),
            (content(data=[np.zeros(3), np.zeros(3)]), "a sample of float64"),
            (content(data=[np.array([(0, object())], [("i", "i2"), ("t", "O")])] * 2), "no part of an array|an array of"),
        ],
    )
    def test_other_content_is_named(self, tmp_path, value, said):
        with pytest.raises(SpikeError, match=said):
            foreign.read(stored(tmp_path / "trainset.npy", value))

    def test_damage_is_named(self, tmp_path):
        path = stored(tmp_path / "trainset.npy", content())
        whole = path.read_bytes()
        for length in (0, 5, 60, 140, 200, len(whole) - 3):
            path.write_bytes(whole[:length])
            with pytest.raises(SpikeError, match=r"trainset\.npy is no spike file"):
                foreign.read(path)
        with pytest.raises(SpikeError, match="does not exist"):
            foreign.read(tmp_path / "valset.npy")

    @given(place=st.integers(0, 2000), bytes_there=st.binary(min_size=1, max_size=6))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_bytes_anywhere_are_read_or_refused(self, tmp_path, place, bytes_there):
        whole = stored(tmp_path / "trainset.npy", content()).read_bytes()
        place %= len(whole)
        (tmp_path / "trainset.npy").write_bytes(whole[:place] + bytes_there + whole[place + len(bytes_there) :])
        try:
            assert spikes.checked(foreign.read(tmp_path / "trainset.npy"), "it")
        except SpikeError as error:
            assert "trainset.npy" in str(error)


def test_a_folder_of_published_files_is_a_data_folder(tmp_path):
    stored(tmp_path / "trainset.npy", content(records=True))
    assert drivers.read_folder(tmp_path)["trainset"].labels.tolist() == [1, 0]
    spikes.save(tmp_path / "trainset.npz", from_dense(TIMES[:1], [0]))
    assert len(drivers.read_folder(tmp_path)["trainset"]) == 1
