"""What one cell of the section does: wire, train and test one network, and say what became of its connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mstask import data
from mstask.data import Splits
from mstask.job import Job, Measured
from mstask.protocol import PROTOCOL
from mstask.results.documents import Measures
from mstask.section import Section
from mstask.spiking import of_outcome
from mstask.stats import accuracy
from mstask.studies.g2gnet import features, folds, wiring
from mstask.studies.g2gnet.methods import FOLDS, METHODS, OWN_FEATURES, STILL, Method
from mstask.studies.g2gnet.networks import Design, Encoding, G2GNet, cut_to, groups_only, thinned
from mstask.studies.g2gnet.parameters import G2GParameters
from mstask.studies.g2gnet.rewiring import Rule
from mstask.studies.g2gnet.training import RatePenalty, Regime, Trained, train
from mstask.training import History


def load(section: Section, parameters: G2GParameters, case: str | None) -> Splits:
    """The data set a case names: as it is, as frozen features ("digits-features"), one fold ("digits-fold-1"), or the
    features of the user's own file ("own-features")."""
    if case == OWN_FEATURES:
        return features.own()
    name, _, number = (case or section.data).partition("-fold-")
    base = name.removesuffix("-features")
    splits = data.load(base, parameters.data_source, parameters.data_size)
    if number:
        return folds.fold(splits, int(number), FOLDS)
    return features.frozen(splits) if base != name else splits


def measure(job: Job[G2GParameters]) -> Measured:
    """One network with one seed."""
    method, parameters = METHODS[job.method], job.parameters
    plan = design(method, parameters, job.splits)
    model, trained = fit(
        plan, regime(method, parameters, len(job.splits.train)), job.splits, job.seed, job.device, job.checkpoint, job.on_epoch
    )
    outcome = trained.outcome
    measures = Measures(
        **of_outcome(outcome),
        thresholds=[neuron.threshold.item() for neuron in model.neuron],
        n_parameters=model.n_parameters(),
        width=plan.hidden,
        details=wiring_details(model)
        | {"first_intra_share": first_intra_share(plan, job.seed), "rewirings": trained.rewirings}
        | cuts(model, job.splits),
    )
    return Measured(measures, outcome.seconds)


def fit(
    plan: Design,
    how: Regime,
    splits: Splits,
    seed: int,
    device: str = "cpu",
    checkpoint: Path | None = None,
    on_epoch: Callable[[History], None] | None = None,
) -> tuple[G2GNet, Trained]:
    """Make and train the network of a design and a seed."""
    model = G2GNet(plan, seed).to(device)
    return model, train(model, splits, how, seed, checkpoint, on_epoch)


def design(method: Method, parameters: G2GParameters, splits: Splits) -> Design:
    """The network of a method on the given data."""
    still = splits.meta["name"].startswith(STILL)
    _, steps, width = splits.train.x.shape
    made = Design(
        in_features=steps * width if still else width,
        n_classes=splits.n_classes,
        model=method.model,
        hidden=parameters.hidden,
        n_hidden=parameters.hidden_layers,
        p_inter=parameters.p_inter if method.p_inter is None else method.p_inter,
        encoding=Encoding(parameters.encoding, parameters.steps if still else None, parameters.scale, parameters.bias),
        labels=parameters.labels,
        form=parameters.form,
    )
    return matched(made) if method.matched else made


def matched(grouped: Design) -> Design:
    """The dense design with as many parameters as the grouped one of the same width is expected to have."""
    width = wiring.matched_width(grouped.in_features, grouped.hidden, grouped.n_hidden, grouped.n_classes, grouped.p_inter)
    return replace(grouped, model="dense", hidden=width)


def regime(method: Method, parameters: G2GParameters, examples: int) -> Regime:
    """How a method is trained on so many examples."""
    steps = -(-examples // parameters.batch_size) * parameters.max_epochs
    rule = Rule(parameters.prune, parameters.grow, method.scope or parameters.scope, parameters.fraction, parameters.regrow)
    penalty = RatePenalty(parameters.max_epochs, parameters.warmup_epochs, parameters.rate_penalty == "one-sided")
    return Regime(
        learning_rate=parameters.learning_rate,
        weight_decay=parameters.weight_decay,
        batch_size=parameters.batch_size,
        max_epochs=parameters.max_epochs,
        patience=parameters.patience,
        smoothing=PROTOCOL.smoothing,
        rule=rule if method.rewired else None,
        every=-(-steps // (parameters.updates + 1)),
        penalty=None if parameters.rate_penalty == "none" else penalty,
    )


def wiring_details(model: G2GNet) -> dict[str, object]:
    """The connections of the hidden layers as they are now, and what the neurons have learnt."""
    layers = [layer.wiring for layer in model.hidden]
    return {
        "p_inter": model.design.p_inter,
        "connections": [int(layer.mask.sum()) for layer in layers],
        "density": [layer.mask.double().mean().item() for layer in layers],
        "intra_share": [wiring.intra_share(layer.mask, layer.intra) for layer in layers],
        "experts": wiring.experts(layers),
        "reach": wiring.reach(layers),
        "forms": [layer.plan.form for layer in model.hidden],
        "decays": [neuron.decay.item() for neuron in model.neuron],
    }


def first_intra_share(plan: Design, seed: int) -> list[float]:
    """Share of each hidden layer's connections inside groups before training."""
    made = wiring.wirings(plan.model, plan.sizes, plan.p_inter, seed, plan.labels, plan.groups)
    return [wiring.intra_share(layer.mask, layer.intra) for layer in made]


def cuts(model: G2GNet, splits: Splits) -> dict[str, object]:
    """What is left of a network with groups, on the test part, after a cut: test accuracy and hidden firing rates.

    "groups_only" loses every connection between groups, "thinned" as many of all its connections, drawn at random.
    """
    if model.design.model in ("dense", "er"):
        return {}
    told = {}
    for name, kept in (("groups_only", groups_only(model)), ("thinned", thinned(model))):
        predictions, rates = cut_to(model, kept, splits.test.x.to(kept[0].device))
        told[name] = {"accuracy": accuracy(predictions, splits.test.y), "firing_rates": rates}
    return {"cuts": told}
