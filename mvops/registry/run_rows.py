"""Runs as the registry's table has them: what a run that finds nothing to do needs, which is not pydantic."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mvops.registry.database import Registry
from mvops.registry.values import plain_time, safe_text, to_json

COLUMNS = {"id", "model", "status", "started", "finished"}  # the others are in the body
_PUT = (
    "INSERT INTO mvops_runs (id, model, status, started, finished, body)"
    " VALUES (:id, :model, :status, :started, :finished, :body)"
    " ON CONFLICT (id) DO UPDATE SET model = excluded.model, status = excluded.status, started = excluded.started,"
    " finished = excluded.finished, body = excluded.body"
)


def new_id(started: datetime) -> str:
    """Unique, and sorts by time."""
    return f"{started:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"


def put_run(registry: Registry, columns: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Insert a run, or replace the one with its id: `columns` are those above, `body` is JSON."""
    texts = {name: safe_text(columns[name]) for name in ("id", "model", "status")}
    dialect, finished = registry.dialect, columns["finished"]
    times = {"started": plain_time(columns["started"], dialect), "finished": finished and plain_time(finished, dialect)}
    registry.carry_out(_PUT, {**texts, **times, "body": to_json(body)})
