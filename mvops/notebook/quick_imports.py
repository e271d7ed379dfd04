"""Imports of libraries that take long, as quick as they can be."""

from __future__ import annotations

import gc
import importlib
import threading
from types import ModuleType

_lock = threading.Lock()
_importing = 0
_looked = False


def import_quickly(module: str) -> ModuleType:
    """Import it. Meanwhile nothing looks for what is left over, which is a fifth of the time and finds next to nothing.

    Several threads may do so at once. Raises what the import raises.
    """
    global _importing, _looked  # noqa: PLW0603  garbage collection is the process's, too
    with _lock:
        if _importing == 0:
            _looked = gc.isenabled()
            gc.disable()
        _importing += 1
    try:
        return importlib.import_module(module)
    finally:
        with _lock:
            _importing -= 1
            if _importing == 0 and _looked:
                gc.enable()
