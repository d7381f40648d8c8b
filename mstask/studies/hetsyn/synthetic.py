"""Training and testing on the synthetic tasks: one network, or one for each of several sizes or initial time constants."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mstask.cost import count_parameters
from mstask.data import Split
from mstask.job import Job, Measured
from mstask.loop import tick
from mstask.results.documents import Measures
from mstask.stats import macro_f1
from mstask.studies.hetsyn import analyses, loop
from mstask.studies.hetsyn.analyses import accuracy, at_levels, first_hit
from mstask.studies.hetsyn.names import SUCCESS
from mstask.studies.hetsyn.networks import Network
from mstask.studies.hetsyn.parameters import HetSynParameters
from mstask.studies.hetsyn.settings import SETTINGS, Setting, starting_from
from mstask.studies.hetsyn.tasks import MatchToSample, Pattern, rate_penalty, repeat_distances
from mstask.training import History

BATCH = 32
EXTRA_HZ = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Poisson spikes added on all channels at test time; how the paper adds its noise, up to 20 Hz, is not said."""

NOISE_CHANNEL_HZ = (5.0, 10.0, 15.0, 20.0)
"""Rates of the ten noise channels at test time, the other reading; training has 10 Hz."""

DELAYS_MS = (200.0, 400.0, 800.0, 1200.0, 1600.0)
PATTERN_NOISE_HZ = (1.0, 2.0, 3.0, 4.0)
ROBUSTNESS_TRIALS = 512
TEST_SEED = 1
TRACE_EVERY = 20


class Trained(NamedTuple):
    """A network; its losses; accuracy or error of each iteration's batch; what became of its time constants."""

    model: Network
    history: History
    merits: list[float]
    learnt: dict[str, Any]


def match_loss(model: Network, rng: torch.Generator) -> tuple[Tensor, float]:
    """Cross-entropy and rate penalty on a fresh batch of match-to-sample, and the share of right answers."""
    task, device = MatchToSample(), next(model.parameters()).device
    x, y = (part.to(device) for part in task.trials(BATCH, rng))
    outputs, spikes = model.run(x)
    logits = model.logits(outputs)
    loss = torch.nn.functional.cross_entropy(logits, y) + rate_penalty(spikes, task.dt_ms)
    return loss, (logits.argmax(-1) == y).double().mean().item()


def match(job: Job[HetSynParameters]) -> Measured:
    """One network on delayed match-to-sample: accuracy, noise, delays, time constants, and what a knock-out does."""
    seconds = {"train": 0.0, "evaluation": 0.0}
    test, task = job.splits.test, MatchToSample()
    setting = replace(SETTINGS[job.case], hidden=(job.parameters.hidden,))
    model, history, merits, own = trained(job, setting, job.seed, "", match_loss, seconds)
    clock = time.perf_counter()
    predictions, rates = analyses.answers(model, test.x)
    score, per_class = macro_f1(predictions, test.y, 2)
    details = own | {
        "first_hit": first_hit(merits),
        "knock_out": _knock_out(model, setting, job),
        "extra_noise": at_levels("hz", EXTRA_HZ, lambda hz: _on_trials(model, task, hz)),
        "noise_channels": at_levels("hz", NOISE_CHANNEL_HZ, lambda hz: _on_trials(model, replace(task, noise_hz=hz))),
        "delay": at_levels("ms", DELAYS_MS, lambda ms: _on_trials(model, replace(task, delay_ms=ms))),
        "batch_accuracy": loop.means_of(merits, loop.EVERY),
    }
    tick(seconds, "evaluation", clock)
    measures = Measures(
        macro_f1=score,
        accuracy=(predictions == test.y).double().mean().item(),
        per_class_f1=per_class,
        predictions=predictions.tolist(),
        n_parameters=count_parameters(model),
        firing_rates=rates,
        history={"train_loss": history.train_loss},
        details=details,
    )
    return Measured(measures, seconds)


def match_series(job: Job[HetSynParameters]) -> Measured:
    """Networks of several sizes ("match-small") or initial time constants ("match-slow"), each on the same test trials."""
    seconds = {"train": 0.0, "evaluation": 0.0}
    setting, chosen = SETTINGS[job.case], job.parameters
    if slow := job.case == "match-slow":
        setting = replace(setting, hidden=(chosen.hidden,))
        starts = [({"tau_ms": ms}, starting_from(setting, ms / MatchToSample.dt_ms)) for ms in chosen.slow_tau_ms]
    else:
        sizes = [{"hidden": width, "repeat": k} for width in chosen.small_hidden for k in range(chosen.small_repeats)]
        starts = [(what, replace(setting, hidden=(what["hidden"],))) for what in sizes]
    runs = []
    for k, (what, own) in enumerate(starts):
        seed = int(np.random.SeedSequence([job.seed, k]).generate_state(1)[0])
        model, _, merits, _ = trained(job, own, seed, f".{k}", match_loss, seconds)
        clock = time.perf_counter()
        run = what | {"accuracy": accuracy(model, job.splits.test), "first_hit": first_hit(merits)}
        if slow:
            run |= {"knock_out": _knock_out(model, own, job), "by_channel": analyses.by_channel(model)}
        runs.append(run)
        tick(seconds, "evaluation", clock)
    for k in range(len(runs)):
        job.checkpoint.with_name(f"{job.checkpoint.name}.{k}").unlink(missing_ok=True)
    accuracies = [run["accuracy"] for run in runs]
    details = {"runs": runs, "success_share": sum(a >= SUCCESS for a in accuracies) / len(runs)}
    return Measured(Measures(accuracy=sum(accuracies) / len(runs), details=details), seconds)


def pattern(job: Job[HetSynParameters]) -> Measured:
    """One network on pattern generation: its error at each level of noise, and whether it tells repeats apart."""
    seconds = {"train": 0.0, "evaluation": 0.0}
    task = Pattern.draw(job.parameters.task_seed)
    target = task.target.to(job.device)

    def pattern_loss(model: Network, rng: torch.Generator) -> tuple[Tensor, float]:
        outputs, spikes = model.run(task.trials(1, rng).to(job.device))
        error = (outputs[..., 0] - target).square().mean()
        return error + rate_penalty(spikes, task.dt_ms), error.item()

    setting = replace(SETTINGS[job.case], hidden=(job.parameters.hidden,))
    model, history, errors, own = trained(job, setting, job.seed, "", pattern_loss, seconds)
    clock = time.perf_counter()
    outputs, spikes = _outputs(model, job.splits.test.x.to(job.device))
    rng = torch.Generator().manual_seed(TEST_SEED)
    noisy = [_outputs(model, task.trials(len(outputs), rng, hz).to(job.device))[0] for hz in PATTERN_NOISE_HZ]
    details = own | {
        "mse": (outputs - target).square().mean().item(),
        "target_mean_square": target.square().mean().item(),
        "noise": {"hz": PATTERN_NOISE_HZ, "mse": [(o - target).square().mean().item() for o in noisy]},
        "repeat_distances": repeat_distances(outputs, target, task.starts, len(task.template)),
        "rate_hz": spikes.mean().item() * 1000 / task.dt_ms,
        "trace": {"ms": TRACE_EVERY, "output": outputs[0, ::TRACE_EVERY], "target": target[::TRACE_EVERY]},
        "batch_mse": loop.means_of(errors, loop.EVERY),
    }
    tick(seconds, "evaluation", clock)
    measures = Measures(
        n_parameters=count_parameters(model),
        firing_rates=[spikes.mean().item()],
        history={"train_loss": history.train_loss},
        details=details,
    )
    return Measured(measures, seconds)


def trained(
    job: Job[HetSynParameters], setting: Setting, seed: int, suffix: str, objective: loop.Objective, seconds: dict[str, float]
) -> Trained:
    """Build and train a network of the job; its checkpoint has the job's name and `suffix`."""
    clock = time.perf_counter()
    torch.manual_seed(seed)
    chosen, splits = job.parameters, job.splits
    inputs, outputs = splits.test.x.shape[-1], splits.n_classes
    model = setting.network(job.method, inputs, outputs, threshold=chosen.threshold).to(job.device)
    before = analyses.spreads(model, setting.limit)
    rate = chosen.pattern_learning_rate if job.case.startswith("pattern") else chosen.match_learning_rate
    recipe = loop.StepDown(rate, clip_gradient=chosen.clip_gradient)
    training = loop.Iterations(model, objective, splits, recipe, chosen.iterations, seed)
    training.run(job.checkpoint.with_name(job.checkpoint.name + suffix), job.on_epoch)
    tick(seconds, "train", clock)
    return Trained(model.eval(), training.history, training.merits, analyses.learnt(model, before, setting.limit))


def _knock_out(model: Network, setting: Setting, job: Job[HetSynParameters]) -> dict[str, float | int] | None:
    return analyses.knock_out(model, setting.limit, setting.times.drawn[0], lambda m: accuracy(m, job.splits.test), TEST_SEED)


def _on_trials(model: Network, task: MatchToSample, extra_hz: float = 0.0) -> float:
    return accuracy(model, Split(*task.trials(ROBUSTNESS_TRIALS, torch.Generator().manual_seed(TEST_SEED), extra_hz)))


@torch.no_grad()
def _outputs(model: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    outputs, spikes = model.run(x)
    return outputs[..., 0], torch.cat(spikes, -1)
