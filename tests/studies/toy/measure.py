"""What a cell of the toy does."""

import os
import signal
import time

import torch

from mstask.data import Split, Splits
from mstask.errors import MstaskError
from mstask.job import Job, Measured
from mstask.results.documents import Measures
from mstask.spiking import of_outcome
from mstask.training import Recipe, train


def load(section, parameters, case):
    """Sixty trials of two classes that differ in where the input is strong."""
    g = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 2
    x = torch.randn(60, 8, 6, generator=g) + y[:, None, None] * torch.tensor([1.0, 1, 1, -1, -1, -1])
    parts = [Split(x[a:b], y[a:b]) for a, b in ((0, 30), (30, 45), (45, 60))]
    counts = {"train": 30, "validation": 15, "test": 15}
    meta = {"name": "toy", "source": "embedded", "size": "small", "fingerprint": "sha256:toy", "counts": counts}
    return Splits(*parts, 2, meta | {"class_names": ["one", "two"]})


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.readout = torch.nn.Linear(6, 5), torch.nn.Linear(5, 2)

    def forward(self, x):
        return self.readout(torch.tanh(self.inner(x)).mean(1))


def measure(job: Job) -> Measured:
    """Train; every call is noted in the file MSTASK_TOY_LOG, and an epoch lasts at least MSTASK_TOY_PAUSE seconds."""
    with open(os.environ["MSTASK_TOY_LOG"], "a") as file:
        file.write(f"{job.method} {os.getpid()}\n")
    if job.method == "hangs":
        time.sleep(1e6)
    if job.method == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.method == "raises":
        raise MstaskError("the toy broke")
    torch.manual_seed(job.seed + len(job.method))
    pause = float(os.environ.get("MSTASK_TOY_PAUSE", "0"))
    recipe = Recipe(**job.parameters.model_dump(include={"learning_rate", "batch_size", "max_epochs", "patience"}))
    outcome = train(Net(), job.splits, recipe, job.seed, job.checkpoint, lambda history: time.sleep(pause))
    return Measured(Measures(**of_outcome(outcome)), outcome.seconds)
