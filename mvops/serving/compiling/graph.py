"""A model's last step as an ONNX graph: a table of doubles in, probabilities or values out, in doubles.

Input `table`: (rows, columns), with one column more than the model has features. Output `answer`: (rows, classes), or
(rows, 1) for a regression. A linear model has a second, `size`: the sum of what it adds up, without signs, from which
follows how far rounding can have moved the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from sklearn import ensemble, linear_model, tree

from mvops.core.signature import Signature
from mvops.serving.compiling.columns import NotCompiledError
from mvops.serving.compiling.trees import MOST_NODES, Array, Ensemble, Tree, histogram_tree, plain_trees

_OPSETS = {"": 18, "ai.onnx.ml": 5}
_IR = 10  # of ONNX 1.16; what reads it is older than what knows TreeEnsemble


@dataclass
class Graph:
    """A graph as it grows: each method adds a node and gives the name of what comes out."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    outputs: dict[str, int] = field(default_factory=dict)  # name -> width
    single: bool = False  # the table is cast to float32
    missing: bool = False  # NaN may stand in the table

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], domain=domain, **attributes))
        return name

    def constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=np.float64), name))
        return name

    def output(self, name: str, value: str, width: int) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs[name] = width

    def trees(self, trees: Iterator[Tree], targets: int) -> str:
        """The sum over all trees, for each target."""
        kept: list[Tree] = []
        nodes = 0
        for one in trees:
            nodes += len(one.feature)
            if nodes > MOST_NODES:
                raise NotCompiledError(f"its trees have more than {MOST_NODES:,} nodes")
            kept.append(one)
        table = "table"
        if self.single:
            single = self.add("Cast", table, to=TensorProto.FLOAT)
            table = self.add("Cast", single, to=TensorProto.DOUBLE)
        tensors = {"nodes_splits", "nodes_modes", "leaf_weights"}
        attributes = {
            name: numpy_helper.from_array(value, name)
            if name in tensors
            else value.tolist()
            if isinstance(value, np.ndarray)
            else value
            for name, value in Ensemble.of(iter(kept), targets).attributes.items()
        }
        return self.add(
            "TreeEnsemble", table, domain="ai.onnx.ml", aggregate_function=1, post_transform=0, **attributes
        )

    def weighted(self, coefficients: Array, intercept: Array) -> str:
        """`table @ coefficients.T + intercept`, with its size."""
        matrix = np.vstack([coefficients.T, np.zeros((1, len(coefficients)))])
        product = self.add("MatMul", "table", self.constant(matrix))
        sizes = self.add("MatMul", self.add("Abs", "table"), self.constant(np.abs(matrix).max(axis=1, keepdims=True)))
        self.output("size", self.add("Add", sizes, self.constant(np.abs(intercept).max())), 1)
        return self.add("Add", product, self.constant(intercept.reshape(1, -1)))

    def probabilities(self, raw: str, width: int) -> None:
        """Of one raw number for two classes, or of one for each class."""
        if width == 1:
            second = self.add("Sigmoid", raw)
            self._both(second)
        else:
            self.output("answer", self.add("Softmax", raw, axis=1), width)

    def _both(self, second: str) -> None:
        first = self.add("Sub", self.constant([[1.0]]), second)
        self.output("answer", self.add("Concat", first, second, axis=1), 2)

    def shares(self, total: str, trees: int, classes: int) -> None:
        """Of what all trees say together, for each class or for the second of two."""
        mean = self.add("Div", total, self.constant(float(trees)))
        if classes == 2:
            self._both(mean)
        else:
            self.output("answer", mean, classes)


def draw(model: Any, signature: Signature) -> Graph:
    """The graph of a fitted last step. Raises NotCompiledError."""
    drawn = _DRAWN.get(type(model))
    if drawn is None:
        raise NotCompiledError(f"{type(model).__name__} is not among the models that are written as ONNX")
    classes = signature.classes
    if signature.task == "classification" and (
        not signature.probabilities or len(classes) < 2 or list(model.classes_) != list(classes)
    ):
        raise NotCompiledError("only a classifier that gives probabilities of two classes or more is written as ONNX")
    graph = Graph()
    drawn(model, graph)
    return graph


def serialised(graph: Graph, width: int, table: str) -> bytes:
    """The graph's bytes; `table`, how its input is made, goes with it."""
    double = TensorProto.DOUBLE
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "model",
            [helper.make_tensor_value_info("table", double, [None, width + 1])],
            [helper.make_tensor_value_info(name, double, [None, wide]) for name, wide in graph.outputs.items()],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid(domain, number) for domain, number in _OPSETS.items()],
        ir_version=_IR,
        producer_name="mvops",
    )
    told = {"table": table, "single": str(graph.single), "missing": str(graph.missing)}
    helper.set_model_props(made, told)
    return bytes(made.SerializeToString(deterministic=True))


def _forest(model: Any, graph: Graph) -> None:
    if model.n_outputs_ != 1:
        raise NotCompiledError("a forest with several outputs is not written as ONNX")
    graph.single = True
    estimators = [model] if isinstance(model, tree.BaseDecisionTree) else model.estimators_
    classes = int(getattr(model, "n_classes_", 0))
    outputs = [0] if not classes else [1] if classes == 2 else range(classes)
    found = (one for each in estimators for one in plain_trees(each.tree_, outputs))
    total = graph.trees(found, len(outputs))
    if classes:
        graph.shares(total, len(estimators), classes)
    else:
        graph.output("answer", graph.add("Div", total, graph.constant(float(len(estimators)))), 1)


def _boosted(model: Any, graph: Graph) -> None:
    graph.single = True
    if model.init_ != "zero" and type(model.init_).__module__ != "sklearn.dummy":
        raise NotCompiledError("a gradient boosting that begins with another model is not written as ONNX")
    if getattr(model, "loss", None) == "exponential":
        raise NotCompiledError("a gradient boosting with the exponential loss is not written as ONNX")
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))  # noqa: SLF001
    width = start.shape[1]
    found = (
        one._replace(target=target)
        for stage in model.estimators_
        for target, each in enumerate(stage)
        for one in plain_trees(each.tree_, [0], model.learning_rate)
    )
    _raw(model, graph, graph.add("Add", graph.trees(found, width), graph.constant(start)), width)


def _histogram(model: Any, graph: Graph) -> None:
    graph.missing = True
    stages = model._predictors  # noqa: SLF001
    if getattr(model, "is_categorical_", None) is not None or any(
        each.nodes["is_categorical"].any() for stage in stages for each in stage
    ):
        raise NotCompiledError("splits by category are not written as ONNX")
    if not hasattr(model, "classes_") and model.loss not in {"squared_error", "absolute_error", "quantile"}:
        raise NotCompiledError(f"a gradient boosting with the loss {model.loss} is not written as ONNX")
    start = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(1, -1)  # noqa: SLF001
    found = (histogram_tree(each.nodes, target) for stage in stages for target, each in enumerate(stage))
    _raw(model, graph, graph.add("Add", graph.trees(found, start.shape[1]), graph.constant(start)), start.shape[1])


def _raw(model: Any, graph: Graph, raw: str, width: int) -> None:
    if hasattr(model, "classes_"):
        graph.probabilities(raw, width)
    else:
        graph.output("answer", raw, 1)


def _logistic(model: Any, graph: Graph) -> None:
    raw = graph.weighted(model.coef_, model.intercept_)
    graph.probabilities(raw, len(model.coef_))


def _linear(model: Any, graph: Graph) -> None:
    coefficients = np.atleast_2d(model.coef_)
    if len(coefficients) != 1:
        raise NotCompiledError("a linear model with several outputs is not written as ONNX")
    graph.output("answer", graph.weighted(coefficients, np.atleast_1d(np.float64(model.intercept_))), 1)


_DRAWN: dict[type, Callable[[Any, Graph], None]] = {
    ensemble.RandomForestClassifier: _forest,
    ensemble.ExtraTreesClassifier: _forest,
    ensemble.RandomForestRegressor: _forest,
    ensemble.ExtraTreesRegressor: _forest,
    tree.DecisionTreeClassifier: _forest,
    tree.DecisionTreeRegressor: _forest,
    ensemble.GradientBoostingClassifier: _boosted,
    ensemble.GradientBoostingRegressor: _boosted,
    ensemble.HistGradientBoostingClassifier: _histogram,
    ensemble.HistGradientBoostingRegressor: _histogram,
    linear_model.LogisticRegression: _logistic,
    linear_model.LinearRegression: _linear,
    linear_model.Ridge: _linear,
    linear_model.Lasso: _linear,
    linear_model.ElasticNet: _linear,
}
