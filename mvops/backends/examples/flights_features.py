"""The flights again, with features that several models could share: weather by airport, delays by carrier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import pandas as pd

from mvops.atomic import write_atomically
from mvops.backends.examples._flight_features import airport_weather, carrier_delays, departures
from mvops.backends.examples.flights import Flights


class FlightsFeatures:
    """The tables of the example `flights`, what a warehouse makes of them hour by hour, and the rows to learn from."""

    extra: ClassVar[str] = "demo"
    notebook = "late_arrival.ipynb"

    def describe(self) -> str:
        """One line for a list of examples."""
        return "the same flights with a feature store: hourly weather per airport, rolling delay rates per carrier"

    def write_data(self, root: Path, *, months: Sequence[int] = (1, 2, 3)) -> None:
        """Write the tables, `data/features/<view>/` and `data/departures/`, a file for each month."""
        Flights().write_data(root, months=months)
        flights, weather = (pd.read_parquet(root / "data" / table) for table in ("flights", "weather"))
        _write(root / "data" / "features" / "airport_weather", airport_weather(weather), "known_at")
        _write(root / "data" / "features" / "carrier_delays", carrier_delays(flights), "known_at")
        _write(root / "data" / "departures", departures(flights), "asked_at")


def _write(folder: Path, frame: pd.DataFrame, time: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    exact = frame.assign(**{time: frame[time].dt.as_unit("us")})
    to_bytes: Callable[..., bytes] = pd.DataFrame.to_parquet
    for month, part in exact.groupby(exact[time].dt.strftime("%Y-%m")):
        write_atomically(folder / f"{month}.parquet", to_bytes(part, index=False))
