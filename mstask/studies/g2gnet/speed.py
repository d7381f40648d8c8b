"""What the benchmark of the wired layer measured, read from its document: ratios to one dense masked product, and where they
cross 1."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from mstask.results.documents import Document

DENSE = "dense"


def ratios(document: Document, clock: str = "cpu") -> pd.DataFrame:
    """Rows per width, wiring, p_inter and form: its seconds over the dense product's in each repetition (`ratios`), their
    median and quartiles, and what the automatic choice predicted and took."""
    (run,) = [run for run in document.values["runs"] if run["clock"] == clock]
    rows = []
    for layer in run["layers"]:
        for form, seconds in layer["seconds"].items():
            if form == DENSE:
                continue
            relative = [a / b for a, b in zip(seconds, layer["seconds"][DENSE], strict=True)]
            low, middle, high = np.quantile(relative, (0.25, 0.5, 0.75)).tolist()
            rows.append(
                {name: layer[name] for name in ("width", "model", "p_inter", "density", "chosen")}
                | {"form": form, "median": middle, "low": low, "high": high, "ratios": relative}
                | {"predicted": layer["predicted"].get(form)}
            )
    return pd.DataFrame(rows)


def crossovers(document: Document, clock: str = "cpu") -> pd.DataFrame:
    """Rows per width, wiring and form: the p_inter at which it costs as much as the dense product, by interpolation between
    the measured ones; NaN where it wins at all of them."""
    rows = []
    for (width, model, form), found in ratios(document, clock).groupby(["width", "model", "form"], sort=False):
        if found["predicted"].isna().any():
            continue
        points = list(zip(found["p_inter"], found["median"], strict=True))
        crossing = float("nan")
        if points[0][1] >= 1:
            crossing = points[0][0]
        for (p, a), (q, b) in pairwise(points):
            if a < 1 <= b:
                crossing = float(np.interp(1.0, (a, b), (p, q)))
                break
        rows.append({"width": width, "model": model, "form": form, "p_inter": crossing})
    return pd.DataFrame(rows)
