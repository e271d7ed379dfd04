"""Disturbs a command at a point of its work: `python crashing.py`, then a line of JSON for each on standard input.

Killed (`fault: ""`), a point is the moment before or after a write of the journal, or before or after a step. With a
fault, such as ENOSPC, it is a write: of a file in the project, or of rows of the registry; that write fails, and those
after it do not. Each command runs in a process of its own, forked from this one, which imports whatever a command that
came to its end had to; the answer is a line with the points that it passed and what it said on standard error.
`broken` makes the journal lie: it takes an action for done as soon as it has begun.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from mvops.cli.app import main
from mvops.core.state import Record
from mvops.registry.journal import SqlJournal
from mvops.registry.state import SqlState

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("INSERT", "UPDATE", "DELETE", "CREATE")
passed = 0


def at_each_point(work: Callable[..., Any], deadly: int) -> Callable[..., Any]:
    def with_points(*arguments: Any, **options: Any) -> Any:
        if reached(deadly):
            os.kill(os.getpid(), signal.SIGKILL)
        answer = work(*arguments, **options)
        if reached(deadly):
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return with_points


def reached(point: int) -> bool:
    global passed  # noqa: PLW0603
    passed += 1
    return passed == point


def fail_at(point: int, fault: str, root: str) -> None:
    """Let the write with this number fail, in Python and in SQLite."""
    number = getattr(errno, fault)

    def in_python(name: str, values: tuple[Any, ...]) -> None:
        opened = name == "open" and isinstance(values[2], int) and values[2] & WRITES
        if not (opened or name in {"os.mkdir", "os.rename", "os.link"}):
            return
        path = os.fspath(values[1] if name == "os.rename" else values[0]) if not isinstance(values[0], int) else ""
        if str(path).startswith(root) and "/.mvops/registry.db" not in str(path) and reached(point):
            raise OSError(number, os.strerror(number), str(path))

    def in_sqlite(_cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith(CHANGES) and reached(point):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL" if fault == "ENOSPC" else "SQLITE_IOERR_WRITE"
            raise error

    sys.addaudithook(in_python)
    event.listen(Engine, "do_execute", in_sqlite)


def lie(journal: Any) -> None:
    honest = journal.started

    def started(self: Any, plan_id: str, action: dict[str, Any]) -> int:
        entry: int = honest(self, plan_id, action)
        if action["after"]:
            record = Record(address=action["address"], spec=action["after"], outputs={"version": "1", "run": "r"})
            SqlState(self._registry).put(record)
        return entry

    journal.started = started


def carry_out(command: dict[str, Any]) -> None:
    use_case = importlib.import_module("mvops.usecases.apply")
    if command["broken"]:
        lie(SqlJournal)
    if command["fault"]:
        fail_at(command["point"], command["fault"], command["root"])
    else:
        for name in ("started", "finished", "failed"):
            setattr(SqlJournal, name, at_each_point(getattr(SqlJournal, name), command["point"]))
        use_case.perform = at_each_point(use_case.perform, command["point"])  # type: ignore[attr-defined]
    os.chdir(command["root"])
    sys.argv = ["mvops", *command["arguments"]]
    said = io.StringIO()
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(said),
    ):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    answer = {"points": passed, "said": said.getvalue()[-4000:], "modules": sorted(sys.modules)}
    with os.fdopen(command["answer"], "w") as told:
        json.dump(answer, told)
    os._exit(code)


def learn(modules: list[str]) -> None:
    """Import what a command had to, so that the next ones need not: it takes longer than all else that they do."""
    for name in modules:
        if name not in sys.modules:
            with contextlib.suppress(ImportError):  # made by an import of its package, say
                importlib.import_module(name)


for line in sys.stdin:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        carry_out(json.loads(line) | {"answer": write})
    os.close(write)
    with os.fdopen(read) as answer:
        told = json.loads(answer.read() or "{}")
    learn(told.pop("modules", []))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.stdout.write(json.dumps({"points": 0, "said": ""} | told | {"code": code}) + "\n")
    sys.stdout.flush()
