"""Kills a command at a point of its work: `python crashing.py`, then a line of JSON for each command on standard input.

A point is the moment before or after a write of the journal, or before or after a step. Each command runs in a process
of its own, forked from this one, which has everything imported; the answer is a line with the points that it passed.
`broken` makes the journal lie: it takes an action for done as soon as it has begun.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mvops.performing.register  # noqa: F401 -- slow to import, so only once
from mvops.cli.app import main
from mvops.core.state import Record
from mvops.registry.journal import SqlJournal
from mvops.registry.state import SqlState

passed = 0


def at_each_point(work: Callable[..., Any], deadly: int) -> Callable[..., Any]:
    def with_points(*arguments: Any, **options: Any) -> Any:
        reach(deadly)
        answer = work(*arguments, **options)
        reach(deadly)
        return answer

    return with_points


def reach(deadly: int) -> None:
    global passed  # noqa: PLW0603
    passed += 1
    if passed == deadly:
        os.kill(os.getpid(), signal.SIGKILL)


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
    for name in ("started", "finished", "failed"):
        setattr(SqlJournal, name, at_each_point(getattr(SqlJournal, name), command["point"]))
    use_case.perform = at_each_point(use_case.perform, command["point"])  # type: ignore[attr-defined]
    os.chdir(command["root"])
    sys.argv = ["mvops", *command["arguments"]]
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        try:
            main()
        except SystemExit as end:
            os.write(command["answer"], str(passed).encode())
            os._exit(int(end.code or 0))


for line in sys.stdin:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        carry_out(json.loads(line) | {"answer": write})
    os.close(write)
    with os.fdopen(read) as answer:
        points = answer.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.stdout.write(json.dumps({"code": code, "points": int(points or 0)}) + "\n")
    sys.stdout.flush()
