"""Kills what opens a registry at a point: `python killing.py`, then a line of JSON for each attempt on standard input.

A point is the moment before or after a statement, and before or after the end of a transaction. `broken` commits each
statement by itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

import mvops.registry.migrating  # noqa: F401 -- slow to import, so only once
from mvops.registry.database import open_registry

passed = 0


def attempt(url: str, root: str, point: int, *, broken: bool) -> None:
    def reach(*_: Any) -> None:
        global passed  # noqa: PLW0603
        passed += 1
        if passed == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def commit(connection: Any, *_: Any) -> None:
        raw = connection.connection.dbapi_connection
        if connection.dialect.name == "postgresql":
            raw.commit()
        elif raw.in_transaction and not connection.get_execution_options().get("mvops_read"):
            raw.execute("COMMIT")
            raw.execute("BEGIN IMMEDIATE")

    if broken:
        event.listen(Engine, "after_cursor_execute", commit)
    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(Engine, moment, reach)
    open_registry(url, Path(root)).close()


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        attempt(**json.loads(line))
        os._exit(0)
    sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
    sys.stdout.flush()
