"""The prediction log: taking predictions out, bringing outcomes in."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mvops.atomic import whole_file
from mvops.core.prediction import Outcome, Prediction
from mvops.core.signature import Signature
from mvops.errors import DataError, UsageError, Where, or_elsewhere
from mvops.performing.traffic import version_of
from mvops.registry.predictions import PredictionLog
from mvops.serving.requests import misfit
from mvops.usecases.correcting import take_back
from mvops.workspace import Workspace

FIXED = ("prediction_id", "time", "model_version", "arm", "prediction", "probability", "latency_ms", "outcome")


def export_predictions(
    workspace: Workspace,
    model: str,
    output: Path,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Write the log as CSV or JSON Lines, by the file's ending; returns the number of predictions.

    One line for each prediction in the order in which they were logged: id, time (UTC), version, arm, prediction,
    probability, latency, outcome if known, then the inputs. Raises UsageError for another ending.
    """
    workspace.model(model)
    if output.suffix not in {".csv", ".jsonl"}:
        raise UsageError(f"{output.name}: the ending says the format", hint="Write to a .csv or a .jsonl file")
    with workspace.predictions() as log, or_elsewhere(), whole_file(output) as file:
        pairs = log.iterate(model, since, until)
        if output.suffix == ".jsonl":
            return _json_lines(pairs, file)
        return _csv(pairs, file)


@dataclass(frozen=True)
class Imported:
    """How many outcomes are new, how many were known, and how many rows are of no prediction in the log.

    `contradicted` are ids whose outcome was known with another value; they were `replaced`, or it stays.
    """

    accepted: int
    repeated: int
    unknown: int
    contradicted: tuple[str, ...]
    replaced: bool


def import_outcomes(workspace: Workspace, model: str, source: Path, *, replace: bool = False) -> Imported:
    """Read outcomes from CSV (columns prediction_id, outcome) or JSON Lines.

    An outcome that is known already stays, unless it is to be replaced: then the monitor judges its window again with
    the new one. Raises DataError, with the line, for a row that does not fit, and ConflictError while a monitor
    reads; nothing is written then.
    """
    workspace.model(model)
    if not source.is_file():
        raise DataError(
            f"{source} is not there", hint="It is to be CSV (prediction_id,outcome) or JSON Lines (.jsonl)."
        )
    rows = list(_outcome_rows(source))
    with workspace.predictions() as log:
        known = list(_known(workspace, model, log, source, rows))
        outcomes = [outcome for _, outcome in known]
        if replace:
            wrong = set(log.compare_outcomes(outcomes).different)
            take_back(workspace, model, log, [found for found, _ in known if found.id in wrong])
        count = log.append_outcomes(outcomes, replacing=replace)
        return Imported(count, count.repeated - len(count.different), len(rows) - len(known), count.different, replace)


def _known(
    workspace: Workspace, model: str, log: PredictionLog, source: Path, rows: Iterable[tuple[int, str, Any]]
) -> Iterator[tuple[Prediction, Outcome]]:
    """The outcomes of predictions that are in the log, each with its own."""
    received, signatures = datetime.now(UTC), dict[int, Signature]()
    for number, name, value in rows:
        found = log.find(name)
        if found is None or found[0].model != model:
            continue
        version = found[0].version
        if version not in signatures:
            signatures[version] = version_of(workspace, model, version).signature
        if wrong := misfit(value, signatures[version]):
            raise DataError(f"the outcome {value!r} of {name} {wrong}", where=Where(source, number))
        yield found[0], Outcome(prediction_id=name, outcome=value, received=received)


def record(prediction: Prediction, outcome: Outcome | None) -> dict[str, Any]:
    """A prediction by the names of FIXED."""
    return {
        "prediction_id": prediction.id,
        "time": prediction.time.isoformat(),
        "model_version": prediction.version,
        "arm": prediction.arm,
        "prediction": prediction.prediction,
        "probability": prediction.probability,
        "latency_ms": prediction.latency_ms,
        "outcome": outcome.outcome if outcome else None,
    }


def _json_lines(pairs: Iterator[tuple[Prediction, Outcome | None]], file: Any) -> int:
    count = 0
    for prediction, outcome in pairs:
        line = record(prediction, outcome) | {"inputs": prediction.inputs}
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        count += 1
    return count


def _csv(pairs: Iterator[tuple[Prediction, Outcome | None]], file: Any) -> int:
    count, writer, columns = 0, csv.writer(file), []
    for prediction, outcome in pairs:
        if not count:
            columns = sorted(prediction.inputs)
            writer.writerow([*FIXED, *columns])
        told = record(prediction, outcome)
        probability = told["probability"]
        told["probability"] = None if probability is None else json.dumps(probability)
        values = [told[field] for field in FIXED] + [prediction.inputs.get(column) for column in columns]
        writer.writerow([_inert(value) for value in values])
        count += 1
    if not count:
        writer.writerow(FIXED)
    return count


def _inert(value: Any) -> Any:
    """A spreadsheet would run a text that begins like a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _outcome_rows(source: Path) -> Iterator[tuple[int, str, Any]]:
    """Line, id of the prediction, outcome."""
    try:
        with source.open(newline="", encoding="utf-8-sig") as file:
            lines = source.suffix == ".jsonl"
            rows: Iterator[Any] = _parsed(source, file) if lines else csv.DictReader(file)
            for number, row in enumerate(rows, start=1 if lines else 2):
                if not isinstance(row, dict) or row.get("prediction_id") in {None, ""} or row.get("outcome") is None:
                    there = f"; this one has {', '.join(map(str, row))}" if isinstance(row, dict) else ""
                    raise DataError(f"a row needs prediction_id and outcome{there}", where=Where(source, number))
                yield number, str(row["prediction_id"]), _value(row["outcome"])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{source} cannot be read: {error}", hint="It has to be CSV or JSON Lines in UTF-8.") from error


def _parsed(source: Path, lines: Iterable[str]) -> Iterator[Any]:
    for number, line in enumerate(lines, start=1):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise DataError(f"not JSON: {error}", where=Where(source, number)) from error


def _value(text: Any) -> Any:
    """CSV has only text: numbers and true/false are read as such."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text.lower() if text in {"True", "False"} else text)
    except ValueError:
        return text
