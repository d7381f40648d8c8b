"""Where things are: the checkout, the results, the per-user cache."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def results_dir() -> Path:
    """Folder of result documents: `MSTASK_RESULTS`, or `results/` of the checkout."""
    return Path(os.environ.get("MSTASK_RESULTS") or ROOT / "results")


def cache_dir() -> Path:
    """Per-user cache for generated data and compiled kernels: `MSTASK_DATA`, or the platform's cache folder."""
    if chosen := os.environ.get("MSTASK_DATA"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "mstask"
