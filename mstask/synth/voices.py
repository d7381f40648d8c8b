"""Twelve synthetic speakers say the digits in English and German: eSpeak NG, and the chain of a recording studio.

This is speech synthesis, not the Heidelberg recordings. Words, number of speakers and the two that speak only in
the test file (4 and 5) are those of SHD (Cramer et al., IEEE TNNLS 33:2744, 2022). Whispering, robotic and clipping
voices were left out; rates were set for words as long as recorded ones.

eSpeak keeps state from one utterance to the next (its random numbers, and a flutter of pitch that nothing resets), so
the sound of a word depends on all that the process has said before. A speaker's words are therefore one batch, said
in a fixed order by a process of its own: `say_batch` starts one, and no process speaks twice.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mstask.data import DataError
from mstask.data.shd import ENGLISH, WORDS
from mstask.paths import ROOT

VERSION = 1
ENDINGS = ("", ".", "!", "?", ",")
"""Punctuation after the word, which sets its intonation."""
FILE_SIZES = {"paper": (8156, 2264), "medium": (1566, 434), "small": (240, 80)}
"""Words in the training and in the test file."""
FILES = ("train", "test")
HELD_OUT_SHARE = 1840 / 2264
"""Share of the test file that comes from the held-out speakers; the rest comes from known ones, as in SHD."""
SAMPLE_RATE = 22050
RMS_FLOOR = 1e-4
"""Words below this root mean square (full scale is 1) count as silence."""


class VoiceError(DataError):
    """The synthesiser is missing, doesn't know a voice, or says nothing."""


@dataclass(frozen=True)
class Speaker:
    """A voice: eSpeak's names for both languages, pitch and range (0-99), rate (words/min), vocal-tract factor."""

    english: str
    german: str
    pitch: int
    pitch_range: int
    rate: int
    tract: float


SPEAKERS = (
    Speaker("en+m1", "de+m1", 62, 50, 101, 1.00),
    Speaker("en-us+f2", "de+f2", 48, 50, 106, 1.00),
    Speaker("en-gb-x-rp+m3", "de+m3", 52, 60, 94, 0.97),
    Speaker("en-gb-scotland+f5", "de+f5", 45, 45, 112, 1.02),
    Speaker("en-us+linda", "de+linda", 40, 55, 99, 1.01),
    Speaker("en-gb-x-gbcwmd+m7", "de+m7", 66, 45, 108, 0.98),
    Speaker("en-us+Alex", "de+Alex", 60, 90, 115, 1.01),
    Speaker("en+Annie", "de+Annie", 38, 30, 97, 0.98),
    Speaker("en-gb-scotland+m4", "de+m4", 64, 55, 104, 1.03),
    Speaker("en-gb-x-rp+steph", "de+steph", 50, 50, 103, 0.96),
    Speaker("en-us+Reed", "de+Reed", 66, 70, 95, 0.96),
    Speaker("en-029+aunty", "de+aunty", 46, 40, 113, 1.03),
)
HELD_OUT = (4, 5)
KNOWN = tuple(i for i in range(len(SPEAKERS)) if i not in HELD_OUT)


@dataclass(frozen=True)
class Utterance:
    """One word as it shall be said and recorded.

    `file` (0 train, 1 test) and `row` say which word of the set it is; `tract` scales formants, pitch and tempo
    together; `tilt` is the recording chain's slope in dB per octave, `snr` its signal-to-noise ratio in dB.
    """

    file: int
    row: int
    label: int
    speaker: int
    voice: str
    text: str
    rate: int
    pitch: int
    pitch_range: int
    tract: float
    tilt: float
    snr: float

    @property
    def sample_rate(self) -> int:
        """Hz at which the synthesiser's samples are played: 22 050 times `tract`, a multiple of 50."""
        return int(50 * round(SAMPLE_RATE * self.tract / 50))


def plan(size: str, file: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and speakers, int64 [N], of a file (0 train, 1 test) of a set; `size` is a key of `FILE_SIZES`.

    Words follow each other in the order of their labels. Known speakers take turns after 20 words in the training
    file. The test file starts with the held-out speakers, 20 words each in turn; in its rest the known speakers take
    turns after each word, one place further in each round of 20.
    """
    row = np.arange(FILE_SIZES[size][file])
    known = np.array(KNOWN)
    if file == 0:
        return row % 20, known[row // 20 % len(KNOWN)]
    n_held_out = round(HELD_OUT_SHARE * len(row))
    late = row - n_held_out
    speakers = np.where(late < 0, np.array(HELD_OUT)[row // 20 % 2], known[(late + late // 20) % len(KNOWN)])
    return row % 20, speakers


def batch(size: str, speaker: int, seed: int = 0) -> list[Utterance]:
    """Return all that a speaker says in a set: the rows of the training file in order, then those of the test file."""
    utterances = []
    for file in range(len(FILES)):
        labels, speakers = plan(size, file)
        utterances += [draw(seed, file, int(row), int(labels[row]), speaker) for row in np.flatnonzero(speakers == speaker)]
    return utterances


def draw(seed: int, file: int, row: int, label: int, speaker: int) -> Utterance:
    """Draw how a word is said: everything comes from ``default_rng([seed, file, row])``."""
    rng = np.random.default_rng([seed, file, row])
    who, german = SPEAKERS[speaker], label >= len(ENGLISH)
    return Utterance(
        file,
        row,
        label,
        speaker,
        voice=who.german if german else who.english,
        rate=round(who.rate * np.exp(rng.normal(0, 0.10))) + 8 * german,
        pitch=int(np.clip(round(who.pitch + rng.normal(0, 6)), 0, 99)),
        pitch_range=int(np.clip(round(who.pitch_range + rng.normal(0, 12)), 0, 99)),
        text=WORDS[label] + ENDINGS[rng.integers(len(ENDINGS))],
        tract=float(who.tract * np.exp(rng.normal(0, 0.015))),
        tilt=float(rng.normal(0, 1)),
        snr=float(rng.uniform(25, 45)),
    )


def say_batch(utterances: Sequence[Utterance], seed: int = 0) -> list[np.ndarray]:
    """Return what eSpeak says for a speaker's words from the first on, in order: int16 [n] each at 22 050 Hz."""
    speaker = utterances[0].speaker
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.npz"
        request = {"utterances": [asdict(utterance) for utterance in utterances], "seed": seed, "path": str(path)}
        python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        try:
            done = subprocess.run(
                [sys.executable, "-m", __name__],
                input=json.dumps(request),
                capture_output=True,
                text=True,
                encoding="utf-8",
                env={**os.environ, "PYTHONPATH": python_path, "PYTHONIOENCODING": "utf-8"},
            )
        except OSError as error:
            raise VoiceError(f"speaker {speaker} needs a process of its own, which could not be started: {error}") from None
        if done.returncode:
            said = [*done.stderr.splitlines(), *done.stdout.splitlines()]
            reason = said[-1] if said else f"the synthesiser's process ended with code {done.returncode}"
            raise VoiceError(f"speaker {speaker} can't speak: {reason}")
        with np.load(path, allow_pickle=False) as said:
            return np.split(said["samples"], said["ends"][:-1])


def _say_in_this_process(utterances: list[dict[str, Any]], seed: int, path: str) -> None:
    synthesiser = Synthesiser(1000 * seed + utterances[0]["speaker"] + 1)
    said = [synthesiser.say(Utterance(**utterance)) for utterance in utterances]
    np.savez(path, samples=np.concatenate(said), ends=np.cumsum([len(samples) for samples in said]))


class Synthesiser:
    """eSpeak NG from the package espeakng-loader, used by its C interface; one per process, never a second."""

    started = False

    def __init__(self, seed: int) -> None:
        if Synthesiser.started:
            raise VoiceError("this process has already spoken: a second batch would sound otherwise; use a fresh process")
        Synthesiser.started = True
        self._samples: list[np.ndarray] = []
        self._heard = _CALLBACK(self._hear)
        if self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(self._data.parent).encode(), _DONT_EXIT) != SAMPLE_RATE:
            raise VoiceError(f"eSpeak NG could not start with its data in {self._data}")
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        self._library.espeak_SetSynthCallback(self._heard)

    def say(self, utterance: Utterance) -> np.ndarray:
        """Return the samples, int16 [n] at 22 050 Hz."""
        self._set_voice(utterance.voice)
        settings = {_RATE: utterance.rate, _VOLUME: 70, _PITCH: utterance.pitch, _RANGE: utterance.pitch_range}
        for parameter, value in settings.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        text = utterance.text.encode() + b"\0"
        self._samples.clear()
        failed = self._library.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 0, 0, _UTF8, None, None)
        samples = np.concatenate(self._samples) if self._samples else np.zeros(0, np.int16)
        if failed or not samples.any():
            raise VoiceError(f"voice {utterance.voice!r} says nothing for {utterance.text!r} (eSpeak NG status {failed})")
        return samples

    def _set_voice(self, name: str) -> None:
        """Choose a voice; eSpeak itself keeps the old voice for an unknown language and ignores an unknown variant."""
        _, plus, variant = name.partition("+")
        if plus and not (self._data / "voices" / "!v" / variant).is_file():
            raise VoiceError(f"voice {name!r}: eSpeak NG has no variant {variant!r}")
        if self._library.espeak_SetVoiceByName(name.encode()):
            raise VoiceError(f"voice {name!r}: eSpeak NG has no such language")

    def _hear(self, wave: ctypes._Pointer[ctypes.c_short], n_samples: int, events: int) -> int:
        if wave and n_samples > 0:
            self._samples.append(np.ctypeslib.as_array(wave, (n_samples,)).copy())
        return 0

    @cached_property
    def _library(self) -> ctypes.CDLL:
        try:
            import espeakng_loader

            return ctypes.CDLL(espeakng_loader.get_library_path())
        except (ImportError, OSError) as error:
            raise VoiceError(
                f"the speech synthesiser can't be loaded ({error}): install espeakng-loader, or use your own SHD files "
                "(source 'real' and SHD_DATA)"
            ) from None

    @cached_property
    def _data(self) -> Path:
        import espeakng_loader

        return Path(espeakng_loader.get_data_path())


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4


def record(samples: np.ndarray, utterance: Utterance, seed: int = 0) -> np.ndarray:
    """Return what was said, int16 [n], as recorded: trimmed, through a tilted chain, with background noise.

    The result, float64 [m] of full scale 1, is at `Utterance.sample_rate`. The chain's gain is `tilt` dB per octave
    around 1 kHz. The noise has 1/f power. Both are flat below 50 Hz.
    """
    rng = np.random.default_rng([seed, utterance.file, utterance.row, 1])
    wave = trim(samples / 32768, utterance.sample_rate)
    octaves = np.log2(_above_50_hz(len(wave), utterance.sample_rate) / 1000)
    wave = np.fft.irfft(np.fft.rfft(wave) * 10 ** (utterance.tilt * octaves / 20), len(wave))
    noise = pink_noise(rng, len(wave), utterance.sample_rate)
    return wave + noise * np.sqrt(np.mean(wave**2) / 10 ** (utterance.snr / 10))


def trim(wave: np.ndarray, rate: int) -> np.ndarray:
    """Cut a word [n] to where its energy in frames of 5 ms is within 45 dB of the maximum, and 10 ms around it."""
    frame, margin = round(0.005 * rate), round(0.010 * rate)
    n_frames = len(wave) // frame
    energy = np.mean(wave[: n_frames * frame].reshape(n_frames, frame) ** 2, axis=1)
    if not n_frames or energy.max() < RMS_FLOOR**2:
        raise VoiceError(f"a word of {len(wave)} samples is silent: expected speech")
    loud = np.flatnonzero(energy >= energy.max() * 10**-4.5)
    return wave[max(0, loud[0] * frame - margin) : (loud[-1] + 1) * frame + margin]


def pink_noise(rng: np.random.Generator, n: int, rate: int) -> np.ndarray:
    """Return noise [n] of unit power whose power falls as 1/f, flat below 50 Hz."""
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) / np.sqrt(_above_50_hz(n, rate)), n)
    return noise / np.sqrt(np.mean(noise**2))


def _above_50_hz(n: int, rate: int) -> np.ndarray:
    """Frequencies in Hz of a real FFT of n samples, those below 50 Hz raised to it."""
    return np.maximum(np.fft.rfftfreq(n, 1 / rate), 50)


if __name__ == "__main__":
    try:
        _say_in_this_process(**json.load(sys.stdin))
    except DataError as error:
        print(error)
        sys.exit(1)
