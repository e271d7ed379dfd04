"""Ctrl-C, SIGTERM and a lost terminal end a command as a KeyboardInterrupt, whatever it was doing.

Only what works step by step lets the first Ctrl-C wait for the end of a step, see `gently`.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_AGAIN = 0.05  # seconds


def listen() -> None:
    """From now on SIGTERM and SIGHUP interrupt as Ctrl-C does, and no interrupt is lost."""
    signal.signal(signal.SIGTERM, _interrupt)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which is what nohup does
        signal.signal(signal.SIGHUP, _interrupt)
    sys.unraisablehook = _unraisable


@contextmanager
def gently(told: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C calls `told`, and is known to who asks; the second interrupts at once."""
    heard = False

    def first(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        if heard:
            _interrupt(number, frame)
        heard = True
        told()

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, first)
    try:
        yield lambda: heard
    finally:
        signal.signal(signal.SIGINT, before)


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
