"""Changes to a project: what is done to it, and undone again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from toy_project import edit

Change = Callable[[Path], None]


def written(path: str, text: str) -> Change:
    def change(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    return change


def edited(path: str, old: str, new: str) -> Change:
    return lambda root: edit(root / path, old, new)


def gone(pattern: str) -> Change:
    def change(root: Path) -> None:
        found = next(path for path in sorted(root.glob(pattern)) if path.is_file())
        found.unlink()

    return change


def champion_gone(root: Path) -> None:
    """Of the store, an artefact that a plan looks at: what was kept of a former state is none."""
    with contextlib.closing(sqlite3.connect(root / ".mvops/registry.db")) as connection:
        ((body,),) = connection.execute("SELECT body FROM mvops_versions").fetchall()
    sha256 = json.loads(body)["artifact"]["sha256"]
    (root / ".mvops/artifacts" / sha256[:2] / sha256[2:]).unlink()


def told(sql: str) -> Change:
    def change(root: Path) -> None:
        with contextlib.closing(sqlite3.connect(root / ".mvops/registry.db")) as connection, connection:
            connection.execute(sql)

    return change


def longer(path: str) -> Change:
    def change(root: Path) -> None:
        with (root / path).open("a") as file:
            file.write("41.0,30000.0,a,59,1\n")

    return change


def in_place(path: str) -> Change:
    """Other bytes in the same file, as many, and its times put back."""

    def change(root: Path) -> None:
        state = (root / path).stat()
        with (root / path).open("r+b") as file:
            content = file.read()
            file.seek(0)
            file.write(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
        os.utime(root / path, ns=(state.st_atime_ns, state.st_mtime_ns))

    return change


@contextlib.contextmanager
def changed(root: Path, change: Change) -> Iterator[None]:
    """As after `change`, and then as before, to the times of the files."""
    before = {path: (path.read_bytes(), path.stat()) for path in root.rglob("*") if path.is_file()}
    change(root)
    yield
    for path in [path for path in root.rglob("*") if path.is_file() and path not in before]:
        path.unlink()
    for path, (content, state) in before.items():
        if not path.is_file() or path.stat().st_mtime_ns != state.st_mtime_ns or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    shutil.rmtree(root / "pandas", ignore_errors=True)
