"""Choosing one model of those that a notebook fits, and the rows that it is judged on."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mvops.notebook.code import Code, identifiers
from mvops.notebook.findings import Evidence, Fit, Use
from mvops.notebook.flow import CellFlow
from mvops.notebook.inlining import is_local
from mvops.notebook.naming import Namer
from mvops.notebook.walking import calls, loaded_names

_TEST = re.compile(r"(?:.*_)?(?:test|holdout|held_?out|eval|oot)(?:_.*|\d*)|[xy]_?te(?:st)?\w*", re.IGNORECASE)
_VALIDATION = re.compile(r"(?:.*_)?(?:val|valid|validation|dev)(?:_.*|\d*)|[xy]_?val\w*", re.IGNORECASE)
_SAMPLE = re.compile(
    r"(?:.*_)?(?:sample|new|customer|example|single|row|input|query|user|passenger|patient|person|grid|mesh|observation)s?"
    r"(?:_.*|\d*)",
    re.IGNORECASE,
)
_PURE = {
    *("drop", "to_numpy", "astype", "copy", "reshape", "transform", "filter", "toarray", "todense", "ravel", "squeeze"),
    *("fillna", "array", "asarray", "reset_index", "select_dtypes", "to_frame", "flatten", "isin", "get", "reindex"),
    *(
        "map",
        "round",
        "to_dict",
        "head",
        "tail",
        "list",
        "add_constant",
        "DataFrame",
        "Series",
        "intersection",
        "difference",
    ),
}


@dataclass(frozen=True)
class Helper:
    """A line to add after the code cell at position `after`: it keeps what no variable of the notebook's own keeps."""

    after: int
    source: str


@dataclass(frozen=True)
class Chosen:
    """The fit that counts, and what it is judged on; `at` is where. `refitted`: the cell that fits it again later."""

    fit: Fit
    why: str
    features: ast.expr | None = None
    target: ast.expr | None = None
    at: int = 0
    on_training_rows: bool = False
    refitted: int | None = None
    scored: bool = False  # the notebook itself judges it on these rows


def choose(seen: Evidence, fits: Sequence[Fit]) -> Chosen | None:
    """The fitted estimator that is saved, or else the last that is judged on held-out rows, or else the last.

    One that a loop tries among many settings comes after one that was decided for.
    """
    options = {fit.name: _judged(seen, [f for f in fits if f.name == fit.name]) for fit in fits}
    if not options:
        return None
    saved = [name for _, name in seen.saved if name in options]
    held_out = [name for name, option in options.items() if option.features is not None and not option.on_training_rows]
    judged = [name for name in held_out if options[name].scored] or held_out
    decided = [name for name in judged if not options[name].fit.trial] or judged
    if saved:
        name, why = saved[-1], "it is the one that is saved"
    elif decided:
        name = max(decided, key=lambda n: (options[n].at, options[n].fit.at))
        what = "scored" if options[name].scored else "fitted"
        why = f"it is the one that is {what}" if len(decided) == 1 else f"it is the last one that is {what}"
        why += "" if len(decided) == len(judged) else " and not tried in a loop"
    else:
        name = max(options, key=lambda n: (options[n].features is not None, options[n].fit.at))
        why = "it is the only one" if len(options) == 1 else "it is the last one"
    option = options[name]
    return replace(option, why=why)


def _judged(seen: Evidence, fits: list[Fit]) -> Chosen:
    """One model with the best of the places where it is judged."""
    decided = [fit for fit in fits if not fit.trial] or fits
    name, last = fits[-1].name, decided[-1]
    trained = {_text(fit.features) for fit in fits if fit.features is not None}
    uses = [use for use in seen.uses if use.name == name and not use.crossed and _is_rows(use)]
    if decided != fits:  # a loop tries settings under the same name later on
        tried = next(fit.at for fit in fits if fit.trial)
        uses = [use for use in uses if use.at < tried] or uses
    ranked = sorted(uses, key=lambda use: _rank(use, trained, seen))
    best = ranked[-1] if ranked else None
    if best is not None and _text(best.features) not in trained and _target(best, seen) is not None:
        before = [fit for fit in fits if fit.at <= best.at]
        fit = before[-1] if before else last
        later = next((f.at for f in fits if f.at > best.at), None)
        return Chosen(fit, "", best.features, _target(best, seen), best.at, refitted=later, scored=True)
    split = next((s for s in reversed(seen.splits) if s[0] in trained), None)
    if split is not None:
        return Chosen(last, "", _name(split[1]), _name(split[3]), last.at)
    other = _of_another(seen, last, trained)
    if other is not None:
        return Chosen(last, "", other.features, _target(other, seen), other.at)
    if best is not None and _target(best, seen) is not None:
        return Chosen(last, "", best.features, _target(best, seen), best.at, on_training_rows=True)
    if best is not None and last.target is None:
        return Chosen(last, "", best.features, None, best.at)
    return Chosen(last, "", last.features, last.target, last.at, on_training_rows=True)


def _of_another(seen: Evidence, fit: Fit, trained: set[str]) -> Use | None:
    """Where a model that was fitted on the same rows is judged."""
    others = {f.name for f in seen.fits if f.name != fit.name and _text(f.features) == _text(fit.features) != ""}
    uses = [u for u in seen.uses if u.name in others and not u.crossed and _is_rows(u)]
    judged = [u for u in uses if _text(u.features) not in trained and _target(u, seen) is not None]
    return max(judged, key=lambda use: _rank(use, trained, seen), default=None)


def _rank(use: Use, trained: set[str], seen: Evidence) -> tuple[bool, bool, int, int]:
    text = _text(use.features)
    words = list(loaded_names(use.features))
    is_test = any(_TEST.fullmatch(word) for word in words)
    likeness = 2 if is_test else int(any(_VALIDATION.fullmatch(word) for word in words))
    return text not in trained, _target(use, seen) is not None, likeness, use.at


def _is_rows(use: Use) -> bool:
    """Rows to judge by, not one row tried out for show."""
    match use.features:
        case ast.List() | ast.Tuple() | ast.Constant() | ast.Dict():
            return False
        case (
            ast.Subscript(slice=ast.Constant(value=int()))
            | ast.Subscript(slice=ast.List(elts=[ast.Constant(value=int())]))
        ):
            return False
        case ast.Subscript(slice=ast.Slice(upper=ast.Constant(value=int(upper)))) if 0 <= upper < 50:
            return False
        case ast.Name(id=name):
            return use.target is not None or not _SAMPLE.fullmatch(name)
    return True


def _target(use: Use, seen: Evidence) -> ast.expr | None:
    """What the predictions are compared with: here, or where the same rows are judged elsewhere, or by a split."""
    if use.target is not None:
        return use.target
    text = _text(use.features)
    same = {text, *seen.transformed.get(text, ())}
    paired = next((_name(s[3]) for s in reversed(seen.splits) if s[1] in same), None)
    others = (u.target for u in reversed(seen.uses) if u.target is not None and _text(u.features) == text)
    return paired or next(others, None) or next((_name(n) for n in _alike(text) if n in seen.bound), None)


def _alike(name: str) -> list[str]:
    """What people call the target of features with this name: y_test for X_test and X_test_scaled."""
    parts = name.split("_")
    swapped = [["y" if part in {"X", "x"} else part for part in parts[:n]] for n in range(len(parts), 1, -1)]
    ends = [[each[0], each[-1]] for each in swapped[:1] if len(each) > 2]
    found = ["_".join(each) for each in [*swapped, *ends] if "y" in each]
    return found + ([f"y{name[1:]}"] if name[:1] in {"X", "x"} else [])


def _text(node: ast.AST | None) -> str:
    return ast.unparse(node) if node is not None else ""


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


@dataclass
class Rows:
    """Finds, or makes, a variable for what an expression meant at a cell and still means at the end.

    `later` are names that notebooks after this one bind, `elsewhere` all that the others use.
    """

    cells: Sequence[Code]
    flows: Sequence[CellFlow]
    helpers: list[Helper] = field(default_factory=list)
    later: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    _namer: Namer | None = None

    def model(self, chosen: Chosen) -> str | None:
        """The variable with the fitted model as it was judged."""
        name, at = chosen.fit.name, max(chosen.at, chosen.fit.at)
        if chosen.fit.part:
            return self._kept(name, at, "final_model", chosen.fit.part)
        if self._changed(name, at) and chosen.refitted is not None:
            kept = self.fresh("scored_model")
            self.helpers.append(
                Helper(at, f"import copy\n\n{kept} = copy.deepcopy({name})  # before it is fitted again")
            )
            return kept
        return self._kept(name, at, "final_model", name) if self._bound(name, at) else name

    def pipeline(self, transformers: Sequence[str], named: Sequence[str], model: str, at: int) -> str:
        """The variable with the model behind the transformers, all of them fitted already; `named` leave tables."""
        whole, make = self.fresh("served_model"), self.fresh("make_pipeline")
        lines = [f"from sklearn.pipeline import {imported_as('make_pipeline', make)}", ""]
        steps = {name: name for name in transformers}
        if named:
            copy = self.fresh("deepcopy")
            lines.insert(0, f"from copy import {imported_as('deepcopy', copy)}\n")
        for name in named:
            steps[name] = self.fresh(f"{name}_named")
            lines.append(f'{steps[name]} = {copy}({name})\nif hasattr({name}, "set_output"):  # since scikit-learn 1.2')
            lines.append(f'    {steps[name]}.set_output(transform="pandas")')
        lines.append(f"{whole} = {make}({', '.join([*steps.values(), model])})  # what an endpoint does with raw rows")
        self.helpers.append(Helper(at, "\n".join(lines)))
        return whole

    def variable(self, expression: ast.expr | None, at: int, word: str) -> str | None:
        """A variable with the expression's value; None where it cannot be had outside a function."""
        if expression is None:
            return None
        names = loaded_names(expression)
        if any(is_local(name) for name in names):
            return None
        if isinstance(expression, ast.Name):
            name = expression.id
            if self._bound(name, at):
                return self._kept(name, at, word, name)
            return self._kept(name, at, word, f"{name}.copy()") if self._changed(name, at) else name
        if not _is_pure(expression):
            return None
        return self._kept("", at, word, ast.unparse(expression))

    def _kept(self, _name: str, at: int, word: str, source: str) -> str:
        kept = self.fresh(word)
        self.helpers.append(Helper(at, f"{kept} = {source}"))
        return kept

    def fresh(self, word: str) -> str:
        """A new name for it."""
        if self._namer is None:
            self._namer = Namer(identifiers(self.cells) | self.elsewhere)
        return self._namer.fresh(word, f"captured_{word}")

    def _bound(self, name: str, at: int) -> bool:
        return name in self.later or any(name in flow.binds for flow in self.flows[at + 1 :])

    def _changed(self, name: str, at: int) -> bool:
        return any(name in flow.binds | flow.mutates for flow in self.flows[at + 1 :])


def _is_pure(expression: ast.expr) -> bool:
    """Can this be computed once more without any effect?"""
    for call in calls(expression):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name not in _PURE or any(k.arg == "inplace" for k in call.keywords):
            return False
    return not any(isinstance(node, ast.NamedExpr | ast.Await | ast.Lambda) for node in ast.walk(expression))


def imported_as(name: str, other: str) -> str:
    """What stands behind `import`."""
    return name if name == other else f"{name} as {other}"
