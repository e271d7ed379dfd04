"""Literals inside calls that steer a model: `test_size=0.3`, `n_estimators=100`, `random_state=42`, `window=7`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mvops.notebook.code import Code
from mvops.notebook.estimators import is_estimator_class, last_part
from mvops.notebook.literals import Scalar, number, scalar
from mvops.notebook.process_state import sets_seed
from mvops.notebook.walking import calls_of, in_texts, targets_of

_SPLITS = {"train_test_split", "cross_val_score", "cross_validate", "cross_val_predict", "learning_curve"}
_FUNCTIONS: dict[str, frozenset[str] | set[str]] = {  # function or method -> its keywords worth a name
    **dict.fromkeys(_SPLITS, frozenset({"test_size", "train_size", "random_state", "cv"})),
    "sample": {"n", "frac", "random_state"},
    "shuffle": {"random_state"},
    "resample": {"n_samples", "random_state"},
    "rolling": {"window", "min_periods"},
    "ewm": {"span", "alpha", "halflife", "com"},
    "shift": {"periods"},
    "diff": {"periods"},
    "pct_change": {"periods"},
    "clip": {"lower", "upper"},
    "fit": {"epochs", "batch_size", "validation_split"},
    "train": {"num_boost_round", "early_stopping_rounds"},
    "cv": {"num_boost_round", "early_stopping_rounds", "nfold"},
    "train_validation_test_split": {"test_size", "random_state"},
    "random_split": {"seed"},
    "read_csv": {"nrows"},
}
_FIRST_ARGUMENT = {"rolling": "window", "shift": "periods", "diff": "periods"}
_WORDS = {  # keywords of estimators whose text is a choice worth showing
    *("penalty", "solver", "kernel", "criterion", "loss", "weights", "activation", "optimizer", "strategy", "gamma"),
    *("max_features", "class_weight", "metric", "algorithm", "learning_rate", "booster", "objective", "boosting_type"),
    *("splitter", "selection", "init", "norm", "analyzer"),
}
_NO_KNOB = re.compile(
    r"n_jobs|verbos\w*|nthread|missing|copy|thread_count|silent|num_class|cache_size|feature_range|iid|unknown_value|missing_values|encoded_missing_value"
)
_SEED = re.compile(r"random_state|seed|random_seed|\w+_seed")


@dataclass(frozen=True)
class Knob:
    """A literal that may become a parameter. `owner` is the variable that the call's result goes to, if it has one."""

    code: Code
    node: ast.expr
    value: Scalar
    keyword: str
    callee: str
    owner: str | None

    @property
    def is_seed(self) -> bool:
        """One seed in several places is one parameter."""
        return bool(_SEED.fullmatch(self.keyword))


def knobs(code: Code, modules: dict[str, str]) -> Iterator[Knob]:
    """The literals in a cell that steer what is trained, in order. Functions' bodies are left alone."""
    unplaced = in_texts(code.cell.tree)
    for statement in code.statements():
        names = [t.id for t, _ in targets_of(statement) if isinstance(t, ast.Name)]
        for call in calls_of(statement):
            owner = names[0] if len(names) == 1 else None
            for word, node in _worth_a_name(call, modules):
                value = scalar(node)
                if value is not None and id(node) not in unplaced:
                    yield Knob(code, node, value, word, last_part(call.func) or _method(call), owner)


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _worth_a_name(call: ast.Call, modules: dict[str, str]) -> Iterator[tuple[str, ast.expr]]:
    if sets_seed(call):
        if len(call.args) == 1 and number(call.args[0]) is not None:
            yield "random_seed", call.args[0]
        return
    given = [(k.arg, k.value) for k in call.keywords if k.arg is not None]
    if is_estimator_class(call.func, modules):
        yield from ((word, node) for word, node in given if _is_knob(word, node))
        return
    name = last_part(call.func) or _method(call)
    yield from ((word, node) for word, node in given if word in _FUNCTIONS.get(name, ()) and number(node) is not None)
    first = call.args[0] if call.args and isinstance(call.func, ast.Attribute) else None
    if name in _FIRST_ARGUMENT and first is not None and number(first) is not None:
        yield _FIRST_ARGUMENT[name], first


def _is_knob(word: str, node: ast.expr) -> bool:
    if _NO_KNOB.fullmatch(word):
        return False
    return number(node) is not None or (isinstance(scalar(node), str) and word in _WORDS)
