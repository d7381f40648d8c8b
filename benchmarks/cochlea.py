"""The ear model against lauscher, the package that made SHD: speed on one recording, and whether both hear the same.

lauscher (LGPL) is needed by nothing else: install lauscher and soundfile as README.md says of the other libraries. A run
takes it about 100 s of CPU time per word at all 700 channels, so it hears the first word once for the speed, and all
words twice with every fourth channel for the agreement, where its own two runs are the yardstick.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # not this folder: numba would import its coverage.py

from benchmarks import runner

SECTION = "benchmark-cochlea"
WORDS = ((6, 7), (9, 0), (2, 12), (11, 18))
"""Speaker and label of the recordings."""
RATE = 48_000
STEP = 4


def recording(speaker: int, label: int) -> np.ndarray:
    """A word at 48 kHz, an even number of samples, as lauscher wants it."""
    from scipy.signal import resample

    from mstask.synth import voices

    word = voices.draw(0, 0, 1000, label, speaker)
    wave = voices.record(voices.say_batch([word])[0], word)
    return resample(wave, 2 * round(len(wave) / word.sample_rate * RATE / 2))


def by_lauscher(wave: np.ndarray, units: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Spike times and units as lauscher computes them."""
    from lauscher import transformations as chain
    from lauscher.audiowaves import MonoAudioWave
    from lauscher.helpers import CommandLineArguments

    CommandLineArguments().num_concurrent_jobs = 1
    np.random.seed(seed)
    membrane = chain.BasilarMembrane(channels=700)
    membrane.ch = membrane.ch[units]
    sound = MonoAudioWave(wave.copy(), RATE)
    for step in (chain.RmsNormalizer(0.3), chain.HanningWindow(), membrane, chain.HairCell(), chain.BushyCell()):
        sound = sound.transform(step)
    return sound.spike_times, units[sound.spike_labels.astype(int)]


def cpu_seconds() -> float:
    """CPU time of this process and its finished children: lauscher works in child processes."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def profiles(spikes: tuple[np.ndarray, np.ndarray], units: np.ndarray, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Spikes per channel, and per 10 ms."""
    times, heard = spikes
    inside = times < seconds
    channels = np.bincount(np.searchsorted(units, heard[inside]), minlength=len(units))
    return channels, np.bincount((times[inside] / 0.01).astype(int), minlength=int(seconds / 0.01) + 1)


def agreement(wave: np.ndarray, units: np.ndarray, ear: Any, runs: int) -> dict[str, Any]:
    """Two runs of lauscher and `runs` of the fast chain on a word: spike counts, mean correlations between pairs of runs."""
    from mstask.synth import cochlea

    seconds = len(wave) / RATE
    theirs = [profiles(by_lauscher(wave, units, seed), units, seconds) for seed in (1, 2)]
    ours = [profiles(cochlea.hear(wave, RATE, ear, (run,)), units, seconds) for run in range(runs)]

    def alike(a: list, b: list, which: int) -> float:
        pairs = [(x[which], y[which]) for x in a for y in b if x is not y]
        return float(np.mean([np.corrcoef(x, y)[0, 1] for x, y in pairs]))

    return {
        "seconds": seconds,
        "spikes": {"lauscher": [int(run[0].sum()) for run in theirs], "fast": [int(run[0].sum()) for run in ours]},
        "correlation": {
            name: {
                "lauscher-fast": alike(theirs, ours, which),
                "lauscher-lauscher": alike(theirs, theirs, which),
                "fast-fast": alike(ours, ours, which),
            }
            for which, name in enumerate(("channels", "histogram"))
        },
    }


def measure(threads: int, repeats: int, tiny: bool) -> dict[str, Any]:
    """CPU and wall seconds of both on the first word, and their agreement on all."""
    from mstask.synth import cochlea
    from mstask.synth.voices import WORDS as NAMES

    ear = cochlea.ear(70 if tiny else 700)
    waves = [recording(*word) for word in WORDS[: 1 if tiny else None]]
    found: dict[str, Any] = {"recording_seconds": len(waves[0]) / RATE, "channels": len(ear.units), "cpu": {}, "wall": {}}

    def timed(name: str, hear: Any) -> None:
        cpu, wall = cpu_seconds(), time.perf_counter()
        hear()
        found["cpu"].setdefault(name, []).append(cpu_seconds() - cpu)
        found["wall"].setdefault(name, []).append(time.perf_counter() - wall)

    cochlea.hear(waves[0], RATE, ear, (0,))
    for repeat in range(repeats):
        timed("fast", lambda: cochlea.hear(waves[0], RATE, ear, (0,)))
        if repeat == repeats // 2:
            timed("lauscher", lambda: by_lauscher(waves[0], ear.units, 0))
    found["ratio"] = {clock: found[clock]["lauscher"][0] / float(np.median(found[clock]["fast"])) for clock in ("cpu", "wall")}
    some = cochlea.Ear(ear.units[::STEP], ear.response[::STEP])
    found["words"] = {}
    for (speaker, label), wave in zip(WORDS, waves, strict=False):
        found["words"][f"{NAMES[label]} by speaker {speaker}"] = agreement(wave, some.units, some, repeats)
        print(f"{NAMES[label]} by speaker {speaker}: done", file=sys.stderr)
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the document, print it."""
    runner.main(__doc__, SECTION, "The ear model against lauscher", _measured, _report, arguments)


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    return runner.fresh("benchmarks.cochlea:measure", 1, repeats=options.repeats, tiny=options.tiny)


def _report(document: Any) -> Iterator[str]:
    values = document.values
    yield f"{values['ratio']['cpu']:.0f} times lauscher by CPU time on a recording of {values['recording_seconds']:.2f} s"
    for word, one in values["words"].items():
        alike = "; ".join(f"{name} {pairs}" for name, pairs in one["correlation"].items())
        yield f"{word}: spikes {one['spikes']}; {alike}"


if __name__ == "__main__":
    main()
