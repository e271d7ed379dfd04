"""Calls that draw random numbers which nothing seeds: with one of them no two runs give the same numbers."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from mvops.notebook.code import Code
from mvops.notebook.estimators import draws, is_estimator_class, is_seed, last_part
from mvops.notebook.literals import keyword
from mvops.notebook.process_state import dotted, sets_seed
from mvops.notebook.walking import calls

_FUNCTIONS = {
    "train_test_split",
    "shuffle",
    "resample",
    "sample",
    "make_classification",
    "make_regression",
    "make_blobs",
}
_GLOBAL = ("np.random.", "numpy.random.", "random.")
_OWN_GENERATOR = {"RandomState", "default_rng", "Generator", "Random", "SeedSequence"}


def unseeded(cells: Sequence[Code], modules: dict[str, str]) -> list[tuple[Code, ast.Call]]:
    """(cell, call) of each draw without a seed, in order; empty where the notebook seeds numpy for everything."""
    found = []
    for code in cells:
        for call in (node for node in ast.walk(code.cell.tree) if isinstance(node, ast.Call)):
            if sets_seed(call):
                return []
            if _draws(call, modules):
                found.append((code, call))
    return found


def called(call: ast.Call) -> str:
    """What is called, for people."""
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return dotted(call.func).removesuffix("()") or last_part(call.func) or method


def _draws(call: ast.Call, modules: dict[str, str]) -> bool:
    name, text = last_part(call.func), dotted(call.func)
    if name in _FUNCTIONS or (isinstance(call.func, ast.Attribute) and call.func.attr == "sample"):
        seed, shuffle = keyword(call, "random_state"), keyword(call, "shuffle")
        kept_in_order = isinstance(shuffle, ast.Constant) and shuffle.value is False
        unpacked = any(k.arg is None for k in call.keywords)
        return (
            not (unpacked or kept_in_order or (seed is not None and is_seed(seed)))
            and text.partition(".")[0] != "random"
        )
    if text.startswith(_GLOBAL) and "(" not in text and modules.get(text.partition(".")[0], "") in {"numpy", "random"}:
        return name not in _OWN_GENERATOR
    return is_estimator_class(call.func, modules) and draws(call)


def draws_of(code: Code, modules: dict[str, str]) -> bool:
    """Does the cell draw from a generator that the process shares?"""
    return any(_draws(call, modules) for call in calls(code.cell.tree))
