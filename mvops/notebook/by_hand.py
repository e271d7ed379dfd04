"""What is done to features by hand, outside any estimator: told by the call or the arithmetic that does it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from mvops.notebook.code import Code
from mvops.notebook.estimators import Made, last_part, made_by
from mvops.notebook.objects import root
from mvops.notebook.own_numbers import SCALES, SUMS
from mvops.notebook.process_state import dotted
from mvops.notebook.walking import calls, loaded_names, nodes

_CALLS = {"get_dummies", "factorize", "map", "replace", "fillna", "cut", "qcut", "interpolate"} | SCALES
_OF_NUMBERS = {"log", "log1p", "log2", "log10", "sqrt", "cbrt", "exp", "expm1", "square", "power", "clip", "digitize"}
_TEXTS = re.compile(r"\b(?:str|columns|index)\b")
_READS = re.compile(r"read_\w+|open|load\w*")
_LONGEST = 60


def bodies_of(cells: Sequence[Code]) -> dict[str, ast.FunctionDef]:
    """The notebook's own functions that are defined at top level."""
    found = (statement for code in cells for statement in code.statements())
    return {statement.name: statement for statement in found if isinstance(statement, ast.FunctionDef)}


def by_hand(value: ast.expr, made: dict[str, Made], bodies: Mapping[str, ast.FunctionDef]) -> str | None:
    """The part of an expression that prepares rows, as it is written. `made` are the estimators that names hold."""
    for call in calls(value):
        if _prepares(call, made) or _is_own(call, bodies):
            return _shown(call)
    whole = next((node for node in nodes(value) if _by_own_numbers(node)), None)
    return None if whole is None else _shown(whole)


def _prepares(call: ast.Call, made: dict[str, Made]) -> bool:
    name = last_part(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
    if name in {"transform", "fit_transform"}:
        maker = made_by(call.func.value, made) if isinstance(call.func, ast.Attribute) else None
        by_group = call.args and isinstance(call.args[0], ast.Constant | ast.Lambda)  # of pandas: transform("mean")
        return (maker is None or maker.kind == "transformer") and not by_group
    if name in _OF_NUMBERS:
        return dotted(call.func) in {f"np.{name}", f"numpy.{name}"} and _is_table(call)
    return name in _CALLS and not _TEXTS.search(dotted(getattr(call.func, "value", call.func)))


def _is_table(call: ast.Call) -> bool:
    """Is it done to all columns of a variable."""
    return bool(call.args) and isinstance(call.args[0], ast.Name)


def _by_own_numbers(node: ast.AST) -> bool:
    """`X - X.mean()`, of a whole table."""
    match node:
        case ast.BinOp(left=left, op=ast.Sub() | ast.Div(), right=right):
            table = left.id if isinstance(left, ast.Name) else None
            sums = [c for c in calls(right) if isinstance(c.func, ast.Attribute) and c.func.attr in SUMS]
            return table is not None and any(table in loaded_names(each) for each in sums)
    return False


def _is_own(call: ast.Call, bodies: Mapping[str, ast.FunctionDef]) -> bool:
    """A function of the notebook's own that takes rows and prepares them; one that also reads them is none."""
    function = bodies.get(call.func.id) if isinstance(call.func, ast.Name) else None
    if function is None or not call.args or not isinstance(call.args[0], ast.Name | ast.Subscript | ast.Attribute):
        return False
    inner = [each for statement in function.body for each in calls(statement)]
    if any(_READS.fullmatch(last_part(each.func)) for each in inner):
        return False
    rows = _same(function, {argument.arg for argument in function.args.args[:1]})
    changes = any(root(target) in rows for target in _computed_columns(function))
    return changes or any(_prepares(each, {}) for each in inner) or any(map(_by_own_numbers, ast.walk(function)))


def _computed_columns(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """`d["a"]` of `d["a"] = d["a"] * 2`; one that is only put back is none."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Subscript() as target], value=value):
                if not isinstance(value, ast.Name | ast.Constant):
                    yield target
            case ast.AugAssign(target=ast.Subscript() as target):
                yield target


def _same(function: ast.FunctionDef, given: set[str]) -> set[str]:
    """The names in a function of what it was given, and of what was made of that."""
    found = set(given)
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if loaded_names(value) & found:
                found.add(name)
    return found


def one_line(node: ast.AST) -> str:
    """The code on one line, with a function's own variables under the names that they have there."""
    return re.sub(r"@\w+", "", " ".join(ast.unparse(node).split()))


def _shown(node: ast.AST) -> str:
    text = one_line(node)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
