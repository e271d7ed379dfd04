"""mvops takes a model from a Jupyter notebook to production and keeps it there.

`mvops.plan()`, `apply`, `run`, `status`, `versions`, `load_model` and `predictions` are those of `mvops.api`, which is
loaded when one of them is asked for: the commands and the endpoint start without it.
"""

import importlib

__version__ = "0.1.0"
__all__ = ["Scope", "apply", "load_model", "plan", "predictions", "run", "status", "versions"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'mvops' has no attribute {name!r}")
    return getattr(importlib.import_module("mvops.api"), name)
