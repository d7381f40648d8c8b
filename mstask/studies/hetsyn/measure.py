"""What one cell of the HetSyn section does; see `mstask.job`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mstask.cost import count_parameters
from mstask.data import Split, Splits
from mstask.job import Job, Measured
from mstask.loop import tick
from mstask.protocol import PROTOCOL
from mstask.results.documents import Measures
from mstask.section import Section
from mstask.spiking import of_outcome
from mstask.studies.hetsyn import data, loop, synthetic
from mstask.studies.hetsyn.analyses import accuracy, added, at_levels, deleted, knock_out, learnt, shrunk, spreads
from mstask.studies.hetsyn.networks import Network
from mstask.studies.hetsyn.parameters import HetSynParameters
from mstask.studies.hetsyn.settings import SETTINGS
from mstask.studies.hetsyn.synthetic import TEST_SEED
from mstask.training import train

PAPER_STEPS, PAPER_COSINE, PAPER_RATE, PAPER_DECAY = 25_500, 10_200, 2e-3, 4e-3
"""Of the paper's SHD code: optimiser steps in all, in the cosine; learning rate of the weights; weight decay."""


def load(section: Section, parameters: HetSynParameters, case: str | None) -> Splits:
    """The data of a case; see `data.of_case`."""
    return data.of_case(str(case), parameters)


def measure(job: Job[HetSynParameters]) -> Measured:
    """One method on one case with one seed."""
    if job.case in ("match-small", "match-slow"):
        return synthetic.match_series(job)
    if job.case.startswith("match"):
        return synthetic.match(job)
    return synthetic.pattern(job) if job.case.startswith("pattern") else classify(job)


def classify(job: Job[HetSynParameters]) -> Measured:
    """Train as the paper does, but with selection on validation; test, and look at the time constants."""
    setting, test = SETTINGS[job.case], job.splits.test
    model = network(job)
    before = spreads(model, setting.limit)
    outcome = train(model, job.splits, recipe(job.parameters, job.case), job.seed, job.checkpoint, job.on_epoch)
    clock = time.perf_counter()
    seconds = outcome.seconds | {"analyses": 0.0}
    start = sum(setting.times.drawn) / 2
    details = learnt(model, before, setting.limit)
    details["knock_out"] = knock_out(model, setting.limit, start, lambda m: accuracy(m, test), TEST_SEED)
    if job.case == "speech-bins":
        details |= robustness(job, model)
        if job.method == "HetSynLIF" and job.parameters.decay_steps:
            details["weight_decay"] = weight_decay(job)
    tick(seconds, "analyses", clock)
    return Measured(Measures(**of_outcome(outcome), n_parameters=count_parameters(model), details=details), seconds)


def network(job: Job[HetSynParameters]) -> Network:
    """The network of a case that is trained by epochs."""
    torch.manual_seed(job.seed)
    splits, parameters = job.splits, job.parameters
    dropout = parameters.digits_dropout if job.case.startswith("digits") else parameters.dropout
    sizes = splits.train.x.shape[-1], splits.n_classes
    return SETTINGS[job.case].network(job.method, *sizes, dropout, parameters.threshold).to(job.device)


def recipe(parameters: HetSynParameters, case: str) -> loop.Published:
    """How a case that is trained by epochs is."""
    digits = "digits_" if case.startswith("digits") else ""
    own = {name: getattr(parameters, digits + name) for name in ("learning_rate", "batch_size", "weight_decay")}
    shared = parameters.model_dump(include={"patience", "decay_rate", "warm_up", "cosine_epochs", "plateau", "clip_gradient"})
    epochs = parameters.digits_epochs if digits else parameters.max_epochs
    return loop.Published(**own, **shared, max_epochs=epochs, smoothing=PROTOCOL.smoothing)


def robustness(job: Job[HetSynParameters], model: Network) -> dict[str, Any]:
    """Accuracy with spikes deleted or added, and with spike times stretched, at test time only (HetSyn, Figs. 4C and 4F)."""
    test, parameters = job.splits.test, job.parameters
    rng = torch.Generator().manual_seed(TEST_SEED)
    where = parameters.data_source, parameters.bins_size

    def altered(how: Callable[..., Tensor]) -> Callable[[float], float]:
        return lambda share: accuracy(model, Split(how(test.x, share, rng), test.y))

    def warped(factor: float) -> float:
        return accuracy(model, data.speech_bins(*where, factor, test_only=True).test)

    return {
        "deletion": at_levels("share", parameters.deletions, altered(deleted)),
        "addition": at_levels("share", parameters.additions, altered(added)),
        "warp": at_levels("factor", parameters.warps, warped) | {"octaves": [math.log2(w) for w in parameters.warps]},
    }


def weight_decay(job: Job[HetSynParameters]) -> dict[str, Any]:
    """Does the optimiser alone shorten time constants? Train twice from the same start, with and without decay of r.

    The paper's AdamW multiplies r by 1 - rate x weight decay at every step, whatever the task says: `factor` over the whole
    of its training, and so `tau` (steps) becomes `tau_after`. Here training is shorter and the weight decay larger, so that
    the product, `factor_here`, is about the paper's; rate, warm-up and cosine are the paper's.
    """
    steps, setting = job.parameters.decay_steps, SETTINGS[job.case]
    paper = [loop.warmed_cosine(k, PAPER_COSINE) for k in range(PAPER_STEPS)]
    total = round(steps * PAPER_COSINE / PAPER_STEPS)
    here = [loop.warmed_cosine(k, total) for k in range(steps)]
    stronger = PAPER_DECAY * sum(paper) / sum(here)
    taus = [*setting.times.drawn, sum(setting.times.drawn) / 2]
    factor = loop.exposure(2 * PAPER_RATE, PAPER_DECAY, paper)
    found: dict[str, Any] = {
        "factor": factor,
        "factor_here": loop.exposure(2 * PAPER_RATE, stronger, here),
        "tau": taus,
        "tau_after": [shrunk(tau, factor) for tau in taus],
        "steps": steps,
        "arms": {},
    }
    x, y = job.splits.train.x, job.splits.train.y

    def objective(model: Network, rng: torch.Generator) -> tuple[Tensor, float]:
        rows = torch.randint(len(y), (job.parameters.batch_size,), generator=rng)
        logits, labels = model(x[rows].to(job.device)), y[rows].to(job.device)
        loss = torch.nn.functional.cross_entropy(logits, labels)
        return loss, (logits.argmax(-1) == labels).double().mean().item()

    for arm, decay_of_decays in (("with", stronger), ("without", 0.0)):
        model = network(job)
        trial = loop.Published(PAPER_RATE, weight_decay=stronger, decay_of_decays=decay_of_decays, cosine_epochs=total)
        training = loop.Iterations(model, objective, job.splits, trial, steps, job.seed)
        training.run(job.checkpoint.with_name(f"{job.checkpoint.name}.{arm}"))
        found["arms"][arm] = {
            "accuracy": accuracy(model, job.splits.test),
            "last_loss": training.losses[-1],
            "time_constants": spreads(model, setting.limit),
        }
    for arm in found["arms"]:
        job.checkpoint.with_name(f"{job.checkpoint.name}.{arm}").unlink(missing_ok=True)
    return found
