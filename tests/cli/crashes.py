"""Commands that are killed, or whose writes fail, at a point of their work; see crashing.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toy_project import environment

DRIVER = Path(__file__).with_name("crashing.py")
NIGHTLY = os.environ.get("MVOPS_TEST_DEPTH") == "nightly"
Crash = Callable[..., dict[str, Any]]


@contextmanager
def crashes() -> Iterator[Crash]:
    """Runs a command until a point (0: to its end): how it ended, what it said, and how many points it passed."""
    with subprocess.Popen(
        [sys.executable, str(DRIVER)], env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        stdin, stdout = driver.stdin, driver.stdout

        def run(root: Path, *arguments: str, point: int = 0, broken: bool = False, fault: str = "") -> dict[str, Any]:
            command = {"root": str(root), "arguments": arguments, "point": point, "broken": broken, "fault": fault}
            stdin.write(json.dumps(command) + "\n")
            stdin.flush()
            answer: dict[str, Any] = json.loads(stdout.readline())
            return answer

        yield run
        stdin.close()
