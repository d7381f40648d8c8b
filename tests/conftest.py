"""Every test runs on one thread, and writes results to a folder of its own."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def radar():
    """The small embedded radar set."""
    from mstask import data

    return data.load("radar", size="small")


@pytest.fixture
def results_folder(tmp_path, monkeypatch):
    """An empty results folder in place of the checkout's."""
    monkeypatch.setenv("MSTASK_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"
