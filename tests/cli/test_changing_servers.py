"""From FastAPI to BentoML and back by one word in the YAML: old files go, edited ones stay, the log goes on."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from toy_project import COMMAND, finish, free_port, mvops, port_of, spawn

from mvops.serving.client import EndpointClient

pytestmark = [pytest.mark.xdist_group("cli-toy"), pytest.mark.long(minutes=1)]
FOLDER = "deploy/serving/toy"
ROW = {"age": 40.0, "income": 20000.0, "region": "a"}


def serve_with(project: Path, backend: str) -> None:
    """Write it into the model's YAML."""
    path = project / "configs/models/toy.yaml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("endpoint:")]
    path.write_text("\n".join([*kept, f"endpoint: {{backend: {backend}}}", ""]))


def files(project: Path) -> set[str]:
    return {path.name for path in (project / FOLDER).iterdir() if path.is_file()}


def test_the_plan_shows_which_files_go_and_which_come_and_apply_does_it(project: Path) -> None:
    (project / FOLDER / "Dockerfile").write_text("# ours now\n")
    serve_with(project, "bentoml")
    shown = mvops(project, "plan", "--detailed-exitcode").ok(2).out
    for line in (
        "~ endpoint.toy  update: backend changed\n",
        "backend: fastapi -> bentoml",
        f"+ {FOLDER}/service.py is made",
        f"- {FOLDER}/app.py goes",
        f"x {FOLDER}/Dockerfile is in conflict",
        f"the file stays, and the new text goes to {FOLDER}/Dockerfile.new",
    ):
        assert line in shown
    mvops(project, "apply", "--yes").ok()
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    assert files(project) == {
        *("service.py", "bentofile.yaml", "service.json", "requirements.txt", "README.md", "loadtest.py"),
        *("Dockerfile", "Dockerfile.dockerignore", "Dockerfile.new"),
    }
    assert (project / FOLDER / "Dockerfile").read_text() == "# ours now\n"
    assert "bentoml" in (project / FOLDER / "Dockerfile.new").read_text()

    (project / FOLDER / "service.py").write_text("# and this is ours\n")
    serve_with(project, "fastapi")
    shown = mvops(project, "plan").ok().out
    assert f"{FOLDER}/service.py was edited by hand and stays\n" in shown
    assert f"{FOLDER}/bentofile.yaml goes" in shown
    mvops(project, "apply", "--yes").ok()
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    assert {"app.py", "service.py"} <= files(project)
    assert "bentofile.yaml" not in files(project)
    assert (project / FOLDER / "service.py").read_text() == "# and this is ours\n"


@pytest.mark.skipif(importlib.util.find_spec("bentoml") is not None, reason="BentoML is installed beside mvops")
def test_without_bentoml_all_but_serving_works_and_serving_names_the_extra(project: Path) -> None:
    serve_with(project, "bentoml")
    mvops(project, "apply", "--yes").ok()
    mvops(project, "serve", "toy").refused("The server 'bentoml' needs a library", "pip install 'mvops[bentoml]'")
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def served(project: Path, end: int, *command: str) -> list[str]:
    """Serve, predict twice, end; the ids."""
    process = spawn(project, "serve", "toy", command=command)
    client = EndpointClient(f"http://127.0.0.1:{port_of(project)}", timeout=30)
    try:
        client.ready(timeout=120)
        ids = [name for _ in range(2) for name in client.predict([ROW]).prediction_ids]
        assert mvops(project, "import", client.url).ok().out.endswith(": nothing to do\n")  # P29: it is told apart
        elsewhere = mvops(project, "plan", f"models.toy.endpoint.port={free_port()}").ok().out
        assert "one that runs goes on where it is until it is stopped; `mvops serve toy` starts it at" in elsewhere
    finally:
        process.send_signal(end)
    assert (ended := finish(process, 60)).code == 0, ended
    assert f"Serving toy on {client.url} (stop with Ctrl-C)" in ended.out
    return ids


@pytest.mark.system
@pytest.mark.real("servers", "bentoml", "`mvops serve`, after a change from FastAPI and back")
def test_predictions_go_on_in_the_same_log(
    project: Path, outside: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    python = str(outside("bentoml") / "python")
    monkeypatch.setitem(os.environ, "BENTOML_HOME", str(project / "home"))
    ids = served(project, signal.SIGTERM, *COMMAND)
    serve_with(project, "bentoml")
    mvops(project, "apply", "--yes").ok()
    for end in (signal.SIGTERM, signal.SIGINT):
        ids += served(project, end, python, "-m", "mvops")
    serve_with(project, "fastapi")
    mvops(project, "apply", "--yes").ok()
    ids += served(project, signal.SIGTERM, *COMMAND)
    mvops(project, "predictions", "export", "toy", "--output", project / "log.jsonl").ok()
    logged = [json.loads(line) for line in (project / "log.jsonl").read_text().splitlines()]
    assert [entry["prediction_id"] for entry in logged] == ids
    assert {(entry["prediction"], entry["model_version"], *entry["probability"]) for entry in logged} == {
        (logged[0]["prediction"], 1, *logged[0]["probability"])
    }
