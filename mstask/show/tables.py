"""Tables of claims, comparisons, capacity and neurons, and the data behind them: pure functions of documents and claims.

`ledgers` is a dictionary from voice (a key of `VOICES`) to the claims that it has judged; a missing one is `None`. Tables
hold text as the reader sees it, `data_...` holds full values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mstask import neurons
from mstask.claims import Claim
from mstask.claims.editions import changes, first_edition
from mstask.claims.evidence import PAPER_SEEDS
from mstask.claims.rules import RULES
from mstask.claims.words import interval
from mstask.neurons.description import describe
from mstask.protocol import PROTOCOL
from mstask.results.documents import Document
from mstask.results.voices import NOTHING, VERDICTS, by_voice, heading, label, marked
from mstask.show import takes_voices
from mstask.show.scores import difference, method_order, signed, told, voice_columns
from mstask.summary import standings, summarise
from mstask.summary.comparisons import Pair

JUDGED = (
    *("id", "text", "where", "verdict", "rule", "estimand", "estimate", "p", "smallest", "seeds"),
    *("evidence", "fragility", "profile", "budget", "converged", "paper_seeds"),
)
"""What the data file of the ledger holds of a claim, beside its interval."""


def table_comparisons(document: Document) -> pd.DataFrame:
    """Differences of macro-F1: seeds by their paired bootstrap intervals, the mean, and whether the intervals agree."""
    summary = summarise(document)
    rows = []
    for key, comparison in summary["comparisons"].items():
        against = "best homogeneous" if key.endswith("-best") else label(comparison.b)
        seeds = _by_seed(comparison.seeds)
        agree = {True: "yes", False: "no", None: NOTHING}[comparison.consistent]
        over_seeds = {"mean": signed(comparison.difference), "consistent": agree}
        rows.append({"difference": f"{label(comparison.a)} − {against}"} | seeds | over_seeds)
    return pd.DataFrame(rows).fillna(NOTHING)


def _by_seed(pairs: Mapping[str, Pair]) -> dict[str, str]:
    """The differences at up to three seeds, or at how many of more the interval lies above 0 and below."""
    if len(pairs) <= len(PROTOCOL.seeds):
        return {f"seed {seed}": difference(pair.difference, pair.low, pair.high) for seed, pair in pairs.items()}
    above = sum(pair.low is not None and pair.low > 0 for pair in pairs.values())
    below = sum(pair.high is not None and pair.high < 0 for pair in pairs.values())
    return {"seeds above 0": f"{above} of {len(pairs)}", "seeds below 0": f"{below} of {len(pairs)}"}


def table_capacity(document: Document) -> pd.DataFrame:
    """Width and parameter count of each network, and how far it lies from the vertical mix."""
    found = standings(document)["methods"]
    reference = found.get("D1_H1", {}).get("n_parameters")
    rows = []
    for name in filter(found.__contains__, method_order([document])):
        width, count = found[name]["width"], found[name]["n_parameters"]
        apart = told(count / reference - 1 if count and reference else None, "+.2%").replace("-", "−")
        rows.append((label(name), told(width, "d"), told(count, ","), apart))
    return pd.DataFrame(rows, columns=["network", "width", "parameters", "from the vertical mix"])


def table_neurons() -> pd.DataFrame:
    """The registered neuron types: learnt parameters per neuron and, in a few words, what they do."""
    rows = [
        (name, str(neurons.create(name, 4).params_per_neuron), describe(neurons.neuron_type(name)).summary)
        for name in neurons.names()
    ]
    return pd.DataFrame(rows, columns=["neuron", "learnt", "in short"])


def table_rules() -> pd.DataFrame:
    """The rules by which claims are judged, each in the words of its docstring."""
    rows = []
    for name, rule in RULES.items():
        claimed, _, told = (rule.__doc__ or "").strip().partition("\n\n")
        rows.append({"rule": name, "the claim": claimed.rstrip("."), "how it is judged": " ".join(told.split())})
    return pd.DataFrame(rows)


@takes_voices
def table_claims(ledgers: Mapping[str, Sequence[Claim] | None]) -> pd.DataFrame:
    """Each claim, indexed by its id, with its verdict in each voice."""
    rows: dict[str, dict[str, str]] = {}
    for voice, claims in by_voice(ledgers).items():
        for claim in claims:
            rows.setdefault(claim.id, {"claim": claim.text})[heading(voice)] = marked(claim.verdict)
    return voice_columns(pd.DataFrame.from_dict(rows, orient="index"), dict.fromkeys(ledgers))


@takes_voices
def table_verdicts(ledgers: Mapping[str, Sequence[Claim] | None]) -> pd.DataFrame:
    """How many claims have each verdict in each voice."""
    heard = by_voice(ledgers)
    rows = []
    for verdict in VERDICTS:
        counts = {heading(v): str(sum(claim.verdict == verdict for claim in claims)) for v, claims in heard.items()}
        rows.append({"verdict": marked(verdict)} | counts)
    return voice_columns(pd.DataFrame(rows), dict.fromkeys(ledgers))


@takes_voices
def data_claims(ledgers: Mapping[str, Sequence[Claim] | None]) -> pd.DataFrame:
    """Every claim in every voice: verdict, rule, estimand with its interval, and what stands beside it."""
    rows = [
        (voice, *(getattr(claim, name) for name in JUDGED), *(claim.interval or (None, None)))
        for voice, claims in by_voice(ledgers).items()
        for claim in claims
    ]
    return pd.DataFrame(rows, columns=["voice", *JUDGED, "low", "high"])


def data_comparisons(document: Document) -> pd.DataFrame:
    """Every difference of macro-F1 with its paired bootstrap interval, one row per comparison and seed."""
    rows = [
        (key, comparison.a, comparison.b, seed, pair.difference, pair.low, pair.high)
        for key, comparison in summarise(document)["comparisons"].items()
        for seed, pair in comparison.seeds.items()
    ]
    return pd.DataFrame(rows, columns=["comparison", "a", "b", "seed", "difference", "low", "high"])


@takes_voices
def table_changes(ledgers: Mapping[str, Sequence[Claim] | None]) -> pd.DataFrame:
    """Claims on which a voice says something else than in the first edition, and what turned the verdict."""
    found = changes(by_voice(ledgers), first_edition())
    rows = [(c.claim.text, heading(c.voice), c.before, marked(c.claim.verdict), "; ".join(c.because)) for c in found]
    return pd.DataFrame(rows, columns=["claim", "voice", "first edition", "now", "because of"])


@takes_voices
def table_seeds(ledgers: Mapping[str, Sequence[Claim] | None]) -> pd.DataFrame:
    """Claims of which more seeds were run than the paper's three: verdict and interval by those, and by all."""
    rows = []
    for voice, claims in by_voice(ledgers).items():
        for claim in claims:
            if not (by_three := claim.paper_seeds):
                continue
            then, now = claim.paper_interval, claim.interval
            quantity = claim.estimand + (f", {claim.demand}" if claim.demand else "")
            three = f"{marked(by_three)} {interval(then) if then else ''}".rstrip()
            every = f"{marked(claim.verdict)} {interval(now) if now else ''}".rstrip()
            width = f"{np.ptp(now) / np.ptp(then):.2f}" if then and now and np.ptp(then) else NOTHING
            rows.append((claim.text, heading(voice), quantity, three, every, width))
    columns = ["claim", "voice", "quantity", f"by seeds {PAPER_SEEDS}", "by all", "width, all : three"]
    return pd.DataFrame(rows, columns=columns)


@takes_voices
def table_editions(ledgers: Mapping[str, Sequence[Claim] | None]) -> pd.DataFrame:
    """How many claims each voice gives each verdict, in the first edition and now."""
    then, heard = first_edition().verdicts, by_voice(ledgers)
    gone = dict.fromkeys(verdict for told in then.values() for verdict in told.values() if verdict not in VERDICTS)
    rows = []
    for verdict in (*VERDICTS, *gone):
        row = {"verdict": marked(verdict) if verdict in VERDICTS else verdict}
        for voice, claims in heard.items():
            before = sum(told == verdict for told in then.get(voice, {}).values())
            row[heading(voice)] = f"{before} → {sum(claim.verdict == verdict for claim in claims)}"
        rows.append(row)
    return pd.DataFrame(rows)
