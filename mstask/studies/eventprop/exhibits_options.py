"""What the options of the Eventprop sections do to a training word: drawn afresh from the small embedded set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mstask.show.canvas import drawing

SHOWN = {"speech word": {}, "shift": {"shift": 40.0}, "blend": {"blend": [0.5, 0.5]}, "delay line": {"delay_copies": 3}}
"""Panels, and the parameters that make each from the first training word."""
WORD, SEED = 0, 0


def figure_eventprop_options() -> Figure:
    """A training word as it is, moved by some channels, blended with another of its class, and with delayed copies."""
    with drawing(4.4) as figure:
        for axes, (name, (times, channels)) in zip(figure.subplots(2, 2, sharex=True).flat, _trials().items(), strict=True):
            axes.plot(times, channels, ".", markersize=1.2, color="#00796b")
            axes.set_title(name)
        figure.supxlabel("time (ms)")
        figure.supylabel("input channel")
    return figure


def data_eventprop_options() -> pd.DataFrame:
    """The spikes of `figure_eventprop_options`."""
    frames = [pd.DataFrame({"panel": name, "ms": t, "channel": c}) for name, (t, c) in _trials().items()]
    return pd.concat(frames, ignore_index=True)


def _trials() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Times in ms and channels of the word in each panel, made by the code that a run of the section uses."""
    from mstask.section import resolve
    from mstask.studies.eventprop import measure as experiment, speech
    from mstask.studies.eventprop.augment import delay_line
    from mstask.studies.eventprop.declare import SECTION
    from mstask.studies.eventprop.methods import LOSS_METHODS

    found = {}
    for name, changes in SHOWN.items():
        parameters: Any = resolve(SECTION.id, profile="smoke", methods=["exp"], cases=["speech"], **changes)
        splits = experiment.load(SECTION, parameters, "speech")
        architecture, recipe = experiment.plan(LOSS_METHODS["exp"], "speech", splits.n_classes, parameters)
        row = len(splits.train.y) // 2 if parameters.blend else WORD
        spikes = recipe.augmentation.apply(splits.train.x.take([row]), speech.TRIAL_MS, np.random.default_rng(SEED))
        if architecture.delay_copies:
            spikes = delay_line(spikes, architecture.delay_copies, architecture.delay_ms, speech.TRIAL_MS)
        found[name] = spikes.trial(0)
    return found
