"""Which connections a layer has: groups of neurons, dense wiring inside a group, sparse wiring between groups.

Layer n_in -> n_out with G groups on both sides: P(mask[o, i] = 1) = 1 where o and i are in like-numbered groups, else
p_inter, independently. Expected density d = 1/G + (1 - 1/G) p_inter.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from mstask.errors import MstaskError, nearest
from mstask.studies.g2gnet.methods import GROUPS

MODELS = ("dense", "index", "random", "mixer", "er")
"""Wirings of the hidden layers; "er" is the unstructured control."""

LABELS = ("per_layer", "shared")
"""Whether `random` deals a hidden neuron one group as output and another as input (the sources), or one for both."""

PURPOSES = {"labels": 0, "mask": 1, "weights": 2, "rewiring": 3, "thinning": 4}


@dataclass(frozen=True)
class Wiring:
    """One layer's connections: mask bool [n_out, n_in], and the group of each input [n_in] and output [n_out]."""

    mask: Tensor
    groups_in: Tensor
    groups_out: Tensor

    @property
    def intra(self) -> Tensor:
        """bool [n_out, n_in]: whether input and output are in like-numbered groups."""
        return self.groups_out[:, None] == self.groups_in[None, :]


def generator(seed: int, layer: int, purpose: str) -> torch.Generator:
    """A CPU generator for one purpose in one layer: masks depend on nothing that happened before."""
    return torch.Generator().manual_seed((1_000_003 * seed + 97 * layer + PURPOSES[purpose]) % 2**63)


def contiguous(size: int, groups: int = GROUPS) -> Tensor:
    """Group of each neuron, int64 [size]: g(j) = floor(j / (size / groups))."""
    _check_size(size, groups)
    return torch.arange(size) // (size // groups)


def interleaved(size: int, groups: int = GROUPS) -> Tensor:
    """Group of each neuron, int64 [size]: g(j) = j mod groups."""
    _check_size(size, groups)
    return torch.arange(size) % groups


def shuffled(size: int, deal: torch.Generator, groups: int) -> Tensor:
    """Group of each neuron, int64 [size]: equal groups dealt at random."""
    return contiguous(size, groups)[torch.randperm(size, generator=deal)]


def wirings(
    model: str, sizes: list[int], p_inter: float, seed: int, labels: str = "per_layer", groups: int = GROUPS
) -> list[Wiring]:
    """The wirings of consecutive layers of neurons.

    Parameters
    ----------
    model : "dense" (all ones), "index" (contiguous groups), "random" (shuffled), "mixer" (layers alternate contiguous and
        interleaved) or "er" (every entry with probability d; contiguous groups only serve to measure).
    sizes : neurons of the input and of each hidden layer; all divisible by `groups`, except for "dense".
    labels : see `LABELS`; only "random" has a choice.

    Raises
    ------
    MstaskError : an unknown model, p_inter outside 0..1, or a size that doesn't divide into groups.
    """
    for what, value, valid in (("model", model, MODELS), ("labels", labels, LABELS)):
        if value not in valid:
            raise MstaskError(f"{what} {value!r} is unknown; {nearest(str(value), valid)}")
    if not 0 <= p_inter <= 1:
        raise MstaskError(f"p_inter is {p_inter}, expected a probability from 0 to 1")
    made: list[Wiring] = []
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        if model == "dense":
            zeros = torch.zeros(n_in, dtype=torch.int64), torch.zeros(n_out, dtype=torch.int64)
            made.append(Wiring(torch.ones(n_out, n_in, dtype=torch.bool), *zeros))
            continue
        groups_in, groups_out = _labels(model, n_in, n_out, layer, seed, groups)
        if labels == "shared" and made:
            groups_in = made[-1].groups_out
        probability = torch.full((n_out, n_in), density(p_inter, groups) if model == "er" else p_inter)
        if model != "er":
            probability[groups_out[:, None] == groups_in[None, :]] = 1.0
        mask = torch.rand(n_out, n_in, generator=generator(seed, layer, "mask")) < probability
        made.append(Wiring(mask, groups_in, groups_out))
    return made


def _labels(model: str, n_in: int, n_out: int, layer: int, seed: int, groups: int) -> tuple[Tensor, Tensor]:
    if model == "random":
        deal = generator(seed, layer, "labels")
        return shuffled(n_in, deal, groups), shuffled(n_out, deal, groups)
    rule = interleaved if model == "mixer" and layer % 2 else contiguous
    return rule(n_in, groups), rule(n_out, groups)


def density(p_inter: float, groups: int = GROUPS) -> float:
    """Expected share of connections: 1/G + (1 - 1/G) p."""
    return 1 / groups + (1 - 1 / groups) * p_inter


def expected_parameters(sizes: list[int], n_classes: int, share: float) -> float:
    """Active weights and biases at a density of the hidden layers, the dense readout included; no neuron parameters."""
    weights = sum(a * b for a, b in itertools.pairwise(sizes))
    return share * weights + sum(sizes[1:]) + (sizes[-1] + 1) * n_classes


def matched_width(n_in: int, hidden: int, n_hidden: int, n_classes: int, p_inter: float) -> int:
    """Width at which a dense network has as many parameters as a grouped one of `hidden` neurons is expected to have.

    The larger root h of (L - 1) h^2 + (D + L + C) h = active weights and biases - C, rounded to the nearest integer.
    """
    target = expected_parameters([n_in] + [hidden] * n_hidden, n_classes, density(p_inter)) - n_classes
    a, b = n_hidden - 1, n_in + n_hidden + n_classes
    return max(1, round(target / b if a == 0 else (math.sqrt(b * b + 4 * a * target) - b) / (2 * a)))


def experts(layers: list[Wiring]) -> int:
    """Connected parts of the network before its readout, neurons without any connection not counted."""
    offsets = np.cumsum([0] + [layers[0].mask.shape[1]] + [w.mask.shape[0] for w in layers])
    edges = [np.nonzero(w.mask.cpu().numpy()) for w in layers]
    above = np.concatenate([out + offsets[k + 1] for k, (out, _) in enumerate(edges)])
    below = np.concatenate([into + offsets[k] for k, (_, into) in enumerate(edges)])
    graph = coo_matrix((np.ones(len(above)), (above, below)), shape=(offsets[-1], offsets[-1]))
    _, part = connected_components(graph, directed=False)
    return len(np.unique(part[np.unique(np.concatenate([above, below]))]))


def reach(layers: list[Wiring]) -> float:
    """Mean share of the network's inputs that a neuron of the last layer depends on."""
    seen = layers[0].mask.double()
    for wiring in layers[1:]:
        seen = (wiring.mask.double() @ seen > 0).double()
    return seen.mean().item()


def intra_share(mask: Tensor, intra: Tensor) -> float:
    """Share of the connections that join like-numbered groups."""
    return (mask & intra).sum().item() / max(1, mask.sum().item())


def _check_size(size: int, groups: int) -> None:
    if size < groups or size % groups:
        raise MstaskError(f"a layer of {size} neurons doesn't divide into {groups} groups: expected a multiple of {groups}")
