"""HetSyn documents for tests: every detail that the section writes, with values that follow from a network's skill."""

from __future__ import annotations

import math

import numpy as np
from making import cell, data_record, guesses, measured

from mstask import results
from mstask.studies.hetsyn.names import CASES, EDGES, METHODS

SEEDS = (42, 123, 999)
SKILL = dict(zip(METHODS, (0.2, 0.5, 0.4, 0.9), strict=True))
LEVELS = {"deletion": ("share", (0.0, 0.16, 0.64)), "warp": ("factor", (0.5**0.5, 1.0, 2**0.5))}
TRIED = {"factor": 0.92, "factor_here": 0.92, "steps": 80, "tau": [5, 20, 12.5], "tau_after": [3.5, 7.5, 6.1]}


def whole(skill=SKILL, cases=CASES, seeds=SEEDS, methods=METHODS, **about):
    """A document of the given tasks, networks and seeds; `skill` is a network's accuracy on every one of them."""
    made = [one(case, name, seed, skill[name]) for case in cases for name in methods for seed in seeds]
    values = about.pop("values", {})
    return results.merge(made, **about).model_copy(update={"values": values})


def one(case, method, seed, skill):
    """A cell as the section writes it."""
    if case in ("match-small", "match-slow"):
        measures = results.Measures(accuracy=near(skill, seed), details=series(case, method, seed, skill))
    elif case.startswith("pattern"):
        measures = results.Measures(n_parameters=20_200, details=pattern(method, seed, skill))
    else:
        predictions = guesses(skill, [seed, *method.encode(), *case.encode()])
        measures = measured(predictions, n_parameters=6_400, details=details(case, method, seed, skill))
    about = {"case": case, "data": data_record(name=case), "parameters": {"iterations": 500}}
    return cell(method, seed, section="hetsyn", result=measures, **about)


def near(value, seed):
    """A value that differs a little by seed, between 0 and 1."""
    return min(1.0, max(0.0, value + 0.002 * (SEEDS.index(seed) if seed in SEEDS else 0)))


def spread(tau):
    """A histogram of a hundred time constants of `tau` steps, one of them infinite."""
    counts = [0] * (len(EDGES) + 1)
    counts[int(np.searchsorted(EDGES, tau, side="right"))] = 99
    counts[-1] += 1
    return {"histogram": counts, "mean_finite": tau, "median": tau, "above": 0.01, "at_one": 0.01}


def trained(method, tau):
    """Time constants of every set of synapses; none where none are trained."""
    names = ("layers.0.inputs", "layers.0.recurrent", "readout") if method.startswith("Het") else ()
    return {name: spread(tau) for name in names}


def knock_out(method, seed, skill):
    if not method.startswith("Het"):
        return None
    fall = 0.4 if method == "HetSynLIF" else 0.1
    low, high = near(skill - fall, seed), near(skill, seed)
    return {"n_long": 30, "n": 3000, "intact": high, "long": low, "random": near(skill - 0.01, seed), "short": high}


def details(case, method, seed, skill):
    own = {
        "n_time_constants": 3000 if method == "HetSynLIF" else 0,
        "time_constants": {"before": trained(method, 8.0), "after": trained(method, 30.0)},
        "knock_out": knock_out(method, seed, skill),
    }
    if case.startswith("match"):
        own["first_hit"] = round(500 - 400 * skill) - seed % 7 if skill > 0.4 else None
        own["batch_accuracy"] = [0.5, skill]
        for name, key, levels in (
            ("extra_noise", "hz", [0.0, 5.0]),
            ("noise_channels", "hz", [5.0, 10.0]),
            ("delay", "ms", [200.0, 800.0]),
        ):
            own[name] = {key: levels, "accuracy": [near(skill - 0.05 * k, seed) for k in range(len(levels))]}
    if case == "speech-bins":
        for name, (key, levels) in LEVELS.items():
            own[name] = {key: list(levels), "accuracy": [near(skill - 0.1 * k, seed) for k in range(len(levels))]}
        own["warp"]["octaves"] = [math.log2(level) for level in LEVELS["warp"][1]]
        if method == "HetSynLIF":
            arms = {"with": (0.6, 6.0), "without": (0.65, 11.0 + 0.1 * SEEDS.index(seed) if seed in SEEDS else 11.0)}
            own["weight_decay"] = TRIED | {
                "arms": {
                    arm: {"accuracy": score, "last_loss": 1.0, "time_constants": trained(method, tau)}
                    for arm, (score, tau) in arms.items()
                }
            }
    return own


def pattern(method, seed, skill):
    target = np.cos(np.arange(100) / 10)
    return {
        "mse": 0.3 * (1 - skill) + 0.001 * (seed % 5),
        "target_mean_square": 0.34,
        "noise": {"hz": [1.0, 2.0], "mse": [0.3 * (1 - skill), 0.32 * (1 - skill)]},
        "repeat_distances": [0.1 + 0.2 * skill, 0.5 * skill],
        "rate_hz": 10.0,
        "trace": {"ms": 20, "output": (skill * target).tolist(), "target": target.tolist()},
        "batch_mse": [0.3],
        "n_time_constants": 0,
        "time_constants": {"before": trained(method, 20.0), "after": trained(method, 40.0)},
    }


def series(case, method, seed, skill):
    if case == "match-small":
        runs = [
            {"hidden": size, "repeat": repeat, "accuracy": near(skill + 0.001 * size, seed), "first_hit": None}
            for size in (5, 20)
            for repeat in range(2)
        ]
    else:
        group = {"mean_finite": 30.0, "n_infinite": 1}
        runs = [
            {
                "tau_ms": tau,
                "accuracy": near(skill, seed),
                "first_hit": 90,
                "knock_out": knock_out(method, seed, skill),
                "by_channel": {"cue": group, "noise": group | {"mean_finite": 17.0}} if method == "HetSynLIF" else None,
            }
            for tau in (100.0, 400.0)
        ]
    return {"runs": runs, "success_share": float(skill >= 0.9)}
