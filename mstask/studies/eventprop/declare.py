"""The sections on Eventprop: gradients, nine losses on four tasks, and the published Yin-Yang network beside its variants."""

from __future__ import annotations

from functools import partial
from types import ModuleType

from mstask.protocol import FIVE_SEEDS
from mstask.section import Section
from mstask.studies.eventprop.methods import LOSS_METHODS, PROBES, TASKS, VARIANTS, WHOLE
from mstask.studies.eventprop.parameters import EventpropParameters, GradientParameters

SMOKE = {"data_size": "small", "seeds": [42], "max_epochs": 2, "samples_per_epoch": 64, "width_factor": 0.2}
QUICK = {"data_size": "small", "seeds": [42], "max_epochs": 6, "samples_per_epoch": 400, "width_factor": 0.5}
FULL = {"data_size": "paper", "seeds": FIVE_SEEDS}
SEEDS = [7, 42, 123, 999, 2024]
_HERE, _THERE = (TASKS["speech"].sized(budget) for budget in ("reduced", "published"))
YIN_YANG_PAPER = {"data_size": "paper", "max_epochs": 100, "samples_per_epoch": 5000}


def _measure() -> ModuleType:
    """Trains one network."""
    from mstask.studies.eventprop import measure

    return measure


def _probes() -> ModuleType:
    """Compares gradients; nothing is trained."""
    from mstask.studies.eventprop import probes

    return probes


EventpropSection = partial(Section, number="5.2", data="yin-yang", on_processor=True)
TrainedSection = partial(
    EventpropSection, parameters=EventpropParameters, protocol=EventpropParameters.defaults(), experiment=_measure
)

SECTION = TrainedSection(
    id="eventprop",
    title="Exact gradients and the shape of the loss",
    about="Eventprop's losses",
    about_cases={"speech": "spoken digits", "yin-yang": "Yin-Yang, 60 ms", "yin-yang-long": "Yin-Yang, 400 ms"},
    methods=tuple(LOSS_METHODS),
    cases=tuple(TASKS),
    profiles={
        "smoke": SMOKE | {"cases": ["yin-yang", "radar"], "methods": ["exp", "first-spike-exp"]},
        "quick": QUICK | {"cases": ["yin-yang-long"], "methods": ["sum", "exp", "max", "first-spike-exp", "sum-frozen"]},
        "afternoon": FULL | {"max_epochs": 30, "samples_per_epoch": 5000},
        "paper": FULL | {"budget": "published", "max_epochs": 300, "samples_per_epoch": WHOLE},
    },
    departures={
        "recurrence": "Hidden neurons hear the input alone; in the paper's comparison of losses on speech also each other",
        "tasks": "Radar and long Yin-Yang trials are this project's own and keep a size of their own",
        "budget": f"A reduced budget is, on speech, {_HERE.epochs} epochs of {_HERE.samples:,} words and {_HERE.n_hidden} "
        f"hidden neurons instead of {_THERE.epochs}, all words and {_THERE.n_hidden}",
        "trials": f"Spoken digits last {_HERE.trial_ms:g} ms, where the papers' comparison of losses has 1400; Yin-Yang "
        f"{TASKS['yin-yang'].trial_ms:g} ms, where the original has no end and the reference implementation 30",
    },
    case_sources={"yin-yang": ("embedded",), "yin-yang-long": ("embedded",)},
)

YIN_YANG_SECTION = TrainedSection(
    id="eventprop-yin-yang",
    title="Eventprop on Yin-Yang: the published network and its variants",
    about="the published network on Yin-Yang",
    methods=tuple(VARIANTS),
    cases=("yin-yang",),
    profiles={
        "smoke": SMOKE | {"methods": ["published", "trained-delays"]},
        "quick": QUICK | {"methods": ["published", "exp", "recurrent"]},
        "afternoon": YIN_YANG_PAPER | {"seeds": SEEDS},
        "paper": YIN_YANG_PAPER | {"seeds": [*SEEDS, 1, 2, 3, 4, 5]},
    },
    departures={"variants": "Only the published setting stands in the paper; its variants have fewer epochs"},
    data_sources=("embedded",),
)

GRADIENTS_SECTION = EventpropSection(
    id="eventprop-gradients",
    title="Are the gradients exact, and what do a time grid and other rules cost?",
    about="the gradients of event-based networks",
    methods=PROBES,
    parameters=GradientParameters,
    protocol={"slopes": [1.0, 5.0, 20.0], "surrogate_step": 1.0, "trial_ms": 1400.0},
    profiles={
        "smoke": {"data_size": "small", "seeds": [42], "entries": 4, "grid_steps": [1.0, 0.2], "batches": 3},
        "quick": {"data_size": "small", "seeds": [42], "entries": 10, "grid_steps": [1.0, 0.5, 0.1], "batches": 12},
        "paper": {
            "data_size": "small",
            "seeds": SEEDS,
            "entries": 60,
            "grid_steps": [1.0, 0.5, 0.2, 0.1, 0.05, 0.02],
            "batches": 100,
        },
    },
    experiment=_probes,
    data_sources=("embedded",),
)

SECTIONS = (GRADIENTS_SECTION, SECTION, YIN_YANG_SECTION)
