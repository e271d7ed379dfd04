"""One project from a small team's first month to a large team's third, by one line of its YAML at a time."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from toy_project import edit, finish, mvops, port_of, spawn

from mvops.serving.client import EndpointClient

pytestmark = [pytest.mark.system, pytest.mark.long(minutes=1), pytest.mark.xdist_group("cli-toy")]
PATH = ["small/day_30", "small/day_60", "small/day_90", "medium/day_90", "large/day_90"]
ROW = {"age": 40.0, "income": 20000.0, "region": "a"}


def predict(project: Path) -> list[str]:
    """Serve, predict twice, end; the ids."""
    process = spawn(project, "serve", "toy")
    client = EndpointClient(f"http://127.0.0.1:{port_of(project)}", timeout=30)
    try:
        client.ready(timeout=120)
        return [*client.predict([ROW]).prediction_ids, *client.predict([ROW]).prediction_ids]
    finally:
        process.send_signal(signal.SIGTERM)
        finish(process, 60)


def kept(project: Path) -> tuple[list[int], set[str], set[str]]:
    """Versions, predictions, and what the project has been seen to do."""
    versions = mvops(project, "versions", "list", "toy", "--json").ok().json()["versions"]
    mvops(project, "predictions", "export", "toy", "--output", project / "log.jsonl").ok()
    logged = (project / "log.jsonl").read_text().splitlines()
    seen = mvops(project, "maturity", "--json").ok().json()["capabilities"]
    return (
        [version["number"] for version in versions],
        set(logged),
        {evidence["what"] for capability in seen for evidence in capability["evidence"] if evidence["seen"]},
    )


def test_a_project_grows_by_one_line_at_a_time(quick: Path) -> None:
    """What `maturity --next` shows is what the plan then is; nothing that was there is lost on the way."""
    pytest.importorskip("mlflow", reason="needs mlflow")
    text = quick / "configs/project.yaml"
    edit(text, "preset: small/day_90", f"preset: {PATH[0]}")
    mvops(quick, "apply", "--yes").ok()
    ids = predict(quick)
    versions, logged, seen = kept(quick)
    assert len(ids) == len(logged) == 2
    assert versions == [1]
    assert "predictions are logged" in seen
    for here, there in zip(PATH, [*PATH[1:], None], strict=True):
        found = mvops(quick, "maturity", "--json").ok().json()
        assert (found["cell"], found["next"]) == (here, there)
        if there is None:
            break
        proposed = mvops(quick, "maturity", "--next", "--json").ok().json()
        edit(text, f"preset: {here}", f"preset: {there}")
        planned = mvops(quick, "plan", "--detailed-exitcode", "--json")
        assert planned.code in {0, 2}, planned
        assert planned.json()["actions"] == proposed["actions"]
        assert not [action for action in planned.json()["actions"] if action["verb"] == "delete"]
        mvops(quick, "apply", "--yes").ok()
        mvops(quick, "plan", "--detailed-exitcode").ok(0)
        now = kept(quick)
        assert (now[0], now[1]) == (versions, logged)
        assert seen <= now[2]
    assert "the tracker was told of the champion" in kept(quick)[2]
    ids += predict(quick)
    assert len(kept(quick)[1]) == len(set(ids)) == 4
