"""A version in the shadow: asked what was answered, and nobody waits for it or notices what becomes of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from serving_support import MODEL, REGRESSION, Local, Project, send, wait_for

from mvops.core.prediction import SHADOW, shadow_id
from mvops.core.route import Arm, Route
from mvops.serving.answers import Answers
from mvops.serving.shadow_counts import ShadowTally


def beside(project: Project, serial: int, champion: int, shadow: int, share: int = 100) -> None:
    route = Route(
        model=MODEL,
        serial=serial,
        arms=(Arm(arm="champion", version=champion, weight=100),),
        shadow=Arm(arm="shadow", version=shadow, weight=share),
    )
    project._write("route.json", route.text().decode())


def counted(endpoint, requests: int):
    """What the shadow did, once so many requests were asked or dropped."""

    def done():
        found = endpoint.client.rollout().shadow
        return found if found and found.requests + found.dropped >= requests else None

    return wait_for(done, timeout=60)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, dumped):
    """Version 1 answers, version 2 (half as much again) is loaded in the shadow."""
    project = Project(tmp_path_factory.mktemp("shadow"), dumped, REGRESSION)
    project.version(1, "doubler")
    project.version(2, "tripler")
    project.route(1, champion=1)
    endpoint = Local(project)
    beside(project, 2, champion=1, shadow=2)
    assert wait_for(lambda: endpoint.runtime.shadow._loaded, timeout=120)
    yield endpoint, project
    endpoint.stop()


@pytest.fixture
def shadowed(loaded):
    """Counted from nought."""
    endpoint, project = loaded
    again(endpoint, project)
    return endpoint, project


def again(endpoint, project, share: int = 100) -> None:
    serial = endpoint.client.rollout().serial + 1
    beside(project, serial, champion=1, shadow=2, share=share)
    assert wait_for(lambda: endpoint.client.rollout().serial == serial)


def shadows() -> list[psutil.Process]:
    """The process that holds the shadow's model, and the one that answers."""
    (holder,) = [
        each for each in psutil.Process().children() if "mvops.serving.model_keeper" in " ".join(each.cmdline())
    ]
    return [holder, *holder.children()]


def test_what_was_answered_is_asked_logged_and_compared(shadowed):
    endpoint, project = shadowed
    replies = [endpoint.client.predict([{"x": 2.0}, {"x": 4.0}]) for _ in range(20)]
    assert {reply.model_version for reply in replies} == {1}
    found = counted(endpoint, 20)
    assert (found.version, found.requests, found.errors, found.dropped, found.rows) == (2, 20, 0, 0, 40)
    assert found.disagreement is None
    assert found.mean_difference == pytest.approx(3.0)
    assert found.difference_p99 == pytest.approx(4.0, rel=0.05)
    assert found.difference_p50 == pytest.approx(2.0, rel=0.05)
    assert found.latency_p99_ms > 0
    assert [arm.version for arm in endpoint.client.rollout().arms] == [1]
    with project.log() as log:
        assert wait_for(lambda: log.count(MODEL) == 80)
        by_arm = Counter((p.arm, p.version) for _, p in log.read(MODEL, 0, 1000))
        assert by_arm == {("champion", 1): 40, (SHADOW, 2): 40}
        given, outcome = log.find(replies[0].prediction_ids[1])
        ours, _ = log.find(shadow_id(given.id))
        assert (given.prediction, ours.prediction) == (pytest.approx(8), pytest.approx(12))
        assert (ours.inputs, ours.time) == (given.inputs, given.time)
        assert outcome is None
    metrics = send(endpoint.port, "GET", "/metrics")[1].decode()
    assert 'mvops_shadow_predictions_total{version="2"} 40.0' in metrics
    assert 'arm="shadow"' not in metrics, "no sum over arms counts it"
    assert 'mvops_predictions_total{arm="champion",version="1"} 40.0' in metrics
    ready = endpoint.client.ready()
    assert ready["shadow"] == {"version": 2, "trouble": None}
    assert [arm["version"] for arm in ready["versions"]] == [1]


def test_only_its_share_is_asked_and_a_load_test_never(shadowed):
    endpoint, project = shadowed
    again(endpoint, project, share=20)
    for _ in range(200):
        endpoint.client.predict([{"x": 1.0}])
    endpoint.client.rehearse({"rows": [{"x": 1.0}]})
    found = counted(endpoint, 10)
    assert 10 <= found.requests + found.dropped <= 80  # 20 % of 200, give or take five standard deviations


def test_a_process_that_dies_is_counted_and_begun_again(shadowed):
    endpoint, _ = shadowed
    processes = shadows()
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, 5)
    for _ in range(30):
        assert endpoint.client.predict([{"x": 1.0}]).predictions == (pytest.approx(2),)
    found = counted(endpoint, 30)
    assert found.errors + found.dropped <= 30
    assert wait_for(lambda: endpoint.runtime.shadow._loaded, timeout=120)
    again(*shadowed)
    endpoint.client.predict([{"x": 1.0}])
    assert counted(endpoint, 1).rows == 1


def test_one_that_hangs_costs_callers_nothing_and_what_waits_too_long_is_dropped(shadowed):
    endpoint, _ = shadowed
    _, process = shadows()
    took = []
    process.suspend()
    try:
        for _ in range(300):
            began = time.perf_counter()
            assert endpoint.client.predict([{"x": 1.0}]).predictions == (pytest.approx(2),)
            took.append(time.perf_counter() - began)
        found = endpoint.client.rollout().shadow
        assert found.requests <= 1
        assert found.dropped >= 300 - 130
    finally:
        process.resume()
    assert sorted(took)[150] < 0.1
    assert max(took) < 2


def test_a_route_without_a_shadow_ends_it(shadowed):
    endpoint, project = shadowed
    processes = shadows()
    project.route(endpoint.client.rollout().serial + 1, champion=2)
    assert wait_for(lambda: endpoint.client.predict([{"x": 2.0}]).predictions[0] == pytest.approx(6))
    assert endpoint.client.rollout().shadow is None
    assert "shadow" not in endpoint.client.ready()
    assert not psutil.wait_procs(processes, 5)[1]


def test_a_damaged_version_is_never_asked_and_told(regression, local):
    endpoint = local(regression)
    artifact = json.loads((regression.state / "v2.json").read_text())["artifact"]["sha256"]
    path = Path(regression.root / ".mvops/artifacts" / artifact[:2] / artifact[2:])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    beside(regression, 2, champion=1, shadow=2)
    trouble = wait_for(lambda: (endpoint.client.ready().get("shadow") or {}).get("trouble"), timeout=120)
    assert trouble == "The endpoint cannot load it: see its log."
    assert endpoint.client.predict([{"x": 1.0}]).predictions == (pytest.approx(2),)
    found = counted(endpoint, 1)
    assert (found.requests, found.dropped, found.trouble) == (0, 1, trouble)


def test_classes_and_probabilities_are_compared():
    tally = ShadowTally(2)
    given = Answers([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    ours = Answers([0, 1, 0], [[0.7, 0.3], [0.2, 0.8], [0.7, 0.3]])
    tally.answered(ours, given, 5.0, classes=(0, 1))
    other = ShadowTally(2)
    other.add(json.loads(json.dumps(tally.export())))
    tally.add(other.export())
    found = tally.counts()
    assert (found.rows, found.requests) == (6, 2)
    assert found.disagreement == pytest.approx(1 / 3)
    assert found.mean_difference == pytest.approx((0.2 + 0 + 0.3) / 3)
    assert found.difference_p99 == pytest.approx(0.3, rel=0.05)
    assert found.latency_p99_ms == pytest.approx(5, rel=0.02)
