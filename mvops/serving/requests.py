"""The shape of requests: what is around the rows, and outcomes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mvops.core.signature import Signature
from mvops.serving.problems import Flaw, Problem
from mvops.serving.rows import read_time

_ID_LIMIT = 200  # characters


def envelope(value: Any, wanted: str, *optional: str) -> dict[str, Any]:
    """The request's object, which must have the key `wanted` and may have the `optional` ones. Raises Problem."""
    if type(value) is not dict or wanted not in value:
        raise Problem(422, f'the body must be an object with the key "{wanted}"')
    others = value.keys() - {wanted, *optional}
    if others:
        known = " and ".join(f'"{key}"' for key in (wanted, *optional))
        raise Problem(422, f"the body has {len(others)} unknown keys; known are {known}")
    return value


def event_times(value: Any, rows: int) -> Sequence[datetime]:
    """The event time of each row: one time for all, one for each, or now. Raises Problem."""
    if value is None:
        return [datetime.now(UTC)] * rows
    try:
        if type(value) is str:
            return [read_time(value)] * rows
        times = [read_time(one) for one in value] if type(value) is list else []
    except ValueError as error:
        raise Problem(422, f'"time": {error}') from None
    if len(times) != rows:
        raise Problem(422, '"time" must be one ISO 8601 time, or a list with one for each row')
    return times


def read_outcomes(value: Any, signature: Signature, limit: int) -> list[tuple[str, Any]]:
    """Pairs of prediction id and outcome. Raises Problem that names the entry as `row`."""
    given = envelope(value, "outcomes")["outcomes"]
    if type(given) is not list or not 0 < len(given) <= limit:
        raise Problem(422, f'"outcomes" must be a list of 1 to {limit} entries')
    flaws = [flaw for index, entry in enumerate(given) if (flaw := _flaw(index, entry, signature))]
    if flaws:
        raise Problem.of_rows(flaws)
    return [(entry["prediction_id"], entry["outcome"]) for entry in given]


def _flaw(index: int, entry: Any, signature: Signature) -> Flaw | None:
    if type(entry) is not dict or entry.keys() != {"prediction_id", "outcome"}:
        return Flaw(row=index, column=None, message='must be an object with "prediction_id" and "outcome"')
    name = entry["prediction_id"]
    if type(name) is not str or not 0 < len(name) <= _ID_LIMIT or not (name.isascii() and name.isprintable()):
        return Flaw(row=index, column="prediction_id", message="is not the id of a prediction")
    wrong = misfit(entry["outcome"], signature)
    return Flaw(row=index, column="outcome", message=wrong) if wrong else None


def misfit(outcome: Any, signature: Signature) -> str:
    """Why this cannot be the truth of a prediction by a model of this signature; nothing where it can."""
    fitting = _classes(signature) if signature.task == "classification" else (int, float)
    if type(outcome) in fitting and _storable(outcome):
        return ""
    names = " or ".join(sorted({{"str": "text", "bool": "boolean"}.get(t.__name__, "number") for t in fitting}))
    return f"must be a {names}, as the model predicts"


def _classes(signature: Signature) -> tuple[type, ...]:
    """The types that an outcome may have: those of the classes; without classes, any scalar."""
    types = {type(label) for label in signature.classes} or {str, int, float, bool}
    return tuple(types | {int, float} if types & {int, float} else types)


def _storable(value: Any) -> bool:
    if type(value) is str:
        return "\0" not in value
    return type(value) is bool or (math.isfinite(value) and abs(value) < 2**63)
