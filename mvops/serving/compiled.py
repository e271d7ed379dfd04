"""Asks a version's ONNX graph: columns in, plain Python values out, as `Estimator` does, at a hundredth of its time.

What could come out otherwise than the estimator says it, the estimator is asked: rows with a value that the table does
not hold exactly, or that scikit-learn may refuse, and rows whose two best classes lie closer together than tolerated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime

from mvops.core.signature import Signature
from mvops.errors import ArtifactError
from mvops.serving.answers import Answers
from mvops.serving.steady import TOGETHER
from mvops.serving.tables import Array, Table

Ask = Callable[[Sequence[Sequence[Any]]], Answers]
_OPERATORS = {
    "": {"Abs", "Add", "Cast", "Concat", "Div", "Identity", "MatMul", "Sigmoid", "Softmax", "Sub"},
    "ai.onnx.ml": {"TreeEnsemble"},
}
_EPSILON = float(np.finfo(np.float64).eps)
_QUICK = 0.0005  # seconds that the event loop may be kept
_TIMED = 32  # rows
_TOGETHER = {"MatMul", "Sigmoid", "Softmax"}  # operators that take several rows at once; trees take one by one
_LARGEST = 4_000_000  # numbers in a table that we are ready to make


class Compiled:
    """A graph with its table. Any thread may call it. `estimator` answers the rows that are left to it."""

    def __init__(self, data: bytes, signature: Signature, estimator: Ask, tolerance: float) -> None:
        """Raises ArtifactError for bytes that are no graph of mvops' own making."""
        told = _checked(data)
        self._together = told["together"] == "True"
        self._table = Table.model_validate_json(told["table"])
        self._missing = told["missing"] == "True"
        self._bound = float(np.finfo(np.float32 if told["single"] == "True" else np.float64).max)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # requests come side by side already
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self._names = sorted(output.name for output in self._session.get_outputs())  # `answer`, then `size`
        self._classes = list(signature.classes) if signature.task == "classification" else None
        self._estimator = estimator
        self._tolerance = tolerance
        self._few = self._as_quick()
        self._unit = 4 * _EPSILON * (self._table.width + 1) / tolerance

    def __call__(self, columns: Sequence[Sequence[Any]]) -> Answers:
        """Predict. Raises what the model raises for a row that is left to it."""
        rows = len(columns[0]) if columns else 0
        if rows * self._table.width > _LARGEST:
            return self._estimator(columns)
        answers, left = self.certain(columns, rows)
        return self._completed(answers, columns, sorted(left)) if left else answers

    def quickly(self, columns: Sequence[Sequence[Any]], rows: int) -> Answers | None:
        """As when called; None where that is not for an event loop: it takes too long, or the estimator has a part."""
        if rows > self._few:
            return None
        try:
            answers, left = self.certain(columns, rows)
        except Exception:  # noqa: BLE001 -- it is raised again where whoever waits is told
            return None
        return None if left else answers

    def certain(self, columns: Sequence[Sequence[Any]], rows: int) -> tuple[Answers, set[int]]:
        """The graph's answers, and the rows for which the estimator has to be asked instead."""
        with np.errstate(all="ignore"):
            table, left = self._table.make(columns, rows)
            largest = np.abs(table).max()
            if not largest <= self._bound:  # NaN is not
                left |= self._unfit(table)
            found, *size = self._run(table)
            if size:
                scale = 1.0 if self._classes is not None else np.maximum(np.abs(found[:, 0]), 1.0)
                self._add(left, ~(size[0][:, 0] * self._unit <= scale))
        if self._classes is None:
            return Answers(found[:, 0].tolist(), None), left
        if found.shape[1] == 2:
            best, close = (found[:, 1] > found[:, 0]).tolist(), np.abs(found[:, 1] - found[:, 0])
        else:
            best, ordered = found.argmax(axis=1).tolist(), np.sort(found, axis=1)
            close = ordered[:, -1] - ordered[:, -2]
        self._add(left, close <= 2 * self._tolerance)
        return Answers([self._classes[place] for place in best], found.tolist()), left

    def _run(self, table: Array) -> list[Array]:
        """What the graph says of each row, which is the same whatever other rows are asked with it."""
        lacking = -len(table) % TOGETHER if self._together else 0
        if not lacking:
            found: list[Array] = self._session.run(self._names, {"table": table})
            return found
        filled = np.concatenate([table, np.repeat(table[-1:], lacking, axis=0)])
        return [part[: len(table)] for part in self._session.run(self._names, {"table": filled})]

    def _as_quick(self) -> int:
        """How many rows the graph answers while nothing else would notice."""
        rows = np.zeros((_TIMED, self._table.width + 1))
        times = []
        for _ in range(3):
            started = time.perf_counter()
            self._session.run(self._names, {"table": rows})
            times.append(time.perf_counter() - started)
        return min(_TIMED, int(_QUICK / max(min(times) / _TIMED, 1e-9)))

    def _unfit(self, table: Array) -> set[int]:
        """Rows with NaN, if the model is not known to take it, and with numbers that are too large for it."""
        fit = np.abs(table) <= self._bound
        if self._missing:
            fit |= np.isnan(table)
            table[~fit] = 0.0
        return set(np.flatnonzero(~fit.all(axis=1)).tolist())

    @staticmethod
    def _add(left: set[int], which: Array) -> None:
        if which.any():
            left.update(np.flatnonzero(which).tolist())

    def _completed(self, answers: Answers, columns: Sequence[Sequence[Any]], left: list[int]) -> Answers:
        asked = self._estimator([[values[row] for row in left] for values in columns])
        for at, row in enumerate(left):
            answers.predictions[row] = asked.predictions[at]
            if answers.probabilities is not None and asked.probabilities is not None:
                answers.probabilities[row] = asked.probabilities[at]
        bad = frozenset(left[at] for at in asked.bad)
        return Answers(answers.predictions, answers.probabilities, bad)


def _checked(data: bytes) -> dict[str, str]:
    """What the graph says of itself. Raises ArtifactError: nothing but plain operators and numbers of its own."""
    try:
        model = onnx.load_model_from_string(data)
        onnx.checker.check_model(model)
    except Exception as error:
        raise ArtifactError(f"the version's ONNX graph cannot be read: {error}") from error
    strange = [node.op_type for node in model.graph.node if node.op_type not in _OPERATORS.get(node.domain, ())]
    if strange or model.functions:
        raise ArtifactError(f"the version's ONNX graph has operators that mvops does not write: {', '.join(strange)}")
    inside = [attribute.t for node in model.graph.node for attribute in node.attribute]
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in (*model.graph.initializer, *inside)):
        raise ArtifactError("the version's ONNX graph keeps numbers in another file")
    told = {entry.key: entry.value for entry in model.metadata_props}
    if not {"table", "single", "missing"} <= told.keys():
        raise ArtifactError("the version's ONNX graph does not say how its input is made")
    return told | {"together": str(any(node.op_type in _TOGETHER for node in model.graph.node))}
