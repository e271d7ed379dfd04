"""Loops that try one setting after another: what they fit is a trial, and no model that was decided for."""

from __future__ import annotations

import ast

from mvops.notebook.objects import root
from mvops.notebook.walking import calls_of, loaded_names, statements, stored_names, targets_of


def trials(tree: ast.Module) -> set[int]:
    """The ids of calls on what is made with a loop's variable: `for k in range(1, 20): knn = KNN(k); knn.fit(X, y)`."""
    loops = [each for each in statements(tree.body) if isinstance(each, ast.For)]
    return {id(call) for loop in loops for call in _calls_on_varied(loop)}


def _calls_on_varied(loop: ast.For) -> list[ast.Call]:
    settings, varied, found = set(stored_names(loop.target)), set[str](), list[ast.Call]()
    for statement in statements(loop.body):
        for call in calls_of(statement):
            owner = call.func.value if isinstance(call.func, ast.Attribute) else None
            made_here = isinstance(owner, ast.Call) and bool(loaded_names(owner) & settings)
            if owner is not None and (made_here or root(owner) in varied):
                found.append(call)
        for target, value in targets_of(statement):
            if isinstance(value, ast.Call) and loaded_names(value) & settings:
                varied.update(stored_names(target))
    return found
