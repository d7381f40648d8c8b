"""The parameters of a section as a table."""

from __future__ import annotations

import pandas as pd

from mstask.lab.describe import parameter_rows
from mstask.section import Section


def table_parameters(chosen: Section) -> pd.DataFrame:
    """Meaning, what is allowed, and the values of the two larger profiles, one row for each parameter."""
    rows = [
        {
            "parameter": row["parameter"],
            "meaning": row["meaning"],
            "allowed": row["range"] if row["type"] == "one of" else ", ".join(filter(None, (row["type"], row["range"]))),
            "quick": row["quick"],
            "paper": row["paper"],
        }
        for row in parameter_rows(chosen.id)
    ]
    return pd.DataFrame(rows)
