"""Numbers about many predictions, counted by the database: no row of the log comes to Python but those asked for.

SQLAlchemy Core only, as the prediction log.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Integer, Select, Text, and_, case, cast, func, literal_column, select, type_coerce

from mvops.core.frozen import Frozen
from mvops.core.prediction import BATCH, LOAD_TEST, SHADOW, Prediction
from mvops.registry.prediction_tables import PREDICTIONS

Width = Literal["hour", "day"]
Fetch: TypeAlias = Callable[[Select[Any]], Sequence[Any]]
_LENGTH: dict[Width, str] = {"hour": "13", "day": "10"}  # of "2013-01-31 23"
_FORMAT: dict[Width, str] = {"hour": "'YYYY-MM-DD HH24'", "day": "'YYYY-MM-DD'"}
_HOURLY = timedelta(days=3)  # a span up to which hours are told
# Steps of latencies in milliseconds, by what they are below.
_STEPS = ((1.0, 0.005), (10.0, 0.05), (100.0, 0.5), (1000.0, 5.0), (float("inf"), 50.0))


class Count(Frozen):
    """Rows of one version and arm in the hour or day that begins at `start`."""

    start: datetime
    version: int
    arm: str
    rows: int


class Quantiles(Frozen):
    """Of the latencies of the rows in the hour or day that begins at `start`, in milliseconds, to 3 %."""

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
    floor = _floor(fetch, model, most)
    if floor is not None:
        mine = and_(mine, PREDICTIONS.c.seq > floor)
    # The ends by the index on time, which is walked no further than to the first row that counts.
    ends = select(PREDICTIONS.c.time).where(mine).limit(1)
    found = fetch(ends.order_by(PREDICTIONS.c.time.desc()))
    if not found:
        return None
    newest = found[0][0]
    within = and_(mine, PREDICTIONS.c.time > newest - span)
    oldest = fetch(ends.where(PREDICTIONS.c.time > newest - span).order_by(PREDICTIONS.c.time))[0][0]
    width: Width = "hour" if newest - oldest <= _HOURLY else "day"
    start, latency = _start(dialect, width), _latency(dialect)
    c = PREDICTIONS.c
    query = (
        select(start, c.version, c.arm, latency, func.count()).where(within).group_by(start, c.version, c.arm, latency)
    )
    return _numbers(fetch(query), width=width, since=oldest, until=newest, cut=floor is not None)


def _floor(fetch: Fetch, model: str, most: int) -> int | None:
    """The newest row that is not among the `most` newest; None where there is none."""
    seq = PREDICTIONS.c.seq
    found = fetch(select(seq).where(PREDICTIONS.c.model == model).order_by(seq.desc()).offset(most).limit(1))
    return int(found[0][0]) if found else None


def _numbers(rows: Sequence[Any], **told: Any) -> Numbers:
    """From rows of start, version, arm, latency and how many."""
    counts: Counter[tuple[str, int, str]] = Counter()
    latencies: dict[str, Counter[float]] = defaultdict(Counter)
    for start, version, arm, latency, rows_there in rows:
        counts[start, version, arm] += rows_there
        if arm not in {SHADOW, BATCH}:  # nobody waited for it
            latencies[start][latency] += rows_there
    return Numbers(
        counts=tuple(
            Count(start=_time(start), version=version, arm=arm, rows=count)
            for (start, version, arm), count in sorted(counts.items())
        ),
        latency=tuple(
            Quantiles(start=_time(start), p50=_quantile(found, 50), p99=_quantile(found, 99))
            for start, found in sorted(latencies.items())
        ),
        **told,
    )


def _quantile(found: Counter[float], percent: int) -> float:
    left = found.total() * percent / 100
    for edge in sorted(found):
        left -= found[edge]
        if left <= 0:
            break
    return round(edge + next(step for below, step in _STEPS if edge < below) / 2, 4)


def recent(fetch: Fetch, model: str, version: int, limit: int, most: int) -> list[Prediction]:
    """What a version answered last, at most `limit` of the `most` newest rows, the newest first; without inputs."""
    c = PREDICTIONS.c
    query = (
        select(c.id, c.time, c.arm, c.prediction, c.probability, c.latency_ms)
        .where(c.model == model, c.version == version, c.arm != LOAD_TEST, c.seq > (_floor(fetch, model, most) or 0))
        .order_by(c.seq.desc())
        .limit(limit)
    )
    return [
        Prediction.model_validate({**row._mapping, "model": model, "version": version, "inputs": {}})  # noqa: SLF001
        for row in fetch(query)
    ]


def _latency(dialect: str) -> ColumnElement[Any]:
    """A latency's lower neighbour on a scale of steps of 5 % at most: sorting all of them takes twice as long."""
    latency = PREDICTIONS.c.latency_ms

    def down(step: float) -> ColumnElement[Any]:
        steps = latency * literal_column(repr(1 / step))
        whole = cast(steps, Integer) if dialect == "sqlite" else func.floor(steps)  # SQLite may have no floor
        return whole * literal_column(repr(step))

    *rising, (_, last) = _STEPS
    return case(*((latency < literal_column(repr(below)), down(step)) for below, step in rising), else_=down(last))


def _start(dialect: str, width: Width) -> ColumnElement[str]:
    """The beginning of an hour or a day in UTC, as text that sorts by time."""
    # Literals: to PostgreSQL, an expression with parameters is another one each time that it is written.
    if dialect == "sqlite":
        return func.substr(type_coerce(PREDICTIONS.c.time, Text), literal_column("1"), literal_column(_LENGTH[width]))
    return func.to_char(func.timezone(literal_column("'UTC'"), PREDICTIONS.c.time), literal_column(_FORMAT[width]))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text if len(text) == 10 else f"{text}:00").replace(tzinfo=UTC)
