"""Training and testing on the synthetic tasks: one network, or one for each of several sizes or initial time constants."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mstask.cost import count_parameters
from mstask.job import Job, Measured
from mstask.results.documents import Measures
from mstask.stats import macro_f1
from mstask.studies.hetsyn import loop
from mstask.studies.hetsyn.analyses import accuracy, first_hit, knock_out, means_of, spread, time_constants
from mstask.studies.hetsyn.networks import Network, free_time_constants
from mstask.studies.hetsyn.settings import SETTINGS, Setting, starting_from
from mstask.studies.hetsyn.tasks import MatchToSample, Pattern, rate_penalty, repeat_distances
from mstask.training import History, tick

BATCH = 32
EXTRA_HZ = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Poisson spikes added on all channels at test time; how the paper adds its noise, up to 20 Hz, is not said."""

NOISE_CHANNEL_HZ = (5.0, 10.0, 15.0, 20.0)
"""Rates of the ten noise channels at test time, the other reading; training has 10 Hz."""

DELAYS_MS = (200.0, 400.0, 800.0, 1200.0, 1600.0)
PATTERN_NOISE_HZ = (1.0, 2.0, 3.0, 4.0)
ROBUSTNESS_TRIALS = 512
TEST_SEED = 1
SUCCESS = 0.9
TRACE_EVERY = 20


def match(job: Job) -> Measured:
    """One network on delayed match-to-sample: accuracy, noise, delays, time constants, and what a knock-out does."""
    seconds = {"train": 0.0, "evaluation": 0.0}
    test, task = job.splits.test, MatchToSample()
    model, losses, merits, before = _trained_match(job, SETTINGS[job.case], job.seed, job.checkpoint, seconds)
    clock = time.perf_counter()
    predictions, rates = _answers(model, test.x)
    score, per_class = macro_f1(predictions, test.y, 2)
    limit, start = SETTINGS[job.case].limit, SETTINGS[job.case].times.drawn[0]
    details = {
        "first_hit": first_hit(merits),
        "n_time_constants": free_time_constants(model),
        "time_constants": {"before": before, "after": spreads(model, limit)},
        "knock_out": knock_out(model, limit, start, lambda m: accuracy(m, test.x, test.y), TEST_SEED),
        "extra_noise": {"hz": EXTRA_HZ, "accuracy": [_on_trials(model, task, hz) for hz in EXTRA_HZ]},
        "noise_channels": {
            "hz": NOISE_CHANNEL_HZ,
            "accuracy": [_on_trials(model, replace(task, noise_hz=hz)) for hz in NOISE_CHANNEL_HZ],
        },
        "delay": {"ms": DELAYS_MS, "accuracy": [_on_trials(model, replace(task, delay_ms=ms)) for ms in DELAYS_MS]},
        "batch_accuracy": means_of(merits, loop.EVERY),
    }
    tick(seconds, "evaluation", clock)
    measures = Measures(
        macro_f1=score,
        accuracy=(predictions == test.y).double().mean().item(),
        per_class_f1=per_class,
        predictions=predictions.tolist(),
        n_parameters=count_parameters(model),
        firing_rates=rates,
        history={"train_loss": means_of(losses, loop.EVERY)},
        details=details,
    )
    return Measured(measures, seconds)


def match_series(job: Job) -> Measured:
    """Networks of several sizes ("match-small") or initial time constants ("match-slow"), each on the same test trials."""
    seconds = {"train": 0.0, "evaluation": 0.0}
    test, runs = job.splits.test, []

    def score(model: Network) -> float:
        return accuracy(model, test.x, test.y)

    for k, (what, setting) in enumerate(_variants(job)):
        seed = int(np.random.SeedSequence([job.seed, k]).generate_state(1)[0])
        checkpoint = job.checkpoint.with_name(f"{job.checkpoint.name}.{k}")
        model, _, merits, _ = _trained_match(job, setting, seed, checkpoint, seconds)
        clock = time.perf_counter()
        run = what | {"accuracy": score(model), "first_hit": first_hit(merits)}
        if job.case == "match-slow":
            run["knock_out"] = knock_out(model, setting.limit, setting.times.drawn[0], score, TEST_SEED)
            run["by_channel"] = by_channel(model)
        runs.append(run)
        tick(seconds, "evaluation", clock)
    for k in range(len(runs)):
        job.checkpoint.with_name(f"{job.checkpoint.name}.{k}").unlink(missing_ok=True)
    accuracies = [run["accuracy"] for run in runs]
    details = {"runs": runs, "success_share": sum(a >= SUCCESS for a in accuracies) / len(runs)}
    return Measured(Measures(accuracy=sum(accuracies) / len(runs), details=details), seconds)


def pattern(job: Job) -> Measured:
    """One network on pattern generation: its error at each level of noise, and whether it tells repeats apart."""
    seconds = {"train": 0.0, "evaluation": 0.0}
    setting, task = SETTINGS[job.case], Pattern.draw(job.parameters.task_seed)
    target = task.target.to(job.device)

    def objective(model: Network, rng: torch.Generator) -> tuple[Tensor, float]:
        outputs, spikes = model.run(task.trials(1, rng).to(job.device))
        error = (outputs[..., 0] - target).square().mean()
        return error + rate_penalty(spikes, task.dt_ms), error.item()

    setting = replace(setting, hidden=(job.parameters.hidden,))
    model, losses, errors, before = _trained(
        job, setting, task.n_channels, 1, objective, job.parameters.pattern_learning_rate, job.seed, job.checkpoint, seconds
    )
    clock = time.perf_counter()
    outputs, spikes = _outputs(model, job.splits.test.x.to(job.device))
    rng = torch.Generator().manual_seed(TEST_SEED)
    noisy = [_outputs(model, task.trials(len(outputs), rng, hz).to(job.device))[0] for hz in PATTERN_NOISE_HZ]
    details = {
        "mse": (outputs - target).square().mean().item(),
        "target_mean_square": target.square().mean().item(),
        "noise": {"hz": PATTERN_NOISE_HZ, "mse": [(o - target).square().mean().item() for o in noisy]},
        "repeat_distances": repeat_distances(outputs, target, task.starts, len(task.template)),
        "rate_hz": spikes.mean().item() * 1000 / task.dt_ms,
        "trace": {"ms": TRACE_EVERY, "output": outputs[0, ::TRACE_EVERY], "target": target[::TRACE_EVERY]},
        "batch_mse": means_of(errors, loop.EVERY),
        "n_time_constants": free_time_constants(model),
        "time_constants": {"before": before, "after": spreads(model, setting.limit)},
    }
    tick(seconds, "evaluation", clock)
    measures = Measures(
        n_parameters=count_parameters(model),
        firing_rates=[spikes.mean().item()],
        history={"train_loss": means_of(losses, loop.EVERY)},
        details=details,
    )
    return Measured(measures, seconds)


def spreads(model: Network, limit: float) -> dict[str, Any]:
    """The trained time constants of each set of synapses; see `analyses.spread`."""
    return {name: spread(decay, limit) for name, decay in model.decays().items()}


def by_channel(model: Network) -> dict[str, dict[str, Any]] | None:
    """Time constants of the synapses from cue and from noise channels; None where there is no decay per synapse."""
    decay = model.decays().get("layers.0.inputs")
    if decay is None or decay.dim() < 2:
        return None
    tau = time_constants(decay)
    groups = {"cue": tau[:, :20].flatten(), "noise": tau[:, 20:].flatten()}
    return {
        name: {"mean_finite": group[group.isfinite()].mean().item(), "n_infinite": int(group.isinf().sum())}
        for name, group in groups.items()
    }


def _variants(job: Job) -> list[tuple[dict[str, Any], Setting]]:
    setting, chosen = SETTINGS[job.case], job.parameters
    if job.case == "match-slow":
        whole = replace(setting, hidden=(chosen.hidden,))
        return [({"tau_ms": ms}, starting_from(whole, ms / MatchToSample.dt_ms)) for ms in chosen.slow_tau_ms]
    return [
        ({"hidden": width, "repeat": repeat}, replace(setting, hidden=(width,)))
        for width in chosen.small_hidden
        for repeat in range(chosen.small_repeats)
    ]


def _trained_match(job: Job, setting: Setting, seed: int, checkpoint: Path, seconds: dict[str, float]) -> tuple:
    task = MatchToSample()

    def objective(model: Network, rng: torch.Generator) -> tuple[Tensor, float]:
        x, y = (part.to(job.device) for part in task.trials(BATCH, rng))
        outputs, spikes = model.run(x)
        logits = model.logits(outputs)
        loss = torch.nn.functional.cross_entropy(logits, y) + rate_penalty(spikes, task.dt_ms)
        return loss, (logits.argmax(-1) == y).double().mean().item()

    if job.case in ("match-feedforward", "match-recurrent"):
        setting = replace(setting, hidden=(job.parameters.hidden,))
    rate = job.parameters.match_learning_rate
    return _trained(job, setting, task.n_channels, task.n_classes, objective, rate, seed, checkpoint, seconds)


def _trained(
    job: Job,
    setting: Setting,
    inputs: int,
    outputs: int,
    objective: loop.Objective,
    learning_rate: float,
    seed: int,
    checkpoint: Path,
    seconds: dict[str, float],
) -> tuple[Network, list[float], list[float], dict[str, Any]]:
    """Build and train; returns the network, its loss and figure of merit by iteration, and its initial time constants."""
    clock = time.perf_counter()
    torch.manual_seed(seed)
    parameters = job.parameters
    model = setting.network(job.method, inputs, outputs, threshold=parameters.threshold).to(job.device)
    before = spreads(model, setting.limit)
    optimiser, schedule = loop.adam(model, learning_rate)

    def tell(losses: list[float]) -> None:
        if job.on_epoch:
            job.on_epoch(History(train_loss=means_of(losses, loop.EVERY)))

    about = f"{job.case} {learning_rate} {parameters.clip_gradient} {job.splits.meta['fingerprint']}"
    losses, merits = loop.fit(
        model, objective, optimiser, schedule, parameters.iterations, seed, checkpoint, about, tell, parameters.clip_gradient
    )
    tick(seconds, "train", clock)
    model.eval()
    return model, losses, merits, before


@torch.no_grad()
def _answers(model: Network, x: Tensor) -> tuple[Tensor, list[float]]:
    """Predicted classes and firing rates of the hidden layers on x."""
    device = next(model.parameters()).device
    logits, rates = zip(*(model.forward_with_rates(part.to(device)) for part in x.split(256)), strict=True)
    sizes = torch.tensor([len(part) for part in logits], dtype=torch.float64)
    mean = (torch.stack(rates).cpu().double() * sizes[:, None]).sum(0) / sizes.sum()
    return torch.cat(logits).argmax(-1).cpu(), mean.tolist()


def _on_trials(model: Network, task: MatchToSample, extra_hz: float = 0.0) -> float:
    x, y = task.trials(ROBUSTNESS_TRIALS, torch.Generator().manual_seed(TEST_SEED), extra_hz)
    return accuracy(model, x, y)


@torch.no_grad()
def _outputs(model: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    outputs, spikes = model.run(x)
    return outputs[..., 0], torch.cat(spikes, -1)
