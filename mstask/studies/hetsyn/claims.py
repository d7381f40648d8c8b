"""Claims of the HetSyn paper (Deng et al., NeurIPS 2025), on tasks of its own and on this book's.

Scores on classification are macro-F1. Other quantities (errors, iterations, accuracies under a disturbance) are compared seed
by seed by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from statistics import fmean
from typing import Any

from mstask.claims import Entry
from mstask.claims.figures import Documents, NotTestable, absence, of_case, results_of
from mstask.claims.findings import Finding, every, find
from mstask.claims.rules import SMALLEST, best, best_of, difference, difference_of, quantity
from mstask.claims.words import listed, number, signed
from mstask.results.documents import Document
from mstask.studies.hetsyn.facts import OWN, runs, shortening, under
from mstask.studies.hetsyn.names import METHODS, TITLES
from mstask.summary import standings
from mstask.summary.details import detail, measured

ORDER = ("HetSynLIF", "HetNeuLIF", "HomNeuALIF", "HomNeuLIF")
"""The paper's order on SHD, in words and as a figure only."""

CEILING = 0.99
"""Macro-F1 from which a task can't tell networks apart."""
SMALLEST_SHARE = 0.05
"""The smallest difference that matters in a share of the training."""

SECTION = "hetsyn"


def _best_on(*cases: str) -> Callable[[Documents], Finding]:
    """HetSynLIF has the highest macro-F1 on each of the tasks."""
    return lambda documents: every(*(find(_best, documents, case) for case in cases))


def _best(documents: Documents, case: str) -> Finding:
    cut = _one_case(documents, case)
    found = best(cut, SECTION, OWN, METHODS)
    methods = standings(results_of(cut, SECTION))["methods"]
    full = [name for name in METHODS if methods.get(name) and (methods[name]["macro_f1"]["mean"] or 0) >= CEILING]
    note = f" {listed(full)} are at the task's ceiling, so it can't tell them apart." if len(full) > 1 and OWN in full else ""
    return replace(found, evidence=f"On {TITLES[case]}: {found.evidence}{note}")


def _order_on_speech(documents: Documents) -> Finding:
    cut, pairs = _one_case(documents, "speech-bins"), tuple(pairwise(ORDER))
    return every(*(difference(cut, SECTION, a, b, family=pairs) for a, b in pairs))


def _fastest(documents: Documents) -> Finding:
    """A network that never reaches the criterion counts as reaching it one iteration after its training ended."""
    document = results_of(documents, SECTION)
    found = []
    for case in _cases(document, "match", "match-to-sample"):
        waits: dict[str, dict[int, float]] = {name: {} for name in METHODS}
        for cell in document.cells:
            if cell.case == case and cell.method in waits and (iterations := cell.parameters.get("iterations")):
                waits[cell.method][cell.seed] = (detail(cell, "first_hit") or iterations + 1) / iterations
        what = f"share of the training until 95 % are right on {TITLES[case]}"
        of = best_of(what, OWN, waits, smaller=True, smallest=SMALLEST_SHARE)
        told = f" What matters is a difference of {number(SMALLEST_SHARE, 2)}; never right counts as one iteration too late."
        found.append(replace(of, evidence=of.evidence + told) if of.rule else of)
    return every(*found)


def _pattern(documents: Documents) -> Finding:
    document = results_of(documents, SECTION)
    cases = _cases(document, "pattern", "pattern generation", "mse")
    errors = {case: {name: measured(document, case, name, "mse") for name in METHODS} for case in cases}
    found = [best_of(f"error on the {TITLES[case]}", OWN, errors[case], smaller=True) for case in cases]
    told = f" What matters is a difference of {number(SMALLEST, 2)}: the curve runs from −1 to 1, errors are squared."
    return every(*(replace(of, evidence=of.evidence + told) if of.rule else of for of in found))


def _memory(documents: Documents) -> Finding:
    """Published: an accuracy before and after the reset, no control. Own runs: the reset against two controls."""
    document = results_of(documents, SECTION)
    if document.source == "published":
        return _published_memory(document.values.get("time_constants"))
    found = measured(document, "match-feedforward", OWN, "knock_out")
    if not found:
        raise NotTestable("No time constants were knocked out on match-to-sample (not run).")
    after = {which: {seed: one[which] for seed, one in found.items()} for which in ("long", "random", "short")}
    controls = {"as many others reset": after["random"], "all others reset": after["short"]}
    pairs = [{name: control, "long ones reset": after["long"]} for name, control in controls.items()]
    whole = every(*(difference_of("accuracy", pair) for pair in pairs))
    share = fmean(one["n_long"] / one["n"] for one in found.values())
    return replace(whole, evidence=f"{share:.1%} of the hidden layer's time constants are long. {whole.evidence}")


def _published_memory(table: Mapping[str, Any] | None) -> Finding:
    if not table:
        raise NotTestable("There is no figure of a reset of long time constants (not published).")
    drops = [a - b for a, b in zip(table["accuracy"], table["accuracy_reset"], strict=True)]
    evidence = (
        f"Resetting the {listed(f'{share:.1%}' for share in table['share_above_700_ms'])} of time constants above 700 ms costs "
        f"{listed(number(drop) for drop in drops)} of accuracy, from initial time constants of "
        f"{listed(f'{mu:g}' for mu in table['mu_ms'])} ms ({table['n_runs']} runs each, means only)."
    )
    doubt = "No control is published: what resetting as many others costs isn't known, nor the spread over runs."
    return Finding("undecided", evidence, doubt, "difference", "accuracy lost by the reset", min(drops))


def _weight_decay(documents: Documents) -> Finding:
    document = results_of(documents, SECTION)
    trials = measured(document, "speech-bins", OWN, "weight_decay")
    ratios = {seed: ratio for seed, trial in trials.items() if (ratio := shortening(trial)) is not None}
    if not ratios:
        raise NotTestable(f"There is no training with and without weight decay on the decays ({absence(document)}).")
    arithmetic = next(iter(trials.values()))
    pairs = sorted(zip(arithmetic["tau"], arithmetic["tau_after"], strict=True))
    shown = listed(f"{tau:g} to {after:.1f}" for tau, after in pairs)
    told = f"By arithmetic, the paper's weight decay alone takes time constants of {shown} steps"
    what = "time constants without weight decay, as a multiple of those with it (geometric mean over sets of synapses)"
    return quantity(what, list(ratios.values()), (1.0, float("inf")), told, 2)


def _robust(documents: Documents) -> Finding:
    document = results_of(documents, SECTION)
    if not measured(document, "speech-bins", OWN, "deletion"):
        raise NotTestable(f"There is no figure for disturbed spoken digits ({absence(document)}).")
    found = []
    for kind, words in (("deletion", "with spikes deleted"), ("warp", "with times stretched")):
        means = {name: under(document, kind, name) for name in METHODS}
        found.append(best_of(f"accuracy {words}, averaged over levels", OWN, means))
    return every(*found)


def _few(documents: Documents) -> Finding:
    document = results_of(documents, SECTION)
    found = {method: runs(document, "match-small", method) for method in METHODS}
    if not found[OWN]:
        raise NotTestable(f"There is no figure for few neurons ({absence(document)}).")
    size = min(run["hidden"] for run in found[OWN])
    means: dict[str, dict[int, float]] = {}
    for method, several in found.items():
        own = [run for run in several if run["hidden"] == size]
        seeds = dict.fromkeys(run["seed"] for run in own)
        means[method] = {seed: fmean(run["accuracy"] for run in own if run["seed"] == seed) for seed in seeds}
    return best_of(f"accuracy on match-to-sample with {size} neurons", OWN, means)


def _record(documents: Documents) -> Finding:
    """Published only: figures of one run each, copied from the papers."""
    document = results_of(documents, SECTION)
    log, others = document.values.get("shd_log"), document.values.get("competitors", {}).get("SHD")
    if not log or not others:
        raise NotTestable("The networks of the paper's table weren't trained here, so only its own figures can tell.")
    rival = max(others, key=others.__getitem__)
    lead, late = log["best"] - others[rival], log["last"] - others[rival]
    evidence = (
        f"HetSynLIF {log['best']:.4f}, the best of {len(others)} others {others[rival]:.4f} ({rival}): difference "
        f"{signed(lead)}, copied from the papers. HetSynLIF's figure is the best of the test accuracies after each epoch."
    )
    doubt = (
        f"After its last epoch it has {log['last']:.4f}, {signed(late)} from {rival}; over the epochs in which its learning "
        f"rate no longer changes it varies from {log['late_low']:.4f} to {log['late_high']:.4f}. One seed."
    )
    return Finding("undecided", evidence, doubt, "best", "accuracy on SHD, HetSynLIF − best of the others", lead, seeds=1)


def _one_case(documents: Documents, case: str) -> Documents:
    """The documents, with the HetSyn section's cut down to one task."""
    return {SECTION: of_case(results_of(documents, SECTION), case, TITLES[case])}


def _cases(document: Document, task: str, words: str, *path: str) -> list[str]:
    """The forms of a synthetic task, feedforward and recurrent, of which HetSynLIF has a figure."""
    names = [f"{task}-{form}" for form in ("feedforward", "recurrent")]
    if not (cases := [case for case in names if measured(document, case, OWN, *path)]):
        raise NotTestable(f"There is no figure for {words} ({absence(document)}).")
    return cases


PAPER = "Deng et al. 2025 (HetSyn)"
CLAIMS = tuple(
    Entry(f"hetsyn-{name}", text, where, {SECTION: methods}, test, tuple(cases))
    for text, (name, where, methods, test, *cases) in {
        "Heterogeneous synapses help where a task needs several time scales: HetSynLIF is best on match-to-sample.": (
            ("match", f"{PAPER}, Fig. 3", METHODS, _best_on("match-feedforward"), "match-feedforward")
        ),
        "HetSynLIF learns match-to-sample in the fewest iterations, feedforward and recurrent.": (
            ("fastest", f"{PAPER}, Fig. 3", METHODS, _fastest, "match-feedforward", "match-recurrent")
        ),
        "HetSynLIF generates the pattern with the smallest error, feedforward and recurrent.": (
            ("pattern", f"{PAPER}, Fig. 2", METHODS, _pattern, "pattern-feedforward", "pattern-recurrent")
        ),
        "A few long time constants carry the memory across the delay: resetting them costs more than resetting others.": (
            ("memory", f"{PAPER}, Table 4", (OWN,), _memory, "match-feedforward")
        ),
        "With few neurons, HetSynLIF is best on match-to-sample.": (
            ("few", f"{PAPER}, Fig. 3D to G", METHODS, _few, "match-small")
        ),
        "On spoken digits in 4 ms bins, HetSynLIF is best.": (
            ("speech", f"{PAPER}, Fig. 4A", METHODS, _best_on("speech-bins"), "speech-bins")
        ),
        "On spoken digits in 4 ms bins, HetSynLIF beats HetNeuLIF, that HomNeuALIF, and that HomNeuLIF.": (
            ("speech-order", f"{PAPER}, Fig. 4A", METHODS, _order_on_speech, "speech-bins")
        ),
        "HetSynLIF stays best on spoken digits when spikes are deleted or times are stretched.": (
            ("robust", f"{PAPER}, Figs. 4C, 4F and A4", METHODS, _robust, "speech-bins")
        ),
        "HetSynLIF has the highest test accuracy on SHD among the networks that the paper lists.": (
            ("shd", f"{PAPER}, Table 1", (OWN,), _record)
        ),
        "Weight decay on the decays by itself shortens time constants.": (
            ("weight-decay", "not in the HetSyn paper; follows from its code", (OWN,), _weight_decay, "speech-bins")
        ),
        "On this book's own tasks, radar and spoken digits in twelve frames, HetSynLIF is best too.": (
            ("book-tasks", "not in the HetSyn paper", METHODS, _best_on("radar", "speech"), "radar", "speech")
        ),
    }.items()
)
