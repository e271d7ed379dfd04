"""What is asked of a registry, timed; runs in two Pythons and imports neither mvops nor MLflow."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

MANY = 2000  # versions of the model "long"; "short" has a hundred


class Books(Protocol):
    """A registry with a model `name` that has versions 1, 2, 3..."""

    def fill(self, name: str, versions: int) -> None: ...
    def train(self) -> None: ...
    def log_and_register(self) -> None: ...
    def register(self) -> None: ...
    def move(self, number: int) -> None: ...
    def resolve(self) -> int: ...
    def listed(self, name: str) -> int: ...


def work(make: Callable[[Path], Books]) -> None:
    """Answer each line of standard input, which names an operation, with its seconds; training takes none of them."""
    books = make(Path(sys.argv[1]))
    books.fill("short", 100)
    books.fill("long", MANY)
    counter = iter(range(1, 100_000))
    operations: dict[str, Callable[[], object]] = {
        "log": books.log_and_register,
        "register": books.register,
        "move": lambda: books.move(1 + next(counter) % 2),
        "resolve": books.resolve,
        "list_short": lambda: _exactly(books.listed("short"), 100),
        "list_long": lambda: _exactly(books.listed("long"), MANY),
    }
    out = os.fdopen(os.dup(1), "w")  # libraries print what they like
    os.dup2(2, 1)
    for operation in operations.values():
        books.train()
        operation()
    out.write("ready\n")
    out.flush()
    for line in sys.stdin:
        books.train()
        started = time.perf_counter()
        operations[line.strip()]()
        out.write(json.dumps(time.perf_counter() - started) + "\n")
        out.flush()


def _exactly(found: int, wanted: int) -> None:
    if found != wanted:
        raise AssertionError(f"{found} versions, not {wanted}")
