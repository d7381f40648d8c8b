"""Recordings in a page: a player for each, whose file is written when the book is built and needs no server.

A player is a download in Sphinx's eyes, so its file is copied with the page.
"""

from __future__ import annotations

import io
import posixpath
import urllib.parse
from typing import Any

import numpy as np
from docutils import nodes
from scipy.io import wavfile
from scipy.signal import resample_poly
from sphinx import addnodes

from mstask.studies.gallery.exhibits_speech import Sound

RATE = 12_000
"""Hz: enough for the sounds of speech, small enough for a page."""
PEAK = 0.9


class player(addnodes.download_reference):
    """A recording that the page can play."""


def wav(sound: Sound) -> bytes:
    """Return a recording as a WAV file: one channel, 16 bits, 12 kHz, at full level."""
    samples = resample_poly(sound.samples, RATE, sound.rate)
    samples = np.round(samples * (PEAK * 32767 / np.abs(samples).max())).astype("<i2")
    buffer = io.BytesIO()
    wavfile.write(buffer, RATE, samples)
    return buffer.getvalue()


def visit_player(self: Any, node: player) -> None:
    """Write an audio element; the file's name is known where Sphinx has found the file."""
    source = posixpath.join(self.builder.dlpath, urllib.parse.quote(node.get("filename", "")))
    label = self.attval(node["label"])
    self.body.append(f'<audio controls preload="none" src="{source}" aria-label="{label}"></audio>')
    raise nodes.SkipNode
