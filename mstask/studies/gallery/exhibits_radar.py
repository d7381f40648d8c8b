"""The simulated radar targets: one picture of each class, what moves in it, and what each part adds to the echo.

All are drawn afresh from the simulator; the examples are the same in every figure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mstask.data import cache
from mstask.data.radar import CLASS_NAMES
from mstask.results.voices import NOTHING
from mstask.show.canvas import GREY, SMALL, WIDTH, Plot, drawing, styled
from mstask.synth import micro_doppler, parallel
from mstask.synth.receiver import BAND, FLOOR_DB, picture, spectrogram
from mstask.synth.scatterers import SAMPLE_RATE, blade_tips, wing_joints

EXAMPLE_SEED = 2026
EXTENT = (0, 1.024, -2, 2)
FREQUENCY = "Doppler frequency (kHz)"
TAKEN_APART = 5
"""The class whose echo is shown part by part: the model plane."""
BLADES, WINGS = "#00796b", "#c75b12"
MEASURED = 120
"""Targets of each class whose extent in frequency is told."""
AZIMUTH, ELEVATION = np.radians((-55.0, 25.0))
"""From where a drawn target is looked at (its nose points along azimuth 0)."""
INSTANTS = 7
"""Wing positions drawn over one beat."""
ASIDE = np.array([0.0, -0.45, 0.0])
"""Where the bird is drawn (m) that keeps a helicopter company."""


def figure_radar_examples() -> Figure:
    """One simulated radar picture of each class."""
    return _draw_pictures(_pictures(), 3, 3.6)


def data_radar_examples() -> pd.DataFrame:
    """Return the pictures of `figure_radar_examples`: one row per class and time frame, one column per frequency."""
    return _table("class", _pictures())


def figure_radar_targets() -> Figure:
    """Each class: its moving parts, the direction of the radar, and the picture of its echo without noise and faults."""
    names = CLASS_NAMES
    with styled():
        figure = Plot(figsize=(WIDTH, 1.4 * len(names) + 0.5))
        grid = figure.subplots(len(names), 2, width_ratios=(1, 1.15))
        figure.subplots_adjust(left=0.01, right=0.98, top=0.97, bottom=0.06, hspace=0.75, wspace=0.34)
        for target, name in enumerate(names):
            scene = _scene(target)
            shape, echo = grid[target]
            _draw_target(shape, scene)
            shape.set_title(name, loc="left")
            shape.text(0, 0, _facts(scene), transform=shape.transAxes, fontsize=SMALL, va="top")
            _draw_picture(echo, picture(scene.echo))
            echo.set(yticks=(-2, 0, 2), ylabel="kHz")
            echo.tick_params(labelbottom=target == len(names) - 1)
        grid[-1, 1].set_xlabel("time (s)")
    return figure


def data_radar_targets() -> pd.DataFrame:
    """What was drawn for each target of `figure_radar_targets`: sizes, speeds and direction, with units in their names."""
    return pd.DataFrame([{"class": name} | _scene(i).facts for i, name in enumerate(CLASS_NAMES)])


def figure_radar_parts() -> Figure:
    """One target's echo taken apart: moving parts, body, their sum, and what the receiver makes of it; one scale for all."""
    return _draw_pictures(_parts(), 2, 3.9)


def data_radar_parts() -> pd.DataFrame:
    """The pictures of `figure_radar_parts`: one row per part and time frame, one column per frequency."""
    return _table("part", _parts())


def table_radar_extent() -> pd.DataFrame:
    """How far the moving parts of each class reach: tips beyond half the sampling rate, and energy outside the picture."""
    rows, measured = [], extents()
    for name in CLASS_NAMES:
        tips, outside = np.array(measured[name]).T
        folded = f"{np.mean(tips > SAMPLE_RATE / 2):.0%}" if tips.any() else NOTHING
        fastest = f"{tips.max() / 1000:.1f}" if tips.any() else NOTHING
        rows.append((name, len(tips), fastest, folded, f"{outside.mean():.0%}"))
    half, crop = (f"beyond ±{limit / 1000:g} kHz" for limit in (SAMPLE_RATE / 2, BAND))
    return pd.DataFrame(rows, columns=["class", "targets", "fastest tip (kHz)", f"tips {half}", f"energy {crop}"])


def extents() -> dict[str, list[list[float]]]:
    """Return `micro_doppler.extent` of the first targets of each class, drawn once and kept in the data cache."""

    def make(folder: Path) -> dict[str, Any]:
        items = [(label, i) for label in range(len(CLASS_NAMES)) for i in range(MEASURED)]
        task = f"{micro_doppler.__name__}:extent"
        workers = max(1, min(parallel.available_cores(), len(items) // 250))
        drawn = np.array(list(parallel.compute(task, items, (2,), np.float64, workers)))
        return dict(zip(CLASS_NAMES, drawn.reshape(-1, MEASURED, 2).tolist(), strict=True))

    def fault(folder: Path) -> str | None:
        return None if set(cache.read_meta(folder)) == set(CLASS_NAMES) else "its meta.json is incomplete"

    return cache.read_meta(cache.ensure(f"radar-extent-{MEASURED}-v{micro_doppler.VERSION}", make, fault))


def _scene(target: int) -> Any:
    return micro_doppler.TARGETS[target](np.random.default_rng([EXAMPLE_SEED, target]))


def _pictures() -> dict[str, np.ndarray]:
    return {name: micro_doppler.sample(EXAMPLE_SEED, i, i) for i, name in enumerate(CLASS_NAMES)}


def _parts() -> dict[str, np.ndarray]:
    """Return pictures [64, 64] of parts of one echo, all as levels below the brightest point of their sum."""
    example = micro_doppler.example(TAKEN_APART, TAKEN_APART, EXAMPLE_SEED)
    scene = example.scene
    signals = {
        "propeller": scene.moving,
        "body": scene.rest,
        "propeller and body": scene.echo,
        "as received": example.signal,
    }
    top = spectrogram(scene.echo).max()
    levels = {name: 10 * np.log10(np.maximum(spectrogram(signal) / top, 1e-30)) for name, signal in signals.items()}
    return {name: 1 + np.clip(level, -FLOOR_DB, 0) / FLOOR_DB for name, level in levels.items()}


def _table(first: str, pictures: dict[str, np.ndarray]) -> pd.DataFrame:
    frames = {name: pd.DataFrame(picture).add_prefix("bin_") for name, picture in pictures.items()}
    return pd.concat(frames, names=[first, "frame"]).reset_index()


def _facts(scene: Any) -> str:
    """Return a target's size and speed in words, as far as it has them."""
    said = []
    if scene.rotors:
        said.append(f"{100 * scene.facts['length_m']:.0f} cm, {scene.facts['rpm']:,.0f} rpm")
    if scene.wings is not None:
        said.append(f"{scene.facts['wing_beat_hz']:.1f} beats per s")
    return ",\n".join(said)


def _draw_pictures(pictures: dict[str, np.ndarray], columns: int, height: float) -> Figure:
    """Draw two rows of pictures [64, 64] under their names."""
    with drawing(height) as figure:
        grid = figure.subplots(2, columns, sharex=True, sharey=True)
        for axes, (name, picture) in zip(grid.flat, pictures.items(), strict=True):
            _draw_picture(axes, picture)
            axes.set_title(name.replace(" + ", " +\n"))
        figure.supxlabel("time (s)")
        figure.supylabel(FREQUENCY)
    return figure


def _draw_picture(axes: Axes, picture: np.ndarray) -> None:
    axes.imshow(picture.T, origin="lower", aspect="auto", extent=EXTENT, cmap="viridis", vmin=0, vmax=1)


def _draw_target(axes: Axes, scene: Any) -> None:
    """Draw rotors with the circle that their tips describe, wings at several instants, a body, and the way to the radar."""
    drawn = [np.zeros((1, 2))]
    for rotor in scene.rotors:
        turn = np.searchsorted(np.abs(rotor.angle - rotor.angle[0]), 2 * np.pi)
        tips, hub = _seen(blade_tips(rotor, scene.u)[:, : turn + 1]), _seen(rotor.hub)
        axes.plot(*tips[0].T, color=BLADES, linewidth=0.7, alpha=0.6)
        for tip in tips[:, 0]:
            axes.plot(*np.stack([hub, tip]).T, color=BLADES, linewidth=2)
        axes.plot(*np.stack([np.zeros(2), hub]).T, color=GREY, linewidth=1)
        drawn.append(tips[0])
    if scene.wings is not None:
        beat = round(SAMPLE_RATE / scene.wings.beat)
        joints = _seen(wing_joints(scene.wings)[:, :, : beat : beat // INSTANTS] + (ASIDE if scene.rotors else 0))
        for instant in range(joints.shape[2]):
            for side in joints[:, :, instant]:
                axes.plot(*side.T, color=WINGS, linewidth=1.6, alpha=1 if instant == 0 else 0.3)
        drawn.append(joints.reshape(-1, 2))
        axes.plot(*joints[0, 0, 0], "o", color=GREY, markersize=4)
    reach = np.abs(np.concatenate(drawn)).max()
    axes.plot(0, 0, "o", color=GREY, markersize=4)
    to_radar = 1.5 * reach * _seen(scene.u)
    axes.plot(*to_radar, alpha=0)
    axes.annotate("", to_radar, (0, 0), arrowprops={"arrowstyle": "->", "color": GREY, "linestyle": "--"})
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_axis_off()


def _seen(points: np.ndarray) -> np.ndarray:
    """Project points [..., 3] of a target's frame onto the page [..., 2]."""
    right = np.array([-np.sin(AZIMUTH), np.cos(AZIMUTH), 0])
    ahead = np.array([np.cos(AZIMUTH) * np.cos(ELEVATION), np.sin(AZIMUTH) * np.cos(ELEVATION), np.sin(ELEVATION)])
    up = np.cross(ahead, right)
    return np.stack([points @ right, points @ up], -1)
