"""The book's Sphinx extension. The package mstask that it reads lies in the checkout and need not be installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from .extension import setup

__all__ = ["setup"]
