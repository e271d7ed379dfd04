"""The features that replay.py sends: only what is known an hour before departure."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

HOUR = pd.Timestamp("2013-04-12T18:00Z")  # 14:00 in New York: a rainy day with many delays


@pytest.fixture(scope="module")
def april(tables: tuple[Any, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    flights, weather = (table[(table["month"] == 4) & table["day"].between(10, 14)].copy() for table in tables)
    return flights, weather


def features(replay: ModuleType, flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    rows = replay.prepare(flights, weather)
    chosen: pd.DataFrame = rows.loc[rows["time_hour"] == HOUR, replay.FEATURES]
    return chosen


def test_what_happened_afterwards_changes_nothing(replay: ModuleType, april: tuple[Any, Any]) -> None:
    flights, weather = april
    unknown = flights.assign(dep_time=1.0, dep_delay=999.0, arr_time=1.0, arr_delay=np.nan, air_time=1.0, tailnum="N0")
    before, after = features(replay, flights, weather), features(replay, unknown, weather)
    assert len(before) > 40
    pd.testing.assert_frame_equal(before, after, check_exact=True)


def test_weather_less_than_an_hour_before_departure_changes_nothing(replay: ModuleType, april: tuple[Any, Any]) -> None:
    flights, weather = april
    complete = weather["time_hour"] + pd.Timedelta(hours=1)  # when an hour's record is there at the latest
    too_late = complete > HOUR - pd.Timedelta(hours=1)
    changed = weather.copy()
    changed.loc[too_late, replay.WEATHER] = 55.5
    before = features(replay, flights, weather)
    pd.testing.assert_frame_equal(before, features(replay, flights, changed), check_exact=True)
    changed.loc[complete == HOUR - pd.Timedelta(hours=1), "temp"] = -77.0  # the last that counts
    assert (features(replay, flights, changed)["temp"] == -77.0).all()


def test_departures_are_those_of_the_timetable(replay: ModuleType, april: tuple[Any, Any]) -> None:
    flights, weather = april
    planned = flights[flights["time_hour"] == HOUR].groupby("origin").size()
    assert flights.loc[flights["time_hour"] == HOUR, "dep_time"].isna().any()  # some were cancelled, and count
    found = features(replay, flights, weather).groupby("origin")["departures"].agg(["min", "max"])
    assert found["min"].to_dict() == found["max"].to_dict() == planned.to_dict()


def test_a_wind_that_no_one_survives_is_no_wind(replay: ModuleType, tables: tuple[Any, Any]) -> None:
    flights, weather = (table[(table["month"] == 2) & (table["day"] == 12)] for table in tables)
    assert weather["wind_speed"].max() > 1000
    assert replay.prepare(flights, weather)["wind_speed"].max() < 100
