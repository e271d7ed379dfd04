"""Numbers about many predictions, counted by the database: no row of the log comes to Python but those asked for.

SQLAlchemy Core only, as the prediction log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Select, Text, and_, case, func, literal_column, select, type_coerce

from mvops.core.frozen import Frozen
from mvops.core.prediction import LOAD_TEST, Prediction
from mvops.registry.prediction_tables import PREDICTIONS

Width = Literal["hour", "day"]
Fetch: TypeAlias = Callable[[Select[Any]], Sequence[Any]]
_LENGTH: dict[Width, str] = {"hour": "13", "day": "10"}  # of "2013-01-31 23"
_FORMAT: dict[Width, str] = {"hour": "'YYYY-MM-DD HH24'", "day": "'YYYY-MM-DD'"}
_HOURLY = timedelta(days=3)  # a span up to which hours are told


class Count(Frozen):
    """Rows of one version and arm in the hour or day that begins at `start`."""

    start: datetime
    version: int
    arm: str
    rows: int


class Quantiles(Frozen):
    """Of the latencies of the rows in the hour or day that begins at `start`, in milliseconds."""

    start: datetime
    p50: float
    p99: float


class Numbers(Frozen):
    """`until` is the newest prediction's time; `cut` says that there were more rows than were looked at."""

    width: Width
    since: datetime
    until: datetime
    cut: bool
    counts: tuple[Count, ...]
    latency: tuple[Quantiles, ...]


def numbers(fetch: Fetch, dialect: str, model: str, span: timedelta, most: int) -> Numbers | None:
    """Of the predictions of the last `span` of event time, among the `most` that were logged last; None without any.

    Load tests are left out.
    """
    mine = and_(PREDICTIONS.c.model == model, PREDICTIONS.c.arm != LOAD_TEST)
    floor = fetch(
        select(PREDICTIONS.c.seq)
        .where(PREDICTIONS.c.model == model)
        .order_by(PREDICTIONS.c.seq.desc())
        .offset(most)
        .limit(1)
    )
    if floor:
        mine = and_(mine, PREDICTIONS.c.seq > floor[0][0])
    newest = fetch(select(func.max(PREDICTIONS.c.time)).where(mine))[0][0]
    if newest is None:
        return None
    within = and_(mine, PREDICTIONS.c.time > newest - span)
    oldest = fetch(select(func.min(PREDICTIONS.c.time)).where(within))[0][0]
    width: Width = "hour" if newest - oldest <= _HOURLY else "day"
    start = _start(dialect, width)
    counted = (
        select(start, PREDICTIONS.c.version, PREDICTIONS.c.arm, func.count())
        .where(within)
        .group_by(start, PREDICTIONS.c.version, PREDICTIONS.c.arm)
        .order_by(start, PREDICTIONS.c.version)
    )
    return Numbers(
        width=width,
        since=oldest,
        until=newest,
        cut=bool(floor),
        counts=tuple(
            Count(start=_time(begin), version=version, arm=arm, rows=rows)
            for begin, version, arm, rows in fetch(counted)
        ),
        latency=tuple(
            Quantiles(start=_time(begin), p50=p50, p99=p99) for begin, p50, p99 in fetch(_quantiles(within, start))
        ),
    )


def recent(fetch: Fetch, model: str, version: int, limit: int) -> list[Prediction]:
    """What was answered last, at most `limit` rows, the newest first; without inputs."""
    c = PREDICTIONS.c
    query = (
        select(c.id, c.time, c.arm, c.prediction, c.probability, c.latency_ms)
        .where(c.model == model, c.version == version, c.arm != LOAD_TEST)
        .order_by(c.seq.desc())
        .limit(limit)
    )
    return [
        Prediction.model_validate({**row._mapping, "model": model, "version": version, "inputs": {}})  # noqa: SLF001
        for row in fetch(query)
    ]


def _quantiles(within: ColumnElement[bool], start: ColumnElement[str]) -> Select[Any]:
    """The latency of the row in the middle, and of the one that 99 % do not exceed."""
    latency = PREDICTIONS.c.latency_ms
    ranked = (
        select(
            start.label("start"),
            latency.label("latency"),
            func.row_number().over(partition_by=start, order_by=latency).label("place"),
            func.count().over(partition_by=start).label("rows"),
        )
        .where(within)
        .subquery()
    )
    c = ranked.c
    middle, slow = (func.min(case((c.place * 100 >= c.rows * percent, c.latency))) for percent in (50, 99))
    return select(c.start, middle, slow).group_by(c.start).order_by(c.start)


def _start(dialect: str, width: Width) -> ColumnElement[str]:
    """The beginning of an hour or a day in UTC, as text that sorts by time."""
    # Literals: to PostgreSQL, an expression with parameters is another one each time that it is written.
    if dialect == "sqlite":
        return func.substr(type_coerce(PREDICTIONS.c.time, Text), literal_column("1"), literal_column(_LENGTH[width]))
    return func.to_char(func.timezone(literal_column("'UTC'"), PREDICTIONS.c.time), literal_column(_FORMAT[width]))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text if len(text) == 10 else f"{text}:00").replace(tzinfo=UTC)
