"""A version's ONNX graph says what its estimator says, of every row that a request may bring, or leaves it to it."""

from __future__ import annotations

import json
import sys

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper
from serving_support import LATE, ON_TIME, POISON
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from mvops.artifacts.models import dump_model, load_skops
from mvops.core.version import Engine
from mvops.errors import ArtifactError, ServingError
from mvops.lifecycle.signature import describe
from mvops.serving.compiled import Compiled
from mvops.serving.compiling import graph
from mvops.serving.compiling.attempt import as_requested, compile_model
from mvops.serving.compiling.columns import NotCompiledError
from mvops.serving.compiling.hostile import hostile_rows
from mvops.serving.engines import MISSING
from mvops.serving.estimator import Estimator

ROWS = 600
NUMBERS, TEXTS = ["temp", "wind", "hour", "holiday"], ["carrier", "place"]


def frame(rows: int = ROWS, seed: int = 5, *, holes: bool = True) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    made = pd.DataFrame(
        {
            "temp": generator.normal(12, 10, rows).round(2),
            "wind": generator.normal(5, 1, rows),
            "hour": generator.integers(0, 24, rows),
            "holiday": generator.random(rows) < 0.2,
            "carrier": generator.choice(["AA", "UA", "DL"], rows),
            "place": generator.choice(["JFK", "LGA"], rows),
        }
    )
    if holes:
        made.loc[generator.random(rows) < 0.1, "wind"] = np.nan
        made.loc[generator.random(rows) < 0.1, "place"] = None
    return made


def target(made: pd.DataFrame, classes: int = 0) -> pd.Series:
    value = made["temp"] + made["hour"] + 8 * (made["carrier"] == "UA") + 3 * made["wind"].fillna(5)
    return pd.qcut(value, classes, labels=False).map({n: f"class {n}" for n in range(classes)}) if classes else value


def columns(numbers=None, texts=None, **options):
    """Numbers and texts, each by a transformer of its own."""
    default = make_pipeline(SimpleImputer(), StandardScaler())
    coded = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    return ColumnTransformer([("n", numbers or default, NUMBERS), ("t", texts or coded, TEXTS)], **options)


def served(model, classes=0, *, holes=True):
    """The fitted model as an endpoint has it, with its signature, held-out rows, and the graph."""
    made = frame(holes=holes)
    truth = target(made, classes)
    model = load_skops(dump_model(model.fit(made, truth))[0])
    held_out = frame(300, 6, holes=holes)
    task = "classification" if classes else "regression"
    signature = describe(held_out, target(held_out, classes), model, task, train_features=made)
    data, difference, rows = compile_model(model, signature, held_out, 1e-6)
    assert difference < 1e-12
    estimator = Estimator(model, signature)
    return signature, held_out, estimator, Compiled(data, signature, estimator, 1e-6), rows


def each(ask, columns, rows=None):
    """For each row the prediction with its probabilities, or the type of what was raised."""
    rows = list(range(len(columns[0]))) if rows is None else rows
    try:
        found = ask([[values[row] for row in rows] for values in columns])
    except Exception as error:  # noqa: BLE001 -- models raise what they like
        if len(rows) == 1:
            return [type(error)]
        half = len(rows) // 2
        return each(ask, columns, rows[:half]) + each(ask, columns, rows[half:])
    told = found.probabilities or [[]] * len(rows)
    return [
        None if at in found.bad else (found.predictions[at], told[at] or found.predictions[at])
        for at in range(len(rows))
    ]


def same(one, other):
    if one is None or isinstance(one, type):
        return one == other
    numbers = np.allclose(one[1], other[1], rtol=1e-6, atol=1e-6)
    return numbers and (one[0] == other[0] or isinstance(one[1], float))


def forest(classes, **options):
    kind = RandomForestClassifier if classes else RandomForestRegressor
    return kind(**({"n_estimators": 20, "random_state": 0, "max_depth": 9} | options))


CODES = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
DENSE = {"sparse_threshold": 0}
MODELS = {
    "forest, two classes": (columns(), forest(2), 2),
    "forest, four classes": (columns(MinMaxScaler(clip=True)), forest(4, n_estimators=9), 4),
    "forest, numbers": (columns(RobustScaler()), forest(0), 0),
    "forest, unscaled": (columns("passthrough", CODES), forest(0), 0),
    "extra trees": (columns(MaxAbsScaler(), OneHotEncoder()), ExtraTreesRegressor(9, random_state=0), 0),
    "tree": (columns(remainder="passthrough"), DecisionTreeClassifier(random_state=0), 3),
    "boosted, two classes": (columns(), GradientBoostingClassifier(n_estimators=9, random_state=0), 2),
    "boosted, three classes": (columns(), GradientBoostingClassifier(n_estimators=9, random_state=0), 3),
    "boosted, numbers": (columns(), GradientBoostingRegressor(n_estimators=9, random_state=0), 0),
    "histograms, two classes": (columns("passthrough", **DENSE), HistGradientBoostingClassifier(max_iter=9), 2),
    "histograms, three classes": (columns(**DENSE), HistGradientBoostingClassifier(max_iter=9), 3),
    "histograms, numbers": (columns("passthrough", **DENSE), HistGradientBoostingRegressor(max_iter=9), 0),
    "logistic, two classes": (columns(), LogisticRegression(max_iter=1000), 2),
    "logistic, three classes": (columns(texts=OneHotEncoder(drop="first")), LogisticRegression(max_iter=1000), 3),
    "linear": (columns(), LinearRegression(), 0),
    "ridge": (columns(), Ridge(), 0),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_row_that_a_request_may_bring(name):
    before, last, classes = MODELS[name]
    signature, held_out, estimator, compiled, rows = served(Pipeline([("b", before), ("m", last)]), classes)
    assert rows > 300
    given = as_requested(held_out, signature)
    for some in (given, hostile_rows(signature, given)):
        expected, found = each(estimator, some), each(compiled, some)
        wrong = [at for at, pair in enumerate(zip(expected, found, strict=True)) if not same(*pair)]
        assert not wrong, [(expected[at], found[at], [values[at] for values in some]) for at in wrong[:3]]
        assert len(compiled.certain(some, len(expected))[1]) < 0.6 * len(expected)
    together = compiled.certain([values[:40] for values in given], 40)[0]
    for size in (1, 3):  # to the last bit, whatever else is asked
        for start in range(0, 39, size):
            alone = compiled.certain([values[start : start + size] for values in given], size)[0]
            assert alone == together.part(start, start + size)


def test_a_table_without_a_pipeline_and_columns_in_another_order():
    made = frame(holes=False)
    model = LinearRegression().fit(made[NUMBERS], made["temp"])
    signature = describe(made[NUMBERS], made["temp"], model, "regression")
    _, difference, _ = compile_model(model, signature, made[NUMBERS], 1e-6)
    assert difference < 1e-12
    turned = describe(made[NUMBERS[::-1]], made["temp"], model, "regression")
    with pytest.raises(NotCompiledError, match="other columns"):
        compile_model(model, turned, made[NUMBERS[::-1]], 1e-6)


def test_rows_on_the_very_thresholds_and_beside_them():
    *_, estimator, compiled, _ = served(Pipeline([("b", columns("passthrough")), ("m", forest(2))]), 2)
    trees = [tree.tree_ for tree in estimator._last.estimators_]
    edges = np.concatenate([tree.threshold[tree.feature == 0] for tree in trees])
    beside = (edges, np.nextafter(edges, -9e9), np.nextafter(edges, 9e9), edges.astype(np.float32))
    temps = np.concatenate(beside).astype(float).tolist()
    rows = [temps, *([value] * len(temps) for value in (5.0, 7, False, "UA", "JFK"))]
    answers, left = compiled.certain(rows, len(temps))
    expected = estimator(rows)
    sure = [at for at in range(len(temps)) if at not in left]
    assert len(sure) > 0.9 * len(temps)
    assert np.abs(np.subtract(answers.probabilities, expected.probabilities)).max() < 1e-12
    assert [answers.predictions[at] for at in sure] == [expected.predictions[at] for at in sure]


def test_what_two_classes_share_is_left_to_the_estimator():
    made = pd.DataFrame({"x": [0.0, 1.0] * 50})
    model = RandomForestClassifier(10, random_state=0).fit(made, ["no", "yes"] * 50)
    for tree in model.estimators_[5:]:
        tree.tree_.value[:] = tree.tree_.value[:, :, ::-1]
    signature = describe(made, ["no", "yes"] * 50, model, "classification")
    data, *_ = compile_model(model, signature, made, 1e-6)
    asked = []
    compiled = Compiled(data, signature, lambda given: asked.append(given) or Estimator(model, signature)(given), 1e-6)
    assert compiled([[0.0, 1.0]]).probabilities == [[0.5, 0.5], [0.5, 0.5]]
    assert asked == [[[0.0, 1.0]]]


class Own(StandardScaler):
    def transform(self, table, copy=None):
        return super().transform(table) + 1


REFUSED = {
    "Own is not among the transformers": make_pipeline(Own(), LinearRegression()),
    "PolynomialFeatures is not among": make_pipeline(PolynomialFeatures(), LinearRegression()),
    "SVC is not among the models": make_pipeline(StandardScaler(), SVC()),
    "KMeans is not among": make_pipeline(StandardScaler(), KMeans(2)),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_known_is_not_written(reason):
    made = frame(holes=False)[NUMBERS]
    truth = (made["temp"] > 10).astype(int)
    model = REFUSED[reason].fit(made, truth)
    task = "classification" if hasattr(model, "classes_") else "regression"
    with pytest.raises(NotCompiledError, match=reason):
        compile_model(model, describe(made, truth, model, task), made, 1e-6)


def test_a_graph_that_says_something_else_is_not_taken(monkeypatch):
    class Shifted(LinearRegression):
        def predict(self, table):
            return super().predict(table) + 1e-3

    made = frame(holes=False)[NUMBERS]
    model = Shifted().fit(made, made["temp"])
    monkeypatch.setitem(graph._DRAWN, Shifted, graph._linear)
    signature = describe(made, made["temp"], model, "regression")
    with pytest.raises(NotCompiledError, match="it differs from the estimator by"):
        compile_model(model, signature, made, 1e-6)
    assert compile_model(model, signature, made, 0.01)[1] == pytest.approx(1e-3)


def linear():
    made = frame(holes=False)[NUMBERS]
    model = LinearRegression().fit(made, made["temp"])
    signature = describe(made, made["temp"], model, "regression")
    return compile_model(model, signature, made, 1e-6)[0], signature


@pytest.mark.parametrize("strange", ["another operator", "another domain", "numbers elsewhere", "cut", "no table"])
def test_bytes_that_are_no_graph_of_ours_are_refused(strange):
    data, signature = linear()
    model = onnx.load_model_from_string(data)
    if strange == "another operator":
        model.graph.node.append(helper.make_node("Relu", ["answer"], ["more"]))
    elif strange == "another domain":
        model.graph.node[0].domain = "com.microsoft"
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    elif strange == "numbers elsewhere":
        model.graph.initializer[0].data_location = TensorProto.EXTERNAL
        model.graph.initializer[0].ClearField("raw_data")
        model.graph.initializer[0].external_data.add(key="location", value="passwd")
    elif strange == "no table":
        del model.metadata_props[:]
    with pytest.raises(ArtifactError, match="ONNX graph"):
        Compiled(data[:-9] if strange == "cut" else model.SerializeToString(), signature, lambda _: None, 1e-6)


@pytest.fixture
def registered(project):
    """Version 1 with its graph."""
    model = load_skops(project.dumped("classifier"))
    generator = np.random.default_rng(1)
    held_out = pd.DataFrame({column.name: [column.example] * 20 for column in project.signature.columns})
    held_out["temp"] = generator.normal(12, 10, 20)
    data, difference, rows = compile_model(model, project.signature, held_out, 1e-6)
    kept = Engine(graph=project.store.put_bytes(data, "onnx"), difference=difference, rows=rows)
    version = project.version(1).model_copy(update={"engine": kept})
    project._write("v1.json", version.model_dump_json())
    return project, version


def answers(server):
    """Without the ids; the model itself is poisoned by a null."""
    with pytest.raises(ServingError, match="the model failed"):
        server.client.predict([LATE, POISON])
    told = server.client.predict([LATE, ON_TIME, LATE | {"carrier": "never seen"}])
    return {"versions": server.client.ready()["versions"], "said": (told.predictions, told.probabilities)}


def test_a_graph_answers_few_rows_on_the_event_loop(registered, local):
    project, _ = registered
    endpoint = local(project)
    endpoint.client.predict([LATE])
    assert endpoint.client.ready()["versions"][0]["engine"] == "onnx"
    assert not endpoint.runtime._pool._threads  # none was needed


def test_the_endpoint_says_which_answers_and_why(registered, local):
    project, version = registered
    by_graph = answers(local(project))
    assert by_graph["versions"] == [{"arm": "champion", "version": 1, "weight": 100, "engine": "onnx"}]
    project.settings["engine"] = "estimator"
    by_estimator = answers(local(project))
    assert by_estimator["versions"][0]["reason"] == "endpoint.engine says so"
    assert by_graph["said"][0] == by_estimator["said"][0]
    assert np.allclose(by_graph["said"][1], by_estimator["said"][1], rtol=0, atol=1e-12)
    project.settings["engine"] = "auto"
    other = json.loads(version.model_dump_json())
    other["engine"]["difference"] = 1e-5
    project._write("v1.json", json.dumps(other))
    assert answers(local(project))["versions"][0]["reason"].startswith("the ONNX graph differs by 1e-05")
    project.settings["tolerance"] = 1e-4
    assert answers(local(project))["versions"][0]["engine"] == "onnx"


@pytest.mark.parametrize("damage", ["a bit", "gone", "another model's"])
def test_a_damaged_graph_leaves_it_to_the_estimator(registered, local, damage):
    project, version = registered
    graph = version.engine.graph
    path = project.root / ".mvops/artifacts" / graph.sha256[:2] / graph.sha256[2:]
    data = path.read_bytes()
    if damage == "a bit":
        path.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
    elif damage == "gone":
        path.unlink()
    else:
        model = onnx.load_model_from_string(data)
        for constant in model.graph.initializer:
            constant.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(constant) * 3, constant.name))
        kept = project.store.put_bytes(model.SerializeToString(), "onnx")
        changed = version.model_copy(update={"engine": version.engine.model_copy(update={"graph": kept})})
        project._write("v1.json", changed.model_dump_json())
    told = answers(local(project))["versions"][0]
    assert told["engine"] == "estimator"
    words = {"a bit": "damaged", "gone": graph.sha256, "another model's": "it differs from the estimator"}[damage]
    assert words in told["reason"]


def test_where_onnx_runtime_is_not_installed_the_estimator_answers(registered, local, monkeypatch):
    project, _ = registered
    for name in ("mvops.serving.compiled", "mvops.serving.parity"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert answers(local(project))["versions"][0]["reason"] == MISSING
