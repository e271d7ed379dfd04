"""What a command looks at: as it was remembered, and as Python itself reports it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import toy_project as toy
from toy_project import Result, mvops

from mvops.usecases.plan import plan as make

# Every path that Python is asked for during a command, told by Python itself.
LOOKING = """
import contextlib, io, json, os, runpy, sys
seen = set()
def noted(look):
    def looks(path=".", *more, **options):
        if not isinstance(path, int):
            seen.add(os.path.abspath(os.fspath(path)))
        return look(path, *more, **options)
    return looks
for name in ("stat", "lstat", "scandir", "listdir", "readlink", "access"):
    setattr(os, name, noted(getattr(os, name)))
def heard(event, arguments):
    if event in ("open", "sqlite3.connect") and isinstance(arguments[0], (str, os.PathLike)):
        seen.add(os.path.abspath(os.fspath(arguments[0])))
    if event in ("subprocess.Popen", "socket.connect"):
        raise AssertionError(event)
sys.addaudithook(heard)
sys.argv = ["mvops", *sys.argv[1:]]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    runpy.run_module("mvops", run_name="__main__", alter_sys=True)
print(json.dumps([sorted(seen), sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def planned(root: Path, *arguments: str) -> tuple[Result, bool]:
    """A plan, and whether it was made: else the last one was said again."""
    with mock.patch("mvops.usecases.plan.plan", wraps=make) as made:
        said = mvops(root, "plan", *arguments)
    return said, made.called


def old(root: Path) -> None:
    """What was just written would be read once more."""
    for path in root.rglob("*"):
        if path.is_file() and ".mvops" not in path.parts:
            os.utime(path, (1_700_000_000, 1_700_000_000))


def settled(root: Path) -> str:
    """What the plan says once it is remembered."""
    old(root)
    for _ in range(4):
        said, made = planned(root)
        if not made:
            return said.ok().out
    raise AssertionError(f"never remembered: {said}")


def looked_at(root: Path) -> tuple[set[Path], set[Path]]:
    """What a plan that is only said again looks at, and what of the project a plan that is made looks at besides."""
    memory = root / ".mvops/cache/quiet.json"
    memory.unlink()
    first, _ = looks(root, "plan")
    again, modules = looks(root, "plan")
    assert memory.is_file()
    assert "pydantic" not in modules, "the second plan was not made"
    cache = root / ".mvops/cache"
    missed = {path for path in first - again if path.is_relative_to(root) and not path.is_relative_to(cache / "config")}
    return again, {path for path in missed if path not in {cache, cache.parent} and path.parent != cache}  # written


def looks(root: Path, *command: str) -> tuple[set[Path], set[str]]:
    """Every path, and the packages that were loaded, of a command in a process of its own, on a machine without Git."""
    done = subprocess.run(
        [sys.executable, "-c", LOOKING, *command],
        cwd=root,
        env=toy.environment() | {"PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    paths, modules = json.loads(done.stdout)
    return {Path(path) for path in paths}, set(modules)
