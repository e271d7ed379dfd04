"""Top-level assignments of a literal that are settings: assigned once, read elsewhere, never changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mvops.notebook.code import Code, stored_counts
from mvops.notebook.estimators import last_part
from mvops.notebook.literals import Scalar, scalar
from mvops.notebook.paths import looks_like_path, names_a_path, text_of
from mvops.notebook.walking import loaded_names

_RESULT = re.compile(
    r"[A-Z]{2}|[tf][pn]|(?:best|total|sum|count|counter|cumulative|running|current|prev|last|correct)(?:_\w+)?"
    r"|(?:\w+_)?(?:acc|accuracy|score|loss|error|auc|mse|rmse|mae|r2|result|answer|precision|recall|f1)s?",
    re.IGNORECASE,
)
_LOOKS = re.compile(
    r"(?:fig|plot|font|colou?r|palette|dpi|marker|cmap|title|xlabel|ylabel)\w*|\w*(?:figsize|fontsize|linewidth|colou?r|cmap)",
    re.IGNORECASE,
)
_WRITERS = re.compile(r"to_\w+|save\w*|dump\w*|write\w*|savefig|makedirs|mkdir|imsave|export\w*")


@dataclass(frozen=True)
class Constant:
    """`name = literal`, alone on its lines. `text` is the literal as written."""

    code: Code
    statement: ast.stmt
    name: str
    value: Scalar
    text: str

    @property
    def is_path(self) -> bool:
        """Does it hold a path?"""
        return isinstance(self.value, str) and (looks_like_path(self.value) or names_a_path(self.name))


def constants(cells: Sequence[Code]) -> list[Constant]:
    """The assignments that are settings. Results, accumulators, column names and looks of plots are none."""
    counts = stored_counts(cells)
    written = {name for code in cells for name in _written_to(code.cell.tree)}
    read = {name for code in cells for name in loaded_names(code.cell.tree)}
    found = [constant for code in cells for constant in _assigned(code)]
    return [c for c in found if counts[c.name] == 1 and c.name in read - written and _is_setting(c)]


def _assigned(code: Code) -> Iterator[Constant]:
    body = code.cell.tree.body
    for at, statement in enumerate(body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        held = scalar(value) if text_of(value) is None else text_of(value)
        beside = [other for other in body[max(0, at - 1) : at + 2] if other is not statement]
        alone = all(o.end_lineno != statement.lineno and o.lineno != statement.end_lineno for o in beside)
        if held is not None and alone:
            written = code.text(value)
            yield Constant(code, statement, name, held, repr(held) if "\n" in written or "(" in written else written)


def _is_setting(found: Constant) -> bool:
    if "parameters" in found.code.tags:
        return True
    if re.fullmatch(r"[^A-Z]|_\w+", found.name) or _RESULT.fullmatch(found.name) or _LOOKS.fullmatch(found.name):
        return False
    return found.is_path if isinstance(found.value, str) else True


def _written_to(tree: ast.AST) -> Iterator[str]:
    """Names that say where something is written."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = last_part(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
        modes = [a.value for a in [*call.args[1:2], *(k.value for k in call.keywords)] if isinstance(a, ast.Constant)]
        opens = name == "open" and any(isinstance(mode, str) and set(mode) & set("wax+") for mode in modes)
        if opens or _WRITERS.fullmatch(name):
            for argument in [*call.args, *(k.value for k in call.keywords)]:
                yield from loaded_names(argument)
