"""A model that does what no model should, when a row tells it to; else it doubles."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

DOUBLES, EXITS, CRASHES, SLEEPS, SPINS, HOLDS, STOPS, EATS, GARBLES = range(9)


class Moody(BaseEstimator):
    """What `x` is decides. Where the file `sick` is there, it ends at anything but its example, which is 0.5."""

    def __init__(self, sick: str = "") -> None:
        self.sick = sick

    def predict(self, frame: Any) -> Any:
        for x in frame["x"]:
            self._do(x)
        return np.asarray(frame["x"], dtype=float) * 2

    def _do(self, x: float) -> None:
        if x == EXITS or (x != 0.5 and Path(self.sick).is_file()):
            os._exit(3)
        elif x == CRASHES:
            ctypes.string_at(0)
        elif x == SLEEPS:
            time.sleep(60)
        elif x == SPINS:
            while True:
                pass
        elif x == HOLDS:
            ctypes.PyDLL(None).sleep(60)  # without letting go of the interpreter
        elif x == STOPS:
            raise SystemExit
        elif x == EATS:
            np.ones(1 << 30).sum()
        elif x == GARBLES:
            _garble()


def _garble() -> None:
    """Write what nobody understands wherever somebody may listen."""
    for handle in range(3, 256):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(handle).st_mode):
                os.write(handle, struct.pack(">Q", 5) + b"hello")
