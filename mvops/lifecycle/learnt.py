"""Which held-out rows a model has learnt from: by those the champion would look better than it is.

Where the rows that are held out are drawn at random anew, most of those of a newer version are rows that the champion
was fitted on. A version therefore keeps a digest of each row that it learnt from, and the two are compared on rows that
neither has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mvops.lifecycle.scores import Array

_BY_CHANCE = 0.02  # share of the rows; so many more than chance makes alike are no chance


def digests(rows: pd.DataFrame, columns: Sequence[str]) -> Array | None:
    """The sorted 64-bit digests of the distinct rows, by the values in `columns`; None where one is missing."""
    found = _of_each(rows, columns)
    return None if found is None else np.unique(found)


def learnt_from(held_out: pd.DataFrame, champion: Array, challenger: Array, columns: Sequence[str]) -> Array | None:
    """Which of the n held-out rows the champion was fitted on, (n,) of bool; None where that is not to be said.

    `champion` and `challenger` are the `digests` of what each learnt from, by the champion's `columns`. The challenger
    learnt from none of these rows: as many of them as are among its own by equal values, others have by chance too.
    """
    found = _of_each(held_out, columns)
    if found is None or len(found) == 0:
        return None
    theirs: Array = np.isin(found, champion)
    by_chance = float(np.isin(found, challenger).mean())
    return theirs if float(theirs.mean()) > by_chance + _BY_CHANCE else np.zeros(len(found), dtype=bool)


def _of_each(rows: pd.DataFrame, columns: Sequence[str]) -> Array | None:
    named = {str(name): name for name in rows.columns}
    if not len(columns) or not set(columns) <= named.keys():
        return None
    plain = pd.DataFrame({place: _plain(rows[named[name]]) for place, name in enumerate(columns)})
    return pd.util.hash_pandas_object(plain, index=False).to_numpy(np.uint64)


def _plain(column: Any) -> Any:
    """Equal values alike whatever their type is called: a whole number is one also beside missing ones."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan) + 0.0  # -0.0 is 0.0
    return column.astype(str).to_numpy(dtype=object)
