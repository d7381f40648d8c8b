"""Claims that set radar against audio: the double dissociation, its interaction contrast, and the run that closes it."""

from __future__ import annotations

from mstask import stats
from mstask.claims import Entry
from mstask.claims.findings import Documents, Finding, contrasted, every, higher, interval, number, scores, signed
from mstask.studies.matching import audio_claims as audio_claims
from mstask.summary.comparisons import spread, unit_scores

PAIR = ("Doppler-LIF", "CrossInhib-LIF")


def _double_dissociation(documents: Documents) -> Finding:
    return every(
        higher(documents, "square", *PAIR),
        higher(documents, "disjoint", *reversed(PAIR), family=audio_claims.FAMILY),
    )


def _interaction(documents: Documents) -> Finding:
    """The contrast (Doppler - CrossInhib on radar) - (Doppler - CrossInhib on audio); positive without any crossing
    where one neuron wins everywhere, but by more in one domain."""
    return contrasted(documents, ("square", *PAIR), ("disjoint", *PAIR))


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


CLAIMS = (
    Entry(
        "double-dissociation",
        "Doppler-LIF beats CrossInhib-LIF on radar, and CrossInhib-LIF beats Doppler-LIF on speaker-disjoint audio.",
        "Title; section 4.3, Fig. 5; section 3.3, Table 3",
        {"square": PAIR, "disjoint": PAIR},
        _double_dissociation,
    ),
    Entry(
        "interaction",
        "Doppler-LIF's lead over CrossInhib-LIF is larger on radar than on speaker-disjoint audio.",
        "Title; section 4.3, Fig. 5",
        {"square": PAIR, "disjoint": PAIR},
        _interaction,
    ),
    Entry(
        "doppler-reproduced",
        "Run again beside the audio neurons, Doppler-LIF reproduces its score of the radar ablation.",
        "Section 4.3, Fig. 5",
        {"square": ("Doppler-LIF",), "ablation": ("D0_doppler",)},
        _doppler_reproduced,
    ),
)
