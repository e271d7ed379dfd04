"""A line `%mvops ...`: the very command, in a process of its own, which sends displays along with what it prints.

The process cannot harm the kernel, whatever it does with signals, memory and event loops. An interrupt of the cell is
handed on to it; it ends when the kernel does (`child.py`).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import secrets
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mvops.notebook.processes import MARK

_PACKAGES = str(Path(__file__).parents[2])
_START = "import sys; sys.path.append({!r}); from mvops.jupyter.child import main; main(in_cell={!r})"
_ANSWERS = {0, 2, 3}  # exit codes that say what was found


class CommandFailedError(Exception):
    """Ends the cell, and with it whatever runs all cells; what was wrong is said already."""

    def _render_traceback_(self) -> list[str]:
        """Asked for by IPython instead of a trace."""
        return [str(self)]


@dataclass(frozen=True)
class Piece:
    """A line that the command has written; `stream` is stdout or stderr."""

    stream: str
    content: bytes


def run_line(shell: Any, line: str) -> None:
    """Run what was typed after `%mvops`. Raises CommandFailedError where the command did not do what it should.

    Nothing is run where mvops itself runs the notebook: a cell that promotes its own notebook would never end.
    """
    if MARK in os.environ:
        sys.stdout.write(f"left out, as mvops itself runs this notebook: %mvops {line}\n")
        return
    try:
        words = shlex.split(line)
    except ValueError as error:
        sys.stderr.write(f"error: {error}: %mvops {line}\n")
        code = 1
    else:
        # Only the kernel of a notebook has one; a terminal shows the command as it shows any other.
        code = _in_cell(words) if hasattr(shell, "kernel") else _in_terminal(words)
    shell.user_ns["_exit_code"] = code
    if code in _ANSWERS:
        if code:
            sys.stdout.write(f"exit code {code}\n")
        return
    raise CommandFailedError(f"mvops: exit code {code}")


def _in_terminal(words: Sequence[str]) -> int:
    process = subprocess.Popen(_command(words, in_cell=False))  # noqa: S603 -- what the user has typed
    while True:
        with contextlib.suppress(KeyboardInterrupt):  # the terminal interrupts the command itself
            return process.wait()


def _in_cell(words: Sequence[str]) -> int:
    token = secrets.token_hex(16)
    with subprocess.Popen(  # noqa: S603 -- what the user has typed
        _command(words, in_cell=True),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended at once, and says why
            process.stdin.write(f"{token}\n".encode())
            process.stdin.flush()
        try:
            with _interrupts_go_to(process):
                for piece in _pieces(process):
                    _tell(piece, f"\x1b]{token};".encode())
                return process.wait()
        finally:
            with contextlib.suppress(OSError):
                process.stdin.close()  # ends it, where it still runs


@contextlib.contextmanager
def _interrupts_go_to(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whenever one comes, also while a line is shown: it is the command that ends, in its own way."""
    if threading.current_thread() is not threading.main_thread():  # only that one hears of them
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: process.send_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _command(words: Sequence[str], *, in_cell: bool) -> list[str]:
    # -P: a file of the notebook's folder must not stand in for a module of ours.
    return [sys.executable, "-P", "-c", _START.format(_PACKAGES, in_cell), *words]


def _pieces(process: subprocess.Popen[bytes]) -> Iterator[Piece]:
    """What it writes, line by line, until both streams are at their end."""
    found: queue.Queue[Piece | None] = queue.Queue()
    for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
        assert stream is not None
        threading.Thread(target=_read, args=(name, stream, found), name=f"mvops-{name}", daemon=True).start()
    ended = 0
    while ended < 2:
        piece = found.get()
        if piece is None:
            ended += 1
        else:
            yield piece


def _read(name: str, stream: IO[bytes], found: queue.Queue[Piece | None]) -> None:
    for content in stream:
        found.put(Piece(name, content))
    found.put(None)


def _tell(piece: Piece, mark: bytes) -> None:
    if piece.stream == "stdout" and piece.content.startswith(mark):
        from IPython.display import display  # noqa: PLC0415 -- who has a cell has IPython

        display(json.loads(base64.b64decode(piece.content[len(mark) :])), raw=True)  # type: ignore[no-untyped-call]
        return
    stream = sys.stdout if piece.stream == "stdout" else sys.stderr
    stream.write(piece.content.decode("utf-8", "replace"))
    stream.flush()
