"""Which names an expression stands for, holds, or binds."""

from __future__ import annotations

import ast

from mvops.notebook.mutation import IN_PLACE_METHODS


def root(node: ast.AST) -> str | None:
    """The name at the bottom of `name.attribute[item].method()...`, or None."""
    while True:
        match node:
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Starred(value=inner):
                node = inner
            case ast.Call(func=ast.Attribute(value=inner, attr=method)) if method in IN_PLACE_METHODS | {"get"}:
                node = inner  # fit() and the like hand back the object itself
            case ast.Name(id=name):
                return name
            case _:
                return None


def declared_global(node: ast.AST) -> set[str]:
    """Names that a statement declares global."""
    return {name for found in ast.walk(node) if isinstance(found, ast.Global) for name in found.names}


def bound_names(target: ast.AST) -> set[str]:
    """The names that a target binds."""
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def held(value: ast.AST | None) -> list[str]:
    """Names whose very object an expression holds: itself, or in a list, tuple or dict."""
    match value:
        case ast.Name(id=name):
            return [name]
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items) | ast.Dict(values=items):
            return [name for item in items for name in held(item)]
        case ast.IfExp(body=one, orelse=other):
            return [*held(one), *held(other)]
    return []


def loop_sources(node: ast.AST) -> list[str]:
    """Names whose very objects a loop hands out one after the other."""
    match node:
        case ast.Call(func=ast.Name(id="zip" | "enumerate" | "reversed" | "list" | "tuple" | "iter"), args=arguments):
            return [name for argument in arguments for name in loop_sources(argument)]
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="items" | "values"), args=[]):
            return [name]
    return held(node)
