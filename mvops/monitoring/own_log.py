"""Monitoring without a project: somebody else's log of predictions, held against the rows of a baseline file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mvops.core.config.model import Monitor
from mvops.core.config.rates import parse_rate
from mvops.core.durations import parse_duration
from mvops.core.signature import Column, ColumnKind, Signature
from mvops.errors import DataError, MissingExtraError, UsageError
from mvops.monitoring.baseline import build_baseline
from mvops.monitoring.columns import Coded, Rows, Times, label, make_rows, merge_equal
from mvops.monitoring.summary import summarise_all
from mvops.monitoring.verdict import Verdict, judge

_MOST_CATEGORIES = 1000
_MOST_CLASSES = 20  # distinct values of a whole-numbered prediction that is a class
_FEWEST_ROWS = 30  # in a window; fewer are not judged
_HISTORY = 28
_IDENTIFIER = re.compile(r"(^|_)(id|uuid|guid|key|index)$|^unnamed: \d+$", re.IGNORECASE)
_EPOCHS = {"s": 1e11, "ms": 1e14, "us": 1e17}  # numbers below are seconds, milliseconds, microseconds since 1970


@dataclass(frozen=True)
class LogReport:
    """`windows` as in the command line's JSON; `left_out` says which columns are not watched, and why."""

    windows: list[dict[str, Any]]
    left_out: dict[str, str]
    verdicts: tuple[Verdict, ...]


def monitor_log(
    log: Path | str,
    baseline: Path | str,
    *,
    time: str,
    prediction: str | None = None,
    every: str = "1d",
    false_alarms: str = "1 per 30d",
) -> list[dict[str, Any]]:
    """The windows of `judge_log`, each {"start", "end", "rows", "alert", "drifted", "status", "reasons"}."""
    return judge_log(log, baseline, time=time, prediction=prediction, every=every, false_alarms=false_alarms).windows


def judge_log(  # noqa: PLR0913 -- what the command takes
    log: Path | str,
    baseline: Path | str,
    *,
    time: str,
    prediction: str | None = None,
    every: str = "1d",
    false_alarms: str = "1 per 30d",
    between: tuple[datetime | None, datetime | None] = (None, None),
) -> LogReport:
    """Judge each window of a log against a baseline; both are CSV or Parquet files with a row for each prediction.

    The columns watched are those of the baseline that the log has too, numbers and categories; the baseline's own
    `time` column, where it has one, shows how much days differ when nothing is wrong. Only windows that lie
    `between` two times (UTC; None is open) are told; those before still show what is usual. Raises UsageError for a
    duration or rate that is none, DataError for a file or column that is not there or cannot be read.
    """
    try:
        length, monitor = (
            parse_duration(every),
            Monitor(false_alarms=parse_rate(false_alarms), min_rows=_FEWEST_ROWS),
        )
    except ValueError as problem:
        raise UsageError(str(problem)) from None
    if length < timedelta(seconds=1):
        raise UsageError(f"A window of {every} is too short.", hint="Write --every 1h or --every 1d.")
    since, until = between
    before, after = read_table(Path(baseline)), read_table(Path(log))
    instants = _times(after, time, Path(log))
    _require(after, prediction, Path(log))
    signature, left_out = _watched(before, after, time, prediction)
    past = _times(before, time, Path(baseline)) if time in before.columns else None
    profile = build_baseline(signature, _rows(signature, before, prediction, past), every=length)
    summaries = summarise_all(profile, _rows(signature, after, prediction, instants), length)
    verdicts = tuple(
        judge(profile, window, monitor, history=summaries[max(0, i - _HISTORY) : i])
        for i, window in enumerate(summaries)
        if (since is None or window.start >= since) and (until is None or window.end <= until)
    )
    return LogReport([_window(verdict, prediction) for verdict in verdicts], left_out, verdicts)


def read_table(path: Path) -> pd.DataFrame:
    """A CSV (also compressed) or Parquet file with at least one row. DataError if that is not what it is."""
    if not path.is_file():
        raise DataError(f"{path} is not there.", hint="Check the path; it is relative to the current folder.")
    try:
        frame = pd.read_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else pd.read_csv(path)
    except ImportError:
        raise MissingExtraError("Reading Parquet", "parquet") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path} is empty.", hint="It needs a header and rows.") from None
    except (ValueError, OSError, EOFError) as problem:  # pandas' and pyarrow's parser errors are ValueErrors
        reason = (str(problem).splitlines() or ["unreadable"])[0]
        raise DataError(f"{path} cannot be read: {reason}", hint="It must be CSV or Parquet.") from None
    if frame.empty:
        raise DataError(f"{path} has no rows.", hint="It needs a header and rows.")
    frame.columns = frame.columns.map(str)
    return frame


def _times(frame: pd.DataFrame, name: str, path: Path) -> Times:
    _require(frame, name, path)
    values = frame[name]
    if pd.api.types.is_bool_dtype(values):
        raise DataError(f"{path}: {name!r} holds no times.", hint="Name the column with --time.")
    if pd.api.types.is_numeric_dtype(values):
        largest = float(np.nanmax(np.abs(values.to_numpy(np.float64, na_value=0.0))))
        unit: Any = next((unit for unit, bound in _EPOCHS.items() if largest < bound), "ns")
        parsed = pd.to_datetime(values, unit=unit, utc=True, errors="coerce")
    else:
        parsed = _parse(values)
    bad = np.flatnonzero(parsed.isna().to_numpy())
    if len(bad):
        first = values.iloc[int(bad[0])]
        raise DataError(
            f"{path}: {len(bad)} of {len(values)} values of {name!r} are not times, the first one in row "
            f"{int(bad[0]) + 1}: {'empty' if pd.isna(first) else repr(first)}.",
            hint="Write times in ISO 8601, such as 2026-11-23T08:30:00Z, or name another column with --time.",
        )
    found: Times = parsed.dt.tz_localize(None).to_numpy("datetime64[us]")
    return found


def _parse(values: pd.Series[Any]) -> pd.Series[Any]:
    """Times with a zone are turned into UTC, times without one are taken as UTC."""
    iso = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
    if not iso.isna().any():
        return iso
    mixed = pd.to_datetime(values, utc=True, errors="coerce", format="mixed")
    return iso if mixed.isna().sum() > iso.isna().sum() else mixed


def _require(frame: pd.DataFrame, name: str | None, path: Path) -> None:
    if name is not None and name not in frame.columns:
        shown = ", ".join(list(frame.columns)[:20])
        raise DataError(f"{path} has no column {name!r}.", hint=f"It has: {shown}.")


def _watched(
    before: pd.DataFrame, after: pd.DataFrame, time: str, prediction: str | None
) -> tuple[Signature, dict[str, str]]:
    """What to watch, read off the baseline, and what not."""
    columns, left_out = [], {}
    for name in before.columns:
        if name in (time, prediction):
            continue
        kind, reason = _kind(before[name]) if name in after.columns else (None, "not in the log")
        if kind is None:
            left_out[name] = reason
        else:
            columns.append(Column(name=name, kind=kind, nullable=True))
    left_out |= {n: "not in the baseline" for n in after.columns if n not in before.columns and n != time}
    if not columns and (prediction is None or prediction in left_out):
        raise DataError(
            "The log and the baseline have no column in common that can be watched.",
            hint=f"Left out: {'; '.join(f'{name} ({why})' for name, why in left_out.items())}.",
        )
    classes = prediction is not None and prediction in before.columns and _is_class(before[prediction])
    return Signature(columns=tuple(columns), task="classification" if classes else "regression"), left_out


def _kind(values: pd.Series[Any]) -> tuple[ColumnKind | None, str]:
    if values.isna().all():
        return "number", ""
    if pd.api.types.is_bool_dtype(values):
        return "boolean", ""
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        return None, "dates are not watched"
    if pd.api.types.is_numeric_dtype(values):
        return (None, "an identifier") if _identifies(values) else ("number", "")
    distinct = values.astype(str).nunique()
    if distinct > _MOST_CATEGORIES or distinct > max(_MOST_CLASSES, len(values) / 2):
        return None, f"text with {distinct} different values"
    return "category", ""


def _identifies(values: pd.Series[Any]) -> bool:
    """Whole numbers, all different, that count up or are called an identifier."""
    if not pd.api.types.is_integer_dtype(values) or len(values) < 3 or not values.is_unique:
        return False
    return values.is_monotonic_increasing or _IDENTIFIER.search(str(values.name)) is not None


def _is_class(values: pd.Series[Any]) -> bool:
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return True
    return bool(pd.api.types.is_integer_dtype(values) and values.nunique() <= _MOST_CLASSES)


def _rows(signature: Signature, frame: pd.DataFrame, prediction: str | None, times: Times | None) -> Rows:
    features: Mapping[str, Any] = {
        column.name: _values(frame[column.name], column.kind) for column in signature.columns
    }
    answers = None
    if prediction is not None and prediction in frame.columns:
        answers = _values(frame[prediction], "category" if signature.task == "classification" else "number")
    return make_rows(signature, features, predictions=answers, times=times)


def _values(values: pd.Series[Any], kind: ColumnKind) -> np.ndarray[Any, Any] | Coded:
    """What is not a number in a column of numbers is missing."""
    if kind in ("number", "integer"):
        return pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    codes, uniques = pd.factorize(values)
    return merge_equal(codes.astype(np.int64), [label(value) for value in uniques.tolist()])


def _window(verdict: Verdict, prediction: str | None) -> dict[str, Any]:
    reasons: dict[str, str] = {}
    for finding in verdict.alarms:
        answer = finding.kind == "prediction" and prediction is not None
        name = prediction if answer and prediction is not None else finding.feature
        reasons[name] = f"{reasons[name]}; {finding.sentence}" if name in reasons else finding.sentence
    return {
        "start": verdict.start.isoformat(),
        "end": verdict.end.isoformat(),
        "rows": verdict.rows,
        "alert": bool(reasons),
        "drifted": list(reasons),
        "status": verdict.status,
        "reasons": reasons,
    }
