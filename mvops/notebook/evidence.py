"""What a notebook does with models: what it fits, predicts, scores, saves and splits, in the order it runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

from mvops.notebook.by_hand import bodies_of, by_hand, one_line
from mvops.notebook.code import Code
from mvops.notebook.estimators import Made, inside, last_part, made_by
from mvops.notebook.findings import Evidence, Fit, How, MetricUse, Preparation, Use
from mvops.notebook.inlining import by_original_names, functions_of, inlined, is_local, unfolded
from mvops.notebook.literals import keyword
from mvops.notebook.metric_names import METRICS, SCORINGS
from mvops.notebook.objects import root
from mvops.notebook.process_state import dotted
from mvops.notebook.rows import one_column
from mvops.notebook.same_rows import has_rows, transformed, watched_rows
from mvops.notebook.trials import trials
from mvops.notebook.walking import (
    calls,
    calls_of,
    loaded_names,
    nodes,
    own_parts,
    statements,
    stored_names,
    targets_of,
)

_PREDICTS = {"predict", "predict_proba", "decision_function", "predict_log_proba", "predict_classes"}
_SCORES = {"score", "evaluate"}
_CROSS = {"cross_val_score", "cross_validate", "cross_val_predict"}
_SAVES = {"dump", "save", "save_model", "log_model", "dump_model", "dumps", "to_pickle"}
_NO_MODEL = re.compile(
    r"\w*(?:scal(?:er|ing)|enc(?:oder)?\d*|vec(?:t|torizer)?|imp(?:uter)?|pca|tokeni[sz]er|le|sc|ss|ohe|cv|tfidf\w*|bins?)\d*"
)
_TARGET = re.compile(r"[yY](?:_?\w*)?|(?:\w+_)?(?:target|label|truth|outcome)s?(?:_\w+)?", re.IGNORECASE)
_SHOWS_MODEL = re.compile(r"\w*(?:visuali[sz]er|viz|explainer|oz)\d*")
_DEPTH = 3


def evidence(cells: Sequence[Code]) -> Evidence:
    """Go through the cells once."""
    scan = _Scan(functions_of(cells), bodies_of(cells))
    for at, (code, tree) in enumerate(zip(cells, by_original_names(cells), strict=True)):
        scan.code, scan.at, scan.last = code, at, tree.body[-1] if tree.body else None
        scan.trials = trials(tree)
        for statement in statements(tree.body):
            scan.statement(statement, 0)
    return scan.seen


class _Scan:
    def __init__(self, functions: dict[str, ast.FunctionDef], bodies: dict[str, ast.FunctionDef]) -> None:
        self.functions = functions
        self.bodies = {name: function for name, function in bodies.items() if name not in functions}  # not followed
        self.seen = Evidence()
        self.predictions: dict[str, Use] = {}
        self.held: dict[str, Made] = {}  # of a name that holds several estimators, the last
        self.parts: dict[str, str] = {}  # and how that is written
        self.specified: dict[str, ast.expr] = {}  # what a name was made by: statsmodels' `OLS(y, X)` knows the rows
        self.local: dict[str, ast.expr] = {}  # a function's own variable, and what it is made from
        self.trials: set[int] = set()
        self.code: Code
        self.last: ast.stmt | None = None
        self.at = 0
        self.how: tuple[How, str | None] = ("computed", None)

    def statement(self, statement: ast.stmt, depth: int) -> None:
        pairs = targets_of(statement)
        self.how = self._how(statement, pairs)
        for call in calls_of(statement):
            self._call(call, pairs)
            function = self.functions.get(call.func.id) if isinstance(call.func, ast.Name) else None
            if function is not None and depth < _DEPTH:
                targets = [target for target, value in pairs if value is call]
                for inner in inlined(call, function, targets):
                    self._all(inner, depth + 1)
        for part in own_parts(statement):
            self._compared(part)
        for target, value in pairs:
            self._assigned(target, value, is_loop=isinstance(statement, ast.For))

    def _all(self, statement: ast.stmt, depth: int) -> None:
        before = self.how
        self.statement(statement, depth)
        for part in ("body", "orelse", "finalbody"):
            for inner in getattr(statement, part, []):
                self._all(inner, depth)
        self.how = before

    def _how(self, statement: ast.stmt, pairs: list[tuple[ast.expr, ast.expr]]) -> tuple[How, str | None]:
        if pairs:
            return "assigned", next(iter(stored_names(pairs[0][0])), None)
        if isinstance(statement, ast.Expr):
            if any(last_part(call.func) == "print" for call in calls(statement)):
                return "printed", None
            return ("displayed" if statement is self.last else "computed"), None
        return "computed", None

    def _assigned(self, target: ast.expr, value: ast.expr, *, is_loop: bool) -> None:
        seen = self.seen
        if isinstance(target, ast.Name):
            found = made_by(value, seen.made)
            self.specified[target.id] = value
            if found is not None:
                seen.made[target.id] = found
            elif not is_loop and not self._is_own(value):
                seen.made.pop(target.id, None)
        self._several(target, value, is_loop=is_loop)
        used = next((use for call in calls(value) if (use := self._prediction(call)) is not None), None)
        used = used or next((self.predictions[n] for n in sorted(loaded_names(value)) if n in self.predictions), None)
        names = stored_names(target)
        seen.bound |= set(names)
        seen.transformed |= {name: transformed(value, seen.transformed) for name in names}
        for name in names:
            if is_local(name) and isinstance(target, ast.Name):
                self.local[name] = unfolded(value, self.local)
            if used is not None:
                self.predictions[name] = used
            elif not self._is_own(value):  # a function of the notebook's own has been followed already
                self.predictions.pop(name, None)
        if isinstance(value, ast.Call) and last_part(value.func) == "train_test_split" and len(names) == 4:
            seen.splits.append((names[0], names[1], names[2], names[3]))
        owner = root(target)
        for part, made in _parted(value, names if owner is None else [owner]):
            self._preparation(part, made, one_column(target))

    def _is_own(self, value: ast.expr) -> bool:
        return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in self.functions

    def _several(self, target: ast.expr, value: ast.expr, *, is_loop: bool) -> None:
        """`models = [SVC(), LogisticRegression()]`, and then a loop over them."""
        held = list(inside(value, self.seen.made)) if isinstance(value, ast.List | ast.Tuple | ast.Dict) else []
        held = held or [self.held[name] for name in sorted(loaded_names(value)) if name in self.held]
        names = stored_names(target)
        if held and names and is_loop:
            self.seen.made[names[-1]] = held[-1]
        elif held and names and made_by(value, self.seen.made) is None:
            self.held[names[-1]] = held[-1]
            if isinstance(value, ast.List | ast.Tuple | ast.Dict):
                whole = f"list({names[-1]}.values())" if isinstance(value, ast.Dict) else names[-1]
                self.parts[names[-1]] = f"{whole}[-1]"

    def _listed(self, owner: ast.expr) -> str | None:
        """`models[i]` of a loop over several: the name that holds them."""
        match owner:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Name()) if name in self.parts:
                return name
        return None

    def _preparation(self, value: ast.expr, names: list[str], column: str | None = None) -> None:
        """Remember features that are made outside the estimator."""
        what = by_hand(value, self.seen.made, self.bodies)
        if what is not None:
            self.seen.by_hand.append(Preparation(self.at, what, frozenset(names), column))
        for name in names:
            self.seen.derived.setdefault(name, set()).update(loaded_names(value))

    def _in_place(self, call: ast.Call) -> None:
        """`df["a"].fillna(0, inplace=True)`."""
        owner = root(call.func)
        if owner is not None and isinstance(call.func, ast.Attribute) and keyword(call, "inplace") is not None:
            self._preparation(call, [owner], one_column(call.func.value))

    def _call(self, call: ast.Call, pairs: list[tuple[ast.expr, ast.expr]]) -> None:
        name = last_part(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
        if isinstance(call.func, ast.Attribute) and name in {"fit", "fit_generator"}:
            self._fit(call, call.func.value, pairs)
        elif name in _SCORES and (use := self._scored(call)) is not None:
            self.seen.uses.append(use)
            self._metric("score", name, use.name, call)
        elif name in METRICS:
            self._measured(call, name)
        elif name in _CROSS:
            self._crossed(call, name)
        elif name in _SAVES:
            self._saved(call)
        elif (use := self._prediction(call)) is not None:
            self.seen.uses.append(use)
        else:
            self._handed_over(call)
            self._in_place(call)

    def _fit(self, call: ast.Call, owner: ast.expr, pairs: list[tuple[ast.expr, ast.expr]]) -> None:
        made = made_by(owner, self.seen.made)
        features = call.args[0] if call.args else keyword(call, "X") or keyword(call, "x")
        target = call.args[1] if len(call.args) > 1 else keyword(call, "y")
        if isinstance(owner, ast.Name) and features is None and has_rows(self.specified.get(owner.id)):
            owner = self.specified[owner.id]
        name = dotted(owner) if isinstance(owner, ast.Name) else None
        if name is None:  # model = LogisticRegression().fit(X, y)
            names = [t.id for t, value in pairs if isinstance(t, ast.Name) and value is call]
            name = names[0] if names else None
        if isinstance(owner, ast.Call) and features is None and has_rows(owner):  # statsmodels: OLS(y, X).fit()
            target, features = owner.args[0], owner.args[1]
        part = ""
        if name is None and (name := self._listed(owner)) is not None:
            made, part = self.held[name], self.parts[name]
        if name is None or (made is not None and made.kind in {"transformer", "splitter"}):
            return
        word = name.partition("@")[0].lower()
        if made is None and (target is None or _NO_MODEL.fullmatch(word) or _SHOWS_MODEL.fullmatch(word)):
            return
        found, trial = made or Made("predictor", ""), id(call) in self.trials
        self.seen.fits.append(Fit(self.at, name, found, features, target, part=part, trial=trial))
        self.seen.uses += [Use(self.at, name, *rows) for rows in watched_rows(call)]
        if features is not None:
            self._preparation(features, sorted(loaded_names(features)))

    def _prediction(self, call: ast.Call) -> Use | None:
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _PREDICTS:
            return None
        name, features = self._model(call.func.value), call.args[0] if call.args else keyword(call, "X")
        return Use(self.at, name, unfolded(features, self.local)) if name and features is not None else None

    def _scored(self, call: ast.Call) -> Use | None:
        if not isinstance(call.func, ast.Attribute) or len(call.args) < 2:
            return None
        name = self._model(call.func.value)
        features, target = (unfolded(argument, self.local) for argument in call.args[:2])
        return Use(self.at, name, features, target) if name else None

    def _model(self, owner: ast.expr) -> str | None:
        """The variable that holds the model which is asked."""
        if isinstance(owner, ast.Attribute) and owner.attr in {"best_estimator_", "model"}:
            owner = owner.value
        if not isinstance(owner, ast.Name):
            return self._listed(owner)
        made = self.seen.made.get(owner.id)
        return None if made is not None and made.kind in {"transformer", "splitter"} else owner.id

    def _predicted(self, node: ast.expr | None) -> Use | None:
        if node is None:
            return None
        direct = next((use for call in calls(node) if (use := self._prediction(call)) is not None), None)
        return direct or next((self.predictions[n] for n in sorted(loaded_names(node)) if n in self.predictions), None)

    def _measured(self, call: ast.Call, name: str) -> None:
        true = call.args[0] if call.args else keyword(call, "y_true")
        guess = call.args[1] if len(call.args) > 1 else keyword(call, "y_pred") or keyword(call, "y_score")
        use = self._predicted(guess)
        if use is None and (use := self._predicted(true)) is not None:  # many hand them over in the wrong order
            true = guess
        for metric in METRICS[name]:
            self._metric(metric, name, use.name if use else None, call)
        if use is not None and true is not None and self._predicted(true) is None:
            self.seen.uses.append(replace(use, at=max(use.at, self.at), target=unfolded(true, self.local)))

    def _compared(self, part: ast.AST) -> None:
        """`(y_test == y_pred).mean()` is the accuracy."""
        for node in nodes(part):
            match node:
                case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                    use = self._predicted(right) or self._predicted(left)
                    true = left if self._predicted(right) else right
                    if use is not None and not isinstance(true, ast.Constant) and self._predicted(true) is None:
                        self.seen.uses.append(replace(use, at=self.at, target=unfolded(true, self.local)))
                        self._metric("accuracy", "==", use.name, node)

    def _crossed(self, call: ast.Call, name: str) -> None:
        scoring = keyword(call, "scoring")
        metric = SCORINGS.get(str(scoring.value), "") if isinstance(scoring, ast.Constant) else "score"
        model = call.args[0] if call.args else None
        named = model.id if isinstance(model, ast.Name) else None
        if metric:
            self._metric(metric, name, named, call)
        features = call.args[1] if len(call.args) > 1 else keyword(call, "X")
        target = call.args[2] if len(call.args) > 2 else keyword(call, "y")
        if named and features is not None and target is not None:
            self.seen.uses.append(Use(self.at, named, features, target, crossed=True))

    def _saved(self, call: ast.Call) -> None:
        holders = [*call.args, *(k.value for k in call.keywords)]
        if isinstance(call.func, ast.Attribute):
            holders.append(call.func.value)
        self.seen.saved += [(self.at, name) for holder in holders for name in sorted(loaded_names(holder))]

    def _handed_over(self, call: ast.Call) -> None:
        """`plot_roc(model, X_test, y_test)`: a fitted model with two more names says what it is judged on."""
        fitted = {fit.name for fit in self.seen.fits}
        match call.args:
            case [ast.Name(id=name), features, ast.Name(id=target), *_] if name in fitted and _TARGET.fullmatch(target):
                self.seen.uses.append(Use(self.at, name, unfolded(features, self.local), call.args[2]))

    def _metric(self, metric: str, function: str, model: str | None, call: ast.expr) -> None:
        how, assigned = self.how
        text = one_line(call)[:120]
        self.seen.metrics.append(MetricUse(self.at, metric, function, how, assigned, model, text))


def _parted(value: ast.expr, names: list[str]) -> list[tuple[ast.expr, list[str]]]:
    """What is assigned, and the names that are made of it: of each table that is split, its own two."""
    is_split = isinstance(value, ast.Call) and last_part(value.func) == "train_test_split"
    if not isinstance(value, ast.Call) or not is_split or len(names) != 2 * len(value.args):
        return [(value, names)]
    return [(part, names[2 * at : 2 * at + 2]) for at, part in enumerate(value.args)]
