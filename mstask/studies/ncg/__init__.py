"""Neuronal competition groups: a single-spike readout with several neurons per class, trained by supervised STDP.

After Goupy, Tirilly, Bilasco, "Neuronal Competition Groups with Supervised STDP for Spike-Based Classification" (NeurIPS
2024, arXiv 2410.17066); written anew from its description. `spikes` and `coding` make first spikes, `config` reads JSON
configurations, `readout` and `training` learn, `drivers` run folders of data in parallel, `features` learns a convolution
without labels, `measure` is the section of the book.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PARTS = {
    "config": ("Config", "ConfigError"),
    "readout": ("Readout",),
    "spikes": ("SpikeError", "SpikeList", "convert", "from_dense", "to_dense"),
    "training": ("Fit", "fit"),
}
__all__ = sorted(name for names in _PARTS.values() for name in names)


def __getattr__(name: str) -> Any:
    """Import a part when one of its names is first used: the section must be declared without loading what it computes with."""
    part = next((part for part, names in _PARTS.items() if name in names), None)
    if part is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{part}"), name)
