"""k-fold cross-validation: every example is tested once, by a network that never saw it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import torch
from sklearn.model_selection import StratifiedKFold, train_test_split
from torch import Tensor

from mstask.data import Split, Splits
from mstask.errors import MstaskError, nearest

MODES = ("stratified", "contiguous")
"""Shuffled folds with the classes in equal shares, or the sources' runs of examples, in the order that these are read in.

The sources read the official order; here training and validation part were drawn before."""

SEED = 42
VALIDATION_SHARE = 0.15


def folds(y: Tensor, k: int, mode: str = "stratified") -> list[Tensor]:
    """Indices of the examples of each fold; disjoint, together all of labels y [N].

    Contiguous folds have floor(N / k) examples each, the last one the remainder too.

    Raises
    ------
    MstaskError : fewer than 2 folds or more than a class has examples, or an unknown mode.
    """
    if mode not in MODES:
        raise MstaskError(f"fold mode {mode!r} is unknown; {nearest(str(mode), MODES)}")
    rarest = int(torch.bincount(y).clamp(min=0)[y.unique()].min()) if len(y) else 0
    most = rarest if mode == "stratified" else len(y)
    if not 2 <= k <= most:
        raise MstaskError(f"{k} folds of {len(y)} examples, expected 2 to {most}")
    if mode == "stratified":
        parts = StratifiedKFold(k, shuffle=True, random_state=SEED).split(y, y)
        return [torch.from_numpy(held) for _, held in parts]
    size = len(y) // k
    return list(torch.arange(len(y)).split([size] * (k - 1) + [len(y) - size * (k - 1)]))


def fold(splits: Splits, number: int, k: int, mode: str = "stratified") -> Splits:
    """Fold `number` (from 1) of `k` as the test part; a stratified 15 % of the other examples is for validation.

    Embedded sets are pooled whole; of a set with an official test part only the training part is, as in the sources.
    """
    if not 1 <= number <= k:
        raise MstaskError(f"fold {number} of {k}, expected 1 to {k}")
    parts = [splits.train, splits.validation] + ([splits.test] if splits.meta["source"] == "embedded" else [])
    x, y = torch.cat([part.x for part in parts]), torch.cat([part.y for part in parts])
    held = folds(y, k, mode)[number - 1]
    others = torch.ones(len(y), dtype=torch.bool)
    others[held] = False
    rest = others.nonzero().squeeze(1)
    train, validation = train_test_split(rest, test_size=VALIDATION_SHARE, random_state=SEED, stratify=y[rest])
    chosen = [Split(x[index], y[index]) for index in (train, validation, held)]
    meta = splits.meta | {"name": f"{splits.meta['name']}-fold-{number}"}
    meta["counts"] = dict(zip(("train", "validation", "test"), map(len, chosen), strict=True))
    meta["fingerprint"] = hashlib.sha256(f"{splits.meta['fingerprint']} fold {number} of {k}, {mode}".encode()).hexdigest()
    return replace(splits, train=chosen[0], validation=chosen[1], test=chosen[2], meta=meta)
