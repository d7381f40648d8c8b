"""The ledger: what the paper claims, and what a set of result documents says of each claim.

`mstask.findings` states the one rule by which every claim is judged. Three claims need more and say how in their
docstrings: `_split_invariance`, `_cnn_factor` and `_vertical_deficit`. For a prediction, "supported" means that it
came true.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

from scipy.stats import t as student_t

from mstask import results, stats, summary
from mstask.documents import Document
from mstask.findings import (
    SUBJECTS,
    Documents,
    Finding,
    NotTestable,
    every,
    find,
    higher,
    listed,
    number,
    scores,
    signed,
)

HOMOGENEOUS = ("D0_doppler", "D0_stft", "D0_chirp", "D0_dualtau")
RESONATORS = ("D0_doppler", "D0_stft", "D0_chirp")
AUDIO = (
    "CrossInhib-LIF",
    "Vanilla-LIF",
    "Dual-tau-LIF",
    "Chirp-LIF",
    "Beam-IF",
    "Doppler-LIF",
    "STFT-IF",
    "Phase-LIF",
)
SIGNIFICANT = 0.05
CLAIMED_FACTOR = 33.8
FACTOR_TOLERANCE = 0.1


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim of the paper and the verdict on it; `where` is its place in the paper."""

    id: str
    text: str
    where: str
    verdict: str
    evidence: str
    fragility: str


def ledger(source: str = "embedded") -> list[Claim]:
    """Judge every claim by the documents of one voice: "published", "embedded" or "run".

    Raises
    ------
    ResultsError
        An unknown source, or a damaged document; a missing one is no error but a verdict.
    """
    documents: dict[str, Document | None] = {}
    for section in SUBJECTS:
        try:
            documents[section] = results.load(section, source)
        except results.MissingResult:
            documents[section] = None
    return judge(documents)


def judge(documents: Documents) -> list[Claim]:
    """Judge every claim by the given documents (by section id; a missing or None one makes claims not testable)."""
    return [Claim(id, text, where, **dataclasses.asdict(find(test, documents))) for id, text, where, test in _CLAIMS]


def as_json(claims: Iterable[Claim]) -> list[dict[str, str]]:
    """Return claims as plain dictionaries with the keys id, text, where, verdict, evidence and fragility."""
    return [dataclasses.asdict(claim) for claim in claims]


def _wins(documents: Documents, section: str, winner: str, field: Sequence[str], matched: bool = False) -> Finding:
    """Judge "the winner scores higher than every other of the field", told by the closest rival that decides."""
    _, summarised = scores(documents, section, *field)
    rivals = sorted((name for name in field if name != winner), key=summarised["rank"].__getitem__)
    found = {rival: higher(documents, section, winner, rival, matched) for rival in rivals}
    worst = every(*found.values()).verdict
    first, *others = (finding for finding in found.values() if finding.verdict == worst)
    more = f" The verdict is the same against {len(others)} more." if others else ""
    return Finding(worst, first.evidence + more, first.fragility)


def _best(documents: Documents) -> str:
    _, summarised = scores(documents, "ablation", *HOMOGENEOUS)
    return min(HOMOGENEOUS, key=summarised["rank"].__getitem__)


def _heterogeneity(documents: Documents) -> Finding:
    best = _best(documents)
    return every(*(higher(documents, "ablation", best, m, matched=True) for m in ("D1_H1", "D2_concat")))


def _radar_winner(documents: Documents) -> Finding:
    return _wins(documents, "ablation", "D0_doppler", HOMOGENEOUS, matched=True)


def _bank_beats_homogeneous(documents: Documents) -> Finding:
    return higher(documents, "ablation", "D2_concat", _best(documents), matched=True)


def _bank_beats_vertical(documents: Documents) -> Finding:
    return higher(documents, "ablation", "D2_concat", "D1_H1", matched=True)


def _order_matters(documents: Documents) -> Finding:
    return every(*(higher(documents, "ablation", "D1_H1", m, matched=True) for m in ("D1_rev", "D1_perm1")))


def _vertical_deficit(documents: Documents) -> Finding:
    """P4: deficit = best homogeneous - vertical mix, each within its own data; the seeds are paired.

    The claim is that the deficit on audio is larger than on radar. The test examples differ, so there is no
    bootstrap: the interval is that of the per-seed differences of deficits.
    """
    audio, radar = (_deficit(documents, section) for section in ("probe", "ablation"))
    gap = audio["difference"] - radar["difference"]
    evidence = (
        f"The vertical mix's deficit is {number(audio['difference'])} on audio and {number(radar['difference'])} on "
        f"radar, a gap of {signed(gap)}."
    )
    if gap <= 0:
        return Finding("contradicted", evidence, f"The gap would have to rise by {number(-gap)} to turn.")
    common = [seed for seed in audio["seeds"] if seed in radar["seeds"]]
    if len(common) < 2:
        return Finding("fragile", evidence, "Fewer than two seeds are common to both.")
    gaps = [audio["seeds"][seed]["difference"] - radar["seeds"][seed]["difference"] for seed in common]
    low = stats.seed_interval(gaps)[1]
    fragility = f"The gap's interval over {len(gaps)} seeds begins at {number(low)}."
    return Finding("supported" if low > 0 else "fragile", evidence, fragility)


def _deficit(documents: Documents, section: str) -> dict[str, Any]:
    document, summarised = scores(documents, section, *HOMOGENEOUS, "D1_H1")
    best = min(HOMOGENEOUS, key=summarised["rank"].__getitem__)
    return summary.compare(document, best, "D1_H1")


def _resonator_wins(documents: Documents) -> Finding:
    _, summarised = scores(documents, "ablation", *HOMOGENEOUS)
    champion = min(RESONATORS, key=summarised["rank"].__getitem__)
    others = [name for name in HOMOGENEOUS if name not in RESONATORS]
    return _wins(documents, "ablation", champion, [champion, *others], matched=True)


def _crossinhib_beats_doppler(documents: Documents) -> Finding:
    return higher(documents, "disjoint", "CrossInhib-LIF", "Doppler-LIF")


def _doppler_sixth(documents: Documents) -> Finding:
    _, summarised = scores(documents, "disjoint", *AUDIO)
    ranking = sorted(AUDIO, key=summarised["rank"].__getitem__)
    place = ranking.index("Doppler-LIF") + 1
    if place != 6:
        others = ", ".join(ranking[: place - 1])
        return Finding(
            "contradicted",
            f"Doppler-LIF has rank {place} of {len(AUDIO)}{' behind ' + others if others else ''}.",
            f"It would have to change places with {abs(place - 6)} other types.",
        )
    return every(
        higher(documents, "disjoint", ranking[4], "Doppler-LIF"),
        higher(documents, "disjoint", "Doppler-LIF", ranking[6]),
    )


def _audio_winner(documents: Documents) -> Finding:
    return _wins(documents, "disjoint", "CrossInhib-LIF", AUDIO)


def _audio_winner_mixed(documents: Documents) -> Finding:
    return _wins(documents, "mixed", "CrossInhib-LIF", AUDIO)


def _split_invariance(documents: Documents) -> Finding:
    """Spearman's rho between the rankings of the two splits, with its exact permutation p-value.

    Supported: rho is positive with p < 0.05, both splits have the same winner, and p stays below 0.05 whichever
    one neuron type is left out. Fragile: positive, but one of these fails. Contradicted: not positive.
    """
    _, mixed = scores(documents, "mixed", *AUDIO)
    _, disjoint = scores(documents, "disjoint", *AUDIO)
    pairs = [[s["methods"][name]["macro_f1"]["mean"] for name in AUDIO] for s in (mixed, disjoint)]
    rho, p = stats.rank_correlation(*pairs)
    evidence = f"Spearman's rho is {signed(rho)} over {len(AUDIO)} neuron types, exact permutation p = {p:.3f}."
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


def _table_order(documents: Documents) -> Finding:
    order = ("Doppler-LIF", "Vanilla-LIF", "Parametric-LIF")
    return every(*(higher(documents, "search", a, b) for a, b in pairwise(order)))


def _cnn_factor(documents: Documents) -> Finding:
    """Cheapest CNN whose mean macro-F1 reaches the tuned Doppler-LIF network's, as a multiple of its proxy.

    Contradicted: that CNN costs no more. Supported: the factor is within a tenth of the claimed one, the target
    rests on several seeds, and every cheaper CNN stays below it with its whole 95 % interval over seeds (from
    the published standard deviation, divisor n, where there are no per-seed values). Fragile otherwise. The
    fragility lists the tolerances at which a cheaper CNN counts as matching, and the factor each leaves.
    """
    _, summarised = scores(documents, "frontier", "Doppler-LIF")
    methods = summarised["methods"]
    target, energy = methods["Doppler-LIF"]["macro_f1"], methods["Doppler-LIF"]["energy_uJ"]
    cnns = [n for n in summarised["ranking"] if summary.DENSE in n and methods[n]["energy_uJ"] is not None]
    if energy is None or not cnns:
        raise NotTestable(f"There is no operation-count proxy of both sides for {SUBJECTS['frontier']}.")
    factor = {name: methods[name]["energy_uJ"] / energy for name in cnns}
    f1 = {name: methods[name]["macro_f1"] for name in cnns}
    matching = [name for name in cnns if f1[name]["mean"] >= target["mean"]]
    if not matching:
        raise NotTestable(f"No CNN reaches Doppler-LIF's {number(target['mean'], 4)} for {SUBJECTS['frontier']}.")
    chosen = min(matching, key=factor.__getitem__)
    evidence = (
        f"Doppler-LIF reaches {number(target['mean'], 4)} at {energy:.1f} µJ; the cheapest CNN that does, {chosen} "
        f"with {number(f1[chosen]['mean'], 4)}, takes {factor[chosen] * energy:.1f} µJ: {factor[chosen]:.1f} times."
    )
    if factor[chosen] <= 1:
        return Finding("contradicted", evidence, "A CNN that costs no more reaches the same macro-F1.")
    cheaper = [name for name in cnns if factor[name] < factor[chosen]]
    reaching = [name for name in cheaper if _upper(f1[name]) >= target["mean"]]
    doubts = [
        f"A tolerance of {number(target['mean'] - f1[name]['mean'], 4)} admits {name} and leaves {factor[name]:.2f} times."
        for i, name in enumerate(cheaper)
        if factor[name] < min((factor[n] for n in cheaper[:i]), default=factor[chosen])
    ]
    if reaching:
        doubts.append(f"The 95 % interval over seeds reaches the target for {listed(reaching)}.")
    if target["n"] is None or target["n"] < 2:
        doubts.append("How Doppler-LIF's figure spreads over seeds is not known.")
    near = abs(factor[chosen] / CLAIMED_FACTOR - 1) <= FACTOR_TOLERANCE
    firm = near and not reaching and (target["n"] or 0) >= 2
    return Finding("supported" if firm else "fragile", evidence, " ".join(doubts) or "No cheaper CNN comes near.")


def _upper(score: dict[str, Any]) -> float:
    """Upper end of a mean's 95 % interval over seeds; infinite where the spread is unknown."""
    if score["high"] is not None:
        return score["high"]
    if score["sd"] is None or (score["n"] or 0) < 2:
        return math.inf
    return score["mean"] + float(student_t.ppf(0.975, score["n"] - 1)) * score["sd"] / math.sqrt(score["n"] - 1)


def _matched_beats_generic(documents: Documents) -> Finding:
    return higher(documents, "search", "Doppler-LIF", "Parametric-LIF", matched=True)


def _double_dissociation(documents: Documents) -> Finding:
    return every(
        higher(documents, "square", "Doppler-LIF", "CrossInhib-LIF"),
        higher(documents, "disjoint", "CrossInhib-LIF", "Doppler-LIF"),
    )


_RADAR = "Section 4.1, Fig. 3"
_FIXED = "Section 4.1, predictions fixed before the radar results"
_CLAIMS: tuple[tuple[str, str, str, Callable[[Documents], Finding]], ...] = (
    (
        "double-dissociation",
        "Doppler-LIF beats CrossInhib-LIF on radar, and CrossInhib-LIF beats Doppler-LIF on speaker-disjoint audio.",
        "Title; section 4.3, Fig. 5; section 3.3, Table 3",
        _double_dissociation,
    ),
    (
        "heterogeneity-radar",
        "At matched capacity the best homogeneous network beats the heterogeneous ones, vertical and bank, on radar.",
        _RADAR,
        _heterogeneity,
    ),
    ("radar-winner", "Among homogeneous networks, Doppler-LIF is best on radar.", _RADAR, _radar_winner),
    ("P1", "The bank beats the best homogeneous network on radar.", _FIXED, _bank_beats_homogeneous),
    ("P2", "The bank beats the vertical mix on radar.", _FIXED, _bank_beats_vertical),
    ("P3", "The vertical mix beats its reversed and its permuted order on radar.", _FIXED, _order_matters),
    (
        "P4",
        "The vertical mix's deficit against the best homogeneous network is smaller on radar than on audio.",
        _FIXED,
        _vertical_deficit,
    ),
    (
        "P5",
        "The best homogeneous network on radar is a spectro-temporal resonator: Doppler, Chirp or STFT.",
        _FIXED,
        _resonator_wins,
    ),
    (
        "audio-winner",
        "CrossInhib-LIF is the best neuron type on speaker-disjoint audio.",
        "Section 3.3, Table 3",
        _audio_winner,
    ),
    (
        "audio-winner-mixed",
        "CrossInhib-LIF is the best neuron type on audio with mixed speakers.",
        "Section 4.3, Fig. 4",
        _audio_winner_mixed,
    ),
    (
        "crossinhib-doppler",
        "CrossInhib-LIF beats Doppler-LIF on speaker-disjoint audio, with the same sign at every seed.",
        "Section 3.3, Table 3",
        _crossinhib_beats_doppler,
    ),
    (
        "doppler-sixth",
        "Doppler-LIF is sixth of eight neuron types on speaker-disjoint audio.",
        "Section 3.3, Table 3",
        _doppler_sixth,
    ),
    (
        "split-invariance",
        "The ranking of neuron types on audio doesn't depend on whether speakers are mixed or disjoint.",
        "Section 3.3, Table 3",
        _split_invariance,
    ),
    (
        "table2-order",
        "Tuned for radar, Doppler-LIF ranks above Vanilla-LIF, and Vanilla-LIF above Parametric-LIF.",
        "Section 4.2, Table 2",
        _table_order,
    ),
    (
        "matched-generic",
        "A matched neuron beats a generic learnable one: tuned Doppler-LIF beats tuned Parametric-LIF on radar.",
        "Section 4.2, Table 2",
        _matched_beats_generic,
    ),
    (
        "cnn-factor",
        "The cheapest CNN that matches the tuned Doppler-LIF network costs 33.8 times its operation-count proxy.",
        "Section 4.2, Table 2 and Fig. 1",
        _cnn_factor,
    ),
)
