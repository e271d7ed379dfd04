"""Values that a notebook cannot mean: the YAML has another type than the cell of parameters.

Only what is certain is told: a learning rate may be a number or a word, and a whole number in the cell may stand for
any number. What has to be what is known from an annotation (`trees: int = 100`), and from names for
which scikit-learn, XGBoost and LightGBM take nothing but numbers. Where the cell has a number there, a truth value is
none; nor is null, except for what may be left open, as a depth. Under any name, a number in quotation marks for a
number is a slip.
"""

from __future__ import annotations

import re
from typing import Any, Literal

_Type = Literal["int", "float", "str", "bool"]
_COUNTS = {"n_estimators", "n_neighbors", "n_clusters", "n_splits", "n_repeats", "n_iter"}
_WHOLE = _COUNTS | {"n_jobs", "random_state", "max_depth", "max_iter", "max_leaf_nodes", "max_bins", "num_leaves"}
_ANY = {"C", "tol", "test_size", "train_size", "subsample", "l1_ratio", "reg_alpha", "reg_lambda", "colsample_bytree"}
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d*)?([eE][+-]?\d+)?")
_TRUTH = frozenset({"true", "false", "yes", "no", "on", "off"})
_WORDS: dict[_Type, str] = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false"}


def unfit(name: str, value: Any, default: Any, annotation: str) -> str | None:
    """What `value` would have to be, in words, where it certainly cannot be what the notebook means by `name`.

    `default` is the literal of its cell (None for none), `annotation` the type that is written there, if any.
    """
    wanted = _wanted(name, default, annotation)
    is_number = isinstance(default, int | float) and not isinstance(default, bool)
    if value is None:
        is_needed = is_number and (bool(annotation) or _is_called(name, _COUNTS))
        return _WORDS[wanted] if wanted is not None and is_needed else None
    if wanted is not None:
        is_truth = isinstance(value, bool) and wanted != "bool" and is_number
        return None if _fits(value, wanted) and not is_truth else _WORDS[wanted]
    if not isinstance(value, str):
        return None
    if isinstance(default, bool):
        return f"{_WORDS['bool']}, without quotation marks" if value.lower() in _TRUTH else None
    slip = isinstance(default, int | float) and _NUMBER.fullmatch(value)
    return f"{_WORDS['float']}, without quotation marks" if slip else None


def _wanted(name: str, default: Any, annotation: str) -> _Type | None:
    """The type that it certainly has to have."""
    if annotation:
        return next((each for each in _WORDS if each == annotation), None)
    if isinstance(default, bool) or not isinstance(default, int | float):
        return None
    if isinstance(default, int) and _is_called(name, _WHOLE):
        return "int"
    return "float" if _is_called(name, _ANY) else None


def _is_called(name: str, known: set[str]) -> bool:
    """By that name, or with something before it that tells it from others."""
    return any(name == each or name.endswith(f"_{each}") for each in known)


def _fits(value: Any, wanted: _Type) -> bool:
    """As Python takes it: a whole number is a number, and a truth value is a whole one."""
    match wanted:
        case "int":
            return isinstance(value, int)
        case "float":
            return isinstance(value, int | float)
        case "str":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
