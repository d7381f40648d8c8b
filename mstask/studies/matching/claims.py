"""The paper's claims on radar, on spoken digits and on their crossing, and the predictions fixed before the results.

Most are comparisons, judged by the one rule of `mstask.claims.findings`; those with a rule of their own state it.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from statistics import fmean

from mstask import stats
from mstask.claims import Entry
from mstask.claims.findings import (
    Documents,
    Finding,
    NotTestable,
    best_of,
    contrasted,
    every,
    higher,
    interval,
    listed,
    number,
    scores,
    signed,
)
from mstask.claims.fragility import SIGNIFICANT
from mstask.studies.matching.declare import AUDIO_NEURONS as AUDIO
from mstask.summary.agreement import over_cases, rank_stability
from mstask.summary.comparisons import spread, unit_scores

CROSSINHIB, DOPPLER = "CrossInhib-LIF", "Doppler-LIF"
HOMOGENEOUS = ("D0_doppler", "D0_stft", "D0_chirp", "D0_dualtau")
RESONATORS = HOMOGENEOUS[:3]
ON_RADAR = (
    *combinations(HOMOGENEOUS, 2),
    *(("best", mix) for mix in ("D1_H1", "D1_rev", "D2_concat")),
    ("D2_concat", "D1_H1"),
    ("D1_H1", "D1_rev"),
    ("D1_H1", "D1_perm1"),
)
"""Every pair that a claim on the ablation compares: its family."""
ON_AUDIO = tuple(pair for pair in combinations(AUDIO, 2) if CROSSINHIB in pair or DOPPLER in pair)
"""Every pair that a claim on one audio split may compare: CrossInhib-LIF and Doppler-LIF with each other type."""


def _best(documents: Documents, section: str = "ablation", *others: str) -> str:
    _, standing = scores(documents, section, *HOMOGENEOUS, *others)
    return min(HOMOGENEOUS, key=standing["rank"].__getitem__)


def _beats(documents: Documents, a: str, *others: str) -> Finding:
    """At matched capacity a scores higher on radar than each of the others."""
    return every(*(higher(documents, "ablation", a, b, matched=True, family=ON_RADAR) for b in others))


def _wins(documents: Documents, section: str) -> Finding:
    """CrossInhib-LIF is the best type on a split of the words."""
    return best_of(documents, section, CROSSINHIB, AUDIO, family=ON_AUDIO)


def _crosses(documents: Documents) -> Finding:
    on_audio = higher(documents, "disjoint", CROSSINHIB, DOPPLER, family=ON_AUDIO)
    return every(higher(documents, "square", DOPPLER, CROSSINHIB), on_audio)


def _doppler_reproduced(documents: Documents) -> Finding:
    """Two runs of the same network agree.

    Supported: each run's mean lies in the other's 95 % interval over seeds. Fragile: in one of the two, or there is no
    interval. Contradicted: in neither. Agreement by this rule may be a lack of seeds, so the fragility gives the
    smallest difference that a paired t test over these seeds finds with 80 % power, and the margin within which the
    runs are shown to be equivalent.
    """
    first, square = scores(documents, "square", "Doppler-LIF")
    second, ablation = scores(documents, "ablation", "D0_doppler")
    again, before = square["methods"]["Doppler-LIF"]["macro_f1"], ablation["methods"]["D0_doppler"]["macro_f1"]
    shown = [number(f["mean"]) + (f" {interval(f)}" if f["low"] is not None else "") for f in (again, before)]
    evidence = (
        f"Doppler-LIF reaches {shown[0]} beside the audio neurons and {shown[1]} in the ablation: difference "
        f"{signed(again['mean'] - before['mean'])}."
    )
    if again["low"] is None or before["low"] is None:
        return Finding("fragile", evidence, "The spread over seeds is not known for both.")
    inside = [a["low"] <= b["mean"] <= a["high"] for a, b in ((again, before), (before, again))]
    verdict = {2: "supported", 1: "fragile", 0: "contradicted"}[sum(inside)]
    units = unit_scores(first, "Doppler-LIF"), unit_scores(second, "D0_doppler")
    differences = [units[0][seed] - units[1][seed] for seed in units[0] if seed in units[1]]
    if len(differences) < 2:
        return Finding(verdict, evidence, "Fewer than two seeds are common to both.")
    sd = spread(differences)["sd"]
    fragility = (
        f"{len(differences)} seeds of this spread would miss a true difference below "
        f"{number(stats.minimum_detectable_difference(sd, len(differences)))} more often than one time in five; "
        f"the runs are shown to agree only within ±{number(stats.equivalence_margin(differences))}."
    )
    return Finding(verdict, evidence, fragility)


def _vertical_deficit(documents: Documents) -> Finding:
    """P4: deficit = best homogeneous - vertical mix, each within its own data.

    The audio side is the probe, whose split mixes the speakers; macro-F1 stands for its accuracy on both sides.
    """
    audio, radar = ((section, _best(documents, section, "D1_H1"), "D1_H1") for section in ("probe", "ablation"))
    return contrasted(documents, audio, radar)


def _resonator_wins(documents: Documents) -> Finding:
    _, standing = scores(documents, "ablation", *HOMOGENEOUS)
    champion = min(RESONATORS, key=standing["rank"].__getitem__)
    others = [name for name in HOMOGENEOUS if name not in RESONATORS]
    return best_of(documents, "ablation", champion, [champion, *others], matched=True, family=ON_RADAR)


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
        higher(documents, "disjoint", ranking[4], DOPPLER, family=ON_AUDIO),
        higher(documents, "disjoint", DOPPLER, ranking[6], family=ON_AUDIO),
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


RADAR, TABLE = "Section 4.1, Fig. 3", "Section 3.3, Table 3"
BEFORE_RADAR = "Section 4.1, predictions fixed before the radar results"
BEFORE_AUDIO = "Section 3.3, prediction fixed before the speaker-disjoint run"
CLAIMS = (
    Entry(
        "double-dissociation",
        "Doppler-LIF beats CrossInhib-LIF on radar, and CrossInhib-LIF beats Doppler-LIF on speaker-disjoint audio.",
        "Title; section 4.3, Fig. 5; section 3.3, Table 3",
        {"square": (DOPPLER, CROSSINHIB), "disjoint": (DOPPLER, CROSSINHIB)},
        _crosses,
    ),
    Entry(
        "interaction",
        "Doppler-LIF's lead over CrossInhib-LIF is larger on radar than on speaker-disjoint audio.",
        "Title; section 4.3, Fig. 5",
        {"square": (DOPPLER, CROSSINHIB), "disjoint": (DOPPLER, CROSSINHIB)},
        lambda documents: contrasted(documents, ("square", DOPPLER, CROSSINHIB), ("disjoint", DOPPLER, CROSSINHIB)),
    ),
    Entry(
        "doppler-reproduced",
        "Run again beside the audio neurons, Doppler-LIF reproduces its score of the radar ablation.",
        "Section 4.3, Fig. 5",
        {"square": (DOPPLER,), "ablation": ("D0_doppler",)},
        _doppler_reproduced,
    ),
    Entry(
        "heterogeneity-radar",
        "At matched capacity the best homogeneous network beats the heterogeneous ones, vertical and bank, on radar.",
        RADAR,
        {"ablation": (*HOMOGENEOUS, "D1_H1", "D2_concat")},
        lambda documents: _beats(documents, _best(documents), "D1_H1", "D2_concat"),
    ),
    Entry(
        "radar-winner",
        "Among homogeneous networks, Doppler-LIF is best on radar.",
        RADAR,
        {"ablation": HOMOGENEOUS},
        lambda documents: best_of(documents, "ablation", "D0_doppler", HOMOGENEOUS, matched=True, family=ON_RADAR),
    ),
    Entry(
        "P1",
        "The bank beats the best homogeneous network on radar.",
        BEFORE_RADAR,
        {"ablation": (*HOMOGENEOUS, "D2_concat")},
        lambda documents: _beats(documents, "D2_concat", _best(documents)),
    ),
    Entry(
        "P2",
        "The bank beats the vertical mix on radar.",
        BEFORE_RADAR,
        {"ablation": ("D2_concat", "D1_H1")},
        lambda documents: _beats(documents, "D2_concat", "D1_H1"),
    ),
    Entry(
        "P3",
        "The vertical mix beats its reversed and its permuted order on radar.",
        BEFORE_RADAR,
        {"ablation": ("D1_H1", "D1_rev", "D1_perm1")},
        lambda documents: _beats(documents, "D1_H1", "D1_rev", "D1_perm1"),
    ),
    Entry(
        "P4",
        "The vertical mix's deficit against the best homogeneous network is smaller on radar than on audio.",
        BEFORE_RADAR,
        {"probe": (*HOMOGENEOUS, "D1_H1"), "ablation": (*HOMOGENEOUS, "D1_H1")},
        _vertical_deficit,
    ),
    Entry(
        "P5",
        "The best homogeneous network on radar is a spectro-temporal resonator: Doppler, Chirp or STFT.",
        BEFORE_RADAR,
        {"ablation": HOMOGENEOUS},
        _resonator_wins,
    ),
    Entry(
        "audio-winner",
        "CrossInhib-LIF is the best neuron type on speaker-disjoint audio.",
        TABLE,
        {"disjoint": AUDIO},
        lambda documents: _wins(documents, "disjoint"),
    ),
    Entry(
        "audio-winner-mixed",
        "CrossInhib-LIF is the best neuron type on audio with mixed speakers.",
        "Section 4.3, Fig. 4",
        {"mixed": AUDIO},
        lambda documents: _wins(documents, "mixed"),
    ),
    Entry(
        "crossinhib-doppler",
        "CrossInhib-LIF beats Doppler-LIF on speaker-disjoint audio, with the same sign at every seed.",
        TABLE,
        {"disjoint": (CROSSINHIB, DOPPLER)},
        lambda documents: higher(documents, "disjoint", CROSSINHIB, DOPPLER, family=ON_AUDIO),
    ),
    Entry(
        "doppler-sixth",
        "Doppler-LIF is sixth of eight neuron types on speaker-disjoint audio.",
        TABLE,
        {"disjoint": AUDIO},
        _doppler_sixth,
    ),
    Entry(
        "disjoint-drop",
        "Macro-F1 is lower with disjoint than with mixed speakers.",
        BEFORE_AUDIO,
        {"mixed": AUDIO, "disjoint": AUDIO},
        _scores_drop,
    ),
    Entry(
        "disjoint-ends",
        "With disjoint speakers CrossInhib-LIF stays at or near the top and Doppler-LIF near the bottom.",
        BEFORE_AUDIO,
        {"disjoint": AUDIO},
        _stays_at_the_ends,
    ),
    Entry(
        "split-invariance",
        "The ranking of neuron types on audio doesn't depend on whether speakers are mixed or disjoint.",
        TABLE,
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
