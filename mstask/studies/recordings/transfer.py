"""From embedded to recorded speech and back: does what is learnt from synthetic voices hold for people's?

The ten English digits as raw spike counts. To recorded: trained on the words of ten synthetic speakers, validated on those of
two more, tested on all recorded words. To embedded: trained on five people, validated on the sixth, tested on all
synthetic English words.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mstask.data import Splits, checks, parts, recorded, shd, speech
from mstask.studies.recordings.parameters import TO_EMBEDDED, TO_RECORDED

CASES = (TO_RECORDED, TO_EMBEDDED)
N_VALIDATION = {"embedded": 2, "recorded": 1}
"""Speakers, the last of each set, whose words validate."""


def load(case: str, size: str) -> Splits:
    """Return the data of a case; `size` is that of the embedded set, and of the ear."""
    own, other = (english(size), recorded.speech(size)) if case == TO_RECORDED else (recorded.speech(size), english(size))
    n_last = N_VALIDATION["embedded" if case == TO_RECORDED else "recorded"]
    last = np.unique(own.groups)[-n_last:]
    validation = np.isin(own.groups, last)
    x = [own.x[~validation], own.x[validation], other.x]
    y = [own.y[~validation], own.y[validation], other.y]
    facts: dict[str, Any] = {
        "name": "speech-transfer",
        "source": "recorded",
        "fingerprint": checks.fingerprint(*(np.frombuffer(f.encode(), np.uint8) for f in (own.fingerprint, other.fingerprint))),
        "groups": {
            "train": [own.group_names[group] for group in np.unique(own.groups[~validation])],
            "validation": [own.group_names[group] for group in last],
            "test": [other.group_names[group] for group in np.unique(other.groups)],
        },
    }
    return parts.splits([part.astype(np.float32) for part in x], y, shd.ENGLISH, "all", **facts)


def english(size: str) -> recorded.Examples:
    """The English words of the embedded set, of both its files; the groups are its speakers."""
    corpus = speech.read("embedded", size, None)
    counts, labels, speakers = (
        np.concatenate([getattr(part, what) for part in (corpus.train, corpus.test)])
        for what in ("counts", "labels", "speakers")
    )
    kept = labels < len(shd.ENGLISH)
    names = [f"synthetic {number}" for number in range(int(speakers.max()) + 1)]
    return recorded.Examples(counts[kept], labels[kept], speakers[kept], names, shd.ENGLISH, corpus.fingerprint)
