"""Scalar literals in code."""

from __future__ import annotations

import ast
import math
from typing import TypeAlias

Scalar: TypeAlias = bool | int | float | str


def scalar(node: ast.AST | None) -> Scalar | None:
    """The value of a literal number, truth value or text, with its sign; None for anything else."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value if not isinstance(value, float) or math.isfinite(value) else None
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return None if isinstance(value, bool) or not math.isfinite(value) else -value
    return None


def number(node: ast.AST | None) -> int | float | None:
    """The value of a literal number that is no truth value."""
    value = scalar(node)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def literal(node: ast.AST) -> object:
    """The value of any literal, lists and dicts too; raises ValueError for anything else."""
    return ast.literal_eval(node)


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value given for a keyword, or None."""
    return next((k.value for k in call.keywords if k.arg == name), None)
