"""The paper's protocol (methods section), shared by its experiments."""

from __future__ import annotations

from dataclasses import dataclass

DENSE_ABOVE = 0.4
"""Share of inputs that aren't 0 from which on a dense product is about as fast, at the widths of the paper's networks."""


@dataclass(frozen=True)
class Protocol:
    """Sizes, training and selection that the paper states for its spiking networks."""

    n_layers: int = 4
    width: int = 128
    beta: float = 0.95
    surrogate_slope: float = 25.0
    learning_rate: float = 1e-3
    batch_size: int = 128
    max_epochs: int = 200
    patience: int = 20
    smoothing: int = 5
    target_rate: float = 0.15
    dense_above: float = DENSE_ABOVE
    calibration_examples: int = 128
    seeds: tuple[int, ...] = (42, 123, 999)
    bootstrap_resamples: int = 2000


PROTOCOL = Protocol()
THREE_SEEDS = list(PROTOCOL.seeds)
FIVE_SEEDS = [*THREE_SEEDS, 7, 2024]
"""Those of the paper's final table of tuned networks, its three first."""
TEN_SEEDS = [*FIVE_SEEDS, 1, 2, 3, 4, 5]
MORE_CALIBRATION = {"calibration_examples": 256}
