"""Ctrl-C and SIGTERM: both end a command as a KeyboardInterrupt, whatever it was doing."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

_AGAIN = 0.05  # seconds


def listen() -> None:
    """From now on SIGTERM interrupts as Ctrl-C does, and no interrupt is lost."""
    signal.signal(signal.SIGTERM, _interrupt)
    sys.unraisablehook = _unraisable


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _unraisable(found: Any) -> None:
    """Python drops an exception that comes while it tidies up memory; an interrupt among them is sent again."""
    if issubclass(found.exc_type, KeyboardInterrupt):
        again = threading.Timer(_AGAIN, _send)
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(found)


def _send() -> None:
    main = threading.main_thread().ident
    if main is not None and hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main, signal.SIGINT)  # wakes it when it waits, which raise_signal would not
    else:
        signal.raise_signal(signal.SIGINT)
