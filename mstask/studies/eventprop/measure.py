"""What one cell of the Eventprop sections does: make the network, train it on spike trains, test it."""

from __future__ import annotations

from functools import cache

from mstask import stats
from mstask.cost import count_parameters
from mstask.data import Splits
from mstask.job import Job, Measured
from mstask.results.documents import Measures
from mstask.section import Section
from mstask.studies.eventprop import tasks
from mstask.studies.eventprop.declare import EventpropParameters
from mstask.studies.eventprop.networks import EventpropNet
from mstask.studies.eventprop.recording import Recording
from mstask.studies.eventprop.training import Outcome, confusion, train
from mstask.studies.eventprop.variants import METHODS, plan


def load(section: Section, parameters: EventpropParameters, case: str | None) -> Splits:
    """The spike trains of a task, divided, thinned and blended as the parameters ask."""
    case = case or section.cases[0]
    return tasks.prepared(_load(case, parameters.data_source, parameters.data_size), case, parameters)


@cache
def _load(case: str, source: str, size: str) -> Splits:
    return tasks.load(case, source, size)


def measure(job: Job) -> Measured:
    """One network with one loss on one task; spike trains are simulated on the CPU whatever the job's device."""
    splits, case = job.splits, job.case or job.section.cases[0]
    method = METHODS[job.section.id][job.method]
    architecture, recipe = plan(method, case, splits.n_classes, job.parameters)
    net = EventpropNet(architecture, job.seed)
    outcome = train(net, splits, recipe, job.seed, job.checkpoint, job.on_epoch, _recording(job))
    labels = splits.test.y
    macro_f1, per_class = stats.macro_f1(outcome.test.predictions, labels, splits.n_classes)
    measures = Measures(
        macro_f1=macro_f1,
        accuracy=outcome.test.accuracy(labels),
        per_class_f1=per_class,
        predictions=outcome.test.predictions.tolist(),
        best_epoch=outcome.best_epoch,
        epochs=len(outcome.history.train_loss),
        stopped="max_epochs",
        n_parameters=count_parameters(net),
        width=architecture.hidden[0],
        history=_history(outcome),
        details=_details(outcome, splits, net, recipe.loss, method.text),
    )
    return Measured(measures, outcome.seconds)


def _recording(job: Job) -> Recording | None:
    """What the parameters ask to be saved, in a folder beside the cell's document."""
    if not job.parameters.record:
        return None
    folder = job.checkpoint.with_name(f"{job.checkpoint.name.split('.')[0]}.recording")
    return Recording(folder, tuple(map(tuple, job.parameters.record_at)), tuple(job.parameters.record))


def _history(outcome: Outcome) -> dict[str, list[float]]:
    return {name: [float(value) for value in values] for name, values in vars(outcome.history).items()}


def _details(outcome: Outcome, splits: Splits, net: EventpropNet, loss: str, text: str) -> dict[str, object]:
    """What only this experiment measures: spikes per test trial, and confusion matrices that have predictions as rows."""
    last = outcome.last
    details: dict[str, object] = {
        "loss": loss,
        "text": text,
        "test_loss": outcome.test.loss,
        "last_epoch_accuracy": last.accuracy(splits.test.y),
        "input_spikes": len(splits.test.x.times) / len(splits.test.x),
        "hidden_spikes": outcome.test.hidden_spikes,
        "unanswered": outcome.test.unanswered,
        "confusion": confusion(outcome.test.predictions, splits.test.y.numpy(), splits.n_classes),
    }
    layer = net.hidden[0]
    if layer.tau_m.requires_grad:
        details |= {"tau_membrane": layer.tau_m.tolist(), "tau_synapse": layer.tau_s.tolist()}
    if layer.delays is not None:
        details["delays"] = layer.delays.flatten().tolist()
    return details
