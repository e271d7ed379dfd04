"""Leaks by rows: what is fitted, before or after a split, on the rows by which the model is judged."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence

from mvops.notebook.code import Code, modules_of
from mvops.notebook.estimators import last_part, made_by
from mvops.notebook.finding import Finding, Severity, found_at
from mvops.notebook.inlining import by_original_names
from mvops.notebook.leak_words import (
    BY_HAND,
    GAPS,
    LEARNS_NOTHING,
    OF_TARGET,
    VOCABULARY,
    Fitted,
    before_split,
    by_own_numbers,
)
from mvops.notebook.literals import keyword
from mvops.notebook.objects import root
from mvops.notebook.own_numbers import SUMS, Own, Sums, value_names, written
from mvops.notebook.rows import NONE, TEST, VALIDATION, Tables, one_column, told
from mvops.notebook.unrolling import Loops
from mvops.notebook.walking import calls, calls_of, loaded_names, nodes, stored_names, targets_of

_FITS = {"fit", "fit_transform", "fit_resample", "fit_sample"}
_JUDGES = {"predict", "predict_proba", "score", "decision_function", "evaluate"}
_CROSS = {"cross_val_score", "cross_validate", "cross_val_predict"}


def row_leaks(cells: Sequence[Code]) -> list[Finding]:
    """In the order in which they come up."""
    modules = modules_of(cells)
    trees = by_original_names(cells)
    functions = {node.name: node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}
    scan = _Scan(Tables(modules), functions)
    for code, tree in zip(cells, trees, strict=True):
        scan.run(code, tree.body)
    for code, tree in zip(cells, trees, strict=True):
        for function in tree.body:
            if isinstance(function, ast.FunctionDef):
                inside = _Scan(Tables(modules, made=dict(scan.tables.made)), {})
                inside.run(code, function.body)
                scan.findings |= inside.findings
    return list(scan.findings)


class _Scan:
    def __init__(self, tables: Tables, functions: Mapping[str, ast.FunctionDef]) -> None:
        self.tables = tables
        self.functions = functions  # of the notebook's own
        self.findings: dict[Finding, None] = {}
        self.tainted: dict[str, tuple[Fitted, ...]] = {}  # a name, and what was fitted to make its values
        self.fitted: dict[str, Fitted] = {}  # transformers
        self.models: dict[str, Fitted] = {}
        self.columns: dict[str, str] = {}  # a name that holds one column of a table
        self._of_node: dict[int, Fitted] = {}
        self._told: set[object] = set()  # what is fitted once is told once, for the first rows that it spoils
        self.sums = Sums(tables)
        self.loops = Loops()
        self.code: Code

    def run(self, code: Code, body: Iterable[ast.stmt]) -> None:
        self.code = code
        for statement in self.loops.statements(body):
            pairs = targets_of(statement)
            for call in calls_of(statement):
                self._call(call, pairs)
            for target, value in pairs:
                self._assign(target, value)

    def _call(self, call: ast.Call, pairs: Sequence[tuple[ast.expr, ast.expr]]) -> None:
        name = last_part(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
        if isinstance(call.func, ast.Attribute) and name in _FITS | {"partial_fit"}:
            made = made_by(call.func.value, self.tables.made)
            features = call.args[0] if call.args else keyword(call, "X")
            if made is None or features is None:
                return
            owner = call.func.value
            fitted = Fitted(
                self.code,
                call,
                made,
                told(owner) if isinstance(owner, ast.Name) else made.name,
                self.tables.rows(features),
                one_column(features),
            )
            if made.kind == "transformer":
                self._transformer(fitted, owner, features, call)
            elif made.kind != "clusterer":
                self._model(fitted, owner, features, call, pairs)
        elif name in _JUDGES and isinstance(call.func, ast.Attribute) and call.args:
            self._own(self.sums.prepared(call.args[0]))
            self._judged(call.func.value, call.args[0])
        elif name in _CROSS and len(call.args) > 1:
            self._crossed(call.args[1])
        elif name == "fillna":
            self._filled(call)
        elif isinstance(call.func, ast.Name) and name in self.functions:
            self._within(call, self.functions[name])
        else:
            self._own(self.sums.of_call(call))

    def _transformer(self, fitted: Fitted, owner: ast.expr, features: ast.expr, call: ast.Call) -> None:
        self._of_node[id(call)] = fitted
        if isinstance(owner, ast.Name):
            self.fitted[owner.id] = fitted
        if self.tables.is_held_out(fitted.tags) and not LEARNS_NOTHING.fullmatch(fitted.made.name):
            again = "" if isinstance(owner, ast.Name) else "the one that was fitted on the training rows, with "
            name = f"{fitted.what}.transform" if isinstance(owner, ast.Name) else "transform"
            self._tell(
                fitted,
                "warning",
                f"Cell {self.code.number} fits `{fitted.what}` on `{told(features)}`, which is held back from "
                "training: these rows are prepared by other numbers than the ones that the model was trained on.",
                f"Fit it on the training rows only, and use {again}`{name}({told(features)})` here.",
            )

    def _model(
        self,
        fitted: Fitted,
        owner: ast.expr,
        features: ast.expr,
        call: ast.Call,
        pairs: Sequence[tuple[ast.expr, ast.expr]],
    ) -> None:
        names = [t.id for t, value in pairs if isinstance(t, ast.Name) and value is call]
        name = owner.id if isinstance(owner, ast.Name) else names[0] if names else None
        named = root(features) or ""
        if self.tables.is_held_out(fitted.tags) and TEST.fullmatch(named) and not VALIDATION.fullmatch(named):
            self._tell(
                fitted,
                "warning",
                f"Cell {self.code.number} fits `{name or fitted.what}` on `{told(features)}`, the rows that are held "
                "back to judge it by.",
                "Fit it on the training rows.",
            )
        elif name is not None:
            self.models[name] = fitted
        self._stopped(fitted, call)

    def _stopped(self, fitted: Fitted, call: ast.Call) -> None:
        """Early stopping by the rows that the model is judged on later."""
        stops = keyword(call, "early_stopping_rounds") is not None or "EarlyStopping" in ast.unparse(call)
        watched = keyword(call, "eval_set") or keyword(call, "validation_data")
        tested = [name for name in sorted(loaded_names(watched)) if TEST.fullmatch(name)] if watched is not None else []
        if stops and tested and any(self.tables.is_held_out(self.tables.rows(ast.Name(n, ast.Load()))) for n in tested):
            self._tell(
                fitted,
                "note",
                f"Cell {self.code.number} stops training by `{tested[0]}`: the rows that judge the model "
                "choose it too.",
                "Hold back rows of their own for that, out of the training rows.",
            )

    def _own(self, own: Own | None) -> None:
        """Scaled by hand, by numbers that are taken of the same rows."""
        if own is not None:
            self._of_node[id(own.node)] = Fitted(self.code, own.node, BY_HAND, own.what, own.rows)

    def _within(self, call: ast.Call, function: ast.FunctionDef) -> None:
        """What a function does to the rows that it is called with, where it does the same whatever these are."""
        given = self.tables.rows(call.args[0]) if call.args else NONE
        if not given or not function.args.args or any(isinstance(n, ast.If | ast.IfExp) for n in ast.walk(function)):
            return
        inside = _Scan(self.tables.within({function.args.args[0].arg: given}), {})
        inside.run(self.code, function.body)
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and node.value is not None:
                inside._own(inside.sums.prepared(node.value))
                fitted = [f for f in inside._taints(node.value) if f.tags & given]
                kinds = {
                    f.made
                    for f in fitted
                    if not (LEARNS_NOTHING.fullmatch(f.made.name) or VOCABULARY.fullmatch(f.made.name))
                }
                if kinds:
                    made = GAPS if kinds == {GAPS} else BY_HAND
                    self._of_node[id(call)] = Fitted(self.code, call, made, written(call), given)

    def _judged(self, owner: ast.expr, features: ast.expr) -> None:
        rows, name = self.tables.rows(features), root(owner)
        for own in self._taints(features):
            if own.made in {GAPS, BY_HAND} and self.tables.is_held_out(own.tags):
                self._tell(own, *by_own_numbers(own))
        fitted = self.models.get(name or "")
        if fitted is None or not self.tables.is_held_out(rows):
            return
        for tag in sorted(rows):
            whole = self.tables.parents.get(tag[1], NONE)
            if tag in fitted.tags or fitted.tags & whole:
                here = self.code.number
                self._tell(
                    fitted,
                    "warning",
                    f"Cell {fitted.code.number} fits `{name}` also on the rows that cell {here} judges it by, so its "
                    "numbers are too good.",
                    "Fit it on the training rows only; a last fit on all rows comes after the model was judged.",
                )

    def _crossed(self, features: ast.expr) -> None:
        for fitted in self._taints(features):
            name = fitted.made.name
            if LEARNS_NOTHING.fullmatch(name) or VOCABULARY.fullmatch(name) or fitted.made in {GAPS, BY_HAND}:
                continue
            by_target = bool(OF_TARGET.fullmatch(fitted.made.name))
            if by_target or all(kind == "set" for kind, _ in fitted.tags):
                self._tell(
                    fitted,
                    "warning" if by_target else "note",
                    f"Cell {fitted.code.number} fits `{fitted.what}` on all the rows that cell {self.code.number} "
                    "cross-validates on, so each fold has seen its own test rows.",
                    "Put it into a Pipeline with the model, and cross-validate that.",
                )

    def _filled(self, call: ast.Call) -> None:
        """`df.a.fillna(df.a.mean())`: an imputer by hand."""
        assert isinstance(call.func, ast.Attribute)
        sums = [c for a in call.args for c in calls(a) if isinstance(c.func, ast.Attribute) and c.func.attr in SUMS]
        if not sums or any("groupby" in ast.unparse(each) for each in sums):
            return
        source = sums[0].func
        assert isinstance(source, ast.Attribute)
        fitted = Fitted(self.code, call, GAPS, told(sums[0]), self.tables.rows(source.value), one_column(source.value))
        self._of_node[id(call)] = fitted
        if keyword(call, "inplace") is not None and (name := root(call.func.value)):
            self.tainted[name] = (*self.tainted.get(name, ()), fitted)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        self._own(self.sums.prepared(value))
        self.sums.assigned(target, value)
        names = stored_names(target)
        single = isinstance(target, ast.Name)
        if not names:
            owner = root(target)
            if owner is not None:
                self.tainted[owner] = tuple(dict.fromkeys([*self.tainted.get(owner, ()), *self._taints(value)]))
            return
        found = made_by(value, self.tables.made)
        if single and found is not None:
            self.tables.made[names[0]] = found
            source = root(value)
            if source in self.models and source != names[0]:
                self.models[names[0]] = self.models[source]
            return
        for name in names:
            self.tables.made.pop(name, None)
        taints = self._taints(value)
        inputs = (
            value.args[:1] if isinstance(value, ast.Call) and last_part(value.func) == "train_test_split" else [value]
        )
        for at in self.tables.assigned(names, value, single=single):
            self._split(at, [fitted for part in inputs for fitted in self._taints(part)], value)
        for name in names:
            self.tainted[name] = taints
            self.columns.pop(name, None)
        if single and (column := one_column(value)):
            self.columns[names[0]] = column

    def _split(self, at: int, taints: Iterable[Fitted], value: ast.expr) -> None:
        targets = {self.columns[name] for name in loaded_names(value) if name in self.columns}
        for fitted in dict.fromkeys(taints):
            name = fitted.made.name
            whole = fitted.tags and all(kind == "set" for kind, _ in fitted.tags)
            if not whole or not fitted.tags & self.tables.parents[at] or LEARNS_NOTHING.fullmatch(name):
                continue
            if fitted.column is not None and fitted.column in targets:
                continue
            cell, here = fitted.code.number, self.code.number
            where = "in a later line" if cell == here else f"in cell {here}"
            self._tell(fitted, *before_split(fitted, where))

    def _taints(self, value: ast.expr) -> tuple[Fitted, ...]:
        found = [self._of_node[id(node)] for node in nodes(value) if id(node) in self._of_node]
        taken = value_names(value)
        for name in sorted(loaded_names(value)):
            found += [each for each in self.tainted.get(name, ()) if name in taken or each.made != BY_HAND]
            if name in self.fitted:
                found.append(self.fitted[name])
        return tuple(dict.fromkeys(found))

    def _tell(self, fitted: Fitted, severity: Severity, message: str, remedy: str) -> None:
        same = (fitted.code.number, fitted.what, remedy)  # the same in another line of the cell
        if not {id(fitted.node), same} & self._told:
            self.findings[found_at(fitted.code, fitted.node, "leak", severity, message, remedy)] = None
        self._told |= {id(fitted.node), same}
