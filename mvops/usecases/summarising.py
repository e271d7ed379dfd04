"""Reading what is new in the prediction log into summaries, each row once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from mvops.core.prediction import HASHED, LOAD_TEST, Prediction
from mvops.core.progress import Progress, Tell
from mvops.core.version import Version
from mvops.monitoring.baseline import Baseline
from mvops.monitoring.clock import bucket_start
from mvops.monitoring.columns import rows_of
from mvops.monitoring.summary import Summary, merge, summarise_all, summarise_outcomes
from mvops.performing.traffic import version_of
from mvops.registry.predictions import PredictionLog
from mvops.registry.summaries import Cursor, cursor, save_summaries, summaries
from mvops.workspace import Workspace

_CHUNK = 20_000  # rows of the log held at once
Key = tuple[int, str, datetime]  # version, arm, start of the window


@dataclass
class Known:
    """The versions met so far, each with its baseline."""

    workspace: Workspace
    model: str
    _loaded: dict[int, tuple[Version, Baseline] | None] = field(default_factory=dict)

    def get(self, number: int) -> tuple[Version, Baseline] | None:
        """A version and its baseline; None if it has none to compare with."""
        if number not in self._loaded:
            version = version_of(self.workspace, self.model, number)
            self._loaded[number] = (
                None
                if version.baseline is None
                else (version, Baseline.model_validate_json(self.workspace.store.read_bytes(version.baseline.sha256)))
            )
        return self._loaded[number]


@dataclass(frozen=True)
class News:
    """What was read: how many predictions and outcomes, and the windows that they fell into.

    `grown` are those of them that have new predictions, not only outcomes.
    """

    predictions: int
    outcomes: int
    touched: frozenset[Key]
    grown: frozenset[Key]


def summarise_new(workspace: Workspace, model: str, every: timedelta, known: Known, tell: Tell) -> News:
    """Read the log from where the last monitor ended, merge into the stored summaries, move on; chunk by chunk.

    Each chunk is written with its cursor in one transaction: an interruption loses nothing and counts nothing twice.
    Raises ConflictError when another monitor reads at the same time.
    """
    read, told, touched, grown = 0, 0, set[Key](), set[Key]()
    with workspace.predictions() as log:
        while True:
            before = cursor(workspace.registry, model)
            fresh, after, counts = _next_chunk(log, model, before, every, known)
            if after == before:
                return News(read, told, frozenset(touched), frozenset(grown))
            _merge_and_save(workspace, model, fresh, before, after)
            touched |= fresh.keys()
            grown |= {key for key, summary in fresh.items() if summary.rows}
            read, told = read + counts[0], told + counts[1]
            tell(Progress(what=f"{model}: {read} predictions and {told} outcomes read"))


def _next_chunk(
    log: PredictionLog, model: str, before: Cursor, every: timedelta, known: Known
) -> tuple[dict[Key, Summary], Cursor, tuple[int, int]]:
    fresh: dict[Key, Summary] = {}
    rows = log.read(model, before.predictions, _CHUNK)
    real = [prediction for _, prediction in rows if prediction.arm != LOAD_TEST]
    for (version, arm), group in _grouped(real):
        found = known.get(version)
        if found is not None:
            gone = _redacted(found[0], group)
            for summary in summarise_all(found[1], rows_of(found[0].signature, group), every):
                _put(fresh, (version, arm, summary.start), _without(summary, gone))
    pairs = log.read_outcomes(model, before.outcomes, _CHUNK)
    outcomes = {prediction.id: outcome.outcome for _, prediction, outcome in pairs}
    for (version, arm), group in _grouped([prediction for _, prediction, _ in pairs if prediction.arm != LOAD_TEST]):
        found = known.get(version)
        if found is not None:
            for start, window in _by_window(group, every):
                labelled = rows_of(found[0].signature, window, [outcomes[p.id] for p in window])
                _put(fresh, (version, arm, start), summarise_outcomes(found[1], labelled, start, start + every))
    after = Cursor(
        predictions=rows[-1][0] if rows else before.predictions, outcomes=pairs[-1][0] if pairs else before.outcomes
    )
    return fresh, after, (len(real), len(pairs))


def _merge_and_save(workspace: Workspace, model: str, fresh: dict[Key, Summary], before: Cursor, after: Cursor) -> None:
    starts = sorted(start for _, _, start in fresh)
    stored: dict[Key, Summary] = {}
    if starts:
        for version, arm, start, text in summaries(
            workspace.registry, model, starts[0], starts[-1] + timedelta(microseconds=1)
        ):
            stored[version, arm, start] = Summary.from_json(text)
    merged = [
        (*key, (merge(stored[key], new) if key in stored else new).to_json()) for key, new in sorted(fresh.items())
    ]
    save_summaries(workspace.registry, model, merged, before=before, after=after)


def _redacted(version: Version, group: Sequence[Prediction]) -> set[str]:
    """Columns of which the log does not have every row's value: nothing can be said of what is not there."""
    found = set()
    for name in (column.name for column in version.signature.columns):
        values = (prediction.inputs.get(name, HASHED) for prediction in group)
        if any(isinstance(value, str) and value.startswith(HASHED) for value in values):
            found.add(name)
    return found


def _without(summary: Summary, gone: set[str]) -> Summary:
    left = {name: column for name, column in summary.features.items() if name not in gone}
    return summary.model_copy(update={"features": left}) if gone else summary


def _put(fresh: dict[Key, Summary], key: Key, summary: Summary) -> None:
    fresh[key] = merge(fresh[key], summary) if key in fresh else summary


def _grouped(predictions: Iterable[Prediction]) -> Iterable[tuple[tuple[int, str], list[Prediction]]]:
    def which(prediction: Prediction) -> tuple[int, str]:
        return prediction.version, prediction.arm

    return [(key, list(group)) for key, group in groupby(sorted(predictions, key=which), key=which)]


def _by_window(predictions: Sequence[Prediction], every: timedelta) -> Iterable[tuple[datetime, list[Prediction]]]:
    def start(prediction: Prediction) -> Any:
        return bucket_start(prediction.time, every)

    return [(key, list(group)) for key, group in groupby(sorted(predictions, key=start), key=start)]
