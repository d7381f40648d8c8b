"""The crossed square as something to be played with: any two neuron types on any two data sets of a voice."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from mstask.claims.words import effect
from mstask.results.documents import Document
from mstask.results.voices import VERDICTS, VOICES, heading, marked
from mstask.show import takes_sections
from mstask.show.marks import score_in_words
from mstask.show.scores import BySection, voices_of
from mstask.studies.matching.exhibits_rotation import FOCUS
from mstask.studies.synthesis.crossing import DATA_SETS, DataSet, every_verdict, lead, scores

NOTE = (
    "Judged as the claims of the ledger are. A pair that is picked once the scores are known crosses easily by chance, and no "
    "verdict corrects for the picking."
)


@takes_sections
def play_square_crossed(studies: BySection) -> dict[str, Any]:
    """By voice: every data set with the scores on it, and the verdict of every pair of neuron types on every two of them."""
    voices = [found for voice in voices_of(studies) if (found := _voice(studies, voice))]
    start = dict(zip(("b", "a"), FOCUS, strict=True))
    return {"verdicts": [marked(verdict) for verdict in VERDICTS], "note": NOTE, "start": start, "voices": voices}


def _voice(studies: BySection, voice: str) -> dict[str, Any] | None:
    sides = [(data, document) for data in DATA_SETS if (document := studies.get(data.section, {}).get(voice))]
    sides = [(data, document) for data, document in sides if scores(data, document)]
    if len(sides) < 2:
        return None
    neurons = list(dict.fromkeys(neuron for data, document in sides for neuron in scores(data, document)))
    codes = {
        f"{i},{j}": "".join(str(list(VERDICTS).index(found[a, b])) if a != b else "-" for a in neurons for b in neurons)
        for (i, j), found in every_verdict(sides, neurons).items()
    }
    start = [next((i for i, (data, _) in enumerate(sides) if data.audio is audio), 0) for audio in (False, True)]
    sets = [_set(data, document) for data, document in sides]
    return {"label": VOICES[voice].label, "neurons": neurons, "sets": sets, "verdicts": codes, "start": start}


def _set(data: DataSet, document: Document) -> dict[str, Any]:
    """What a page needs of a data set: the scores, what each says, and in words the lead of each pair of neuron types."""
    found, voice = scores(data, document), document.source
    place = f"results/runs/{document.section}" if voice == "run" else f"results/{voice}/{document.section}.json"
    says = {
        neuron: "\n".join(
            [
                f"{neuron}, {data.title}, {heading(voice, document)}",
                score_in_words("macro-F1", over, data.unit),
                f"{place}: {key}",
            ]
        )
        for neuron, (key, over) in found.items()
    }
    corners = {neuron: [over[name] for name in ("mean", "low", "high")] for neuron, (_, over) in found.items()}
    known = {f"{a}|{b}": lead(document, data, a, b) for a, b in combinations(found, 2)}
    leads = {pair: effect(one.estimand, one.estimate, one.bounds) for pair, one in known.items() if one.estimate is not None}
    return {"title": data.title, "corners": corners, "says": says, "leads": leads}
