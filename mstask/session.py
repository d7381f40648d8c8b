"""A notebook's session: in Colab, install what is missing and keep results where a dropped session finds them again.

Imported by the set-up cell of every notebook before anything else of this package, so it uses nothing that Colab lacks.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DRIVE = Path("/content/drive/MyDrive")
NEEDED = {
    "espeakng_loader": "espeakng-loader",
    "filelock": "filelock",
    "h5py": "h5py",
    "numba": "numba",
    "optuna": "optuna",
    "pooch": "pooch",
    "pydantic": "pydantic",
    "sklearn": "scikit-learn",
}
"""Modules that notebooks import beside torch, numpy, pandas, scipy and matplotlib, and the package of each."""


def begin() -> str:
    """Make the session ready; returns a sentence on where results go and what the session runs on.

    In Colab only missing packages are installed, in the version of requirements.txt; torch is left as it is. Results go to
    Google Drive where it is mounted (Files, Mount Drive), so that a later session continues; `MSTASK_RESULTS` names
    another folder. On a GPU operations with a repeatable form are asked for it, so equal sessions give equal numbers.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if "google.colab" in sys.modules:
        install(missing())
        if DRIVE.is_dir():
            os.environ.setdefault("MSTASK_RESULTS", str(DRIVE / "mstask-results"))
    folder = Path(os.environ.get("MSTASK_RESULTS") or ROOT / "results")
    return f"results in {folder}; Python {platform.python_version()}, torch {metadata.version('torch')}, {device()}"


def missing() -> list[str]:
    """Requirements of the packages that can't be imported here."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE))
    absent = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    return [f"{package}=={pins[package]}" for package in absent if package in pins]


def install(requirements: list[str]) -> None:
    """Install requirements; what is there and fits stays as it is."""
    if requirements:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *requirements], check=True)


def device() -> str:
    """The GPU's name, or that there is none."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
