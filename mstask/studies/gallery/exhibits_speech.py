"""The speech data as pictures, sounds and statistics: what a word becomes on its way through the ear.

The words shown are rows of the small embedded set, heard here with all 700 channels. A table compares the whole small set
with what is known of the original.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import h5py
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mstask.data import speech
from mstask.data.shd import N_FRAMES, N_UNITS, WINDOW, WORDS, frame_counts
from mstask.results.documents import Document
from mstask.show.canvas import GREY, SMALL, drawing
from mstask.show.marks import Ruler
from mstask.synth import cochlea, spoken_digits, voices
from mstask.synth.cochlea import N_CHANNELS
from mstask.synth.spoken_digits import CHANNELS

SIZE = "small"
SPIKES = "#00352f"
PLACES = (100, 300, 500, 650)
"""Channels whose best frequency is written at the axis."""
STEP = 0.005
"""Seconds over which the membrane's velocity is averaged."""
FLOOR = -50
"""Decibels below the loudest point at which the cochleagram ends."""
MAIN = (0, 27)
SHOWN = ((0, 7), (0, 18), (0, 27), (0, 38), (1, 7), (1, 18))
"""File (0 train, 1 test) and row of the words shown: "seven" and "acht" by two known speakers and one held out."""
RESOLUTION = 220


@dataclass(frozen=True)
class Sound:
    """A recording: float64 [n] of full scale 1, its sampling rate in Hz, and what is heard."""

    title: str
    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate


@dataclass(frozen=True)
class Word:
    """A recording and its spikes: times in s [M] and channels [M]."""

    sound: Sound
    times: np.ndarray
    units: np.ndarray


@lru_cache(maxsize=32)
def spoken(file: int, row: int) -> Sound:
    """Return a word of the small set, spoken again."""
    labels, speakers = (int(values[row]) for values in voices.plan(SIZE, file))
    held_out = ", held out" if speakers in voices.HELD_OUT else ""
    return Sound(f"“{WORDS[labels]}”, speaker {speakers}{held_out}", *spoken_digits.recording(SIZE, file, row))


@lru_cache(maxsize=32)
def word(file: int, row: int) -> Word:
    """Return a word of the small set, spoken and heard again."""
    sound = spoken(file, row)
    return Word(sound, *cochlea.hear(sound.samples, sound.rate, cochlea.ear(), (0, file, row)))


def audio_speech_word() -> list[Sound]:
    """The recording behind `figure_speech_word`."""
    return [spoken(*MAIN)]


def audio_speech_words() -> list[Sound]:
    """The recordings behind `figure_speech_words`, row by row."""
    return [spoken(*place) for place in SHOWN]


def figure_speech_word() -> Figure:
    """One word on its way: sound pressure, velocity of the membrane, spikes, and what a network is given."""
    shown = word(*MAIN)
    sound, velocity = shown.sound, cochleagram(shown.sound)
    end = velocity.shape[1] * STEP
    with drawing(7.4, dpi=RESOLUTION) as figure:
        pressure, membrane, spikes, frames = figure.subplots(4, 1, sharex=True, height_ratios=(1, 2, 2, 2))
        pressure.plot(np.arange(len(sound.samples)) / sound.rate, sound.samples, color=GREY, linewidth=0.4, rasterized=True)
        pressure.set_title(f"1  sound: {sound.title}", loc="left")
        pressure.set_yticks([])
        membrane.imshow(
            velocity, extent=(0, end, N_UNITS, 0), aspect="auto", cmap="viridis", vmin=FLOOR, vmax=0, interpolation="none"
        )
        membrane.set_title("2  how fast the membrane moves", loc="left")
        _draw_spikes(spikes, shown)
        spikes.set_title("3  spikes of the nerve", loc="left")
        counts = frame_counts(shown.times, shown.units)
        extent = (0, WINDOW, N_UNITS, 0)
        frames.imshow(counts.T, extent=extent, aspect="auto", cmap="Greys", interpolation="none", vmin=0)
        frames.set_title(f"4  what a network gets: counts in {N_FRAMES} frames", loc="left")
        for axes in (membrane, spikes, frames):
            axes.set_ylim(N_UNITS, 0)
            axes.set_yticks(PLACES, [frequency_text(f) for f in best_frequencies(PLACES)])
        figure.supylabel("frequency to which a place responds best")
        frames.set(xlim=(0, WINDOW), xlabel="time (s)")
        figure.rulers += [Ruler(sound.title, axes, (0, sound.seconds)) for axes in (pressure, membrane, spikes, frames)]
    return figure


def figure_speech_words() -> Figure:
    """Spikes of the same two words by three speakers."""
    return draw_words([word(*place) for place in SHOWN], (3, 2), 5.6)


def draw_words(words: Sequence[Word], grid: tuple[int, int], height: float) -> Figure:
    """Draw the spikes of several words, each under its title, in so many rows and columns."""
    with drawing(height, dpi=RESOLUTION) as figure:
        panels = figure.subplots(*grid, sharex=True, sharey=True)
        for axes, shown in zip(panels.flat, words, strict=True):
            _draw_spikes(axes, shown)
            axes.set_title(shown.sound.title.replace(", ", ",\n", 1), fontsize=SMALL)
            axes.set_ylim(N_UNITS, 0)
            figure.rulers.append(Ruler(shown.sound.title, axes, (0, shown.sound.seconds)))
        panels[0, 0].set_yticks(PLACES, [frequency_text(f) for f in best_frequencies(PLACES)])
        figure.supxlabel("time (s)")
        figure.supylabel("frequency to which a place responds best")
    return figure


def table_speech(document: Document) -> pd.DataFrame:
    """The embedded speech beside the original, as far as it is described: plan of the set, and statistics of its spikes."""
    known, one = document.values["set"], document.values["one_recording"]
    found = statistics()
    n_train, n_test = voices.FILE_SIZES["paper"]
    rows = [
        ("words to train on", f"{known['words_train']:,}", f"{n_train:,}"),
        ("words to test on", f"{known['words_test']:,}", f"{n_test:,}"),
        ("different words", f"{known['classes']}", f"{len(WORDS)}"),
        ("channels", f"{known['channels']}", f"{found['channels']}"),
        ("speakers", f"{known['speakers']}", f"{len(voices.SPEAKERS)}"),
        ("speakers heard in the test only", f"{known['speakers_test_only']}", f"{len(voices.HELD_OUT)}"),
        ("length of a word (s), embedded: to its last spike", f"{one['seconds']:.2f}", f"{found['seconds']:.2f}"),
        ("spikes in a word", f"{one['spikes']:,}", f"{found['spikes']:,.0f}"),
        ("spikes per second", f"{one['spikes_per_second']:,}", f"{found['spikes_per_second']:,.0f}"),
        ("channels that fire in a word", f"{one['active_channels']}", f"{found['active_channels']:.0f}"),
        ("middle channel of all spikes", f"{one['unit_percentiles'][2]}", f"{found['unit_percentiles'][2]}"),
        ("channels of the middle half", _half(one["unit_percentiles"]), _half(found["unit_percentiles"])),
    ]
    return pd.DataFrame(rows, columns=["property", "published (the original)", "embedded"])


@cache
def statistics() -> dict[str, Any]:
    """Return statistics of the small embedded set, its counts of spikes and channels scaled to all 700 channels.

    Keys: channels, seconds (mean time of a word's last spike), spikes (mean of a word), spikes_per_second,
    active_channels (mean of a word), unit_percentiles (5, 25, 50, 75, 95 over all spikes).
    """
    scale = N_CHANNELS / CHANNELS[SIZE]
    times: list[np.ndarray] = []
    units: list[np.ndarray] = []
    for name in speech.FILES:
        with h5py.File(speech.generated(SIZE) / f"{name}.h5", "r") as file:
            times += list(file["spikes/times"][:])
            units += list(file["spikes/units"][:])
    seconds = np.array([float(t.max()) for t in times])
    spikes = scale * np.array([len(t) for t in times])
    return {
        "channels": N_CHANNELS,
        "seconds": float(seconds.mean()),
        "spikes": float(spikes.mean()),
        "spikes_per_second": float(spikes.sum() / seconds.sum()),
        "active_channels": float(np.mean([scale * len(np.unique(u)) for u in units])),
        "unit_percentiles": np.percentile(np.concatenate(units), (5, 25, 50, 75, 95)).astype(int).tolist(),
    }


def data_speech_word() -> pd.DataFrame:
    """The spikes of `figure_speech_word`."""
    return spike_table([word(*MAIN)])


def data_speech_words() -> pd.DataFrame:
    """The spikes of `figure_speech_words`."""
    return spike_table([word(*place) for place in SHOWN])


def spike_table(words: Sequence[Word]) -> pd.DataFrame:
    """Return every spike of several words."""
    return pd.concat(
        pd.DataFrame({"word": shown.sound.title, "time_s": shown.times.round(6), "channel": shown.units}) for shown in words
    )


def cochleagram(sound: Sound) -> np.ndarray:
    """Return the membrane's velocity [700, frames of 5 ms] in dB below the loudest point, none below -50."""
    per_frame = round(STEP * cochlea.RATE)
    blocks = cochlea.membrane_velocity(cochlea.prepare(sound.samples), sound.rate, cochlea.ear())
    rows = []
    for _, velocity in blocks:
        n_frames = velocity.shape[1] // per_frame
        framed = velocity[:, : n_frames * per_frame].reshape(len(velocity), n_frames, per_frame)
        rows.append(np.sqrt(np.mean(framed.astype(np.float64) ** 2, axis=2)))
    level = np.concatenate(rows)
    return 20 * np.log10(np.maximum(level / level.max(), 10 ** (FLOOR / 20)))


def best_frequencies(channels: tuple[int, ...]) -> list[float]:
    """Return the frequency in Hz at which the membrane moves most at each channel's place."""
    frequency = np.geomspace(50, 24000, 3000)
    response = np.abs(cochlea.transfer(frequency, cochlea.POSITIONS[list(channels), None]))
    return frequency[response.argmax(axis=1)].tolist()


def frequency_text(hertz: float) -> str:
    """Return a frequency with two significant digits."""
    return f"{hertz / 1000:.1f} kHz" if hertz >= 1000 else f"{round(hertz, -1):.0f} Hz"


def _draw_spikes(axes: Axes, shown: Word) -> None:
    axes.scatter(shown.times, shown.units, s=0.5, linewidths=0, color=SPIKES, rasterized=True)


def _half(percentiles: list[int]) -> str:
    return f"{percentiles[1]} to {percentiles[3]}"
