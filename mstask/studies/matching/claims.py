"""The paper's claims on radar, on spoken digits and on their crossing, and the predictions fixed before the results."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np

from mstask.claims import Entry
from mstask.claims.figures import Documents, NotTestable, results_of, scores
from mstask.claims.findings import NEGATIVE, POSITIVE, Finding, every
from mstask.claims.rules import SMALLEST, Drawn, agreement, best, contrast, difference, place, quantity
from mstask.claims.words import listed, opening, subject
from mstask.results.documents import Document
from mstask.results.voices import label
from mstask.studies.matching.declare import ALL_NEURONS, AUDIO_NEURONS as AUDIO
from mstask.studies.matching.flips import ALPHA, firm, pairs_of
from mstask.summary.comparisons import BEST, common_places, with_best

CROSSINHIB, DOPPLER = "CrossInhib-LIF", "Doppler-LIF"
HOMOGENEOUS = ("D0_doppler", "D0_stft", "D0_chirp", "D0_dualtau")
OTHER = HOMOGENEOUS[3]
LEAD = {DOPPLER: 1.0, CROSSINHIB: -1.0}
ON_RADAR = (
    *((BEST, mix) for mix in ("D1_H1", "D1_rev", "D2_concat")),
    ("D2_concat", "D1_H1"),
    ("D1_H1", "D1_rev"),
    ("D1_H1", "D1_perm1"),
)
"""Every pair that the paper's bootstrap or a claim on the ablation compares: its family."""
ON_AUDIO = tuple(pair for pair in combinations(AUDIO, 2) if CROSSINHIB in pair or DOPPLER in pair)
"""Every pair that a claim on one audio split may compare: CrossInhib-LIF and Doppler-LIF with each other type."""


def crossed(documents: Documents, first: str, second: str, a: str, b: str, on_audio: Container[str] = ("disjoint",)) -> Finding:
    """The first neuron type beats the second in the first section, and the second the first in the second section.

    In sections on audio their difference belongs to the family of those that claims compare there.
    """
    sides = ((first, a, b), (second, b, a))
    return every(*(difference(documents, s, *pair, family=ON_AUDIO if s in on_audio else ()) for s, *pair in sides))


def _doppler_reproduced(documents: Documents) -> Finding:
    sides = ("square", {DOPPLER: 1.0}), ("ablation", {"D0_doppler": 1.0})
    return contrast(documents, *sides, "macro-F1 of Doppler-LIF", region=(-SMALLEST, SMALLEST))


def _against_best(documents: Documents, mix: str, ahead: bool) -> Finding:
    """Judge a mix against the best homogeneous network, at matched capacity.

    That network is chosen on validation scores, seed by seed. Where they aren't published, all four are compared at once.
    """
    document, _ = scores(documents, "ablation", *HOMOGENEOUS, mix)
    chosen = with_best(document, HOMOGENEOUS)
    if chosen is None:
        field = (mix, *HOMOGENEOUS)
        return best(documents, "ablation", mix, field) if ahead else best(documents, "ablation", mix, field, region=NEGATIVE)
    pair = (mix, BEST) if ahead else (BEST, mix)
    return difference({"ablation": chosen}, "ablation", *pair, matched=True, family=ON_RADAR)


def _beats(documents: Documents, a: str, *others: str) -> Finding:
    """At matched capacity a scores higher on radar than each of the others.

    The family holds the comparisons with the best homogeneous network, too, where that can be chosen on validation scores.
    """
    document = results_of(documents, "ablation")
    given = {"ablation": with_best(document, HOMOGENEOUS) or document}
    return every(*(difference(given, "ablation", a, b, matched=True, family=ON_RADAR) for b in others))


def _vertical_deficit(documents: Documents) -> Finding:
    """P4: deficit = best homogeneous - vertical mix, each within its own data, at equal budgets.

    The audio side is taken to be the probe, the only run of a vertical mix on audio in the paper's scripts; its split mixes the
    speakers. Macro-F1 stands for its accuracy on both sides. The probe has fifteen epochs there, the ablation trains until
    validation stops improving.
    """
    sides = [_deficit(documents, section) for section in ("probe", "ablation")]
    budgets = [document.cells[0].parameters.get("max_epochs") for document, _ in sides if document.cells]
    if len(set(budgets)) != 1:
        told = f"up to {budgets[0]} epochs against up to {budgets[1]}" if budgets else "fifteen epochs against two hundred"
        raise NotTestable(f"{opening(subject('probe'))} and {subject('ablation')} were trained on unlike budgets: {told}.")
    given = {section: document for section, (document, _) in zip(("probe", "ablation"), sides, strict=True)}
    weights = [("probe", sides[0][1]), ("ablation", sides[1][1])]
    return contrast(given, *weights, "deficit of the vertical mix")


def _deficit(documents: Documents, section: str) -> tuple[Document, dict[str, float]]:
    document, standing = scores(documents, section, *HOMOGENEOUS, "D1_H1")
    chosen = with_best(document, HOMOGENEOUS)
    reference = BEST if chosen else min(HOMOGENEOUS, key=standing["rank"].__getitem__)
    return chosen or document, {reference: 1.0, "D1_H1": -1.0}


def _split_invariance(documents: Documents) -> Finding:
    sides = [(scores(documents, section, *AUDIO)[0], AUDIO) for section in ("mixed", "disjoint")]
    return agreement(sides, "the rankings with mixed and with disjoint speakers")


def _scores_drop(documents: Documents) -> Finding:
    average = dict.fromkeys(AUDIO, 1 / len(AUDIO))
    return contrast(documents, ("mixed", average), ("disjoint", average), "macro-F1, averaged over neuron types")


def _stays_at_the_ends(documents: Documents) -> Finding:
    """CrossInhib-LIF near the top and Doppler-LIF near the bottom: "near" isn't defined in the paper, each half is taken."""
    half = len(AUDIO) // 2
    ends = {CROSSINHIB: range(1, half + 1), DOPPLER: range(half + 1, len(AUDIO) + 1)}
    return every(*(place(documents, "disjoint", name, AUDIO, places) for name, places in ends.items()))


def _rotation(documents: Documents) -> Finding:
    document, _ = scores(documents, "rotation", *AUDIO)
    cases = sorted({cell.case for cell in document.cells if cell.case})
    pairs = [case for case in cases if common_places(document.of_case(case), AUDIO)]
    if len(pairs) < 2:
        raise NotTestable("There are fewer than two choices of held-out speakers that all eight neuron types were run on.")
    sides = [(document.of_case(case), AUDIO) for case in pairs]
    return agreement(sides, f"the rankings, one for each of {len(pairs)} choices of held-out speakers, compared in all pairs")


def _some_pair(documents: Documents) -> Finding:
    """Some pair of neuron types, whichever, changes order between radar and speech.

    The estimand is, of a pair, the smaller of two leads, that of one type on radar and that of the other on speech; and of all
    pairs the largest. It is positive if any pair flips. Its interval holds for all pairs at once, by Bonferroni's correction.
    """
    radar, speech = (scores(documents, section, *ALL_NEURONS)[0] for section in ("square", "disjoint"))
    pairs = pairs_of(radar, speech, ALL_NEURONS)
    if len(pairs) < math.comb(len(ALL_NEURONS), 2):
        raise NotTestable("Some pairs of neuron types have no seed in common.")
    chances = [pair.p for pair in pairs]
    spans = [pair.turned(1 - ALPHA / len(pairs)) for pair in pairs] if None not in chances else []
    bounds = (max(low for low, _ in spans), max(high for _, high in spans)) if spans else None
    ahead: dict[str, list[str]] = {}
    for pair in firm(pairs):
        on_radar, on_speech = pair.winners
        ahead.setdefault(on_radar, []).append(label(on_speech))
    surely = (f"{label(name)} is ahead of {listed(others)} on radar and behind on speech" for name, others in ahead.items())
    told = f"{sum(pair.differs for pair in pairs)} of {len(pairs)} pairs have another order on speech than on radar; "
    told += f"surely, corrected for all of them, {'; '.join(surely) or 'none'}"
    surest = pairs[int(np.argmin(chances))] if spans else pairs[0]
    n, unit = min((estimate.n, estimate.unit) if estimate else (0, "seed") for estimate in surest.estimates)
    drawn = Drawn(max(pair.flip for pair in pairs), bounds, n)
    found = quantity("largest of all pairs' smaller lead", drawn, POSITIVE, told, unit=unit)
    return replace(found, p=min(1.0, len(pairs) * min(chances))) if spans else found


RADAR, TABLE = "Section 4.1, Fig. 3", "Section 3.3, Table 3"
BEFORE_RADAR = "Section 4.1, predictions fixed before the radar results"
BEFORE_AUDIO = "Section 3.3, prediction fixed before the speaker-disjoint run"
General = partial(Entry, general=True)
"""A claim that recordings can stand for."""
CLAIMS = (
    General(
        "double-dissociation",
        "Doppler-LIF beats CrossInhib-LIF on radar, and CrossInhib-LIF beats Doppler-LIF on speaker-disjoint audio.",
        "Title; section 4.3, Fig. 5; section 3.3, Table 3",
        {"square": (DOPPLER, CROSSINHIB), "disjoint": (DOPPLER, CROSSINHIB)},
        lambda documents: crossed(documents, "square", "disjoint", DOPPLER, CROSSINHIB),
    ),
    General(
        "interaction",
        "Doppler-LIF's lead over CrossInhib-LIF is larger on radar than on speaker-disjoint audio.",
        "Title; section 4.3, Fig. 5",
        {"square": (DOPPLER, CROSSINHIB), "disjoint": (DOPPLER, CROSSINHIB)},
        lambda documents: contrast(documents, ("square", LEAD), ("disjoint", LEAD), "lead of Doppler-LIF over CrossInhib-LIF"),
    ),
    General(
        "some-pair",
        "Some pair of neuron types changes places between radar and speaker-disjoint audio.",
        "not in the paper; asked once the scores were known",
        {"square": ALL_NEURONS, "disjoint": ALL_NEURONS},
        _some_pair,
    ),
    Entry(
        "doppler-reproduced",
        "Run again beside the audio neurons, Doppler-LIF reproduces its score of the radar ablation.",
        "Section 4.3, Fig. 5",
        {"square": (DOPPLER,), "ablation": ("D0_doppler",)},
        _doppler_reproduced,
    ),
    General(
        "heterogeneity-radar",
        "At matched capacity the best homogeneous network beats the heterogeneous ones, vertical and bank, on radar.",
        RADAR,
        {"ablation": (*HOMOGENEOUS, "D1_H1", "D2_concat")},
        lambda documents: every(*(_against_best(documents, mix, ahead=False) for mix in ("D1_H1", "D2_concat"))),
    ),
    General(
        "radar-winner",
        "Among homogeneous networks, Doppler-LIF is best on radar.",
        RADAR,
        {"ablation": HOMOGENEOUS},
        lambda documents: best(documents, "ablation", "D0_doppler", HOMOGENEOUS),
    ),
    General(
        "P1",
        "The bank beats the best homogeneous network on radar.",
        BEFORE_RADAR,
        {"ablation": (*HOMOGENEOUS, "D2_concat")},
        lambda documents: _against_best(documents, "D2_concat", ahead=True),
    ),
    General(
        "P2",
        "The bank beats the vertical mix on radar.",
        BEFORE_RADAR,
        {"ablation": ("D2_concat", "D1_H1")},
        lambda documents: _beats(documents, "D2_concat", "D1_H1"),
    ),
    General(
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
    General(
        "P5",
        "The best homogeneous network on radar is a spectro-temporal resonator: Doppler, Chirp or STFT.",
        BEFORE_RADAR,
        {"ablation": HOMOGENEOUS},
        lambda documents: best(documents, "ablation", OTHER, HOMOGENEOUS, region=NEGATIVE),
    ),
    General(
        "audio-winner",
        "CrossInhib-LIF is the best neuron type on speaker-disjoint audio.",
        f"suggested by the title; {TABLE} has another first",
        {"disjoint": AUDIO},
        lambda documents: best(documents, "disjoint", CROSSINHIB, AUDIO),
    ),
    General(
        "audio-winner-mixed",
        "CrossInhib-LIF is the best neuron type on audio with mixed speakers.",
        "Section 4.3, Fig. 4",
        {"mixed": AUDIO},
        lambda documents: best(documents, "mixed", CROSSINHIB, AUDIO),
    ),
    General(
        "crossinhib-doppler",
        "CrossInhib-LIF beats Doppler-LIF on speaker-disjoint audio.",
        TABLE,
        {"disjoint": (CROSSINHIB, DOPPLER)},
        lambda documents: difference(documents, "disjoint", CROSSINHIB, DOPPLER, family=ON_AUDIO),
    ),
    Entry(
        "doppler-sixth",
        "Doppler-LIF is sixth of eight neuron types on speaker-disjoint audio.",
        TABLE,
        {"disjoint": AUDIO},
        lambda documents: place(documents, "disjoint", DOPPLER, AUDIO, (6,)),
    ),
    General(
        "disjoint-drop",
        "Macro-F1 is lower with disjoint than with mixed speakers.",
        BEFORE_AUDIO,
        {"mixed": AUDIO, "disjoint": AUDIO},
        _scores_drop,
    ),
    General(
        "disjoint-ends",
        "With disjoint speakers CrossInhib-LIF stays at or near the top and Doppler-LIF near the bottom.",
        BEFORE_AUDIO,
        {"disjoint": AUDIO},
        _stays_at_the_ends,
    ),
    General(
        "split-invariance",
        "The ranking of neuron types on audio doesn't depend on whether speakers are mixed or disjoint.",
        f"suggested by the rank correlation beside {TABLE}",
        {"mixed": AUDIO, "disjoint": AUDIO},
        _split_invariance,
    ),
    General(
        "rotation",
        "The ranking of neuron types on audio doesn't depend on which speakers are held out.",
        "not in the paper",
        {"rotation": AUDIO},
        _rotation,
    ),
)
