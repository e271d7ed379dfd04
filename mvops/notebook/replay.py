"""What a notebook does to all rows at once, written again so that the same can be done to any rows.

What is taken from all rows, as a mean or the categories of a column, is learnt once: `df.age.fillna(df.age.mean())`
becomes `df.age.fillna(self.once(1, lambda: df.age.mean()))`. What only chooses rows is done while learning, and never
to a request. Which is which is told by the names of methods; whether that came out right is for the running code to
prove, by making the notebook's own features once more.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Sequence

from mvops.notebook.literals import keyword
from mvops.notebook.objects import root
from mvops.notebook.replay_values import CHOOSE_ROWS, SAME_ROWS, UnsureError, Values, chosen, learns, of_columns
from mvops.notebook.walking import stored_names, targets_of


class Replay(Values):
    """Writes statements again; `table` holds rows before the first of them, `wanted` are the names that they read."""

    def __init__(self, table: str, wanted: frozenset[str], fresh: Callable[[str], str]) -> None:
        super().__init__(table, fresh)
        self._wanted = wanted

    def body(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        """The statements in their new form. Raises UnsureError."""
        return [new for statement in statements for new in self._statement(copy.deepcopy(statement))]

    def result(self, expression: ast.expr) -> ast.expr:
        """An expression for rows in its new form. Raises UnsureError."""
        new, kind = self.of(copy.deepcopy(expression))
        if kind != "rows":
            raise UnsureError
        return new

    # statements

    def _statement(self, statement: ast.stmt) -> list[ast.stmt]:  # noqa: C901, PLR0911 -- one line for each form
        match statement:
            case ast.Assign(targets=targets, value=value):
                return self._assigned(statement, targets, value)
            case ast.AnnAssign(target=ast.Name(), value=ast.expr() as value):
                return self._assigned(statement, [statement.target], value)
            case ast.AugAssign(value=value):
                self._target(statement.target)
                statement.value = self.settled(*self.of(value))
                self.prepares = True
                return [statement]
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=name)) as call):
                return self._called(statement, call, owner, name)
            case ast.Expr():
                return []
            case ast.Delete():
                return [statement]
            case ast.For(target=ast.Name(id=name), orelse=[]):
                return self._loop(statement, name)
            case ast.If():
                test, kind = self.of(statement.test)
                if kind == "rows":
                    raise UnsureError
                statement.test = self.settled(test, kind)
                statement.body, statement.orelse = self.body(statement.body), self.body(statement.orelse)
                return [statement] if statement.body else []
            case ast.Pass():
                return []
        raise UnsureError

    def _assigned(self, statement: ast.stmt, targets: Sequence[ast.expr], value: ast.expr) -> list[ast.stmt]:
        pairs = targets_of(statement)
        if len(pairs) > len(targets):  # X, y = df[names], df.price
            both = [(target, value) for target, value in pairs if _names([target]) & self._wanted]
            return [
                new for target, value in both for new in self._assigned(ast.Assign([target], value), [target], value)
            ]
        if any(not isinstance(target, ast.Name | ast.Subscript | ast.Attribute) for target in targets):
            raise UnsureError
        new, kind = self.of(value)
        for target in targets:
            if isinstance(target, ast.Name):
                self.kinds[target.id] = "rows" if kind == "rows" else "fixed"
                self.renamed.pop(target.id, None)
            else:
                self.prepares = True
            self._target(target)
        return [ast.Assign([*targets], self.settled(new, kind))]

    def _target(self, target: ast.expr) -> None:
        if isinstance(target, ast.Subscript):
            target.slice = self.settled(*self.of(target.slice))

    def _called(self, statement: ast.Expr, call: ast.Call, owner: ast.expr, name: str) -> list[ast.stmt]:
        table = root(owner)
        if isinstance(owner, ast.Name) and self.kind(owner.id) == "fixed" and name == "fit" and call.args:
            fitted = self.fresh(f"fitted_{owner.id}")
            made = ast.Assign(targets=[ast.Name(fitted, ast.Store())], value=self.fitted(owner, call.args[0]))
            self.renamed[owner.id] = fitted
            self.kinds[fitted] = "fixed"
            return [made]
        if table is None or self.kind(table) != "rows":
            raise UnsureError
        if keyword(call, "inplace") is None and name not in {"insert", "pop"}:
            raise UnsureError
        if name in CHOOSE_ROWS or (name == "drop" and not of_columns(call)):
            if of_columns(call):
                raise UnsureError
            return [ast.If(test=learns(), body=[statement, ast.Expr(chosen(owner))], orelse=[])]
        self.arguments(call)
        self.prepares |= name not in SAME_ROWS
        return [statement]

    def _loop(self, loop: ast.For, name: str) -> list[ast.stmt]:
        items, kind = self.of(loop.iter)
        if kind == "rows":
            items, kind = ast.Attribute(items, "columns", ast.Load()), "learnt"
        loop.iter = self.settled(items, kind)
        self.kinds[name] = "fixed"
        self.loops.append(name)
        loop.body = self.body(loop.body)
        self.loops.pop()
        return [loop] if loop.body else []


def _names(targets: Sequence[ast.expr]) -> set[str]:
    return {name for target in targets for name in stored_names(target)}
