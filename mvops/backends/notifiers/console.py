"""Alerts as lines on standard error."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from mvops.contracts.notifiers import Message
from mvops.errors import BackendError


class Console:
    """Writes the message where the command runs, or where its scheduler keeps the output."""

    def send(self, message: Message, options: Mapping[str, Any]) -> None:
        """Takes no options."""
        if options:
            raise BackendError(f"notifier 'console' takes no options, not {', '.join(sorted(options))}")
        lines = [f"ALERT ({message.severity}) {message.title}", *message.body.splitlines()]
        sys.stderr.write("\n  ".join(_printable(line) for line in lines) + "\n")
        sys.stderr.flush()


def _printable(line: str) -> str:
    """An alert may quote data: no escape sequence of its reaches the terminal."""
    return "".join(c if c.isprintable() else "?" for c in line)
