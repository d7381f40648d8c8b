"""Every table of book and notebooks, and the plain data behind tables and plots: pure functions of result documents.

`documents` is a dictionary from voice ("published", "embedded", "run") to document; a missing one is `None`. Tables
hold text as the reader sees it, `data_...` holds full values. Sections and neurons are imported where they are used:
they load PyTorch, which a page without them need not wait for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from mstask.claims import Claim, judge
from mstask.documents import Document
from mstask.summary import summarise
from mstask.voices import LABELS, NOTHING, VOICES, by_voice, heading, label, marked

Documents = Mapping[str, Document | None]

NBSP = "\N{NO-BREAK SPACE}"
PREDICTIONS = ("P1", "P2", "P3", "P4", "P5")


def table_ablation(documents: Documents) -> pd.DataFrame:
    """Methods of the matched-capacity ablation: neurons, parameters, and macro-F1 in each voice."""
    from mstask.architectures import ABLATED

    table = _scores(documents)
    neurons = [_neurons(ABLATED.get(name)) for name in table.index]
    summaries = [summarise(document) for document in by_voice(documents).values() if document.cells]
    counts = [_first(summaries, name, "n_parameters") for name in table.index]
    table.insert(1, "neurons", neurons)
    table.insert(2, "parameters", [f"{count:,}" if count is not None else NOTHING for count in counts])
    return table.reset_index(drop=True)


def table_disjoint(document: Document) -> pd.DataFrame:
    """Neurons on speaker-disjoint spoken digits, best first: macro-F1 of every seed, and over seeds."""
    summary = summarise(document)
    rows = []
    for name in summary["ranking"]:
        method = summary["methods"][name]
        per_seed = dict(zip(method["seeds"], method["macro_f1"]["values"], strict=True))
        seeds = {f"seed {s}": f"{per_seed[s]:.3f}" if s in per_seed else NOTHING for s in summary["seeds"]}
        over_seeds = {"mean ± sd [95 % interval]": score(method["macro_f1"]), "rank": str(summary["rank"][name])}
        rows.append({"neuron": label(name)} | seeds | over_seeds)
    return pd.DataFrame(rows)


def table_comparisons(document: Document) -> pd.DataFrame:
    """Differences of macro-F1: each seed with its paired bootstrap interval, their mean, and whether they agree."""
    summary = summarise(document)
    rows = []
    for key, comparison in summary["comparisons"].items():
        against = "best homogeneous" if key.endswith("-best") else label(comparison["b"])
        seeds = {f"seed {seed}": _difference(pair) for seed, pair in comparison["seeds"].items()}
        agree = {True: "yes", False: "no", None: NOTHING}[comparison["consistent"]]
        over_seeds = {"mean": signed(comparison["difference"]), "consistent": agree}
        rows.append({"difference": f"{label(comparison['a'])} − {against}"} | seeds | over_seeds)
    return pd.DataFrame(rows).fillna(NOTHING)


def table_capacity(document: Document) -> pd.DataFrame:
    """Width and parameter count of each network, and how far it lies from the vertical mix."""
    summary = summarise(document)
    methods = {name: summary["methods"][name] for name in method_order([document]) if name in summary["methods"]}
    reference = methods.get("D1_H1", {}).get("n_parameters")
    rows = []
    for name, method in methods.items():
        count = method["n_parameters"]
        known = reference is not None and count is not None
        rows.append(
            {
                "network": label(name),
                "width": str(method["width"] or NOTHING),
                "parameters": f"{count:,}" if count is not None else NOTHING,
                "from the vertical mix": f"{count / reference - 1:+.2%}".replace("-", "−") if known else NOTHING,
            }
        )
    return pd.DataFrame(rows)


def table_methods() -> pd.DataFrame:
    """The networks of the matched-capacity ablation."""
    from mstask.architectures import ABLATED

    rows = [{"network": label(name), "id": name, "neurons": _neurons(network)} for name, network in ABLATED.items()]
    return pd.DataFrame(rows)


def table_neurons() -> pd.DataFrame:
    """The registered neuron types: learnt parameters per neuron and, in a few words, what they do."""
    from mstask import neurons

    rows = []
    for name in neurons.names():
        first = (neurons.neuron_type(name).__doc__ or "").strip().partition("\n")[0]
        rows.append(
            {
                "neuron": name,
                "learnt": str(neurons.create(name, 4).params_per_neuron),
                "in short": first.partition(":")[0].rstrip("."),
            }
        )
    return pd.DataFrame(rows)


def table_claims(ledgers: Mapping[str, Sequence[Claim] | None]) -> pd.DataFrame:
    """Each claim, indexed by its id, with its verdict in each voice."""
    rows: dict[str, dict[str, str]] = {}
    for voice, claims in by_voice(ledgers).items():
        for claim in claims:
            rows.setdefault(claim.id, {"claim": claim.text})[heading(voice)] = marked(claim.verdict)
    return _voice_columns(pd.DataFrame.from_dict(rows, orient="index"), {voice: heading(voice) for voice in ledgers})


def table_predictions(documents: Documents) -> pd.DataFrame:
    """The predictions fixed before the radar results, judged by one document of each voice alone."""
    ledgers = {
        voice: document and [claim for claim in judge({document.section: document}) if claim.id in PREDICTIONS]
        for voice, document in documents.items()
    }
    table = table_claims(ledgers).rename_axis("id").reset_index()
    return table.rename(columns={"claim": "prediction", **{heading(v): heading(v, d) for v, d in documents.items()}})


def data_claims(ledgers: Mapping[str, Sequence[Claim] | None]) -> pd.DataFrame:
    """Every claim in every voice: verdict, evidence and fragility."""
    rows = [
        (voice, claim.id, claim.text, claim.where, claim.verdict, claim.evidence, claim.fragility)
        for voice, claims in by_voice(ledgers).items()
        for claim in claims
    ]
    return pd.DataFrame(rows, columns=["voice", "id", "claim", "where", "verdict", "evidence", "fragility"])


def data_ablation(documents: Documents) -> pd.DataFrame:
    """Every score of the matched-capacity ablation."""
    return data_scores(documents)


def data_disjoint(document: Document) -> pd.DataFrame:
    """Every score of the speaker-disjoint ranking."""
    return data_scores({document.source: document})


def data_scores(documents: Documents) -> pd.DataFrame:
    """Every score behind a comparison of methods: one row per voice, method and seed, or per published mean."""
    rows = []
    for voice, document in by_voice(documents).items():
        for cell in document.cells:
            measured = cell.result
            rows.append((voice, cell.method, str(cell.seed), measured.macro_f1, measured.accuracy, measured.n_parameters))
        seeded = {cell.method for cell in document.cells}
        for name, mean in document.means.items():
            if name not in seeded:
                rows.append((voice, name, "mean", mean.macro_f1, mean.accuracy, mean.n_parameters))
    return pd.DataFrame(rows, columns=["voice", "method", "seed", "macro_f1", "accuracy", "n_parameters"])


def data_comparisons(document: Document) -> pd.DataFrame:
    """Every difference of macro-F1 with its paired bootstrap interval, one row per comparison and seed."""
    rows = [
        (key, comparison["a"], comparison["b"], seed, pair["difference"], pair["low"], pair["high"])
        for key, comparison in summarise(document)["comparisons"].items()
        for seed, pair in comparison["seeds"].items()
    ]
    return pd.DataFrame(rows, columns=["comparison", "a", "b", "seed", "difference", "low", "high"])


def data_firing(document: Document) -> pd.DataFrame:
    """Mean firing rate of every layer after every epoch, in spikes per neuron and step."""
    rows = [
        (cell.method, cell.seed, epoch, layer, rate)
        for cell in document.cells
        for epoch, rates in enumerate((cell.result.history or {}).get("firing_rates", []), start=1)
        for layer, rate in enumerate(rates, start=1)
    ]
    return pd.DataFrame(rows, columns=["method", "seed", "epoch", "layer", "firing_rate"])


def method_order(documents: Iterable[Document]) -> list[str]:
    """Return all methods that the documents speak of: in the order of `LABELS`, then by name."""
    names: set[str] = set()
    for document in documents:
        names |= {cell.method for cell in document.cells} | set(document.means) | set(document.not_published)
    known = [name for name in LABELS if name in names]
    return known + sorted(names - set(known))


def score(spread: Mapping[str, Any]) -> str:
    """Return "mean ± standard deviation [interval]" of a summary's score, as far as each is known.

    A line may break only before the interval.
    """
    if spread["mean"] is None:
        return NOTHING
    text = f"{spread['mean']:.3f}"
    if spread["sd"] is not None:
        text += f"{NBSP}±{NBSP}{spread['sd']:.3f}"
    return text + (f" [{spread['low']:.2f},{NBSP}{spread['high']:.2f}]" if spread["low"] is not None else "")


def signed(value: float) -> str:
    """Return a difference with its sign, as typeset."""
    return f"{value:+.3f}".replace("-", "−")


def _scores(documents: Documents) -> pd.DataFrame:
    """Return macro-F1 by method (rows, indexed by id) and voice (columns)."""
    heard = by_voice(documents)
    methods = method_order(heard.values())
    table = pd.DataFrame({"network": [label(name) for name in methods]}, index=methods)
    for voice, document in heard.items():
        found = summarise(document)["methods"]
        table[heading(voice, document)] = [
            score(found[name]["macro_f1"]) if name in found else VOICES[voice].absent for name in methods
        ]
    return _voice_columns(table, {voice: heading(voice, document) for voice, document in documents.items()})


def _voice_columns(table: pd.DataFrame, headings: Mapping[str, str]) -> pd.DataFrame:
    """Return the table with a column for every voice that was asked for, in their order, the silent ones too."""
    table = table.copy()
    for voice in (voice for voice in VOICES if voice in headings):
        column = table.pop(headings[voice]) if headings[voice] in table else VOICES[voice].absent
        table[headings[voice]] = column
    return table.fillna(NOTHING)


def _neurons(method: Any) -> str:
    """Describe a method's neuron types: a stack by arrows, a bank by strokes."""
    if method is None:
        return NOTHING
    if len(set(method.types)) == 1:
        return f"{method.types[0]} in all {len(method.types)} layers"
    return " ∥ ".join(method.types) if method.bank else " → ".join(method.types)


def _first(summaries: Iterable[dict[str, Any]], name: str, field: str) -> Any:
    found = (summary["methods"].get(name, {}).get(field) for summary in summaries)
    return next((value for value in found if value is not None), None)


def _difference(pair: Mapping[str, float | None]) -> str:
    text = signed(pair["difference"])
    return text if pair["low"] is None else f"{text} [{signed(pair['low'])},{NBSP}{signed(pair['high'])}]"
