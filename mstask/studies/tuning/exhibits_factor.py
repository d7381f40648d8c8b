"""The curve of the factor as something to be played with: the verdict on the paper's factor at every tolerance."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

from mstask import claims
from mstask.claims.words import interval
from mstask.results.voices import by_voice, heading, marked
from mstask.show import takes_voices
from mstask.show.scores import ByVoice
from mstask.studies.tuning.claims import CLAIMS, cnn_factor
from mstask.studies.tuning.exhibits import tolerated
from mstask.studies.tuning.facts import factor_by_tolerance, matching
from mstask.summary import standings

CLAIM = next(claim for claim in CLAIMS if claim.id == "cnn-factor")


@takes_voices
def play_factor_curve(documents: ByVoice) -> dict[str, Any]:
    """For every stop of the figure's ruler, what each voice says there: the match, its factor, and the claim's verdict."""
    stops = []
    for tolerance in tolerated(documents):
        entry = dataclasses.replace(CLAIM, test=partial(cnn_factor, tolerance=tolerance))
        says = []
        for voice, document in by_voice(documents).items():
            step = matching(factor_by_tolerance(standings(document)), tolerance)
            match = f"{step.network}, {step.factor:.2f} times the proxy" if step else "no CNN matches"
            found = claims.judged(entry, {document.section: document})
            match += f" {interval(found.bounds, 1)}" if found.bounds else ""
            says.append(f"{heading(voice, document)}: {match}; the claim is {marked(found.verdict)}")
        stops.append({"at": f"{tolerance:.2g}", "says": says})
    return {"label": "a match may fall short by", "claim": CLAIM.text, "stops": stops}
