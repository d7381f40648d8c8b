"""A simulated micro-Doppler radar set in the format of DIAT-µSAT: six classes of small targets seen at 10 GHz.

This is physics, not the original recordings. Parameter ranges follow what is public about the original (X
band, 10 kHz sampling, 200-1740 rpm, 2-4 wing beats per second, azimuth in steps of 45 deg, elevation in steps
of 30 deg) and otherwise the size and speed of such targets; none was chosen by looking at which neuron wins.
Scatterers stand in `scatterers.py`, the radar in `receiver.py`:

    echo(t) = sum_p a_p exp(-i 4 pi r_p(t) / wavelength)  ->  receiver's faults  ->  |STFT|^2 in dB, [64 times, 64 Doppler bins]

Sample i of data seed s draws everything from ``default_rng([s, i])``, so any sample can be made alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import numpy as np
from tqdm import tqdm

from . import parallel
from .receiver import decibel, in_band_power, picture, power, receive
from .scatterers import (
    Rotor,
    Wings,
    body_return,
    centre_range,
    draw_aspect,
    draw_rotor,
    draw_rotor_angle,
    draw_wings,
    heave,
    line_of_sight,
    rotor_return,
    tip_doppler,
    wing_return,
)

VERSION = 1
CLASS_SIZES = {
    "paper": (718, 848, 758, 778, 849, 898),
    "medium": (180, 212, 190, 194, 212, 224),
    "small": (40,) * 6,
}
SHAPE = (64, 64)
FORWARD, LEFT, UP = np.eye(3)


@dataclass(frozen=True)
class Scene:
    """One target without the radar's faults.

    `moving` [N] is the echo of rotors or wings, scaled to unit power within +-2 kHz; `rest` [N] that of the
    bodies (and of the second target); `rotors` and `wings` hold the moving parts, seen along `u`, save
    for the bird beside a helicopter, which has an aspect of its own; `facts` the main parameters drawn, with units in
    their names.
    """

    label: int
    u: np.ndarray
    moving: np.ndarray
    rest: np.ndarray
    rotors: tuple[Rotor, ...]
    wings: Wings | None
    facts: dict[str, float]

    @property
    def echo(self) -> np.ndarray:
        """The whole echo [N]."""
        return self.moving + self.rest


def _scene(
    label: int,
    aspect: tuple[float, float],
    u: np.ndarray,
    moving: np.ndarray,
    rest: np.ndarray,
    rotors: tuple[Rotor, ...] = (),
    wings: Wings | None = None,
    **facts: float,
) -> Scene:
    """Scale the moving parts, and tell the aspect (azimuth and elevation, rad) in degrees, before the other facts."""
    azimuth, elevation = np.degrees(aspect).tolist()
    facts = {"azimuth_deg": azimuth, "elevation_deg": elevation} | facts
    return Scene(label, u, moving / np.sqrt(in_band_power(moving)), rest, rotors, wings, facts)


def _to_level(body: np.ndarray, level_db: float) -> np.ndarray:
    return body * np.sqrt(decibel(level_db) / power(body))


def _tilted(angle: float, towards: float) -> np.ndarray:
    """Return the vertical axis tilted by `angle` in the horizontal direction `towards` (rad)."""
    return np.cos(angle) * UP + np.sin(angle) * _heading(towards)


def _heading(angle: float) -> np.ndarray:
    return np.cos(angle) * FORWARD + np.sin(angle) * LEFT


def _sense(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1


def _rotor_on_a_stand(rng: np.random.Generator, label: int, shortest: float, longest: float) -> Scene:
    """Three blades at 200-1740 rpm, axis tilted by 0-10 deg, on a stand vibrating 0-2 mm at the rotor frequency."""
    aspect = draw_aspect(rng)
    u = line_of_sight(*aspect)
    length, rpm = rng.uniform(shortest, longest), rng.uniform(200, 1740)
    axis = _tilted(np.radians(rng.uniform(0, 10)), rng.uniform(0, 2 * pi))
    rotor = draw_rotor(rng, 3, length, axis, np.zeros(3), draw_rotor_angle(rng, rpm, _sense(rng)))
    centre = rng.uniform(0, 0.002) * np.cos(rotor.angle + rng.uniform(0, 2 * pi))
    stand = body_return(rng, 0.05, u, centre)
    moving = rotor_return(rotor, u, centre)
    rest = _to_level(stand, rng.uniform(-8, 8) - 10 * np.log10(length / 0.18))
    return _scene(label, aspect, u, moving, rest, (rotor,), rpm=rpm, length_m=length, n_blades=3)


def long_rotor(rng: np.random.Generator) -> Scene:
    """Class 0: blades of 23-34 cm, hub and blade of a model helicopter of size 250-450."""
    return _rotor_on_a_stand(rng, 0, 0.23, 0.34)


def short_rotor(rng: np.random.Generator) -> Scene:
    """Class 1: blades of 8-14 cm, three-blade propellers of 6-11 inches."""
    return _rotor_on_a_stand(rng, 1, 0.08, 0.14)


def _bird_at(rng: np.random.Generator, label: int, aspect: tuple[float, float]) -> Scene:
    """A bird flying forward at 2-8 m/s; its body is 0-10 dB above the wings."""
    u = line_of_sight(*aspect)
    wings, speed = draw_wings(rng), rng.uniform(2, 8)
    centre = centre_range(rng, -(FORWARD @ u) * speed, 1.0, 0.010, 1.5) - heave(rng, wings) * u[2]
    body = body_return(rng, 0.08, u, centre)
    moving, rest = wing_return(wings, u, centre), _to_level(body, rng.uniform(0, 10))
    facts = {"wing_beat_hz": wings.beat, "semi_span_m": wings.inner + wings.outer, "speed_m_s": speed}
    return _scene(label, aspect, u, moving, rest, wings=wings, **facts)


def bird(rng: np.random.Generator) -> Scene:
    """Class 2: a bird beating its wings 2-4 times a second."""
    return _bird_at(rng, 2, draw_aspect(rng))


def bird_and_helicopter(rng: np.random.Generator) -> Scene:
    """Class 3: a bird and, within 0.2 rad of its aspect, a mini-helicopter at 1500-3000 rpm.

    The tail rotor is geared 4-5 times up, 0.18-0.24 of the main rotor's length, 8-16 dB weaker and 1.15
    lengths behind. The bird is -6..6 dB relative to the helicopter's body.
    """
    aspect = azimuth, elevation = draw_aspect(rng)
    companion = _bird_at(rng, 3, aspect)
    u = line_of_sight(azimuth + rng.uniform(-0.2, 0.2), elevation + rng.uniform(-0.2, 0.2))
    length = rng.uniform(0.09, 0.35)
    rpm = rng.uniform(1500, 3000) * min(1, 0.25 / length)
    main = draw_rotor(rng, 2, length, UP, np.zeros(3), draw_rotor_angle(rng, rpm, _sense(rng)))
    tail_angle = rng.uniform(4, 5) * main.angle + rng.uniform(0, 2 * pi)
    tail = draw_rotor(rng, 2, rng.uniform(0.18, 0.24) * length, LEFT, -1.15 * length * FORWARD, tail_angle)
    tail_amplitude = np.sqrt(decibel(-rng.uniform(8, 16)))

    speed, heading = abs(rng.normal(0, 2)), rng.uniform(0, 2 * pi)
    centre = centre_range(rng, -(_heading(heading) @ u) * speed, 0.5, 0.003, 3)
    body = _to_level(body_return(rng, 0.15, u, centre), rng.uniform(3, 23))
    bird_level = 10 * np.log10(power(body)) + rng.uniform(-6, 6)
    moving = rotor_return(main, u, centre) + tail_amplitude * rotor_return(tail, u, centre)
    rest = body + _to_level(companion.echo, bird_level)
    facts = companion.facts | {"rpm": rpm, "length_m": length, "n_blades": 2}
    return _scene(3, aspect, u, moving, rest, (main, tail), companion.wings, **facts)


def quadcopter(rng: np.random.Generator) -> Scene:
    """Class 4: four rotors of 6-17 cm at 3000-8000 rpm (slower when longer), tilted the faster it flies."""
    aspect = draw_aspect(rng)
    u = line_of_sight(*aspect)
    n_blades, length = 2 if rng.random() < 0.8 else 3, rng.uniform(0.06, 0.17)
    # Blades longer than 12 cm turn slower, so that their tips are no faster.
    rpm = rng.uniform(3000, 8000) * min(1, 0.12 / length)
    speed, heading = abs(rng.normal(0, 3)), rng.uniform(0, 2 * pi)
    axis = _tilted(np.radians(min(25, 2 + 2 * speed)), heading)
    arm, sense = rng.uniform(1.3, 1.9) * length, _sense(rng)
    rotors = []
    for corner in range(4):
        hub = arm * _heading(pi / 4 + corner * pi / 2)
        angle = draw_rotor_angle(rng, rpm * rng.normal(1, 0.06), sense * (-1) ** corner)
        rotors.append(draw_rotor(rng, n_blades, length, axis, hub, angle))
    centre = centre_range(rng, -(_heading(heading) @ u) * speed, 0.5, 0.003, 3)
    body = body_return(rng, 0.15, u, centre)
    moving = sum(rotor_return(rotor, u, centre) for rotor in rotors)
    rest = _to_level(body, rng.uniform(3, 23))
    facts = {"rpm": rpm, "length_m": length, "n_blades": n_blades, "speed_m_s": speed}
    return _scene(4, aspect, u, moving, rest, tuple(rotors), **facts)


def rc_plane(rng: np.random.Generator) -> Scene:
    """Class 5: one propeller of 9-16.5 cm at 4000-9500 rpm facing the heading, 6-18 m/s, climbing by -15..15 deg."""
    aspect = draw_aspect(rng)
    u = line_of_sight(*aspect)
    n_blades, length = 2 if rng.random() < 0.75 else 3, rng.uniform(0.09, 0.165)
    rpm = rng.uniform(4000, 9500) * min(1, 0.115 / length)
    speed, climb = rng.uniform(6, 18), np.radians(rng.uniform(-15, 15))
    nose = np.cos(climb) * FORWARD + np.sin(climb) * UP
    propeller = draw_rotor(rng, n_blades, length, nose, np.zeros(3), draw_rotor_angle(rng, rpm, _sense(rng)))
    centre = centre_range(rng, -(nose @ u) * speed, 2.0, 0.010, 1.5)
    body = body_return(rng, 0.5, u, centre)
    moving, rest = rotor_return(propeller, u, centre), _to_level(body, rng.uniform(3, 23))
    facts = {"rpm": rpm, "length_m": length, "n_blades": n_blades, "speed_m_s": speed}
    return _scene(5, aspect, u, moving, rest, (propeller,), **facts)


TARGETS: tuple[Callable[[np.random.Generator], Scene], ...] = (
    long_rotor,
    short_rotor,
    bird,
    bird_and_helicopter,
    quadcopter,
    rc_plane,
)


def extent(label: int, index: int, seed: int = 0) -> np.ndarray:
    """Return what sample `index` has beyond its picture: [fastest tip's Doppler in Hz, energy share outside +-2 kHz].

    Both are of the moving parts alone; a target without rotors has no tip (0 Hz). The radar samples at 10 kHz, so Doppler
    beyond 5 kHz appears 10 kHz lower.
    """
    scene = TARGETS[label](np.random.default_rng([seed, index]))
    fastest = max((float(tip_doppler(rotor, scene.u).max()) for rotor in scene.rotors), default=0.0)
    return np.array([fastest, 1 - in_band_power(scene.moving) / power(scene.moving)])


@dataclass(frozen=True)
class Example:
    """A sample and what is behind it: scene, recorded signal [N], picture [64, 64], levels drawn."""

    scene: Scene
    signal: np.ndarray
    picture: np.ndarray
    levels: dict[str, float]


def example(index: int, label: int, seed: int = 0, nuisances: bool = True) -> Example:
    """Return sample `index` of data seed `seed` with its scene; without nuisances as an ideal radar sees it."""
    rng = np.random.default_rng([seed, index])
    scene = TARGETS[label](rng)
    signal, levels = receive(rng, scene.echo) if nuisances else (scene.echo, {})
    return Example(scene, signal, picture(signal), levels)


def sample(seed: int, index: int, label: int) -> np.ndarray:
    """Return the picture float32 [time 64, Doppler 64] of sample `index` of data seed `seed`."""
    return example(index, label, seed).picture


def labels(size: str = "paper", seed: int = 0) -> np.ndarray:
    """Return the shuffled labels int64 [N] of a set; `size` is a key of `CLASS_SIZES`."""
    ordered = np.repeat(np.arange(len(CLASS_SIZES[size])), CLASS_SIZES[size])
    return np.random.default_rng([seed, 1_000_000]).permutation(ordered)


def generate(size: str = "paper", seed: int = 0, workers: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures float32 [N, 64, 64] and labels int64 [N]: the same bytes for any number of worker processes.

    By default one worker per core, but a single one for a few hundred samples.
    """
    y = labels(size, seed)
    if workers is None:
        workers = max(1, min(parallel.available_cores(), len(y) // 250))
    items = [(seed, i, int(label)) for i, label in enumerate(y)]
    pictures = parallel.compute(f"{__name__}:sample", items, SHAPE, np.float32, workers)
    x = np.empty((len(y), *SHAPE), np.float32)
    for i, image in enumerate(tqdm(pictures, f"simulating the radar set ({size})", len(y), leave=False)):
        x[i] = image
    return x, y
