from __future__ import annotations

import pytest

from mvops.core.config.model import Evaluate, Model, Outputs
from mvops.errors import DataError
from mvops.lifecycle.fingerprint import change_class, changed_fields, most_cautious, training_fingerprint

BASE = {
    "cells": {"load": "a1", "train": "b2"},
    "parameters": {"n": 200, "when": [1, {"x": None}]},
    "inputs": {"flights": "c3"},
    "outputs": Outputs(model="clf", features="X", target="y"),
    "evaluate": Evaluate(task="classification", metrics=("roc_auc",)),
}


def test_equal_trainings_have_equal_fingerprints():
    again = dict(BASE, parameters={"when": [1, {"x": None}], "n": 200}, inputs=dict(BASE["inputs"]))
    assert training_fingerprint(**BASE) == training_fingerprint(**again)
    assert len(training_fingerprint(**BASE)) == 64
    metrics = dict(BASE, evaluate=Evaluate(task="classification", metrics=("f1", "roc_auc")))
    assert training_fingerprint(**BASE) == training_fingerprint(**metrics)


@pytest.mark.parametrize(
    "change",
    [
        {"cells": {"load": "a1", "train": "b3"}},
        {"cells": {"train": "b2", "load": "a1"}},  # the order of the steps
        {"cells": {"load": "a1"}},
        {"parameters": {"n": 200}},
        {"parameters": {"n": 200.0, "when": [1, {"x": None}]}},
        {"inputs": {"flights": "c4"}},
        {"inputs": {"weather": "c3"}},
        {"outputs": Outputs(model="clf", features="X", target="z")},
        {"evaluate": Evaluate(task="regression", metrics=("mae",))},
    ],
)
def test_whatever_decides_the_training_changes_the_fingerprint(change):
    assert training_fingerprint(**(BASE | change)) != training_fingerprint(**BASE)


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_a_parameter_without_a_json_form(value):
    with pytest.raises(DataError, match="has no JSON form"):
        training_fingerprint(**(BASE | {"parameters": {"n": value}}))


def model(**sections) -> dict:
    base = {
        "pipeline": {"notebook": "p.ipynb", "outputs": {"model": "m", "features": "X", "target": "y"}},
        "evaluate": {"task": "classification", "metrics": ["roc_auc"]},
    }
    return Model.model_validate(base | sections).model_dump(mode="json")


PIPELINE = {"notebook": "p.ipynb", "outputs": {"model": "m", "features": "X", "target": "y"}}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({}, None),
        ({"pipeline": PIPELINE | {"parameters": {"n": 1}}}, "retrain"),
        ({"pipeline": PIPELINE | {"notebook": "q.ipynb"}}, "retrain"),
        ({"pipeline": PIPELINE | {"timeout": "2h"}}, "metadata only"),
        ({"pipeline": PIPELINE | {"timeout": "60m"}}, None),
        ({"pipeline": PIPELINE | {"memory": "4GB"}}, "metadata only"),
        ({"evaluate": {"task": "regression", "metrics": ["mae"]}}, "retrain"),
        ({"evaluate": {"task": "classification", "metrics": ["f1"]}}, "re-evaluate"),
        ({"gate": ["roc_auc >= 0.6"]}, "re-evaluate"),
        ({"endpoint": {"port": 9000}}, "redeploy"),
        ({"rollout": {"strategy": "canary"}}, "redeploy"),
        ({"monitor": {"every": "1h"}}, "re-baseline"),
        ({"retrain": {"schedule": "0 3 * * 1"}}, "metadata only"),
        ({"description": "x", "owner": "y"}, "metadata only"),
        ({"description": "x", "monitor": {}, "endpoint": {}}, "redeploy"),
        ({"gate": ["roc_auc >= 0.6"], "endpoint": {}, "owner": "y"}, "re-evaluate"),
        ({"gate": ["roc_auc >= 0.6"], "pipeline": PIPELINE | {"notebook": "q.ipynb"}}, "retrain"),
    ],
)
def test_the_most_cautious_class_wins(sections, expected):
    assert change_class(model(), model(**sections)) == expected
    assert change_class(model(**sections), model()) == expected


def test_every_section_of_a_model_has_a_class_and_an_unknown_one_is_taken_seriously():
    empty = dict.fromkeys(Model.model_fields, 1)
    assert {name: change_class(empty, empty | {name: 2}) for name in empty} == {
        "pipeline": "retrain",
        "evaluate": "re-evaluate",
        "gate": "re-evaluate",
        "endpoint": "redeploy",
        "log": "redeploy",
        "rollout": "redeploy",
        "monitor": "re-baseline",
        "retrain": "metadata only",
        "description": "metadata only",
        "owner": "metadata only",
        "prevent_destroy": "metadata only",
    }
    assert change_class(empty, empty | {"new": 1}) == "retrain"


def test_what_changed_is_named():
    assert changed_fields(model(), model(owner="x", rollout={"hold": "1h"})) == [("owner",), ("rollout", "hold")]


def test_dependants_inherit_the_most_cautious():
    assert most_cautious(["metadata only", "redeploy", "re-baseline"]) == "redeploy"
    assert most_cautious([]) is None
