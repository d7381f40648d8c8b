"""A few recorded words to hear and to see, as the ear makes spikes of them: only where a copy of the recordings is.

Free Spoken Digit Dataset (`mstask.data.fsdd`), CC BY-SA 4.0: what is made of it, sounds and pictures, is shared alike.
"""

from __future__ import annotations

from functools import cache

import pandas as pd
from matplotlib.figure import Figure

from mstask.data import fsdd, originals, shd
from mstask.studies.gallery.exhibits_speech import Sound, Word, draw_words, spike_table

SHOWN = ((7, "george", 0), (7, "theo", 0), (7, "nicolas", 0), (8, "george", 0), (8, "theo", 0), (8, "nicolas", 0))
"""Digit, speaker and number of the recordings shown: two words by three men."""


@cache
def word(digit: int, speaker: str, index: int) -> Word:
    """Return a recording and its spikes, the same that the data set has."""
    from mstask.synth import cochlea

    name = f"{digit}_{speaker}_{index}.wav"
    with originals.opened(fsdd.ORIGINAL, originals.located(fsdd.ORIGINAL)) as copy:
        samples = fsdd.samples(name, copy.read(name))
    spikes = cochlea.hear(samples, fsdd.RATE, cochlea.ear(), (digit, fsdd.SPEAKERS.index(speaker), index))
    return Word(Sound(f"“{shd.ENGLISH[digit]}”, {speaker.capitalize()}", samples / 32768, fsdd.RATE), *spikes)


def audio_recorded_words() -> list[Sound]:
    """The recordings behind `figure_recorded_words`, row by row."""
    return [word(*place).sound for place in SHOWN]


def figure_recorded_words() -> Figure:
    """Spikes of two words by three men."""
    return draw_words([word(*place) for place in SHOWN], (2, 3), 4.2)


def data_recorded_words() -> pd.DataFrame:
    """The spikes of `figure_recorded_words`."""
    return spike_table([word(*place) for place in SHOWN])
