"""Spike lists and codes: dense values become first spikes and back, and files that nobody vouches for are checked."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp
from making import Trap

from mstask.errors import MstaskError
from mstask.studies.ncg import inputs, spikes
from mstask.studies.ncg.__main__ import main
from mstask.studies.ncg.spikes import SpikeError

TIMES = np.array([[0.5, 1.0, 0.25, 0.5], [1.0, 1.0, 0.0, 1.5]], np.float32)
LABELS = np.array([3, 1])


def to_dense(made):
    """Spike times float32 [N, n_inputs]; a silent input has `max_time`."""
    dense = np.full((len(made), made.n_inputs), made.max_time, np.float32)
    dense[np.repeat(np.arange(len(made)), np.diff(made.starts)), made.inputs] = made.times
    return dense


@pytest.fixture
def made():
    return spikes.from_dense(TIMES, LABELS)


class TestSpikeList:
    def test_spikes_are_sorted_by_time_then_input_and_late_ones_are_none(self, made):
        inputs, times = made.sample(0)
        assert inputs.tolist() == [2, 0, 3] and times.tolist() == [0.25, 0.5, 0.5]
        assert made.sample(1)[0].tolist() == [2]
        assert (made.inputs.dtype, made.times.dtype, made.n_inputs) == (np.int32, np.float32, 4)
        assert made.spikes_per_sample == 2.0

    @given(hnp.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 8)), elements=st.floats(0, 2, width=32)))
    def test_dense_to_spikes_to_dense_is_exact_below_max_time(self, times):
        back = to_dense(spikes.from_dense(times, np.zeros(len(times), int)))
        np.testing.assert_array_equal(back, np.minimum(times, np.float32(1)))

    def test_selected_rows_come_in_the_order_asked_for(self, made):
        chosen = made.select(np.array([1, 0, 1]))
        np.testing.assert_array_equal(to_dense(chosen), np.minimum(TIMES[[1, 0, 1]], 1))
        assert chosen.labels.tolist() == [1, 3, 1]

    def test_pictures_are_flattened(self):
        assert spikes.from_dense(np.zeros((2, 3, 4)), LABELS).n_inputs == 12

    def test_labels_are_ranked_among_those_of_the_training_set(self):
        assert spikes.ranked(np.array([7, 2, 7]), np.array([2, 4, 7])).tolist() == [2, 0, 2]
        with pytest.raises(SpikeError, match="the label 5"):
            spikes.ranked(np.array([2, 5]), np.array([2, 4, 7]))

    def test_a_sample_without_spikes_is_refused_for_training(self, made):
        spikes.require_spikes(made, "training")
        silent = spikes.from_dense(np.ones((2, 3)), LABELS)
        with pytest.raises(SpikeError, match="the first is sample 0"):
            spikes.require_spikes(silent, "training")

    @pytest.mark.parametrize(
        ("times", "labels", "said"),
        [
            (TIMES - 0.5, LABELS, "the spike time -0.25 at input 2"),
            (TIMES * np.nan, LABELS, "spike time nan"),
            (TIMES, LABELS[:1], r"expected whole numbers \(2,\)"),
            (TIMES, [0, -1], "negative or not a whole number"),
            (TIMES, [0, 0.5], "negative or not a whole number"),
            (TIMES[0], LABELS, "expected"),
            (TIMES.astype(str), LABELS, "expected numbers"),
        ],
    )
    def test_bad_values_are_named(self, times, labels, said):
        with pytest.raises(SpikeError, match=said):
            spikes.from_dense(times, labels)


class TestFiles:
    def test_what_is_saved_is_loaded(self, made, tmp_path):
        spikes.save(tmp_path / "a.npz", made)
        back = spikes.load(tmp_path / "a.npz")
        assert back.fingerprint == made.fingerprint and back.inputs.dtype == np.int32
        assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"inputs": np.array([2, 0, 4, 2])}, "an input is not in 0 to 3"),
            ({"times": np.array([0.5, 0.25, 0.5, 0.0])}, "not sorted by time"),
            ({"times": np.array([0.25, 0.5, 1.0, 0.0])}, "a time is not in"),
            ({"times": np.array([0.25, np.nan, 0.5, 0.0])}, "a time is not in"),
            ({"inputs": np.array([2, 0, 0, 2])}, "fires twice"),
            ({"starts": np.array([0, 3])}, "2 starts, 2 labels"),
            ({"starts": np.array([0, 3, 9])}, "do not span"),
            ({"starts": np.array([0, 5, 4])}, "not in order"),
            ({"labels": np.array([0, -1])}, "a label is negative"),
            ({"labels": np.array([0.5, 1.0])}, "labels is float64"),
            ({"n_inputs": np.array(0)}, "0 inputs"),
            ({"max_time": np.array(np.inf)}, "max_time is inf"),
            ({"times": np.array([0.25, 0.5])}, "4 inputs for 2 times"),
        ],
    )
    def test_damage_is_named(self, made, tmp_path, change, said):
        arrays = {name: np.asarray(getattr(made, name)) for name in spikes.FIELDS} | change
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(SpikeError, match=rf"a\.npz.*{said}"):
            spikes.load(tmp_path / "a.npz")

    def test_files_that_are_no_spike_lists(self, made, tmp_path):
        path = tmp_path / "a.npz"
        with pytest.raises(SpikeError, match="does not exist"):
            spikes.load(path)
        np.savez(path, inputs=np.arange(3))
        with pytest.raises(SpikeError, match="has no array 'times'"):
            spikes.load(path)
        spikes.save(path, made)
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(SpikeError, match=r"no intact \.npz"):
            spikes.load(path)
        path.write_bytes(b"")
        with pytest.raises(SpikeError, match=r"no intact \.npz"):
            spikes.load(path)
        np.save(tmp_path / "b.npy", TIMES)
        with pytest.raises(SpikeError, match=r"is a \.npy file"):
            spikes.load(tmp_path / "b.npy")

    @pytest.mark.parametrize("pickled", ["file", "array"])
    def test_nothing_is_unpickled(self, made, tmp_path, pickled):
        path = tmp_path / "a.npz"
        if pickled == "file":
            path.write_bytes(pickle.dumps(Trap(tmp_path)))
        else:
            arrays = {name: np.asarray(getattr(made, name)) for name in spikes.FIELDS}
            np.savez(path, **arrays | {"labels": np.array([Trap(tmp_path)], object)}, allow_pickle=True)
        with pytest.raises(SpikeError, match="run code"):
            spikes.load(path)
        assert not (tmp_path / "sprung").exists()


class TestConvert:
    @pytest.fixture
    def dense(self, tmp_path):
        np.save(tmp_path / "x.npy", TIMES)
        np.save(tmp_path / "y.npy", LABELS)
        return tmp_path

    def test_the_inputs_are_kept_byte_for_byte(self, dense, capsys):
        before = {name: (dense / name).read_bytes() for name in ("x.npy", "y.npy")}
        assert main(["convert", *(str(dense / name) for name in ("x.npy", "y.npy", "out.npz"))]) == 0
        assert {name: (dense / name).read_bytes() for name in before} == before
        np.testing.assert_array_equal(to_dense(spikes.load(dense / "out.npz")), np.minimum(TIMES, 1))
        assert "2 samples, 4 inputs" in capsys.readouterr().out

    def test_an_input_is_never_overwritten(self, dense):
        with pytest.raises(SpikeError, match="expected another name"):
            spikes.convert(dense / "x.npy", dense / "y.npy", dense / "sub" / ".." / "y.npy")

    def test_pickled_arrays_are_refused(self, dense, capsys):
        np.save(dense / "x.npy", np.array([{}], object), allow_pickle=True)
        assert main(["convert", *(str(dense / name) for name in ("x.npy", "y.npy", "out.npz"))]) == 1
        assert "pickled Python objects" in capsys.readouterr().err and not (dense / "out.npz").exists()


class TestCoding:
    def test_latency_is_early_for_strong_inputs(self):
        assert inputs.latency([[0.0, 0.25, 1.0]]).tolist() == [[1.0, 0.75, 0.0]]
        with pytest.raises(MstaskError, match="expected 0 to 1"):
            inputs.latency(np.array([1.5]))

    def test_scaling_is_the_training_parts(self):
        train = np.array([[0.0, 5.0, 2.0], [4.0, 5.0, 3.0]])
        assert inputs.shares_of_maximum(np.array([[2.0, 5.0, 9.0]]), train).tolist() == [[0.5, 1.0, 1.0]]

    def test_even_pictures_have_no_contrast(self):
        np.testing.assert_allclose(inputs.on_off(np.full((1, 8, 8), 0.7)), 0, atol=1e-6)

    def test_a_bright_pixel_is_on_in_the_middle_and_off_around(self):
        picture = np.zeros((1, 9, 9))
        picture[0, 4, 4] = 1
        on, off = inputs.on_off(picture, 7).reshape(2, 9, 9)
        kernels = [np.exp(-(np.arange(-3, 4) ** 2) / (2 * sigma**2)) for sigma in (1, 2)]
        narrow, wide = (np.outer(kernel, kernel) / kernel.sum() ** 2 for kernel in kernels)
        np.testing.assert_allclose((on - off)[1:8, 1:8], narrow - wide, atol=1e-6)
        assert on[4, 4] > 0 == off[4, 4] and off[4, 7] > 0 == on[4, 7]

    def test_edges_are_replicated(self):
        ramp = np.tile(np.arange(8.0), (8, 1))[None]
        assert np.abs(inputs.difference_of_gaussians(ramp)[0, :, 3:5]).max() < 1e-6

    def test_a_filter_needs_a_middle(self):
        with pytest.raises(MstaskError, match="odd size"):
            inputs.on_off(np.zeros((1, 8, 8)), 4)
