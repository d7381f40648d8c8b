"""The playground: every registered neuron as a function that a reader's browser runs, with what can be set and what it hears.

Everything follows from the registry. A neuron that listens to itself alone is played as one neuron, one that hears others in
the middle of a few that are alike. What can be set is the threshold, each number that the type's constructor takes, and each
learnt parameter that follows from none of these. All positions of a slider are worked out here.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mstask import neurons
from mstask.errors import MstaskError, NotFusable
from mstask.fused import javascript
from mstask.neurons.base import Neuron
from mstask.studies.gallery import responses
from mstask.studies.gallery.responses import AMPLITUDE, STEPS

FEW = 5
"""Neurons played together where one hears the others."""
POSITIONS = 60
WORDS = {
    "beta": "kept per step",
    "w": "frequency (rad per step)",
    "k": "sweep rate (rad per step²)",
    "phi": "steering angle (rad)",
    "fast": "kept per step, fast membrane",
    "slow": "kept per step, slow membrane",
}
"""What readers call an option, a parameter or a coefficient; another is shown by its own name."""
RANGES = {"w": (0.0, math.pi), "k": (-0.02, 0.02), "phi": (-math.pi, math.pi)}
AROUND = 3.0
"""How far a parameter without a range can be moved from where it starts: from 0.05 to 0.95 for a logit of 0.5."""
RADAR_TARGET = 0


@dataclass(frozen=True)
class Knob:
    """A slider: at position i of `POSITIONS` + 1, attribute `name` of each neuron has the value `values[name][i]`.

    `shown` is what the reader sees there, and `start` the position at the beginning. Values have six digits, so that the page
    stays small.
    """

    label: str
    shown: list[float]
    values: Mapping[str, list[float]]
    start: int


Input = dict[str, Any]
"""Something to hear: its label, and x [T]."""


@dataclass(frozen=True)
class Played:
    """A neuron type in the playground: its JavaScript, or the reason why it has none; `fixed` are attributes without a knob."""

    name: str
    source: str
    reason: str
    width: int
    threshold: float
    knobs: list[Knob]
    fixed: Mapping[str, list[float]]


def played(name: str) -> Played:
    """Return a registered type as the playground plays it."""
    cls = neurons.neuron_type(name)
    found = responses.measure(cls)
    width = FEW if found.hears_neighbours else 1
    with double():
        layer = _made(cls, width)
        try:
            source, reason = javascript.function(layer, STEPS), ""
        except NotFusable as error:
            source, reason = "", str(error)
        knobs = [] if reason else [*_options(cls, width), *_parameters(cls, width)]
    moved = {attribute for knob in knobs for attribute in knob.values}
    flat = {key: value.flatten().tolist() for key, value in javascript.attributes(layer).items()}
    fixed = {key: value for key, value in flat.items() if key not in moved and f"p.{key}" in source}
    return Played(name, source, reason, width, found.threshold, knobs, fixed)


@contextmanager
def double() -> Iterator[None]:
    """Layers made within are of float64 from the start."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@torch.no_grad()
def _made(cls: type[Neuron], width: int, **options: float) -> Neuron:
    """Return neurons that are all like the middle one of the zoo's layer."""
    zoo, layer = (cls(size, backend="reference", **options) for size in (responses.WIDTH, width))
    for name, value in layer.named_parameters():
        middle = dict(zoo.named_parameters())[name]
        if value.shape == (width,) and middle.shape == (responses.WIDTH,):
            value.fill_(middle[responses.MIDDLE])
    return layer


def _options(cls: type[Neuron], width: int) -> list[Knob]:
    """Return a knob for each number that the constructor takes, but for threshold and surrogate slope.

    A share can be anything from 0 to 1, another number from a tenth to tenfold; an option with which that fails is left out.
    """
    knobs = []
    for name, default in _numbers(cls).items():
        shown = np.linspace(0, 1, POSITIONS + 1) if 0 <= default < 1 else default * np.geomspace(0.1, 10, POSITIONS + 1)
        start = _begin(shown, default)
        try:
            made = [javascript.attributes(_made(cls, width, **{name: float(value)})) for value in shown]
        except (MstaskError, ArithmeticError, ValueError):
            continue
        moved = [key for key in made[0] if not torch.equal(made[0][key], made[-1][key])]
        values = {key: _short(np.array([at[key].flatten()[0].item() for at in made])) for key in moved}
        alike = all(at[key].unique().numel() == 1 for at in made for key in moved)
        if moved and alike and np.isfinite(list(values.values())).all():
            knobs.append(Knob(WORDS.get(name, name), _short(shown), values, start))
    return knobs


def _numbers(cls: type[Neuron]) -> dict[str, float]:
    """Options of the constructor that are numbers, with their defaults."""
    signatures = [inspect.signature(vars(base)["__init__"]) for base in cls.__mro__ if "__init__" in vars(base)]
    parameters = {p.name: p.default for signature in reversed(signatures) for p in signature.parameters.values()}
    usable = cls.options() - {"threshold", "surrogate_slope"}
    return {name: value for name, value in parameters.items() if name in usable and isinstance(value, float)}


def _parameters(cls: type[Neuron], width: int) -> list[Knob]:
    """Return a knob for each learnt parameter [W] that no option sets.

    Where a parameter does nothing but make one coefficient, it is that coefficient that the reader sees.
    """
    layer = _made(cls, width)
    changed = {key for knob in _options(cls, width) for key in knob.values}
    own = {name: value for name, value in layer.named_parameters(recurse=False) if value.shape == (width,)}
    return [_parameter(layer, name, value.flatten()[0].item()) for name, value in own.items() if name not in changed]


@torch.no_grad()
def _parameter(layer: Neuron, name: str, at: float) -> Knob:
    values = np.linspace(*RANGES.get(name, (at - AROUND, at + AROUND)), POSITIONS + 1)
    start = _begin(values, at)
    parameter, made = layer.get_parameter(name), []
    for value in values:
        parameter.fill_(value)
        c = layer.coefficients(STEPS)
        made.append(type(c)(*(tensor.clone() for tensor in c)))
    moving = [field for field in made[0]._fields if not torch.equal(getattr(made[0], field), getattr(made[-1], field))]
    only = moving[0] if len(moving) == 1 and getattr(made[0], moving[0]).dim() == 1 else ""
    coefficient = np.array([getattr(c, only)[0].item() for c in made]) if only else values
    label, shown = (only, coefficient) if only and np.isfinite(coefficient).all() else (name, values)
    return Knob(WORDS.get(label, label), _short(shown), {name: _short(values)}, start)


def _begin(values: np.ndarray, at: float) -> int:
    """Put `at` in the place of the value next to it, and return that place."""
    start = int(np.abs(values - at).argmin())
    values[start] = at
    return start


def _short(values: np.ndarray) -> list[float]:
    """Numbers of six digits; the logit of 0 or 1 as one of which the logistic function is 0 or 1 to 17 digits."""
    return [float(f"{min(max(value, -40.0), 40.0) if math.isinf(value) else value:.6g}") for value in values]


def inputs() -> dict[str, Input]:
    """Return the inputs that are given as numbers; tones and what a reader draws are made in the browser."""
    given = responses.stimuli()
    return {
        "step": {"label": "a step", "x": given["step"].tolist()},
        "chirp": {"label": "a chirp: rising frequency", "x": given["chirp"].round(4).tolist()},
        "noise": {"label": "white noise", "x": given["noise"].round(4).tolist()},
        "radar": _radar(),
        "speech": _speech(),
    }


def _radar() -> Input:
    """A row of the zoo's radar picture: of all frequencies the one that varies most, in standard deviations from its mean."""
    from mstask.data.radar import CLASS_NAMES
    from mstask.studies.gallery.exhibits_radar import EXAMPLE_SEED
    from mstask.synth import micro_doppler

    picture = micro_doppler.sample(EXAMPLE_SEED, RADAR_TARGET, RADAR_TARGET).astype(float)
    row = picture[:, picture.std(axis=0).argmax()]
    x = np.zeros(STEPS)
    x[responses.STEP_FROM :][: len(row)] = (row - row.mean()) / row.std()
    return {"label": f"a radar row: {CLASS_NAMES[RADAR_TARGET]}", "x": x.round(4).tolist()}


def _speech() -> Input:
    """Spikes of the busiest channel of the word that the chapter on speech takes apart, counted in equal bins of 1 s."""
    from mstask.data.shd import WINDOW
    from mstask.studies.gallery.exhibits_speech import MAIN, word

    heard = word(*MAIN)
    channel = np.bincount(heard.units).argmax()
    counts = np.histogram(heard.times[heard.units == channel], STEPS, (0, WINDOW))[0]
    return {"label": f"a speech channel: {heard.sound.title.partition(',')[0]}", "x": counts.astype(float).tolist()}


def script(types: list[Played], heard: Mapping[str, Input]) -> str:
    """Return types and inputs as one JavaScript expression, the same bytes for the same registry."""
    lists: dict[str, int] = {}
    shown = ",\n".join(_written(one, lists) for one in types if one.source)
    settings = _json({"steps": STEPS, "positions": POSITIONS, "amplitude": AMPLITUDE, "inputs": heard})
    return f"{{...{settings},\nneurons: [{shown}],\nlists: [{','.join(lists)}]}}"


def _written(one: Played, lists: dict[str, int]) -> str:
    """A type with its function; what its sliders stand for are places in `lists`, since many are alike."""

    def place(values: list[float]) -> int:
        return lists.setdefault(_json(values), len(lists))

    knobs = [
        {
            "label": knob.label,
            "start": knob.start,
            "shown": place(knob.shown),
            "values": {name: place(values) for name, values in knob.values.items()},
        }
        for knob in one.knobs
    ]
    facts = {"name": one.name, "width": one.width, "threshold": one.threshold, "knobs": knobs, "fixed": one.fixed}
    source = "\n".join(line.strip() for line in one.source.splitlines())
    return f"{{...{_json(facts)},\nrun: {source}}}"


def _json(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace(".0,", ",").replace(".0]", "]")
    if "</" in text:
        raise MstaskError(f"the playground's data holds {text[text.index('</') :][:20]!r}, which would end the page's script")
    return text
