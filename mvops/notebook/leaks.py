"""Leaks by rows: what is fitted, before or after a split, on the rows by which the model is judged."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mvops.notebook.code import Code, modules_of
from mvops.notebook.estimators import Made, last_part, made_by
from mvops.notebook.finding import Finding, Severity, found_at
from mvops.notebook.inlining import by_original_names
from mvops.notebook.literals import keyword
from mvops.notebook.objects import root
from mvops.notebook.rows import NONE, TEST, VALIDATION, Tables, Tags, one_column, told
from mvops.notebook.walking import calls, calls_of, loaded_names, statements, stored_names, targets_of

_FITS = {"fit", "fit_transform", "fit_resample", "fit_sample"}
_JUDGES = {"predict", "predict_proba", "score", "decision_function", "evaluate"}
_CROSS = {"cross_val_score", "cross_validate", "cross_val_predict"}
_LEARNS_NOTHING = re.compile(r"FunctionTransformer|Normalizer|PolynomialFeatures|\w*Hash\w*|Binarizer|TSNE|UMAP|Isomap")
_VOCABULARY = re.compile(
    r"LabelEncoder|OrdinalEncoder|OneHotEncoder|\w*LabelBinarizer|DictVectorizer|CountVectorizer|Tokenizer"
)
_OF_TARGET = re.compile(
    r"\w*SMOTE\w*|\w*Sampler|ADASYN|TomekLinks|Select\w+|RFE(?:CV)?|TargetEncoder|\w*DiscriminantAnalysis"
)
_SUMS = {"mean", "median", "mode"}
_SPLIT_FIRST = (
    "Split first and fit it on the training rows only; inside a Pipeline with the model, that comes by itself."
)


@dataclass(frozen=True)
class _Fitted:
    """Something that was fitted on these rows, or on this one column of a table."""

    code: Code
    node: ast.AST
    made: Made
    what: str
    tags: Tags
    column: str | None = None


def row_leaks(cells: Sequence[Code]) -> list[Finding]:
    """In the order in which they come up."""
    modules = modules_of(cells)
    trees = by_original_names(cells)
    scan = _Scan(Tables(modules))
    for code, tree in zip(cells, trees, strict=True):
        scan.run(code, tree.body)
    functions = [(code, node) for code, tree in zip(cells, trees, strict=True) for node in tree.body]
    for code, function in functions:
        if isinstance(function, ast.FunctionDef):
            inside = _Scan(Tables(modules, made=dict(scan.tables.made)))
            inside.run(code, function.body)
            scan.findings |= inside.findings
    return list(scan.findings)


class _Scan:
    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.findings: dict[Finding, None] = {}
        self.tainted: dict[str, tuple[_Fitted, ...]] = {}  # a name, and what was fitted to make its values
        self.fitted: dict[str, _Fitted] = {}  # transformers
        self.models: dict[str, _Fitted] = {}
        self.columns: dict[str, str] = {}  # a name that holds one column of a table
        self._of_call: dict[int, _Fitted] = {}
        self._told: set[int] = set()  # what is fitted once is told once, for the first rows that it spoils
        self.code: Code

    def run(self, code: Code, body: Iterable[ast.stmt]) -> None:
        self.code = code
        for statement in statements(body):
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
            fitted = _Fitted(
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
            self._judged(call.func.value, self.tables.rows(call.args[0]))
        elif name in _CROSS and len(call.args) > 1:
            self._crossed(call.args[1])
        elif name == "fillna":
            self._filled(call)

    def _transformer(self, fitted: _Fitted, owner: ast.expr, features: ast.expr, call: ast.Call) -> None:
        self._of_call[id(call)] = fitted
        if isinstance(owner, ast.Name):
            self.fitted[owner.id] = fitted
        if self.tables.is_held_out(fitted.tags) and not _LEARNS_NOTHING.fullmatch(fitted.made.name):
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
        fitted: _Fitted,
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

    def _stopped(self, fitted: _Fitted, call: ast.Call) -> None:
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

    def _judged(self, owner: ast.expr, rows: Tags) -> None:
        name = root(owner)
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
            if _LEARNS_NOTHING.fullmatch(name) or _VOCABULARY.fullmatch(name) or _is_fillna(fitted):
                continue
            by_target = bool(_OF_TARGET.fullmatch(fitted.made.name))
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
        sums = [c for a in call.args for c in calls(a) if isinstance(c.func, ast.Attribute) and c.func.attr in _SUMS]
        if not sums or any("groupby" in ast.unparse(each) for each in sums):
            return
        made = Made("transformer", "SimpleImputer")
        source = sums[0].func
        assert isinstance(source, ast.Attribute)
        fitted = _Fitted(self.code, call, made, told(sums[0]), self.tables.rows(source.value), one_column(source.value))
        self._of_call[id(call)] = fitted
        if keyword(call, "inplace") is not None and (name := root(call.func.value)):
            self.tainted[name] = (*self.tainted.get(name, ()), fitted)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
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

    def _split(self, at: int, taints: Iterable[_Fitted], value: ast.expr) -> None:
        targets = {self.columns[name] for name in loaded_names(value) if name in self.columns}
        for fitted in dict.fromkeys(taints):
            name = fitted.made.name
            whole = fitted.tags and all(kind == "set" for kind, _ in fitted.tags)
            if not whole or not fitted.tags & self.tables.parents[at] or _LEARNS_NOTHING.fullmatch(name):
                continue
            if fitted.column is not None and fitted.column in targets:
                continue
            cell, here = fitted.code.number, self.code.number
            where = "in a later line" if cell == here else f"in cell {here}"
            if _VOCABULARY.fullmatch(name):
                what = f"Cell {cell} fits `{fitted.what}` on all rows; some of them are held back {where}."
                remedy = "That is harmless where all values are known beforehand. " + _SPLIT_FIRST
                self._tell(fitted, "note", what, remedy)
            else:
                self._tell(fitted, *_before_split(fitted, where))

    def _taints(self, value: ast.expr) -> tuple[_Fitted, ...]:
        found = [self._of_call[id(call)] for call in calls(value) if id(call) in self._of_call]
        for name in sorted(loaded_names(value)):
            found += self.tainted.get(name, ())
            if name in self.fitted:
                found.append(self.fitted[name])
        return tuple(dict.fromkeys(found))

    def _tell(self, fitted: _Fitted, severity: Severity, message: str, remedy: str) -> None:
        if id(fitted.node) in self._told:
            return
        self._told.add(id(fitted.node))
        self.findings[found_at(fitted.code, fitted.node, "leak", severity, message, remedy)] = None


def _before_split(fitted: _Fitted, where: str) -> tuple[Severity, str, str]:
    cell = fitted.code.number
    if _is_fillna(fitted):
        message = f"Cell {cell} fills gaps with `{fitted.what}` of all rows; some of them are held back {where}."
        return "note", message, "Take it of the training rows, or put a SimpleImputer into a Pipeline with the model."
    if _OF_TARGET.fullmatch(fitted.made.name):
        message = (
            f"Cell {cell} fits `{fitted.what}` with the targets of all rows; some of them are held back {where}, so "
            "the model is judged by rows that it has seen."
        )
        return "warning", message, _SPLIT_FIRST
    message = (
        f"Cell {cell} fits `{fitted.what}` on all rows; some of them are held back {where}, so what it learns of them "
        "flatters the model."
    )
    return "warning", message, _SPLIT_FIRST


def _is_fillna(fitted: _Fitted) -> bool:
    return isinstance(fitted.node, ast.Call) and getattr(fitted.node.func, "attr", "") == "fillna"
