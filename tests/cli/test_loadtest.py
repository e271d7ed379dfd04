"""`mvops loadtest`: measured on the running endpoint, kept as evidence, and no traffic that the monitor would judge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from toy_project import free_port, mvops, port_of, spawn

from mvops.core.rollout import RolloutState
from mvops.registry import rollouts
from mvops.serving.client import EndpointClient
from mvops.usecases.project import open_project

pytestmark = pytest.mark.xdist_group("cli-toy")


@pytest.fixture
def served(project: Path) -> Iterator[Path]:
    """Elsewhere than the YAML says."""
    port = free_port()
    process = spawn(project, "serve", "toy", "--port", port)
    try:
        EndpointClient(f"http://127.0.0.1:{port}").ready(timeout=60)
        yield project
    finally:
        process.terminate()
        process.communicate(timeout=60)


def endpoint(project: Path) -> dict[str, str]:
    found: dict[str, str] = mvops(project, "status", "--json").ok().json()["models"][0]["endpoint"]
    return found


@pytest.mark.slow
def test_a_load_test_is_measured_kept_and_not_monitored(served: Path) -> None:
    assert endpoint(served)["status"] == "up"
    assert endpoint(served)["url"] != f"http://127.0.0.1:{port_of(served)}"
    (version,) = EndpointClient(endpoint(served)["url"]).ready()["versions"]
    assert version["engine"] == "onnx"
    assert "answers by   ONNX, no further than" in mvops(served, "versions", "show", "toy", 1).ok().out
    before = mvops(served, "history", "--json").json()["events"]
    found = mvops(served, "loadtest", "toy", "--seconds", 1, "--clients", 3, "--json").ok().json()
    assert found["requests"] == found["rows"] > 3
    assert (found["errors"], found["broken"], found["clients"]) == ({}, [], 3)
    assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"] <= found["longest_ms"]
    assert found["per_second"] == pytest.approx(found["requests"] / found["seconds"], rel=0.01)
    event = mvops(served, "history", "--json").json()["events"][-1]
    assert len(before) + 1 == len(mvops(served, "history", "--json").json()["events"])
    assert (event["kind"], event["subject"]) == ("loadtest", "toy")

    bounds = ("--max-p99", "0.001", "--max-errors", "0")
    refused = mvops(served, "loadtest", "toy", "--seconds", 0.5, *bounds)
    refused.refused("p99 is ", "allowed are 0.001 ms", code=4)
    assert "toy on http://127.0.0.1:" in refused.out
    assert "allowed are 0.001 ms" in mvops(served, "history").ok().out
    kept = mvops(served, "loadtest", "toy", "--seconds", 0.5, "--max-p99", 60_000, "--max-errors", 0).ok()
    assert "errors   0.00%" in kept.out

    loadtest = served / "deploy/serving/toy/loadtest.py"
    bad = loadtest.read_text().replace("return [example]", 'return [example, {"rows": [{"age": "old"}]}]')
    loadtest.write_text(bad)
    broken = mvops(served, "loadtest", "toy", "--seconds", 0.5, "--max-errors", 0.1, "--json").ok(4)
    assert json.loads(broken.out)["errors"]["422"] > 0
    assert "% of the requests failed, allowed are 10.00%" in broken.err

    mvops(served, "predictions", "export", "toy", "--output", served / "log.jsonl").ok()
    logged = [json.loads(line) for line in (served / "log.jsonl").read_text().splitlines()]
    assert len(logged) > found["requests"]
    assert {entry["arm"] for entry in logged} == {"load_test"}
    assert (
        "- predictions are logged: not seen yet (toy). To see it: mvops serve toy" in mvops(served, "maturity").ok().out
    )
    assert "0 new predictions" in mvops(served, "monitor", "toy").ok().out
    real = EndpointClient(endpoint(served)["url"])
    assert [arm.requests for arm in real.rollout().arms] == [0]


def test_what_cannot_be_tested_is_said(project: Path) -> None:
    mvops(project, "loadtest", "toy", "--port", free_port()).refused("did not answer", "mvops serve toy")
    (project / ".mvops/serving/toy/address").write_text("http://127.0.0.1:9")  # of a process that was killed
    assert endpoint(project) == {"status": "down", "url": f"http://127.0.0.1:{port_of(project)}"}
    assert "257 is not in the range" in mvops(project, "loadtest", "toy", "--clients", 257).ok(1).err
    mvops(project, "loadtest", "tyo").refused("no model 'tyo'")
    now = datetime.now(UTC)
    running = RolloutState(
        id=0,
        model="toy",
        champion=1,
        challenger=1,
        shares=(5, 100),
        step=0,
        status="running",
        reason="test",
        started=now,
        step_started=now,
    )
    with open_project(project) as workspace:
        rollouts.start(workspace.registry, running)
    mvops(project, "loadtest", "toy").refused("a rollout of toy is running", "mvops rollout status toy --follow")
