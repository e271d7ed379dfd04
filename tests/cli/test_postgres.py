"""The registry and the prediction log on PostgreSQL, by URL."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import Server, postgresql
from toy_project import cached, edit, finish, mvops, port_of, rows, spawn, until

from mvops.serving.client import EndpointClient

pytestmark = [
    pytest.mark.xdist_group("cli-journey"),
    pytest.mark.real("registry", "postgresql", "a project through the command line and its endpoint"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgresql() as running:
        yield running


@pytest.fixture(scope="module")
def database(server: Server) -> str:
    """The URL of an empty database."""
    return server.new()


def test_apply_plan_and_status_on_postgresql(
    applied: Path, server: Server, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = cached(applied, tmp_path / "toy")
    edit(root / "configs/project.yaml", "sqlite:///.mvops/registry.db", f'"{database}"')
    edit(root / "configs/project.yaml", "sqlite:///.mvops/predictions.db", f'"{database}"')
    (root / ".mvops/artifacts").rename(tmp_path / "store")
    edit(root / "configs/project.yaml", "artifacts: .mvops/artifacts", f"artifacts: {tmp_path}/store")
    mvops(root, "plan", "--detailed-exitcode").ok(2)
    monkeypatch.setenv("PGPASSWORD", "elephant")
    said = mvops(root, "apply", "--yes").ok().out
    cron = "cron does not have your environment: set PGPASSWORD above these lines of the crontab (crontab -e, then "
    assert f"{cron}PGPASSWORD=...); PostgreSQL's password may be in ~/.pgpass instead" in said
    assert "elephant" not in said
    monkeypatch.delenv("PGPASSWORD")
    mvops(root, "plan", "--detailed-exitcode").ok(0)
    found = mvops(root, "status", "--json").ok().json()["models"][0]
    assert (found["champion"], found["predictions"]) == (1, 0)
    assert not (root / ".mvops/registry.db").exists()
    cloned(root, tmp_path / "clone")
    merged_elsewhere(root, tmp_path / "colleague")
    answered(root, server)
    mvops(root, "retrain", "toy", "--force", "--no-wait").ok()
    assert "canary of version 2" in mvops(root, "rollout", "status", "toy").ok().out
    mvops(root, "rollout", "abort", "toy").ok()
    assert "version 1 is champion" in mvops(root, "history", "toy").ok().out


def cloned(root: Path, clone: Path) -> None:
    """A checkout without `.mvops` sees the team's versions; what it lacks is the route of its own endpoint."""
    shutil.copytree(root, clone, ignore=shutil.ignore_patterns(".mvops"))
    shown = mvops(clone, "plan").ok().out
    assert "! endpoint.toy  repair: changed outside mvops: route is absent, should be present" in shown
    assert "Plan: 1 to repair, 5 unchanged." in shown
    assert mvops(clone, "status", "--json").json()["models"][0]["champion"] == 1
    mvops(clone, "apply", "--yes").ok()
    mvops(clone, "plan", "--detailed-exitcode").ok(0)
    mvops(root, "plan", "--detailed-exitcode").ok(0)


def merged_elsewhere(root: Path, colleague: Path) -> None:
    """An edit in another checkout is merged with what this one generated: the base is in the database."""
    shutil.copytree(root, colleague)
    dockerfile = colleague / "deploy/serving/toy/Dockerfile"
    edit(dockerfile, "RUN pip", "RUN true\nRUN pip")
    was, port = dockerfile.read_text(), port_of(root)
    edit(colleague / "configs/project.yaml", f"port: {port}", f"port: {port + 1}")
    assert "Dockerfile is merged, +3 -3: your edits of line" in mvops(colleague, "plan").ok().out
    mvops(colleague, "apply", "--yes").ok()
    assert dockerfile.read_text() == was.replace(str(port), str(port + 1))
    mvops(colleague, "plan", "--detailed-exitcode").ok(0)
    mvops(root, "apply", "--yes").ok()  # back to the port of this checkout


def answered(root: Path, server: Server) -> None:
    """Predictions and outcomes go through the endpoint into the same database, and are monitored from there.

    It starts while the database is down, as its `app.py` does, and what it has answered arrives once that is back.
    """
    assert "mvops[serve,postgres]==" in (root / "deploy/serving/toy/requirements.txt").read_text()
    client = EndpointClient(f"http://127.0.0.1:{port_of(root)}")
    frame = rows(range(100, 104))
    given = frame.drop(columns=["day", "y"]).to_dict("records")
    with server.down():
        mvops(root, "serve", "toys").refused("cannot be reached")
        process = spawn(root, "serve", "toy")
        client.ready(timeout=60)
        ids = client.predict(given, time="2024-03-01T10:00:00Z").prediction_ids
        client.outcomes(list(zip(ids, frame["y"].tolist(), strict=True)))
    try:

        def logged() -> bool:
            found = mvops(root, "status", "--json").ok().json()["models"][0]
            return (found["predictions"], found["outcomes"]) == (400, 400)

        until(logged)
    finally:
        process.send_signal(signal.SIGINT)
        started = finish(process, 60).ok()
    assert "note: the registry cannot be asked: " in started.err
    assert "; what was applied last is served" in started.err
    assert "Serving toy on " in started.out
    said = mvops(root, "monitor", "toy", "--until", "2024-03-02").ok().out
    assert "400 new predictions, 400 new outcomes" in said
    assert ids[0] in mvops(root, "explain", ids[0]).ok().out


def test_a_database_that_is_not_there_is_one_message(
    applied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = cached(applied, tmp_path / "toy")
    url = "postgresql+psycopg://nobody@127.0.0.1:9/none"
    monkeypatch.setenv("PGPASSWORD", "hush-hush")
    edit(root / "configs/project.yaml", "sqlite:///.mvops/registry.db", url)
    refused = mvops(root, "plan").refused("127.0.0.1")
    assert "hush" not in refused.err


def test_p30_p36_a_rename_and_a_way_back_are_planned_on_a_copy_of_the_database(
    applied: Path, server: Server, tmp_path: Path
) -> None:
    root = cached(applied, tmp_path / "toy")
    edit(root / "configs/project.yaml", "sqlite:///.mvops/registry.db", f'"{server.new()}"')
    mvops(root, "apply", "--yes").ok()
    edit(root / "configs/models/toy.yaml", "every: 1d", "every: 6h")
    mvops(root, "apply", "--yes").ok()
    mvops(root, "rollback", "--project", "--yes").ok()
    assert "every: 1d" in (root / "configs/models/toy.yaml").read_text()
    mvops(root, "plan", "--detailed-exitcode").ok(0)
    (root / "configs/models/toy.yaml").rename(root / "configs/models/plaything.yaml")
    with (root / "configs/project.yaml").open("a") as file:
        file.write("\nmoved: [{from: model.toy, to: model.plaything}]\n")
    planned = {a["address"]: a["verb"] for a in mvops(root, "plan", "--json").ok().json()["actions"]}
    assert (planned["model.toy"], planned["model.plaything"]) == ("move", "keep")
    mvops(root, "apply", "--yes").ok()
    mvops(root, "plan", "--detailed-exitcode").ok(0)
    (version,) = mvops(root, "versions", "list", "plaything", "--json").ok().json()["versions"]
    assert (version["number"], version["role"]) == (1, "champion")
