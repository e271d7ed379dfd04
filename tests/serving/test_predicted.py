"""What Prometheus is told of the predictions themselves: bounded series, whatever is predicted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from serving_support import CLASSIFICATION, LATE, REGRESSION, wait_for

from mvops.core.version import Artifact
from mvops.serving.answers import Answers
from mvops.serving.predicted import Predicted, PredictedMetrics, baseline_edges


def told(text: str) -> dict[tuple[str, str], float]:
    """Values by name and the label that tells series apart."""
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples if sample.name.startswith("mvops_predicted")]
    return {(s.name, s.labels.get("class", s.labels.get("le", ""))): s.value for s in samples}


def counted(version: Any, *answers: Answers, edges: tuple[float, ...] = (1.0, 2.0)) -> dict[tuple[str, str], float]:
    metrics, found = PredictedMetrics(), Predicted(version, edges)
    metrics.add(version.number, "champion", found)
    for one in answers:
        found.count(one)
    registry = CollectorRegistry()
    registry.register(metrics)
    return told(generate_latest(registry).decode())


def test_a_classifier_tells_its_classes_and_scores(shared):
    endpoint, _ = shared
    before = told(endpoint.client.metrics())
    reply = endpoint.client.predict([LATE, LATE])
    after = told(endpoint.client.metrics())
    name = str(int(reply.predictions[0])) if not isinstance(reply.predictions[0], str) else reply.predictions[0]
    key = ("mvops_predicted_classes_total", name)
    assert after[key] == before.get(key, 0) + 2
    count = ("mvops_predicted_score_count", "")
    assert after[count] == before.get(count, 0) + 2
    assert after["mvops_predicted_score_bucket", "1.0"] == after["mvops_predicted_score_bucket", "+Inf"]
    assert not any(name == "mvops_predicted_value_count" for name, _ in after)


def test_a_regression_tells_its_values_in_bins(regression, local):
    endpoint = local(regression)
    endpoint.client.predict([{"x": 1.0}, {"x": 4.0}, {"x": -1.0}])
    found = told(endpoint.client.metrics())
    assert ("mvops_predicted_value_sum", "") not in found, "it may fall, and Prometheus would call that a restart"
    assert found["mvops_predicted_value_bucket", "-1.0"] == 1
    assert found["mvops_predicted_value_bucket", "10.0"] == found["mvops_predicted_value_bucket", "+Inf"] == 3
    regression.route(2, champion=2)
    assert wait_for(lambda: endpoint.client.ready()["route"]["serial"] == 2)
    assert told(endpoint.client.metrics()) == {}, "series of versions that went are not kept"


def test_load_tests_are_not_told(regression, local):
    endpoint = local(regression)
    endpoint.client.rehearse({"rows": [{"x": 1.0}]})
    assert told(endpoint.client.metrics()) == {}


def test_many_classes_have_few_series(project):
    version = project.version(1).model_copy(
        update={
            "signature": CLASSIFICATION.model_copy(
                update={"classes": tuple(f"c{n}" for n in range(500)), "probabilities": False}
            )
        }
    )
    found = counted(version, Answers([f"c{n}" for n in range(500)], None))
    assert found["mvops_predicted_classes_total", "c0"] == 1
    assert found["mvops_predicted_classes_total", "other"] == 480
    assert len(found) == 21


def test_a_class_may_be_any_text(project):
    hostile = 'x"}\n# EOF\\' + "y" * 500
    signature = CLASSIFICATION.model_copy(update={"classes": (hostile, True, 2.0), "probabilities": False})
    version = project.version(1).model_copy(update={"signature": signature})
    found = counted(version, Answers([hostile, True, 2.0, 2.0], None))
    assert sorted(found.values()) == [1, 1, 2]
    assert {name for _, name in found} == {hostile[:64], "1", "2"}


class Store:
    """An artefact store that holds one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read_bytes(self, _: str) -> bytes:
        return self.text.encode()


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        (json.dumps({"predictions": {"prediction": {"ruler": {"edges": [0.5, 2.0, 7]}}}}), (2.0, 7.0)),
        (json.dumps({"predictions": {"prediction": {"ruler": {"edges": []}}}}), None),
        ("{}", None),
        ("no json", None),
        ("[]", None),
    ],
)
def test_values_have_the_bins_of_the_baseline(regression, text, edges):
    artifact = Artifact(sha256="0" * 64, format="json", size=1)
    version = regression.version(1, "doubler").model_copy(update={"baseline": artifact, "signature": REGRESSION})
    found = baseline_edges(version, Store(text))
    assert found == edges if edges else len(found) > 10


@pytest.mark.parametrize("values", [[0.5], [1.0], [2.0, 1.0, 1.5, -3.0, 2.0000001], [5.0] * 7, [-1.0, 1.0]])
def test_many_rows_are_counted_as_one_by_one(regression, values):
    version = regression.version(1, "doubler")
    together = counted(version, Answers(values, None))
    assert together == counted(version, *(Answers([value], None) for value in values))
    assert together["mvops_predicted_value_bucket", "1.0"] == sum(value <= 1 for value in values)
    assert together["mvops_predicted_value_bucket", "+Inf"] == len(values)
