"""Features of the flights, each with the time since when it is known: nothing in a row became known later."""

from __future__ import annotations

import pandas as pd

LATE = 15  # minutes
_TAXI = pd.Timedelta(30, unit="min")  # from the landing to the gate, at most for nearly all
_WEATHER = ["temp", "wind_speed", "precip", "visib"]


def airport_weather(weather: pd.DataFrame) -> pd.DataFrame:
    """Hourly weather by `origin`. A record covers the hour that begins with it, so it is known an hour later."""
    calm = weather.assign(
        known_at=weather["time_hour"] + pd.Timedelta(1, unit="h"),
        wind_speed=weather["wind_speed"].where(weather["wind_speed"] < 100),  # one says 1,000 miles per hour
    )
    return calm[["origin", "known_at", *_WEATHER]].sort_values(["known_at", "origin"], ignore_index=True)


def carrier_delays(flights: pd.DataFrame) -> pd.DataFrame:
    """For each `carrier` and hour, of the flights that had landed by then: how many were late in a day, in a week."""
    flown = flights.dropna(subset=["arr_delay", "dep_delay", "air_time"])
    landed = scheduled(flown) + pd.to_timedelta(flown["dep_delay"] + flown["air_time"], unit="min") + _TAXI
    each = pd.DataFrame({"carrier": flown["carrier"], "hour": landed.dt.ceil("h"), "late": flown["arr_delay"] > LATE})
    counted = each.groupby(["hour", "carrier"])["late"].agg(["sum", "size"])
    hourly = counted.unstack(fill_value=0)  # noqa: PD010 -- two levels
    hours = pd.date_range(hourly.index.min(), hourly.index.max(), freq="h", name="known_at")
    hourly = hourly.reindex(hours, fill_value=0)
    day, week = hourly.rolling("24h").sum(), hourly.rolling("7d").sum()
    found = pd.DataFrame(
        {
            "late_share_24h": (day["sum"] / day["size"]).stack(future_stack=True),  # noqa: PD013 -- back to rows
            "late_share_7d": (week["sum"] / week["size"]).stack(future_stack=True),  # noqa: PD013
            "landed_24h": day["size"].stack(future_stack=True).astype("int64"),  # noqa: PD013
        }
    )
    return found.reset_index()[["carrier", "known_at", "late_share_24h", "late_share_7d", "landed_24h"]]


def departures(flights: pd.DataFrame) -> pd.DataFrame:
    """What the timetable says of each flight, an hour before it leaves (`asked_at`), and whether it was late."""
    flown = flights.dropna(subset=["arr_delay"])
    rows = flown[["carrier", "origin", "dest", "flight", "distance", "hour"]].assign(
        weekday=pd.to_datetime(flown[["year", "month", "day"]]).dt.dayofweek,
        asked_at=scheduled(flown) - pd.Timedelta(1, unit="h"),
        late=(flown["arr_delay"] > LATE).astype("int64"),
    )
    return rows.sort_values(["asked_at", "carrier", "flight"], ignore_index=True)


def scheduled(flights: pd.DataFrame) -> pd.Series:
    """When each flight should leave, in UTC."""
    return flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")
