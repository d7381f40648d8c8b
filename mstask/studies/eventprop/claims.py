"""Claims about exact gradients of event-based networks, and about the loss that they are the gradients of (Eventprop).

Losses are compared task by task by the common rule of `mstask.claims.findings`. Published figures of losses are accuracies of
single runs on recordings: they make a claim fragile at most. What isn't a comparison of scores states its rule where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from statistics import fmean, median
from typing import Any

from scipy.stats import t as student_t

from mstask import stats
from mstask.claims import Entry
from mstask.claims.findings import Documents, Finding, NotTestable, contrasted, every, higher, interval, number, signed, subject
from mstask.results.documents import Document
from mstask.results.voices import label
from mstask.studies.eventprop.facts import checks, grid_table
from mstask.studies.eventprop.methods import FALLING, FROZEN, TASKS
from mstask.summary.details import measured

LOSSES, YIN_YANG, GRADIENTS = "eventprop", "eventprop-yin-yang", "eventprop-gradients"
AVERAGE = "average-cross-entropy"
SPEECH, LONG, SHORT = "speech", "yin-yang-long", "yin-yang"

REACHED = 0.975
"""Accuracy on Yin-Yang that counts as the published one, 0.981 with a standard deviation of 0.0018."""
TAUGHT = 0.02
"""Lead over frozen hidden weights from which the hidden layer counts as taught something."""
KEPT = 0.5
"""Share of the hidden spikes of an untrained layer below which a loss counts as having deleted them."""
EXACT = 1e-4
"""Relative error up to which a gradient agrees with finite differences, which are no more exact themselves."""
GRID_ERROR = 0.05
"""Relative error from which a gradient counts as biased."""

Pairs = Sequence[tuple[str, str]]
ON_SPEECH: Pairs = tuple(("exp", other) for other in ("sum", "max", "first-spike-exp"))
ON_LONG: Pairs = (*((falling, "sum") for falling in FALLING), ("exp", FROZEN))


def _ahead(case: str, pairs: Pairs, documents: Documents) -> Finding:
    """Judge "the first of each pair scores higher than its second" on one task."""
    document = _document(documents, LOSSES)
    if document.source == "published":
        return every(*(_quoted(document, case, a, b) for a, b in pairs))
    name = f"{LOSSES}/{case}"
    task = {name: _task(document, case)}
    return every(*(higher(task, name, a, b, family=pairs) for a, b in pairs))


def _quoted(document: Document, case: str, a: str, b: str) -> Finding:
    """Compare published accuracies, which are of spoken digits; what is known of one run each is fragile at most."""
    known = {name: document.means[name].accuracy for name in (a, b) if name in document.means}
    if case != SPEECH or len(known) < 2:
        raise NotTestable(f"No figures of {label(a)} and {label(b)} were published for {TASKS[case].title}.")
    lead = known[a] - known[b]
    evidence = f"{label(a)} {number(known[a])}, {label(b)} {number(known[b])} accuracy: {signed(lead)} (one run each)."
    return Finding("fragile" if lead > 0 else "contradicted", evidence, "There is a single seed, and no predictions are known.")


def _frozen(documents: Documents) -> Finding:
    """The plain mean voltage on long trials against the same with hidden weights frozen, by accuracy.

    Supported: its lead is at most `TAUGHT` at each of several seeds. Fragile: on average. Contradicted: not on average.
    """
    document = _document(documents, LOSSES)
    scores = [measured(document, LONG, name) for name in ("sum", FROZEN)]
    seeds = sorted(scores[0].keys() & scores[1].keys())
    if not seeds:
        raise NotTestable(f"{TASKS[LONG].title}: sum and its control with frozen hidden weights have no seed in common.")
    leads = {seed: scores[0][seed] - scores[1][seed] for seed in seeds}
    means = [number(fmean(values[seed] for seed in seeds)) for values in scores]
    evidence = (
        f"{TASKS[LONG].title}: accuracy {means[0]} with sum, {means[1]} with the hidden weights left as drawn: "
        f"{signed(fmean(leads.values()))} ({len(seeds)} seed{'s' if len(seeds) > 1 else ''})."
    )
    largest = max(leads, key=leads.__getitem__)
    fragility = (
        f"A lead of up to {number(TAUGHT, 2)} counts as none; the largest is {signed(leads[largest])}, at seed {largest}."
    )
    return Finding(_graded(leads.values(), TAUGHT, below=True), evidence, fragility)


def _deleted(documents: Documents) -> Finding:
    """Hidden spikes per test trial of speech after training, against those of hidden weights left as drawn.

    Supported: less than `KEPT` of them are left at each of several seeds. Fragile: on average. Contradicted: not on average.
    """
    document = _document(documents, LOSSES)
    spikes = [measured(document, SPEECH, name, "hidden_spikes") for name in (AVERAGE, FROZEN)]
    seeds = [seed for seed in spikes[0] if spikes[1].get(seed)]
    if not seeds:
        raise NotTestable(
            f"Hidden spikes of {label(AVERAGE)} and of frozen hidden weights are not known for {TASKS[SPEECH].title}."
        )
    shares = {seed: spikes[0][seed] / spikes[1][seed] for seed in seeds}
    means = [number(fmean(values[seed] for seed in seeds), 0) for values in spikes]
    evidence = (
        f"Hidden spikes in a trial of spoken digits: {means[0]} after training with {label(AVERAGE)}, {means[1]} with hidden "
        f"weights left as drawn ({len(seeds)} seed{'s' if len(seeds) > 1 else ''})."
    )
    most = max(shares, key=shares.__getitem__)
    fragility = f"Less than {KEPT:.0%} counts as deleted; the most that is left is {shares[most]:.0%}, at seed {most}."
    return Finding(_graded(shares.values(), KEPT, below=True), evidence, fragility)


def _length(documents: Documents) -> Finding:
    document = _document(documents, LOSSES)
    if document.source == "published":
        raise NotTestable("No figures by trial length were published.")
    tasks = {f"{LOSSES}/{case}": _task(document, case) for case in (LONG, SHORT)}
    long, short = ((name, "exp", "sum") for name in tasks)
    return contrasted(tasks, long, short)


def _yin_yang(documents: Documents) -> Finding:
    """The published setting's test accuracy against `REACHED`.

    Supported: the 95 % interval of the mean over seeds lies above it. Fragile: the mean does. Contradicted: it doesn't.
    """
    document = _document(documents, YIN_YANG)
    values = list(measured(document, None, "published").values())
    own: dict[str, Any] = document.values.get("published", {})
    if values:
        mean, low, high = stats.seed_interval(values)
        spread = f"{number(min(values))} to {number(max(values))} over {len(values)} seed{'s' if len(values) > 1 else ''}"
    elif own:
        mean, spread = own["accuracy"], f"standard deviation {number(own['sd'], 4)} over {own['n_seeds']} seeds"
        half = float(student_t.ppf(0.975, own["n_seeds"] - 1)) * own["sd"] / math.sqrt(own["n_seeds"] - 1)
        low, high = mean - half, mean + half
    else:
        raise NotTestable("The published setting was not run on Yin-Yang.")
    evidence = f"Test accuracy {number(mean, 4)} ({spread}); {number(REACHED)} counts as reached, 0.981 is published."
    if low is None:
        fragility = "There is a single seed."
    else:
        fragility = (
            f"The mean is {signed(mean - REACHED)} from that mark; its interval is {interval({'low': low, 'high': high})}."
        )
    if mean < REACHED:
        return Finding("contradicted", evidence, fragility)
    return Finding("supported" if low is not None and low > REACHED else "fragile", evidence, fragility)


def _exact(documents: Documents) -> Finding:
    """Supported: every parameter of every network agrees with finite differences to `EXACT`. Contradicted: one doesn't."""
    found = [check for check in checks(_document(documents, GRADIENTS)) if check[4]]
    if not found:
        raise NotTestable("No gradient was compared with finite differences.")
    seed, network, parameter, error, *_ = max(found, key=lambda check: check[3])
    used, kinds = sum(check[4] for check in found), len({check[1] for check in found})
    evidence = f"{used:,} entries of gradients of {kinds} kinds of networks: the largest relative error is {error:.0e}."
    fragility = f"It occurs in {parameter} of {label(network)}, seed {seed}; finite differences have an error of their own."
    skipped = sum(check[5] for check in found)
    if skipped:
        fragility += f" {skipped:,} entries could not be checked, since a spike changed places."
    text = evidence.replace("e-", "e−")
    return Finding("supported" if error <= EXACT else "contradicted", text, fragility)


def _grid(documents: Documents) -> Finding:
    """The error of the hidden weights' gradient on the coarsest and on the finest grid.

    Supported: at each of several networks it is above `GRID_ERROR` on the coarsest and at least four times smaller on the
    finest. Fragile: in the median. Contradicted: not.
    """
    table = grid_table(_document(documents, GRADIENTS))
    if len(table) < 2:
        raise NotTestable("Gradients were not computed on two time grids.")
    (coarse, first), *_, (fine, last) = table.items()
    pairs = list(zip(first["input_error"], last["input_error"], strict=True))
    middle = [median(pair[i] for pair in pairs) for i in (0, 1)]
    holds = [a > GRID_ERROR and b < a / 4 for a, b in (*pairs, middle)]
    evidence = (
        f"Relative error of the hidden weights' gradient, median over {len(pairs)} networks: {number(middle[0], 2)} at steps "
        f"of {coarse:g} ms, {number(middle[1])} at {fine:g} ms."
    )
    against = len(pairs) - sum(holds[:-1])
    fragility = f"{against} of {len(pairs)} networks go against it." if against else "Every network shows it."
    if not holds[-1]:
        return Finding("contradicted", evidence, fragility)
    return Finding("supported" if not against and len(pairs) > 1 else "fragile", evidence, fragility)


def _graded(values: Any, mark: float, below: bool) -> str:
    values = [mark - value if below else value - mark for value in values]
    if fmean(values) < 0:
        return "contradicted"
    return "supported" if min(values) >= 0 and len(values) > 1 else "fragile"


def _document(documents: Documents, section: str) -> Document:
    document = documents.get(section)
    if document is None:
        raise NotTestable(f"There are no results for {subject(section)}.")
    return document


def _task(document: Document, case: str) -> Document:
    found = document.of_case(case)
    if not found.cells:
        raise NotTestable(f"{TASKS[case].title}: not run.")
    return found


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
    ),
    Entry(
        "eventprop-deleted",
        "A loss can delete the hidden spikes that it needs: on speech, cross-entropy at every instant does.",
        _LOSSES_PAPER,
        {LOSSES: (AVERAGE, FROZEN)},
        _deleted,
    ),
    Entry(
        "eventprop-long-trials",
        "In long trials the plain mean voltage teaches the hidden layer nothing: frozen hidden weights do as well.",
        "follows from Nowotny, Turner & Knight 2025; not tested there on Yin-Yang",
        {LOSSES: ("sum", FROZEN)},
        _frozen,
    ),
    Entry(
        "eventprop-shaping",
        "A falling weight repairs that: with it, networks learn Yin-Yang in long trials.",
        "follows from Nowotny, Turner & Knight 2025; not tested there on Yin-Yang",
        {LOSSES: ("sum", FROZEN, *FALLING)},
        partial(_ahead, LONG, ON_LONG),
    ),
    Entry(
        "eventprop-length",
        "Shaping matters more the longer the trial: exp leads sum by more in long trials of Yin-Yang than in short ones.",
        "follows from Nowotny, Turner & Knight 2025; not tested there on Yin-Yang",
        {LOSSES: ("exp", "sum")},
        _length,
    ),
)
