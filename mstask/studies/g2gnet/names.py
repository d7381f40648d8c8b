"""File names of single runs, as the sources write them."""

from __future__ import annotations

DATASETS = {
    "digits": "digits",
    "fashionmnist": "fashion-mnist",
    "mnist": "mnist",
    "cifar10": "cifar-10",
    "cifar100": "cifar-100",
    "radar": "radar",
    "speech": "speech",
    "features": "own-features",
}
"""Names of data sets in file names and options, and the data of `mstask.data.load` they stand for; "features" is the
file that FEATURES_DATA names."""


def stem(
    dataset: str,
    model: str,
    p_inter: float,
    steps: int,
    encoding: str,
    prune: str | None = None,
    grow: str | None = None,
    front: str = "",
) -> str:
    """Name of a run without suffix: "fashionmnist_index_p0_15_T50_current", with "_cphebb_cghebb" where rewired.

    `front` says what looks at the pictures first: "resnet", or "features", the small convolution.
    The name leaves out the seed, the width, the number of epochs and more: the configuration is kept beside it.
    """
    probability = f"{p_inter:.2f}".replace(".", "_")
    moving = f"_cp{prune}_cg{grow}" if prune and grow else ""
    return f"{f'{front}_' if front else ''}{dataset}_{model}_p{probability}_T{steps}_{encoding}{moving}"
