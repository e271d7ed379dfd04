"""Importing Feast without what that does to the process: warnings, and metrics of many processes for everybody."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_SWITCHES = ("PROMETHEUS_MULTIPROCESS_DIR", "PROMETHEUS_MULTIPROC_DIR")


@contextmanager
def quietly() -> Iterator[None]:
    """Around `from feast import ...`: the process, and what it starts, goes on as if Feast had not been imported.

    Feast sets variables that make prometheus_client keep its numbers in files, which an endpoint's own metrics do not
    bear. prometheus_client looks at them once, when it is imported, so it is imported before.
    """
    importlib.import_module("prometheus_client.values")
    before = {name: os.environ.get(name) for name in _SWITCHES}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
