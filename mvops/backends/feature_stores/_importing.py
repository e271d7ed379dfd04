"""Importing Feast without what that does to the process: warnings, metrics of many processes, and a long wait."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SWITCHES = ("PROMETHEUS_MULTIPROCESS_DIR", "PROMETHEUS_MULTIPROC_DIR")


@contextmanager
def quietly() -> Iterator[None]:
    """Around `from feast import ...`: the process, and what it starts, goes on as if Feast had not been imported.

    Feast sets variables that make prometheus_client keep its numbers in files, which an endpoint's own metrics do not
    bear. prometheus_client looks at them once, when it is imported, so it is imported before.

    Feast also has typeguard compile its classes anew, with checks of each argument's type, which is three quarters of
    the time that importing it takes. What mvops hands to Feast was checked by mypy.
    """
    importlib.import_module("prometheus_client.values")
    typeguard: Any = importlib.import_module("typeguard")
    checked, typeguard.typechecked = typeguard.typechecked, _as_it_is
    before = {name: os.environ.get(name) for name in _SWITCHES}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            typeguard.typechecked = checked
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)


def _as_it_is(target: Any = None, **_: Any) -> Any:
    """The decorator `typechecked`, called with a class or with options."""
    return target if target is not None else _as_it_is
