"""Claims about the eight neuron types on spoken digits: mixed, disjoint and rotating speakers."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from statistics import fmean

from mstask import stats
from mstask.claims import Entry
from mstask.claims.findings import Documents, Finding, NotTestable, best_of, every, higher, listed, number, scores, signed
from mstask.claims.fragility import SIGNIFICANT
from mstask.studies.matching.declare import AUDIO_NEURONS as AUDIO
from mstask.summary.agreement import over_cases, rank_stability

CROSSINHIB, DOPPLER = "CrossInhib-LIF", "Doppler-LIF"
FAMILY = tuple(pair for pair in combinations(AUDIO, 2) if CROSSINHIB in pair or DOPPLER in pair)
"""Every pair that a claim on one audio split may compare: CrossInhib-LIF and Doppler-LIF with each other type."""


def _audio_winner(documents: Documents) -> Finding:
    return best_of(documents, "disjoint", CROSSINHIB, AUDIO, family=FAMILY)


def _audio_winner_mixed(documents: Documents) -> Finding:
    return best_of(documents, "mixed", CROSSINHIB, AUDIO, family=FAMILY)


def _crossinhib_beats_doppler(documents: Documents) -> Finding:
    return higher(documents, "disjoint", CROSSINHIB, DOPPLER, family=FAMILY)


def _doppler_sixth(documents: Documents) -> Finding:
    _, standing = scores(documents, "disjoint", *AUDIO)
    ranking = sorted(AUDIO, key=standing["rank"].__getitem__)
    place = ranking.index(DOPPLER) + 1
    if place != 6:
        others = ", ".join(ranking[: place - 1])
        return Finding(
            "contradicted",
            f"Doppler-LIF has rank {place} of {len(AUDIO)}{' behind ' + others if others else ''}.",
            f"It would have to change places with {abs(place - 6)} other types.",
        )
    return every(
        higher(documents, "disjoint", ranking[4], DOPPLER, family=FAMILY),
        higher(documents, "disjoint", DOPPLER, ranking[6], family=FAMILY),
    )


def _split_invariance(documents: Documents) -> Finding:
    """Spearman's rho between the rankings of the two splits, with its exact permutation p-value; Kendall's tau beside it.

    Supported: rho is positive with p < 0.05, both splits have the same winner, and p stays below 0.05 whichever
    one neuron type is left out. Fragile: positive, but one of these fails. Contradicted: not positive.
    """
    pairs, mixed, disjoint = _both_splits(documents)
    rho, p = stats.rank_correlation(*pairs)
    tau, tau_p = stats.kendall_tau(*pairs)
    evidence = (
        f"Spearman's rho is {signed(rho)} over {len(AUDIO)} neuron types, exact permutation p = {p:.3f}; "
        f"Kendall's tau is {signed(tau)}, exact p = {tau_p:.3f}."
    )
    if rho <= 0:
        return Finding("contradicted", evidence, f"Rho would have to rise by {number(-rho)} to be positive.")
    without = {
        name: stats.rank_correlation(*([v for j, v in enumerate(side) if j != i] for side in pairs))
        for i, name in enumerate(AUDIO)
    }
    worst = max(without, key=lambda name: without[name][1])
    top_mixed, top_disjoint = (min(AUDIO, key=s["rank"].__getitem__) for s in (mixed, disjoint))
    fragility = (
        f"Without {worst}, rho is {signed(without[worst][0])} and p = {without[worst][1]:.3f}; "
        f"the winner is {top_mixed} with mixed and {top_disjoint} with disjoint speakers."
    )
    firm = max(p, without[worst][1]) < SIGNIFICANT and top_mixed == top_disjoint
    return Finding("supported" if firm else "fragile", evidence, fragility)


def _scores_drop(documents: Documents) -> Finding:
    """Supported: every type scores lower with disjoint speakers. Fragile: the mean over types does. Contradicted: not."""
    (mixed, disjoint), *_ = _both_splits(documents)
    drops = {name: a - b for name, a, b in zip(AUDIO, mixed, disjoint, strict=True)}
    drop = fmean(drops.values())
    evidence = (
        f"Averaged over {len(AUDIO)} neuron types, macro-F1 is {number(fmean(mixed))} with mixed and "
        f"{number(fmean(disjoint))} with disjoint speakers: difference {signed(-drop)}, exact sign-flip "
        f"p = {stats.sign_flip(list(drops.values())):.3f}."
    )
    if drop <= 0:
        return Finding("contradicted", evidence, f"The mean drop would have to rise by {number(-drop)} to turn.")
    least = min(drops, key=drops.__getitem__)
    if rising := [name for name in AUDIO if drops[name] <= 0]:
        fragility = f"{listed(rising)} {'scores' if len(rising) == 1 else 'score'} no lower with disjoint speakers"
        return Finding("fragile", evidence, f"{fragility}; only a tolerance of {number(-drops[least])} would forgive that.")
    return Finding("supported", evidence, f"The smallest drop is {number(drops[least])} ({least}).")


def _stays_at_the_ends(documents: Documents) -> Finding:
    """CrossInhib-LIF near the top and Doppler-LIF near the bottom of the disjoint ranking.

    "Near" isn't defined in the paper. Supported: both within two places of their end. Fragile: both in their half.
    Contradicted otherwise. The fragility says for how many places the claim holds.
    """
    document, standing = scores(documents, "disjoint", *AUDIO)
    ranking = sorted(AUDIO, key=standing["rank"].__getitem__)
    top, bottom = ranking.index(CROSSINHIB) + 1, len(AUDIO) - ranking.index(DOPPLER)
    evidence = f"CrossInhib-LIF has rank {top} and Doppler-LIF rank {len(AUDIO) + 1 - bottom} of {len(AUDIO)}."
    if stability := rank_stability(document, ranking):
        shares = sum(stability.probabilities[CROSSINHIB][:2]), sum(stability.probabilities[DOPPLER][-2:])
        evidence += (
            f" Resampling {stability.over}, CrossInhib-LIF is among the best two in {shares[0]:.0%} and Doppler-LIF among "
            f"the last two in {shares[1]:.0%} of the draws."
        )
    verdict = "supported" if max(top, bottom) <= 2 else ("fragile" if max(top, bottom) <= 4 else "contradicted")
    return Finding(verdict, evidence, f"It holds where near an end means within {max(top, bottom)} places of it.")


def _rotation(documents: Documents) -> Finding:
    """Agreement of the rankings over held-out speaker pairs, beside the spread that seeds alone make.

    Supported: the rankings over pairs agree beyond chance (Kendall's W, p < 0.05), every pair has the same winner, and
    the standard deviation of neuron type x pair is no larger than that over seeds. Fragile: they agree beyond
    chance, but one of the others fails or there is a single seed. Contradicted: they don't agree beyond chance.
    """
    document, _ = scores(documents, "rotation", *AUDIO)
    found = over_cases(document, AUDIO)
    if found is None:
        raise NotTestable("There are fewer than two held-out pairs that all eight neuron types were run on.")
    winners = Counter(found.best.values())
    evidence = (
        f"Over {len(found.cases)} held-out pairs Kendall's W is {number(found.w)} ({_p(found.p)}); best: "
        + listed(f"{name} for {count}" for name, count in winners.items())
        + "."
    )
    least = found.least
    fragility = f"The rankings with {least.first} and {least.second} held out agree least, rho {signed(least.rho)}."
    if found.p >= SIGNIFICANT:
        return Finding("contradicted", evidence, fragility)
    parts = found.components
    if parts is None:
        return Finding("fragile", evidence, f"{fragility} There is a single seed, so pairs can't be told from chance.")
    evidence += (
        f" Over seeds, one pair at a time, W is {number(found.w_seeds)}. Standard deviations: neuron types "
        f"{number(parts.method)}, pairs {number(parts.case)}, type by pair {number(parts.interaction)} "
        f"({_p(parts.p_interaction)}), seeds {number(parts.seed)}."
    )
    firm = len(winners) == 1 and parts.interaction <= parts.seed
    return Finding("supported" if firm else "fragile", evidence, fragility)


def _both_splits(documents: Documents) -> tuple[list[list[float]], dict, dict]:
    """Return the mean macro-F1 of each type on the mixed and on the disjoint split, and both standings."""
    _, mixed = scores(documents, "mixed", *AUDIO)
    _, disjoint = scores(documents, "disjoint", *AUDIO)
    return [[s["methods"][name]["macro_f1"]["mean"] for name in AUDIO] for s in (mixed, disjoint)], mixed, disjoint


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


_TABLE = "Section 3.3, Table 3"
_FIXED = "Section 3.3, prediction fixed before the speaker-disjoint run"
CLAIMS = (
    Entry(
        "audio-winner",
        "CrossInhib-LIF is the best neuron type on speaker-disjoint audio.",
        _TABLE,
        {"disjoint": AUDIO},
        _audio_winner,
    ),
    Entry(
        "audio-winner-mixed",
        "CrossInhib-LIF is the best neuron type on audio with mixed speakers.",
        "Section 4.3, Fig. 4",
        {"mixed": AUDIO},
        _audio_winner_mixed,
    ),
    Entry(
        "crossinhib-doppler",
        "CrossInhib-LIF beats Doppler-LIF on speaker-disjoint audio, with the same sign at every seed.",
        _TABLE,
        {"disjoint": (CROSSINHIB, DOPPLER)},
        _crossinhib_beats_doppler,
    ),
    Entry(
        "doppler-sixth",
        "Doppler-LIF is sixth of eight neuron types on speaker-disjoint audio.",
        _TABLE,
        {"disjoint": AUDIO},
        _doppler_sixth,
    ),
    Entry(
        "disjoint-drop",
        "Macro-F1 is lower with disjoint than with mixed speakers.",
        _FIXED,
        {"mixed": AUDIO, "disjoint": AUDIO},
        _scores_drop,
    ),
    Entry(
        "disjoint-ends",
        "With disjoint speakers CrossInhib-LIF stays at or near the top and Doppler-LIF near the bottom.",
        _FIXED,
        {"disjoint": AUDIO},
        _stays_at_the_ends,
    ),
    Entry(
        "split-invariance",
        "The ranking of neuron types on audio doesn't depend on whether speakers are mixed or disjoint.",
        _TABLE,
        {"mixed": AUDIO, "disjoint": AUDIO},
        _split_invariance,
    ),
    Entry(
        "rotation",
        "The ranking of neuron types on audio doesn't depend on which speakers are held out.",
        "not in the paper",
        {"rotation": AUDIO},
        _rotation,
    ),
)
