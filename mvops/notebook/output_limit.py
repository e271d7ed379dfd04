"""Runs in the kernel before the first cell: what a cell prints is cut off where it would fill the memory, never before.

Like `handover`, this file stands alone and is run by its path. The limit is here, and not only where output arrives,
because a gigabyte printed in one piece would be sent in one piece.
"""

from __future__ import annotations

import sys
from typing import Any

LIMIT = 2_000_000  # characters for one cell and stream


class Limited:
    """The `write` of a stream, for one cell."""

    def __init__(self, write: Any) -> None:
        self._write = write
        self._left = LIMIT

    def __call__(self, text: str) -> Any:
        if len(text) <= self._left:
            self._left -= len(text)
            return self._write(text)
        if self._left >= 0:
            self._write(text[: self._left])
            self._left = -1
            self._write(
                f"\n[mvops: the rest of this cell's output is not kept, it is more than {LIMIT:,} characters]\n"
            )
        return len(text)

    def fresh(self) -> Limited:
        """The same for the next cell."""
        return Limited(self._write)


def before_cell(*_: Any) -> None:
    """Limit both streams anew, as IPython takes its own wrapper off a stream after a cell, and ours with it."""
    for stream in (sys.stdout, sys.stderr):
        write = stream.write
        stream.write = write.fresh() if isinstance(write, Limited) else Limited(write)  # type: ignore[method-assign]
    drop_nothing()


def drop_nothing() -> None:
    """Have all arrive that is not cut off.

    ZeroMQ drops what is more than 1,000 messages ahead of a client that the system gives no time, also that a cell has
    ended. The limit holds for the connections that there are, so it is lifted before each cell. A socket belongs to
    its thread: it is set there.
    """
    sender = getattr(sys.modules["IPython"].get_ipython().kernel, "iopub_thread", None)
    if sender is not None:
        sender.schedule(lambda: setattr(sender.socket, "sndhwm", 0))


def start() -> None:
    """Limit what every cell from now on prints, and have all of it arrive."""
    sys.modules["IPython"].get_ipython().events.register("pre_run_cell", before_cell)
