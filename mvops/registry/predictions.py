"""The prediction log: what was asked and answered, and what really happened.

The endpoint imports this, and must start fast: SQLAlchemy Core only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Engine, Select, and_, func, select, update

from mvops.core.prediction import LOAD_TEST, SHADOW, Outcome, Prediction
from mvops.errors import RegistryError, Where
from mvops.registry import outcome_log
from mvops.registry.engines import create_file, make_engine, only_one, reading, refuse_unsafe, translated
from mvops.registry.outcome_log import OutcomeCount
from mvops.registry.places import Place, check_file, damaged, identity, locate
from mvops.registry.prediction_numbers import Numbers, numbers, recent
from mvops.registry.prediction_tables import (
    EARLY,
    OUTCOMES,
    PREDICTIONS,
    create_tables,
    is_complete,
    prediction_row,
    to_outcome,
    to_prediction,
)
from mvops.registry.unwritten import approach, require_writable

_CHUNK = 1000  # rows in one look at the log


class PredictionLog:
    """An open prediction log. Close it, or use it as a context manager. Several threads may share it."""

    def __init__(self, place: Place, engine: Engine) -> None:
        self.url = place.shown
        self._place = place
        self._engine = engine
        self._reader = reading(engine)
        self._identity = place.file and identity(place.file)

    @classmethod
    def open(cls, url: str, root: Path) -> PredictionLog:
        """Open the log at `url` and make what is missing; a relative SQLite path starts at `root`.

        Raises RegistryError for a file that is damaged or something else, and for a newer schema.
        """
        place = approach(locate(url, root))
        if place.file is not None:
            if not place.file.exists():
                create_file(place, create_tables)
            check_file(place.file)
        engine = make_engine(place)
        try:
            with translated(place):
                with reading(engine).connect() as connection:
                    refuse_unsafe(connection, place)
                    complete = is_complete(connection, place)
                if not complete:
                    with engine.begin() as connection:
                        create_tables(connection)
        except BaseException:
            engine.dispose()
            raise
        return cls(place, engine)

    def append(self, predictions: Sequence[Prediction]) -> int:
        """Log predictions in one transaction, on the disk when this returns; those already there are left alone.

        Returns how many were new.
        """
        if not predictions:
            return 0
        with self._writing() as connection:
            added = outcome_log.insert(connection, PREDICTIONS, [prediction_row(p) for p in predictions])
            if connection.scalar(select(EARLY.c.prediction_id).limit(1)) is not None:
                outcome_log.admit(connection, [p.id for p in predictions])
        return added

    def rename(self, model: str, name: str) -> int:
        """Give a model's predictions another model's name; returns how many."""
        with self._writing() as connection:
            return connection.execute(
                update(PREDICTIONS).where(PREDICTIONS.c.model == model).values(model=name)
            ).rowcount

    def append_outcomes(self, outcomes: Sequence[Outcome], *, replacing: bool = False) -> OutcomeCount:
        """Log what really happened, in one transaction.

        For each prediction the first outcome stays; with `replacing` the last one does, and is read as new ones are.
        """
        with self._writing() as connection:
            return outcome_log.replace(connection, outcomes) if replacing else outcome_log.add(connection, outcomes)

    def compare_outcomes(self, outcomes: Sequence[Outcome]) -> OutcomeCount:
        """What logging these would do. Writes nothing."""
        with translated(self._place), self._reader.connect() as connection:
            return outcome_log.compare(connection, outcomes)[0]

    def read(self, model: str, after_seq: int = 0, limit: int = _CHUNK) -> list[tuple[int, Prediction]]:
        """The next predictions after `after_seq`, with their numbers, which grow in the order of logging."""
        where = and_(PREDICTIONS.c.model == model, PREDICTIONS.c.seq > after_seq)
        query = select(PREDICTIONS).where(where).order_by(PREDICTIONS.c.seq).limit(limit)
        return [(row.seq, to_prediction(row)) for row in self._fetch(query)]

    def read_outcomes(
        self, model: str, after_seq: int = 0, limit: int = _CHUNK
    ) -> list[tuple[int, Prediction, Outcome]]:
        """The next outcomes after `after_seq`, with their predictions. The number is the outcome's."""
        query = (
            select(PREDICTIONS, *_outcome_columns())
            .join(OUTCOMES, OUTCOMES.c.prediction_id == PREDICTIONS.c.id)
            .where(PREDICTIONS.c.model == model, OUTCOMES.c.seq > after_seq)
            .order_by(OUTCOMES.c.seq)
            .limit(limit)
        )
        return [(row.outcome_seq, to_prediction(row), to_outcome(row)) for row in self._fetch(query)]

    def labelled(self, model: str, since: datetime, until: datetime, last: int) -> list[tuple[Prediction, Outcome]]:
        """Predictions of a span of event time with their outcomes, those up to the outcome with the number `last`."""
        query = (
            select(PREDICTIONS, *_outcome_columns())
            .join(OUTCOMES, OUTCOMES.c.prediction_id == PREDICTIONS.c.id)
            .where(_within(model, since, until), OUTCOMES.c.seq <= last)
        )
        return [(to_prediction(row), to_outcome(row)) for row in self._fetch(query)]

    def find(self, prediction_id: str) -> tuple[Prediction, Outcome | None] | None:
        """One prediction, and its outcome if it is known."""
        query = (
            select(PREDICTIONS, *_outcome_columns())
            .outerjoin(OUTCOMES, OUTCOMES.c.prediction_id == PREDICTIONS.c.id)
            .where(PREDICTIONS.c.id == prediction_id)
        )
        for row in self._fetch(query):
            return to_prediction(row), None if row.prediction_id is None else to_outcome(row)
        return None

    def find_all(self, ids: Sequence[str]) -> list[Prediction]:
        """Those of these predictions that are there; not for more than some hundreds at once."""
        return [to_prediction(row) for row in self._fetch(select(PREDICTIONS).where(PREDICTIONS.c.id.in_(ids)))]

    def first_time(self, model: str, version: int) -> datetime | None:
        """The earliest event time of what a version was asked; load tests are left out."""
        c = PREDICTIONS.c
        mine = and_(c.model == model, c.version == version, c.arm != LOAD_TEST)
        found: datetime | None = self._fetch(select(func.min(c.time)).where(mine))[0][0]
        return found

    def outcomes_before(self, moment: datetime) -> int:
        """The number of the last outcome that was received before, 0 without one."""
        query = select(func.max(OUTCOMES.c.seq)).where(OUTCOMES.c.received < moment)
        return int(self._fetch(query)[0][0] or 0)

    def count(self, model: str, since: datetime | None = None, until: datetime | None = None) -> int:
        """How many predictions have an event time at `since` or later and before `until`."""
        query = select(func.count()).select_from(PREDICTIONS).where(_within(model, since, until))
        return int(self._fetch(query)[0][0])

    def newest(self, model: str) -> datetime | None:
        """The latest event time of a model's predictions; load tests are left out."""
        asked = and_(PREDICTIONS.c.model == model, PREDICTIONS.c.arm != LOAD_TEST)
        found: datetime | None = self._fetch(select(func.max(PREDICTIONS.c.time)).where(asked))[0][0]
        return found

    def newest_outcome(self, model: str) -> datetime | None:
        """When the last outcome of a model's predictions was received."""
        joined = PREDICTIONS.join(OUTCOMES, OUTCOMES.c.prediction_id == PREDICTIONS.c.id)
        query = select(func.max(OUTCOMES.c.received)).select_from(joined).where(PREDICTIONS.c.model == model)
        found: datetime | None = self._fetch(query)[0][0]
        return found

    def numbers(self, model: str, span: timedelta, most: int) -> Numbers | None:
        """Counts and latencies by hour or day, of the last `span` and at most the `most` newest rows."""
        return numbers(self._fetch, self._engine.dialect.name, model, span, most)

    def recent(self, model: str, version: int, limit: int, most: int) -> list[Prediction]:
        """What a version answered last among the `most` newest rows, the newest first; without inputs."""
        return recent(self._fetch, model, version, limit, most)

    def count_outcomes(self, model: str) -> int:
        """How many predictions have an outcome."""
        joined = PREDICTIONS.join(OUTCOMES, OUTCOMES.c.prediction_id == PREDICTIONS.c.id)
        return int(self._fetch(select(func.count()).select_from(joined).where(PREDICTIONS.c.model == model))[0][0])

    def iterate(
        self, model: str, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[tuple[Prediction, Outcome | None]]:
        """Predictions of a span of event time with their outcomes, in the order of logging, read 1,000 at a time.

        Ends at what was logged when it began; no transaction stays open between two chunks.
        """
        where = _within(model, since, until)
        bounds = self._fetch(select(func.min(PREDICTIONS.c.seq), func.max(PREDICTIONS.c.seq)).where(where))[0]
        if bounds[0] is None:
            return
        after = bounds[0] - 1
        while after < bounds[1]:
            span = and_(where, PREDICTIONS.c.seq > after, PREDICTIONS.c.seq <= bounds[1])
            query = select(PREDICTIONS, *_outcome_columns()).outerjoin(
                OUTCOMES, OUTCOMES.c.prediction_id == PREDICTIONS.c.id
            )
            rows = self._fetch(query.where(span).order_by(PREDICTIONS.c.seq).limit(_CHUNK))
            if not rows:
                return
            for row in rows:
                yield to_prediction(row), None if row.prediction_id is None else to_outcome(row)
            after = rows[-1].seq

    def given(self, model: str, last: int) -> Iterator[tuple[Prediction, Outcome | None]]:
        """The newest predictions that callers were given, with their outcomes, the oldest first, 1,000 at a time."""
        mine = and_(PREDICTIONS.c.model == model, PREDICTIONS.c.arm.not_in([LOAD_TEST, SHADOW]))
        newest = select(PREDICTIONS.c.seq).where(mine).order_by(PREDICTIONS.c.seq.desc())
        end = self._fetch(newest.limit(1))
        begin = self._fetch(newest.offset(last).limit(1))
        after = begin[0].seq if begin else 0
        joined = select(PREDICTIONS, *_outcome_columns()).outerjoin(
            OUTCOMES, OUTCOMES.c.prediction_id == PREDICTIONS.c.id
        )
        while end and after < end[0].seq:
            span = and_(mine, PREDICTIONS.c.seq > after, PREDICTIONS.c.seq <= end[0].seq)
            rows = self._fetch(joined.where(span).order_by(PREDICTIONS.c.seq).limit(_CHUNK))
            for row in rows:
                yield to_prediction(row), None if row.prediction_id is None else to_outcome(row)
            after = rows[-1].seq

    def check(self) -> None:
        """Read every page of an SQLite file. Raises RegistryError where one is damaged."""
        if self._place.file is None:
            return
        with translated(self._place), self._reader.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise damaged(self._place.file, f"The database is damaged: {str(found).strip()}.")

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        require_writable(self._place)
        with translated(self._place), self._engine.begin() as connection:
            # One writer after the other, so that a number that is seen means that all lower ones are: a reader
            # that remembers where it was would skip rows that are committed out of order.
            only_one(connection, "prediction log")
            yield connection
        file = self._place.file
        if file is not None and identity(file) != self._identity:  # it was written where nobody finds it again
            raise RegistryError("The prediction log was taken away.", where=Where(file))

    def _fetch(self, query: Select[Any]) -> Sequence[Any]:
        with translated(self._place), self._reader.connect() as connection:
            return connection.execute(query).all()


def _outcome_columns() -> list[ColumnElement[Any]]:
    return [OUTCOMES.c.seq.label("outcome_seq"), OUTCOMES.c.prediction_id, OUTCOMES.c.outcome, OUTCOMES.c.received]


def _within(model: str, since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [PREDICTIONS.c.model == model]
    if since is not None:
        parts.append(PREDICTIONS.c.time >= since)
    if until is not None:
        parts.append(PREDICTIONS.c.time < until)
    return and_(*parts)
