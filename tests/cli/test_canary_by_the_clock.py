"""A canary is looked at by what the clock starts, and not only by who types `mvops rollout status`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_project import edit, mvops, port_of, spawn

from mvops.serving.client import EndpointClient

pytestmark = pytest.mark.xdist_group("cli-toy")
ROW = {"age": 40.0, "income": 20000.0, "region": "a"}


@pytest.fixture
def served(project: Path) -> Iterator[EndpointClient]:
    process = spawn(project, "serve", "toy")
    client = EndpointClient(f"http://127.0.0.1:{port_of(project)}", timeout=30)
    try:
        client.ready(timeout=60)
        yield client
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_the_monitor_moves_a_canary_on(project: Path, served: EndpointClient) -> None:
    mvops(project, "retrain", "toy", "--force", "--no-wait").ok()
    found = mvops(project, "monitor", "toy", "--json").ok().json()["models"][0]["rollout"]
    assert (found["decision"], found["state"]["step"]) == ("hold", 0)
    answering: list[int] = []
    while answering.count(2) < 2:  # of 20 rows each, which is what a step asks for
        answering.append(served.predict([ROW] * 20).model_version)
        assert len(answering) < 1000
    goes_on = "  canary of version 2 (25 %) goes on: Version 2 goes from 5 % to 25 % of the traffic"
    assert goes_on in mvops(project, "monitor", "toy").ok().out
    assert "version 2 has 25 % of the traffic" in mvops(project, "status").ok().out
    mvops(project, "rollback", "toy").ok()
    assert "canary" not in mvops(project, "monitor", "toy").ok().out


@pytest.mark.usefixtures("served")
def test_what_an_endpoint_read_when_it_started_is_told_to_need_a_new_start(project: Path) -> None:
    goes_on = "one that runs goes on with its former max_rows: once this is applied, stop it; then `mvops serve toy`"
    assert goes_on in mvops(project, "apply", "--yes", "models.toy.endpoint.max_rows=50").ok().out
    assert "goes on with" not in mvops(project, "plan", "models.toy.endpoint.max_rows=50").ok().out
    assert "runs with its former max_rows: stop it, then mvops serve toy" in mvops(project, "status").ok().out
    assert mvops(project, "status", "--json").ok().json()["models"][0]["endpoint"]["former"] == ["max_rows"]
    mvops(project, "apply", "--yes").ok()
    assert "former" not in mvops(project, "status").ok().out, "as it was when it started"


@pytest.mark.system
@pytest.mark.usefixtures("served")
def test_a_retraining_by_the_clock_waits_for_requests_as_long_as_a_step_is_held(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(project / "configs/models/toy.yaml", "hold: 1s", "hold: 33s")
    monkeypatch.setenv("MVOPS_BY_CLOCK", "1")
    assert "No request came for 33 s." in mvops(project, "retrain", "toy", "--force").ok().out
