"""What a notifier is: something that tells people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from mvops.core.frozen import Frozen


class Message(Frozen):
    """What is told: a title of one line and a body of a few, with the command to type next."""

    title: str
    body: str
    severity: Literal["info", "warning", "critical"]


class Notifier(Protocol):
    """A backend of the family `notifiers`: a class that is made without arguments."""

    def send(self, message: Message, options: Mapping[str, Any]) -> None:
        """Deliver, or raise BackendError (also for options that do not fit)."""
        ...
