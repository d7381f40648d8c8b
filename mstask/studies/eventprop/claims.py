"""Claims about exact gradients of event-based networks, and about the loss that they are the gradients of (Eventprop).

Losses are compared task by task. Published figures of losses are accuracies of single runs on recordings, which decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import median

from mstask.claims import Entry
from mstask.claims.figures import Documents, NotTestable, of_case, results_of
from mstask.claims.findings import Finding, every
from mstask.claims.rules import SMALLEST, contrast, difference, quantity
from mstask.claims.words import number, signed
from mstask.results.documents import Document
from mstask.results.voices import label
from mstask.studies.eventprop.facts import by_step, checks
from mstask.studies.eventprop.methods import FALLING, FROZEN, TASKS
from mstask.summary.details import measured

LOSSES, YIN_YANG, GRADIENTS = "eventprop", "eventprop-yin-yang", "eventprop-gradients"
AVERAGE = "average-cross-entropy"
SPEECH, LONG, SHORT = "speech", "yin-yang-long", "yin-yang"

PUBLISHED = 0.981
"""Test accuracy on Yin-Yang of Wunderlich & Pehle's network, mean over 10 seeds."""
TAUGHT = 0.02
"""Lead in accuracy over frozen hidden weights from which the hidden layer counts as taught something."""
KEPT = 0.5
"""Share of the hidden spikes of an untrained layer below which a loss counts as having deleted them."""
EXACT = 1e-4
"""Relative error up to which a gradient agrees with finite differences, which are no more exact themselves."""
GRID_ERROR = 0.05
"""Relative error from which a gradient counts as biased."""
SHRINKS = 4.0
"""How many times smaller the error must be on the finest grid than on the coarsest."""

Pairs = Sequence[tuple[str, str]]
ON_SPEECH: Pairs = tuple(("exp", other) for other in ("sum", "max", "first-spike-exp"))
ON_LONG: Pairs = (*((falling, "sum") for falling in FALLING), ("exp", FROZEN))


def _ahead(case: str, pairs: Pairs, documents: Documents) -> Finding:
    """Judge "the first of each pair scores higher than its second" on one task."""
    document = results_of(documents, LOSSES)
    if document.source == "published":
        return every(*(_quoted(document, case, a, b) for a, b in pairs))
    name = f"{LOSSES}/{case}"
    task = {name: of_case(document, case, TASKS[case].title)}
    return every(*(difference(task, name, a, b, family=pairs) for a, b in pairs))


def _quoted(document: Document, case: str, a: str, b: str) -> Finding:
    """Compare published accuracies, which are of spoken digits and of one run each."""
    known = {name: document.means[name].accuracy for name in (a, b) if name in document.means}
    if case != SPEECH or len(known) < 2:
        raise NotTestable(f"No figures of {label(a)} and {label(b)} were published for {TASKS[case].title}.")
    lead = known[a] - known[b]
    evidence = f"{label(a)} {number(known[a])}, {label(b)} {number(known[b])} accuracy: {signed(lead)} (one run each)."
    doubt = "There is a single seed, and no predictions are known."
    return Finding("undecided", evidence, doubt, "difference", f"accuracy, {label(a)} − {label(b)}", lead, seeds=1)


def _frozen(documents: Documents) -> Finding:
    """The plain mean voltage on long trials against the same with hidden weights frozen: a lead of less than `TAUGHT`."""
    document = of_case(results_of(documents, LOSSES), LONG, TASKS[LONG].title)
    accuracies = [measured(document, None, name) for name in ("sum", FROZEN)]
    seeds = sorted(accuracies[0].keys() & accuracies[1].keys())
    if not seeds:
        raise NotTestable(f"{TASKS[LONG].title}: sum and its control with frozen hidden weights have no seed in common.")
    leads = [accuracies[0][seed] - accuracies[1][seed] for seed in seeds]
    told = f"{TASKS[LONG].title}: less than {number(TAUGHT, 2)} counts as having taught nothing"
    return quantity("accuracy of sum minus that with frozen hidden weights", leads, (-math.inf, TAUGHT), told)


def _deleted(documents: Documents) -> Finding:
    """Hidden spikes per test trial of speech after training, as a share of those of hidden weights left as drawn."""
    document = results_of(documents, LOSSES)
    spikes = [measured(document, SPEECH, name, "hidden_spikes") for name in (AVERAGE, FROZEN)]
    seeds = [seed for seed in spikes[0] if spikes[1].get(seed)]
    if not seeds:
        raise NotTestable(
            f"Hidden spikes of {label(AVERAGE)} and of frozen hidden weights are not known for {TASKS[SPEECH].title}."
        )
    shares = [spikes[0][seed] / spikes[1][seed] for seed in seeds]
    told = f"Of the hidden spikes of weights left as drawn, less than {KEPT:.0%} counts as deleted"
    return quantity(f"share left after training with {label(AVERAGE)}", shares, (-math.inf, KEPT), told)


def _length(documents: Documents) -> Finding:
    document = results_of(documents, LOSSES)
    tasks = {f"{LOSSES}/{case}": of_case(document, case, TASKS[case].title) for case in (LONG, SHORT)}
    long, short = ((name, {"exp": 1.0, "sum": -1.0}) for name in tasks)
    return contrast(tasks, long, short, "lead of exp over sum")


def _yin_yang(documents: Documents) -> Finding:
    """Equivalence: the published setting's test accuracy lies within the smallest difference of the published one."""
    document = results_of(documents, YIN_YANG)
    values = list(measured(document, None, "published").values())
    if document.source == "published":
        raise NotTestable("The published figure is the one to be reached again.")
    if not values:
        raise NotTestable("The published setting was not run on Yin-Yang.")
    told = f"{number(PUBLISHED)} is published, and within ±{number(SMALLEST)} counts as the same"
    return quantity("test accuracy", values, (PUBLISHED - SMALLEST, PUBLISHED + SMALLEST), told, 4)


def spoken(parameter: str) -> str:
    """A parameter of a network in words: "hidden.0.tau_m" is "membrane time constants of hidden layer 1"."""
    layer, _, name = parameter.rpartition(".")
    names = {"tau_m": "membrane time constants", "tau_s": "synaptic time constants"}
    where = f"hidden layer {int(layer.removeprefix('hidden.')) + 1}" if layer.startswith("hidden.") else "the readout"
    return f"{names.get(name, name.replace('_', ' '))} of {where}"


def _exact(documents: Documents) -> Finding:
    """Every parameter of every network agrees with finite differences to `EXACT`: the largest error counts."""
    known = checks(results_of(documents, GRADIENTS))
    found = [check for check in known if check[4]]
    if not found:
        raise NotTestable("No gradient was compared with finite differences.")
    seed, network, parameter, error, *_ = max(found, key=lambda check: check[3])
    used, skipped = (sum(check[i] for check in known) for i in (4, 5))
    told = (
        f"{used:,} entries of gradients were compared in {len({check[1] for check in found})} checks (every loss, and four "
        f"other networks), {skipped:,} could not be, since a spike changed places. The largest error, of the "
        f"{spoken(parameter)} of {label(network)}, seed {seed}, is {error:.0e}, and up to {EXACT:.0e} counts as exact"
    ).replace("e-", "e−")
    worst = {seed: max(check[3] for check in found if check[0] == seed) for seed in {check[0] for check in found}}
    logarithms = [math.log10(max(error, 1e-300)) for error in worst.values()]
    found = quantity("power of ten of a seed's largest error", logarithms, (-math.inf, math.log10(EXACT)), told, 1)
    return found if error <= EXACT else replace(found, verdict="contradicted", remark="The largest error is larger.")


def _grid(documents: Documents) -> Finding:
    """On the coarsest grid the gradient of the hidden weights is off by `GRID_ERROR`, on the finest `SHRINKS` times less."""
    table = by_step(results_of(documents, GRADIENTS))
    if len(table) < 2:
        raise NotTestable("Gradients were not computed on two time grids.")
    (coarse, first), *_, (fine, last) = table
    errors = [found["input_error"].tolist() for found in (first, last)]
    told = (
        f"Relative error of the hidden weights' gradient, median over networks: {number(median(errors[0]), 2)} at steps of "
        f"{coarse:g} ms, {number(median(errors[1]))} at {fine:g} ms; {SHRINKS:g} times smaller counts as shrinking"
    )
    shrunk = [math.log(a / b) for a, b in zip(*errors, strict=True)]
    return every(
        quantity("error on the coarse grid", errors[0], (GRID_ERROR, math.inf), told),
        quantity("natural logarithm of how many times smaller it gets", shrunk, (math.log(SHRINKS), math.inf), told, 2),
    )


_LOSSES_PAPER = "Nowotny, Turner & Knight 2025"
_EVENT_PAPER = "Wunderlich & Pehle 2021"
CLAIMS = (
    Entry(
        "eventprop-exact",
        "The gradients are exact: for every loss, kind of neuron and parameter they equal finite differences.",
        _EVENT_PAPER,
        {GRADIENTS: ("finite-differences",)},
        _exact,
    ),
    Entry(
        "eventprop-grid",
        "On a time grid the same method only approximates the gradient, and the error shrinks with the step.",
        "not in the papers",
        {GRADIENTS: ("grid",)},
        _grid,
    ),
    Entry(
        "eventprop-yin-yang",
        "Exact gradients train the published network on Yin-Yang to the published accuracy.",
        _EVENT_PAPER,
        {YIN_YANG: ("published",)},
        _yin_yang,
    ),
    Entry(
        "eventprop-speech",
        "The loss decides whether exact gradients learn speech: voltage with an exponentially falling weight beats its plain "
        "mean, the largest voltage and first spikes.",
        _LOSSES_PAPER,
        {LOSSES: ("exp", "sum", "max", "first-spike-exp")},
        partial(_ahead, SPEECH, ON_SPEECH),
        (SPEECH,),
    ),
    Entry(
        "eventprop-deleted",
        "A loss can delete the hidden spikes that it needs: on speech, cross-entropy at every instant does.",
        _LOSSES_PAPER,
        {LOSSES: (AVERAGE, FROZEN)},
        _deleted,
        (SPEECH,),
    ),
    Entry(
        "eventprop-long-trials",
        "In long trials the plain mean voltage teaches the hidden layer nothing useful: frozen hidden weights do as well, "
        f"within {number(TAUGHT, 2)}, or better.",
        "follows from Nowotny, Turner & Knight 2025, whose tables on Yin-Yang could not be read",
        {LOSSES: ("sum", FROZEN)},
        _frozen,
        (LONG,),
    ),
    Entry(
        "eventprop-shaping",
        "A falling weight repairs that: with it, networks learn Yin-Yang in long trials.",
        "follows from Nowotny, Turner & Knight 2025, whose tables on Yin-Yang could not be read",
        {LOSSES: ("sum", FROZEN, *FALLING)},
        partial(_ahead, LONG, ON_LONG),
        (LONG,),
    ),
    Entry(
        "eventprop-length",
        "Shaping matters more the longer the trial: exp leads sum by more in long trials of Yin-Yang than in short ones.",
        "follows from Nowotny, Turner & Knight 2025, whose tables on Yin-Yang could not be read",
        {LOSSES: ("exp", "sum")},
        _length,
        (LONG, SHORT),
    ),
)
