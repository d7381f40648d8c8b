"""Dynamic Sparse Training: prune a share of the connections, grow as many elsewhere, by weight, by correlation or at random.

Correlation CH[o, i] of output o and input i over all time steps and examples of one batch: the cosine of their signals,
which for spikes is N_oi / sqrt(N_o N_i), co-firing over the geometric mean of counts. It is 0 where either is silent.

A new connection starts with weight 0 and no optimiser moments, and a pruned one leaves neither behind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mstask.errors import MstaskError, nearest
from mstask.studies.g2gnet.networks import G2GNet
from mstask.studies.g2gnet.wiring import Wiring, generator, intra_share

PRUNE = ("set", "random", "hebb")
GROW = ("hebb", "random")
SCOPES = ("layer", "class", "inter")
"""Where connections may move: anywhere in the layer (the sources), only within their class (inside groups or between them,
so the group structure stays), or only between groups."""


@dataclass(frozen=True)
class Rule:
    """How connections move.

    Parameters
    ----------
    prune : "set" (smallest weights), "random" or "hebb" (smallest correlation).
    grow : "hebb" (largest correlation) or "random".
    fraction : share of the connections that an update moves.
    regrow : whether a connection pruned by an update may be grown again by the same one.
    """

    prune: str = "set"
    grow: str = "hebb"
    scope: str = "layer"
    fraction: float = 0.1
    regrow: bool = True

    def __post_init__(self) -> None:
        for what, value, valid in (("prune", self.prune, PRUNE), ("grow", self.grow, GROW), ("scope", self.scope, SCOPES)):
            if value not in valid:
                raise MstaskError(f"rewiring: {what} {value!r} is unknown; {nearest(str(value), valid)}")
        if not 0 < self.fraction < 1:
            raise MstaskError(f"rewiring: fraction is {self.fraction}, expected a share between 0 and 1")


@dataclass(frozen=True)
class Change:
    """One layer's update: its new mask, and what was removed and grown, bool [n_out, n_in]."""

    mask: Tensor
    removed: Tensor
    grown: Tensor

    @property
    def fresh(self) -> Tensor:
        """Entries whose weight and moments start anew."""
        return self.removed | self.grown


def correlation(post: Tensor, pre: Tensor) -> Tensor:
    """CH [n_out, n_in] of signals post [n_out, T, B] and pre [n_in, T, B] (or [n_in, 1, B], held constant)."""
    pre = pre.expand(-1, post.shape[1], -1).flatten(1)
    post = post.flatten(1)
    norms = [(signal.norm(dim=1) + 1e-8) for signal in (post, pre)]
    return (post @ pre.T) / (norms[0][:, None] * norms[1][None, :])


def rewire(wiring: Wiring, weight: Tensor, ch: Tensor, rule: Rule, draw: torch.Generator) -> Change:
    """Prune and grow one layer, on the CPU; exactly as many connections are grown as were removed, ties broken at random.

    Parameters
    ----------
    weight : [n_out, n_in].
    ch : correlation [n_out, n_in].
    draw : CPU generator of the random choices.
    """
    wiring = Wiring(wiring.mask.cpu(), wiring.groups_in.cpu(), wiring.groups_out.cpu())
    weight, ch, intra = weight.detach().cpu(), ch.cpu(), wiring.intra
    regions = {"layer": [torch.ones_like(intra)], "class": [intra, ~intra], "inter": [~intra]}[rule.scope]
    removed, grown = torch.zeros_like(wiring.mask), torch.zeros_like(wiring.mask)
    scores = {"set": weight.abs(), "hebb": ch}
    for region in regions:
        present = wiring.mask & region
        count = int(rule.fraction * int(present.sum()))
        if not rule.regrow:
            count = min(count, int((region & ~wiring.mask).sum()))
        gone = _lowest(scores.get(rule.prune), present, count, draw)
        empty = region & ~(wiring.mask & ~gone) if rule.regrow else region & ~wiring.mask
        removed |= gone
        grown |= _lowest(-ch if rule.grow == "hebb" else None, empty, count, draw)
    return Change((wiring.mask & ~removed) | grown, removed, grown)


def _lowest(score: Tensor | None, among: Tensor, count: int, draw: torch.Generator) -> Tensor:
    """bool mask of the `count` entries of `among` with the lowest score (of none: any), ties at random."""
    at = among.flatten().nonzero().squeeze(1)
    shuffled = at[torch.randperm(len(at), generator=draw)]
    if score is not None:
        shuffled = shuffled[torch.from_numpy(np.argsort(score.flatten()[shuffled].numpy(), kind="stable"))]
    chosen = torch.zeros(among.numel(), dtype=torch.bool)
    chosen[shuffled[:count]] = True
    return chosen.view_as(among)


@torch.no_grad()
def update(
    model: G2GNet, optimiser: torch.optim.Optimizer, signals: list[Tensor], rule: Rule, step: int
) -> list[dict[str, float]]:
    """Rewire every hidden layer by the signals of one batch; says of each layer what happened.

    Returns
    -------
    per layer: removed, grown (numbers of connections), regrown (share of the removed that were grown again), silent
    (share of the connections with correlation 0 before the update) and intra (share inside groups after it).
    """
    told = []
    for number, layer in enumerate(model.hidden):
        ch = correlation(signals[number + 1], signals[number])
        before = layer.mask.clone()
        draw = generator(model.seed + 7919 * step, number, "rewiring")
        change = rewire(layer.wiring, layer.weight, ch, rule, draw)
        layer.mask.copy_(change.mask)
        fresh = change.fresh.to(layer.mask.device)
        for values in (layer.weight, *_moments(optimiser, layer.weight)):
            values[fresh] = 0
        removed = int(change.removed.sum())
        told.append(
            {
                "removed": removed,
                "grown": int(change.grown.sum()),
                "regrown": int((change.removed & change.grown).sum()) / max(1, removed),
                "silent": int((before & (ch == 0)).sum()) / max(1, int(before.sum())),
                "intra": intra_share(layer.mask, layer.wiring.intra),
            }
        )
    return told


def _moments(optimiser: torch.optim.Optimizer, weight: Tensor) -> list[Tensor]:
    state = optimiser.state.get(weight, {})
    return [value for value in state.values() if torch.is_tensor(value) and value.shape == weight.shape]
