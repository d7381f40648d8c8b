"""Radar returns of what moves: rotors, flapping wings, bodies.

A continuous-wave radar at 10 GHz sees a scatterer at range ``r(t)`` as ``exp(-i k r(t))`` with ``k = 4 pi /
wavelength`` (there and back), so an approaching scatterer has positive Doppler ``-2 r'(t) / wavelength``. A
target's frame has x forward, y left, z up; ``u`` is the unit vector from the target to the radar, and a
scatterer at offset ``p`` from a centre at range ``r_c`` has range ``r_c - p . u``. Metres, seconds, radians
and hertz throughout.

Sources: Chen, *The Micro-Doppler Effect in Radar*; Martin & Mulgrew's blade with two unequal edges; the
two-segment wing of Yoon et al., J. Electromagn. Eng. Sci. 21(4):270, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numba import njit
from scipy.interpolate import make_interp_spline

WAVELENGTH = 299_792_458.0 / 10e9
WAVENUMBER = 4 * pi / WAVELENGTH
SAMPLE_RATE = 10_000
N_SAMPLES = 10_240
DURATION = N_SAMPLES / SAMPLE_RATE
TIME = np.arange(N_SAMPLES) / SAMPLE_RATE


@dataclass(frozen=True)
class Rotor:
    """Thin straight blades turning about `axis` through `hub`.

    `angle` [N] is the angle of the first blade in the rotor plane (rad), `edges` the strength of the leading
    and the trailing edge, `tip` the amplitude of the point scatterer at each blade's end, `length` the
    distance from hub to tip (m).
    """

    n_blades: int
    length: float
    axis: np.ndarray
    hub: np.ndarray
    angle: np.ndarray
    edges: tuple[float, float]
    tip: float
    root: float = 0.12


@dataclass(frozen=True)
class Wings:
    """Flapping two-segment wings: amplitudes and offsets of the joint angles in rad, lengths in m, `beat` in Hz."""

    beat: float
    phase: float
    inner: float
    outer: float
    shoulder: tuple[float, float]
    elbow: tuple[float, float]
    sweep: float
    attitude: np.ndarray


def slow_jitter(rng: np.random.Generator, bandwidth: float) -> np.ndarray:
    """Return S(t; B) [N]: a cubic spline through white Gaussian knots at 4 B per second, zero mean, unit variance."""
    spacing = 1 / (4 * bandwidth)
    knots = rng.standard_normal(int(np.ceil(DURATION / spacing)) + 4)
    values = make_interp_spline(spacing * np.arange(len(knots)), knots, k=3)(TIME)
    values -= values.mean()
    return values / values.std()


def line_of_sight(azimuth: float, elevation: float) -> np.ndarray:
    """Return u = (cos e cos a, cos e sin a, sin e), the unit vector from the target to the radar (angles in rad)."""
    return np.array([cos(elevation) * cos(azimuth), cos(elevation) * sin(azimuth), sin(elevation)])


def draw_aspect(rng: np.random.Generator) -> tuple[float, float]:
    """Draw azimuth (0-360 deg in steps of 45, +-22.5) and elevation (0, 30, 60 deg, +-7.5), both in rad.

    An elevation of 90 deg is left out: a level rotor has no Doppler there.
    """
    azimuth = 45 * rng.integers(8) + rng.uniform(-22.5, 22.5)
    elevation = abs(30 * rng.integers(3) + rng.uniform(-7.5, 7.5))
    return np.radians(azimuth), np.radians(elevation)


def centre_range(
    rng: np.random.Generator, radial_speed: float, acceleration_sd: float, jitter: float, bandwidth: float
) -> np.ndarray:
    """Return r_c(t) = r_0 + v_r t + a t^2 / 2 + jitter S(t; B) in metres [N], up to a whole number of wavelengths.

    `radial_speed` is positive when the target recedes; a = N(0, `acceleration_sd`) in m/s^2; `jitter` in
    metres.
    """
    start = rng.uniform(0, WAVELENGTH)
    acceleration = rng.normal(0, acceleration_sd)
    return start + radial_speed * TIME + acceleration * TIME**2 / 2 + jitter * slow_jitter(rng, bandwidth)


def rotor_angle(rpm: float, wobble: np.ndarray, start: float = 0.0, sense: int = 1) -> np.ndarray:
    """Return the blade angle 2 pi sum(rpm / 60 (1 + wobble)) / f_s + start in rad, of the length of `wobble`.

    `wobble` is the relative change of speed (0.01 S(t; 2 Hz) in the data, zeros for an ideal motor); `sense`
    +1 or -1.
    """
    return start + sense * 2 * pi * np.cumsum(rpm / 60 * (1 + wobble)) / SAMPLE_RATE


def draw_rotor_angle(rng: np.random.Generator, rpm: float, sense: int) -> np.ndarray:
    """Return the angle [N] of a rotor whose speed wanders by 1 % rms within 2 Hz, from a uniform start."""
    return rotor_angle(rpm, 0.01 * slow_jitter(rng, 2), rng.uniform(0, 2 * pi), sense)


def draw_rotor(
    rng: np.random.Generator,
    n_blades: int,
    length: float,
    axis: np.ndarray,
    hub: np.ndarray,
    angle: np.ndarray,
) -> Rotor:
    """Draw the blades' surface: edges that differ by 0-6 dB, the stronger side random, and tips of -26..-14 dB."""
    weaker = 10 ** (-rng.uniform(0, 6) / 20)
    edges = (1.0, weaker) if rng.random() < 0.5 else (weaker, 1.0)
    return Rotor(n_blades, length, axis, hub, angle, edges, 10 ** (rng.uniform(-26, -14) / 20))


def projection(rotor: Rotor, u: np.ndarray) -> float:
    """Return P = sqrt(1 - (n . u)^2), the part of the line of sight that lies in the rotor plane."""
    return float(np.sqrt(max(0.0, 1 - (rotor.axis @ u) ** 2)))


def tip_doppler(rotor: Rotor, u: np.ndarray) -> np.ndarray:
    """Return the edge of the band, f_max = 2 L P |dOmega/dt| / wavelength, in Hz at each step."""
    speed = np.abs(np.diff(rotor.angle)) * SAMPLE_RATE * rotor.length
    return 2 * speed * projection(rotor, u) / WAVELENGTH


def blade_tips(rotor: Rotor, u: np.ndarray) -> np.ndarray:
    """Return the positions of the blade tips [blades, N, 3] in the target's frame, for drawing.

    Angle 0 points away from the radar, so that a tip's range is r_c + L P cos(angle), as in `rotor_return`.
    """
    away = rotor.axis * (rotor.axis @ u) - u
    away = away / np.linalg.norm(away)
    across = np.cross(rotor.axis, away)
    angle = rotor.angle + 2 * pi * np.arange(rotor.n_blades)[:, None] / rotor.n_blades
    return rotor.hub + rotor.length * (np.cos(angle)[..., None] * away + np.sin(angle)[..., None] * across)


def rotor_return(rotor: Rotor, u: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the echo [N] of a rotor whose target's centre has range `centre` [N].

    With g = k P cos(phi_b), root l1 and tip l2, blade b returns

        w_b sinc(g (l2 - l1) / 2) exp(-i (k r + g (l1 + l2) / 2)) + tau exp(-i (k r + g l2)),   sinc x =
        sin(x) / x,

    the closed form of the integral of exp(-i k range) along the blade: a flash when the blade is
    perpendicular to u. The factor w_b = (lead + trail) / 2 + (lead - trail) / 2 sin(phi_b) makes the two
    edges differ.
    """
    lead, trail = rotor.edges
    blades = _blade_sum(
        rotor.angle,
        rotor.n_blades,
        WAVENUMBER * projection(rotor, u),
        rotor.root * rotor.length,
        rotor.length,
        (lead + trail) / 2,
        (lead - trail) / 2,
        rotor.tip,
    )
    return blades * np.exp(-1j * WAVENUMBER * (centre - rotor.hub @ u))


@njit(cache=True, error_model="numpy")
def _blade_sum(angle, n_blades, reach, root, end, mean_edge, half_edge, tip):
    """Sum the blades' returns at hub range 0; `reach` = k P, lengths in metres."""
    out = np.empty(angle.size, np.complex128)
    turn = 2 * np.pi / n_blades
    for t in range(angle.size):
        total = 0.0 + 0.0j
        for b in range(n_blades):
            phi = angle[t] + turn * b
            g = reach * np.cos(phi)
            middle, half = g * (root + end) / 2, g * (end - root) / 2
            sine = np.sin(half)
            flash = sine / half if abs(half) > 1e-9 else 1.0
            edge = mean_edge + half_edge * np.sin(phi)
            at_tip = complex(np.cos(half), -sine)
            total += complex(np.cos(middle), -np.sin(middle)) * (edge * flash + tip * at_tip)
        out[t] = total
    return out


def draw_wings(rng: np.random.Generator) -> Wings:
    """Draw a wing beat of 2-4 Hz, a semi-span of 15-40 cm, joint angles and the body's pitch and roll."""
    beat, phase = rng.uniform(2, 4), rng.uniform(0, 2 * pi)
    semi_span, inner = rng.uniform(0.15, 0.40), rng.uniform(0.40, 0.55)
    shoulder = (np.radians(rng.uniform(25, 45)), np.radians(rng.uniform(0, 15)))
    elbow = (np.radians(rng.uniform(10, 35)), np.radians(rng.uniform(0, 40)))
    sweep = np.radians(rng.uniform(0, 25))
    attitude = _attitude(np.radians(rng.uniform(-10, 15)), np.radians(rng.uniform(-15, 15)))
    return Wings(beat, phase, inner * semi_span, (1 - inner) * semi_span, shoulder, elbow, sweep, attitude)


def _attitude(pitch: float, roll: float) -> np.ndarray:
    """Return the rotation [3, 3] of a body pitched nose up and rolled to the right (rad)."""
    nose_up = np.array([[cos(pitch), 0, -sin(pitch)], [0, 1, 0], [sin(pitch), 0, cos(pitch)]])
    right_down = np.array([[1, 0, 0], [0, cos(roll), -sin(roll)], [0, sin(roll), cos(roll)]])
    return nose_up @ right_down


def wing_joints(wings: Wings) -> np.ndarray:
    """Return the positions of shoulder, elbow and tip of the left and right wing [2, 3, N, 3].

    With w = 2 pi f t + phase: q1 = A1 cos w + p1, q2 = A2 cos(w + 0.3) + p2, s = A3 sin w, side = +-1,

        elbow = (0, side l_i cos q1, l_i sin q1)
        tip   = elbow + l_o (-sin s cos(q1 - q2), side cos s cos(q1 - q2), sin(q1 - q2)).
    """
    w = 2 * pi * wings.beat * TIME + wings.phase
    q1 = wings.shoulder[0] * np.cos(w) + wings.shoulder[1]
    q2 = wings.elbow[0] * np.cos(w + 0.3) + wings.elbow[1]
    sweep = wings.sweep * np.sin(w)
    zero = np.zeros_like(w)
    joints = []
    for side in (1, -1):
        elbow = wings.inner * np.stack([zero, side * np.cos(q1), np.sin(q1)], -1)
        along = [-np.sin(sweep) * np.cos(q1 - q2), side * np.cos(sweep) * np.cos(q1 - q2), np.sin(q1 - q2)]
        joints.append([np.zeros_like(elbow), elbow, elbow + wings.outer * np.stack(along, -1)])
    return np.array(joints) @ wings.attitude.T


def wing_return(wings: Wings, u: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the echo [N] of both wings.

    Each segment gives length sinc(k (r_b - r_a) / 2) exp(-i k (r_a + r_b) / 2).
    """
    ranges = centre - wing_joints(wings) @ u
    echo = np.zeros(len(centre), complex)
    for side in ranges:
        for length, near, far in ((wings.inner, side[0], side[1]), (wings.outer, side[1], side[2])):
            half = WAVENUMBER * (far - near) / 2
            echo += length * np.sinc(half / pi) * np.exp(-1j * WAVENUMBER * (near + far) / 2)
    return echo


def heave(rng: np.random.Generator, wings: Wings) -> np.ndarray:
    """Return the height of a bird's body [N], 5-30 mm in antiphase with its wing beat (m)."""
    return -rng.uniform(0.005, 0.030) * np.cos(2 * pi * wings.beat * TIME + wings.phase)


def body_return(rng: np.random.Generator, extent: float, u: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the echo [N] of 2-5 point scatterers with Rayleigh amplitudes at offsets U(-extent, extent) (m).

    The body rocks by 1-4 deg at 0.3-1.5 Hz about a random axis m: an offset p moves to p + theta(t) m x p.
    """
    n = rng.integers(2, 6)
    offsets, amplitudes = rng.uniform(-extent, extent, (n, 3)), rng.rayleigh(size=n)
    axis = rng.standard_normal(3)
    axis /= np.linalg.norm(axis)
    swing = np.radians(rng.uniform(1, 4))
    theta = swing * np.sin(2 * pi * rng.uniform(0.3, 1.5) * TIME + rng.uniform(0, 2 * pi))
    ahead = (offsets @ u)[:, None] + (np.cross(axis, offsets) @ u)[:, None] * theta
    return (amplitudes[:, None] * np.exp(-1j * WAVENUMBER * (centre - ahead))).sum(0)
