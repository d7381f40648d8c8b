"""Recordings made by hand, tiny, in the layouts of those that others publish: for tests that must run without the originals."""

from __future__ import annotations

import io
import wave
import zipfile
from pathlib import Path

import numpy as np

from mstask.data import acconeer, fsdd, neuroradar, radhar

ROUND, SWAPPED = 12, 4


def wav(samples, rate=8000, channels=1, width=2) -> bytes:
    """A WAV file's bytes."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return made.getvalue()


def digits(per: int = 1) -> dict[str, bytes]:
    """Words by name: a tone for each digit, a little apart for each speaker, in noise."""
    rng, time = np.random.default_rng(0), np.arange(800) / 8000
    return {
        f"{digit}_{speaker}_{index}.wav": wav(
            8000 * np.sin(2 * np.pi * (200 + 150 * digit + 20 * s) * time) + 500 * rng.standard_normal(len(time))
        )
        for digit in range(10)
        for s, speaker in enumerate(fsdd.SPEAKERS)
        for index in range(per)
    }


def gesture(label: int, rng) -> bytes:
    """A gesture's file: a few spikes, most of them in the channel and at the time of the label."""
    spikes = [(1 + label % 6, 0.1 * label + 0.02 * i) for i in range(4)]
    spikes += [(int(c), float(t)) for c, t in zip(rng.integers(1, 7, 3), rng.uniform(0, 1.5, 3), strict=True)]
    lines = [f"{channel} {time:.4f}" for channel, time in sorted(spikes)]
    return "\n".join([str(label), *lines, ""]).encode()


def gestures() -> dict[str, bytes]:
    """Ten rounds of twelve gestures; in round 4 the sixth and the eleventh changed places, as in the original."""
    rng, made = np.random.default_rng(0), {}
    for number in range(neuroradar.N_ROUNDS):
        order = list(range(1, 13))
        if number == SWAPPED:
            order[5], order[10] = order[10], order[5]
        for place, label in enumerate(order):
            made[f"gesture_{number * ROUND + place + 1}.txt"] = gesture(label, rng)
    return made


def windows(n: int = 6) -> dict[str, np.ndarray]:
    """RadHAR's packed form: of each pass and activity one recording of n windows."""
    rng = np.random.default_rng(0)
    names, y, passes = [], [], []
    for number in range(radhar.N_PASSES):
        for label, name in enumerate(radhar.CLASS_NAMES):
            names.append(f"Train/{name}/{'_' * number}{name}_20_1.txt")
            y += [label] * n
            passes += [number] * n
    x = rng.uniform(0, 0.1, (len(y), radhar.WINDOW, radhar.N_BINS)).astype(np.float32)
    x[np.arange(len(y)), :, 3 * np.array(y)] += 1
    rec = np.repeat(np.arange(len(names)), n)
    return {"X": x, "y": np.array(y), "session": np.array(passes), "rec": rec, "names": np.array(names)}


def hands(n: int = 3) -> dict[str, np.ndarray]:
    """Acconeer's packed form: n gestures of each recording that the original has."""
    rng = np.random.default_rng(0)
    known = acconeer.recordings()
    source = [name for name in known for _ in range(n)]
    y = np.array([acconeer.CLASS_NAMES.index(name.partition("_idx_")[0]) for name in source])
    iq = rng.normal(0, 30, (len(source), acconeer.N_FRAMES, acconeer.N_SWEEPS, acconeer.N_RANGES, 2))
    phase = 2 * np.pi * (0.1 + 0.2 * y)[:, None] * np.arange(acconeer.N_FRAMES * acconeer.N_SWEEPS)
    tone = 500 * np.stack([np.cos(phase), np.sin(phase)], axis=-1)
    iq += tone.reshape(len(y), acconeer.N_FRAMES, acconeer.N_SWEEPS, 1, 2)
    return {
        "iq": iq.astype(np.int16),
        "y": y,
        "session": np.array([acconeer.DATES.index(known[name].date) for name in source]),
        "classes": np.array(acconeer.CLASS_NAMES),
        "sessions": np.array(acconeer.DATES),
        "src": np.array(source),
        "start": np.array([known[name].starts[i % n] for i, name in enumerate(source)]),
    }


def archive(path: Path, files: dict[str, bytes], top: str = "") -> Path:
    """A zip archive of files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(f"{top}{name}", content)
    return path


def everything(folder: Path) -> dict[str, str]:
    """Tiny copies of all four in a folder; the environment variables that name them."""
    archive(folder / "recordings.zip", digits(), "recordings/")
    archive(folder / "gesture_data.zip", gestures())
    np.savez(folder / radhar.PACKED, **windows())
    np.savez(folder / acconeer.PACKED, **hands())
    own = {fsdd: "recordings.zip", neuroradar: "gesture_data.zip", radhar: radhar.PACKED, acconeer: acconeer.PACKED}
    return {module.ORIGINAL.variable: str(folder / file) for module, file in own.items()}
