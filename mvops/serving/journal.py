"""What an endpoint says of itself: one line of JSON for each event, whatever texts are in it."""

from __future__ import annotations

import json
import logging
import secrets
import sys
from datetime import UTC, datetime
from typing import Any

from mvops.serving.problems import Problem
from mvops.serving.request_ids import current

_log = logging.getLogger("mvops.serving")
_LONGEST = 2000  # characters of a value
_TRACE = 8000
_LOGGERS = ("mvops.serving", "uvicorn")


class JsonLines(logging.Formatter):
    """ASCII alone: no value begins a line, or tells a terminal anything."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": _cut(record.getMessage(), _LONGEST),
            **{name: _cut(str(value), _LONGEST) for name, value in getattr(record, "told", {}).items()},
        }
        if request := current.get():
            told["request_id"] = request
        if record.exc_info and record.exc_info[0] is not None:
            told["exception"] = _cut(self.formatException(record.exc_info), _TRACE)
        return json.dumps(told)


def log_as_json() -> None:
    """Have the endpoint's events, and its server's, written to standard error, one line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False


def failure(detail: str, cause: BaseException | None) -> Problem:
    """A mistake of the model's or ours: what it was is in the log, under an id that the caller is told."""
    error_id = secrets.token_hex(8)
    _log.error("error %s: %s", error_id, detail, exc_info=cause, extra={"told": {"error_id": error_id}})
    return Problem(500, detail, error_id=error_id)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest // 2]} ... {text[-longest // 2 :]}"
