"""What section 5.3 compares: rules, group sizes and ways to regulate competition.

Ids read "rule-Mn-regulation-L": M neurons per class, CR1 or CR2 (one or two thresholds), Drop, L (one neuron of each group
labelled non-target). S2-M5-CR2-L is the paper's NCG, S2-M2-L its forerunner with paired neurons.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A rule with the constants that the paper keeps for it: initial weights, range, normalisation."""

    method: str
    w_init_mean: float
    w_norm: bool
    w_min: float
    w_max: float
    use_time_ranges: bool | None = None


FAMILIES = {
    "S2": Family("s2stdp", 0.3, True, 0.0, 1.0),
    "SSTDP": Family("s2stdp", 0.5, False, 0.0, 1.0, use_time_ranges=True),
    "R": Family("rstdp", 0.8, False, 0.2, 0.8),
    "S4NN": Family("s4nn", 0.5, False, -1000.0, 1000.0),
}


@dataclass(frozen=True)
class Method:
    """A configuration up to its settings: `settings` names their entry in the file, `regulation` is "", "CR1" or "CR2".

    Where the neurons of a group don't compete, each of them learns from every sample.
    """

    family: str
    group: int
    settings: str = ""
    regulation: str = ""
    n_nontarget: int = 0
    dropout: bool = False
    competing: bool = True


METHODS = {
    "S2-M1": Method("S2", 1, "S2-M1"),
    "S2-M2-L": Method("S2", 2, "S2-NCG", n_nontarget=1),
    "S2-M5": Method("S2", 5, "S2-NCG"),
    "S2-M5-CR1": Method("S2", 5, "S2-CR1", "CR1"),
    "S2-M5-CR2": Method("S2", 5, "S2-NCG", "CR2"),
    "S2-M5-CR2-L": Method("S2", 5, "S2-NCG", "CR2", n_nontarget=1),
    "S2-M5-Drop-L": Method("S2", 5, "S2-Drop", n_nontarget=1, dropout=True),
    "S2-M10-CR2-L": Method("S2", 10, "S2-NCG", "CR2", n_nontarget=1),
    "SSTDP-M1": Method("SSTDP", 1, "SSTDP-M1"),
    "SSTDP-M5-CR2": Method("SSTDP", 5, "SSTDP-NCG", "CR2"),
    "SSTDP-M10-CR2": Method("SSTDP", 10, "SSTDP-NCG", "CR2"),
    "R-M1": Method("R", 1, "R"),
    "R-M5": Method("R", 5, "R", dropout=True),
    "R-M20": Method("R", 20, "R", dropout=True),
}
"""The methods of the section, by id."""

AT_LENGTH = {
    "S2-M1": Method("S2", 1, "S2-M1"),
    "S2-M5-free": Method("S2", 5, "S2-M5-free", competing=False),
    "S2-M5": Method("S2", 5, "S2-M5"),
    "S2-M5-CR2-L": Method("S2", 5, "S2-M5-CR2-L", "CR2", n_nontarget=1),
}
"""The methods of the section `equal-readout`, each with settings of its own, chosen at the length that it trains for."""
EQUAL_CASES = ("digits", "radar")
"""The data sets of that section."""
