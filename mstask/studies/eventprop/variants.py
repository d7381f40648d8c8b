"""What the sections compare, and how a method on a task becomes an architecture and a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mstask.studies.eventprop.augment import Augmentation
from mstask.studies.eventprop.losses import LOSSES, Constants
from mstask.studies.eventprop.names import FROZEN, INSTANT
from mstask.studies.eventprop.networks import Architecture, Initial
from mstask.studies.eventprop.regularise import Regularisation, Rewiring
from mstask.studies.eventprop.schedules import Schedule
from mstask.studies.eventprop.tasks import TASKS, input_weights
from mstask.studies.eventprop.training import Recipe

if TYPE_CHECKING:
    from mstask.studies.eventprop.declare import EventpropParameters

VARIANT_EPOCHS, DEPARTURE_EPOCHS = 15, 40


@dataclass(frozen=True)
class Method:
    """A loss, and what else differs from a task's feed-forward LIF network with trained weights."""

    loss: str
    text: str
    trains: tuple[str, ...] = ("hidden", "readout")
    architecture: Mapping[str, Any] = field(default_factory=dict)
    silent_label: str = "skip"
    epochs: int | None = None


_TEXTS = {
    "sum": "mean output voltage",
    "linear": "mean voltage, weight falling linearly to 0",
    "exp": "mean voltage, weight falling exponentially",
    "sigmoid": "mean voltage, weight falling around half the trial",
    "input": "mean voltage, weighted by the input rate",
    "average-cross-entropy": "cross-entropy at every instant, averaged",
    "max": "largest output voltage",
    "first-spike": "first output spike, late spikes cost 1/x",
    "first-spike-exp": "first output spike, late spikes cost exponentially",
}

LOSS_METHODS = {name: Method(name, _TEXTS[name]) for name in LOSSES} | {
    FROZEN: Method("sum", "mean output voltage, hidden weights left as drawn", trains=("readout",))
}
"""The nine losses, and the control that shows what a readout alone can do."""

VARIANTS = {
    "published": Method("first-spike-exp", "Wunderlich and Pehle's setting", epochs=100),
    "phantom": Method(
        "first-spike-exp",
        "silent label neurons are pushed at the trial's end",
        silent_label="phantom",
        epochs=DEPARTURE_EPOCHS,
    ),
    "short-trial": Method(
        "first-spike-exp",
        "the trial ends with the last input",
        architecture={"trial_ms": 30.0},
        epochs=DEPARTURE_EPOCHS,
    ),
    "exp": Method("exp", "exponentially weighted voltage", epochs=VARIANT_EPOCHS),
    "recurrent": Method(
        "exp",
        "with recurrent weights",
        architecture={"recurrent": True, "recurrent_weights": Initial(0.0, 0.1)},
        epochs=VARIANT_EPOCHS,
    ),
    "two-layers": Method(
        "exp",
        "a second hidden layer",
        architecture={"n_layers": 2, "hidden_weights": Initial(0.2, 0.2)},
        epochs=VARIANT_EPOCHS,
    ),
    "varied-taus": Method(
        "exp", "time constants drawn per neuron", architecture={"neuron": "hetLIF", "readout": "hetLI"}, epochs=VARIANT_EPOCHS
    ),
    "adaptive": Method("exp", "adaptive thresholds", architecture={"neuron": "ALIF"}, epochs=VARIANT_EPOCHS),
    "trained-taus": Method(
        "exp",
        "time constants learn, too",
        trains=("hidden", "readout", "taus", "readout taus"),
        epochs=VARIANT_EPOCHS,
    ),
    "trained-delays": Method(
        "exp",
        "synaptic delays of up to 10 ms learn, too",
        trains=("hidden", "readout", "delays"),
        architecture={"largest_delay": 10.0},
        epochs=VARIANT_EPOCHS,
    ),
}
"""Yin-Yang: the published setting, two of the reference implementation's departures from it, and other neurons and wirings."""

METHODS = {"eventprop": LOSS_METHODS, "eventprop-yin-yang": VARIANTS}
"""The methods of each section that trains."""


def plan(chosen: Method, case: str, n_classes: int, parameters: EventpropParameters) -> tuple[Architecture, Recipe]:
    """The network and the recipe of a method on a task."""
    task = TASKS[case]
    spiking = LOSSES[chosen.loss].spiking
    own = dict(chosen.architecture)
    width = max(2, round(task.n_hidden * parameters.width_factor))
    drawn, scale = input_weights(case, parameters.data_source, parameters.data_size), parameters.input_scale
    first_weights = Initial(drawn.mean * scale, drawn.sd * scale)
    settings = {
        "n_inputs": task.n_inputs,
        "n_classes": n_classes,
        "trial_ms": task.trial_ms,
        "hidden": (width,) * own.pop("n_layers", 1),
        "readout": "LIF" if spiking else "LI",
        "readout_step": task.readout_step,
        "tau_membrane": parameters.tau_membrane,
        "tau_synapse": parameters.tau_synapse,
        "threshold": parameters.threshold,
        "input_weights": first_weights,
        "delay_copies": parameters.delay_copies,
        "delay_ms": parameters.delay_ms,
        "output_weights": task.spiking_output if spiking else task.instant_output if chosen.loss in INSTANT else task.output,
    }
    softmax_ms, late_ms, late_cost = task.first
    constants = Constants(softmax_ms, late_ms, late_cost, task.input_ms, task.input_gain, chosen.silent_label)
    recipe = Recipe(
        chosen.loss,
        learning_rate=(task.spiking_rate if spiking else task.learning_rate) * parameters.rate_factor,
        max_epochs=min(parameters.max_epochs, chosen.epochs or task.epochs),
        batch_size=parameters.batch_size,
        samples_per_epoch=min(parameters.samples_per_epoch, task.samples),
        validation_samples=task.validated,
        trains=chosen.trains,
        schedule=_schedule(task.decay, parameters),
        constants=constants,
        regularisation=_regularisation(parameters),
        rewiring=Rewiring(first_weights, parameters.lift) if parameters.rewire else None,
        augmentation=Augmentation(parameters.shift, tuple(parameters.dilate), parameters.jitter, parameters.drop_input),
        drop_hidden=parameters.drop_hidden,
        select=parameters.select,
    )
    return Architecture(**(settings | own)), recipe


def _regularisation(parameters: EventpropParameters) -> Regularisation | None:
    """The terms that the parameters ask for; None where all strengths are 0."""
    if not (parameters.too_many or parameters.too_few or parameters.layer_strength):
        return None
    return Regularisation(
        parameters.too_many,
        parameters.too_few,
        parameters.spikes_target,
        parameters.batch_mean,
        parameters.layer_strength,
        parameters.layer_target,
    )


def _schedule(decay: float, parameters: EventpropParameters) -> Schedule:
    return Schedule(
        decay,
        parameters.ease_in,
        parameters.ema_fast,
        parameters.ema_slow,
        parameters.plateau_factor,
        parameters.plateau_wait,
    )
