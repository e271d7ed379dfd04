"""mvops takes a model from a Jupyter notebook to production and keeps it there.

`mvops.plan()`, `apply`, `promote`, `verify`, `run`, `status`, `monitor`, `versions`, `compare`, `load_model` and
`predictions` are those of `mvops.api`, which is loaded when one of them is asked for: the commands and the endpoint
start without it. `%load_ext mvops` finds its door here too.
"""

import importlib

__version__ = "0.1.0"
__all__ = [
    "Scope",
    "apply",
    "compare",
    "load_model",
    "monitor",
    "plan",
    "predictions",
    "promote",
    "run",
    "status",
    "verify",
    "versions",
]
_EXTENSION = {"load_ipython_extension", "unload_ipython_extension"}


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(importlib.import_module("mvops.api"), name)
    if name in _EXTENSION:
        return getattr(importlib.import_module("mvops.jupyter.extension"), name)
    raise AttributeError(f"module 'mvops' has no attribute {name!r}")
