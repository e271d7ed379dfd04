"""Rows that a model is judged by, where they go by another name, or are handed over as it is fitted."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from mvops.notebook.literals import keyword


def watched_rows(call: ast.Call) -> Iterator[tuple[ast.expr, ast.expr]]:
    """`validation_data=(X_val, y_val)`, `eval_set=[(X_val, y_val)]`: rows that a model is judged by as it is fitted."""
    given = keyword(call, "validation_data") or keyword(call, "eval_set")
    for part in given.elts if isinstance(given, ast.List) else [given]:
        match part:
            case ast.Tuple(elts=[ast.Name() as features, ast.Name() as target]):
                yield features, target


def has_rows(made: ast.expr | None) -> bool:
    """`OLS(y, X)` of statsmodels knows the rows that its `fit()` takes."""
    return isinstance(made, ast.Call) and len(made.args) > 1


def transformed(value: ast.expr, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """`scaler.transform(X_test)`: the names of the rows that it has, one for one; `known` says it of names."""
    match value:
        case ast.Name(id=name):
            return known.get(name, frozenset()) | {name}
        case ast.Call(func=ast.Attribute(attr="transform" | "DataFrame" | "array"), args=[rows, *_]):
            return transformed(rows, known)
        case ast.Call(func=ast.Attribute(value=rows, attr="toarray" | "to_numpy" | "copy")):
            return transformed(rows, known)
        case ast.Attribute(value=rows, attr="values"):
            return transformed(rows, known)
    return frozenset()
