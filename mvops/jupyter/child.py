"""The process of a `%mvops` line: the command line, with displays for a notebook and colours.

In IPython on a terminal it is nothing but the command line. In a cell, standard input brings a line with a mark and
stays open as long as the kernel lives: its end interrupts the command. A display is a line of standard output that
begins with the mark, which nothing else that is printed can know.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
import threading

from mvops.cli import app
from mvops.cli.session import SESSION, as_typed
from mvops.show.displays import bundle


def main(*, in_cell: bool) -> None:
    """Run the command of `sys.argv`."""
    sys.argv[0] = "mvops"
    if in_cell:
        _serve_a_cell()
    app.main()


def _serve_a_cell() -> None:
    kernel = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what the command starts must not read it
    mark = _line(kernel)

    def display(found: object) -> bool:
        made = bundle(found, as_typed)
        if made is not None:
            sys.stdout.write(f"\x1b]{mark};{base64.b64encode(json.dumps(made).encode()).decode()}\n")
            sys.stdout.flush()
        return made is not None

    SESSION.display = display
    threading.Thread(target=_until_it_ends, args=(kernel,), name="mvops-kernel-lives", daemon=True).start()


def _line(descriptor: int) -> str:
    found = b""
    while not found.endswith(b"\n") and (byte := os.read(descriptor, 1)):
        found += byte
    return found.decode().strip()


def _until_it_ends(kernel: int) -> None:
    while os.read(kernel, 64):
        pass
    os.kill(os.getpid(), signal.SIGINT)
