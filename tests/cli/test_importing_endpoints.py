"""P29: an endpoint that is running says its YAML; of somebody else's, what can be known is taken, the rest is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import toy_project as toy
from closed_doors import not_mlflow, trickling
from sklearn.linear_model import LogisticRegression
from toy_project import edit, finish, free_port, mvops, port_of, snapshot, spawn

from mvops.errors import ServingError
from mvops.serving.client import EndpointClient

MODEL = Path("configs/models/toy.yaml")
THEIRS = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI(title="Scores\\x1b[2J v2")
app.post("/score")(lambda: 1)
app.get("/about")(lambda: 1)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""
BENTO = """
import bentoml

@bentoml.service
class Churn:
    @bentoml.api(route="/score")
    def score(self, x: int) -> int:
        return x
"""


@contextmanager
def running(*command: object, path: str = "/", port: int, cwd: Path, **environment: str) -> Iterator[str]:
    """A server of somebody's, once it answers at `path`; ended with all that it started."""
    with (cwd / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*map(str, command)],
            cwd=cwd,
            env=os.environ | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    client = EndpointClient(f"http://127.0.0.1:{port}", timeout=5)
    deadline = time.monotonic() + 120
    try:
        while not answers(client, path):
            assert process.poll() is None, (cwd / "server.log").read_text()
            assert time.monotonic() < deadline, (cwd / "server.log").read_text()
            time.sleep(0.1)
        yield client.url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


def answers(client: EndpointClient, path: str) -> bool:
    try:
        return client._send("GET", path, None, {})[0] == 200
    except ServingError:
        return False


@pytest.mark.real("servers", "fastapi", "`mvops import` asks the running endpoint")
def test_p29_an_endpoint_of_ours_says_its_yaml_and_is_adopted(project: Path) -> None:
    port, other = port_of(project), free_port()
    process = spawn(project, "serve", "toy")
    url = f"http://localhost:{port}"
    try:
        EndpointClient(f"http://127.0.0.1:{port}", timeout=30).ready(timeout=120)
        was = (project / MODEL).read_text()
        said = mvops(project, "import", url).ok().out
        assert said == f"{url} serves toy, version 1, by fastapi: nothing to do\n"
        mvops(project, "import", url, "--model", "other").refused("serves the model toy, not other", "--model toy")
        mvops(project, "import", f"{url}/predict").refused("does not say at which port", "http://HOST:PORT")
        edit(project / "configs/project.yaml", f"port: {port}", f"port: {other}")
        edit(project / MODEL, "retrain:", "endpoint: {backend: bentoml, max_rows: 10}  # ours\nretrain:")
        mvops(project, "state", "forget", "endpoint.toy", "--yes").ok()
        done = mvops(project, "import", url).ok().out
        assert f"models.toy.endpoint.port: {port}" in done
        wanted = f"endpoint: {{backend: fastapi, max_rows: 1000, port: {port}}}  # ours\nretrain:"
        assert (project / MODEL).read_text() == was.replace("retrain:", wanted)
        planned = {a["address"]: a["verb"] for a in mvops(project, "plan", "--json").ok().json()["actions"]}
        assert {where: verb for where, verb in planned.items() if verb != "keep"} == {"endpoint.toy": "adopt"}
        app = project / "deploy/serving/toy/app.py"
        ours = app.read_bytes()
        app.write_bytes(ours + b"# theirs\n")
        adopted = (
            "= endpoint.toy  adopt: already so, but for what you edited\n        deploy/serving/toy/app.py was edited"
        )
        assert adopted in mvops(project, "plan").ok().out  # mvops made it before it was forgotten
        app.write_bytes(ours)
        files = snapshot(project / "deploy")
        mvops(project, "apply", "--yes").ok()
        assert snapshot(project / "deploy") == files
        mvops(project, "plan", "--detailed-exitcode").ok(0)
        (project / MODEL).rename(project / MODEL.with_stem("plaything"))
        before = snapshot(project)
        mvops(project, "import", url).refused("is no model of this project", "mvops import MODEL.skops --name toy")
        assert snapshot(project) == before
        with (project / "configs/project.yaml").open("a") as file:
            file.write("\nmoved: [{from: model.toy, to: model.plaything}]\n")
        told = f"{url} serves toy, which is called plaything now, version 1, by fastapi: nothing to do\n"
        again = "note: it says toy until it is started again: stop it, then mvops serve plaything\n"
        for _ in ("before the rename", "after it"):
            assert mvops(project, "import", url).ok().out == told + again
            mvops(project, "apply", "--yes").ok()
        edit(project / MODEL.with_stem("plaything"), f"port: {port}", f"port: {other}")
        done = mvops(project, "import", url, "--model", "plaything").ok().out
        assert f"models.plaything.endpoint.port: {other} -> {port}\n" in done
        mvops(project, "plan", "--detailed-exitcode").ok(0)
    finally:
        process.send_signal(signal.SIGTERM)
        finish(process, 60)


def test_p29_of_a_foreign_server_only_where_it_listens_is_known(built: Path, tmp_path: Path) -> None:
    root, port = toy.copy(built, tmp_path / "toy"), free_port()
    was = (root / MODEL).read_text()
    mvops(root, "import", f"http://127.0.0.1:{port}").refused("did not answer", "Is it running")
    before = snapshot(root)
    with trickling() as slow, not_mlflow() as page:
        began = time.monotonic()
        mvops(root, "import", slow, "--model", "toy").refused("did not answer")
        assert 4 < time.monotonic() - began < 30
        mvops(root, "import", page, "--model", "toy").refused("does not say what it is", "endpoint: {port: N}")
        for url in ("http://a:b@127.0.0.1", "http://:80", "http://127.0.0.1:x", "https://127.0.0.1"):
            mvops(root, "import", url).refused("http://")
    with running(sys.executable, "-c", THEIRS, port, port=port, path="/about", cwd=tmp_path) as url:
        refused = mvops(root, "import", url).refused(
            "the service 'Scores[2J v2'", "--model", "mvops import MODEL.skops"
        )
        assert "\x1b" not in refused.err
        mvops(root, "import", url, "--model", "churn").refused("churn is none")
        assert snapshot(root) == before
        said = mvops(root, "import", url, "--model", "toy").ok().out
    assert "It answers POST /score; the endpoint of mvops answers POST /predict" in said
    assert "stop the old one" in said
    assert (root / MODEL).read_text() == f"{was}endpoint: {{port: {port}}}\n"
    service = next(a for a in mvops(root, "plan", "--json").ok().json()["actions"] if a["address"] == "endpoint.toy")
    assert service["after"]["service"]["port"] == port


@pytest.mark.system
@pytest.mark.real("trackers", "mlflow", "`mvops import` asks a scoring server of `mlflow models serve`")
@pytest.mark.real("servers", "bentoml", "`mvops import` asks a service that is not mvops'")
def test_p29_mlflows_scoring_server_and_a_bento_are_told_apart(
    built: Path, tmp_path: Path, outside: Callable[[str], Path]
) -> None:
    pytest.importorskip("mlflow", reason="needs mlflow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.sklearn import save_model

        frame = toy.rows(range(4))
        save_model(
            LogisticRegression().fit(frame[["age"]], frame.y),
            str(tmp_path / "model"),
            serialization_format="skops",
            pip_requirements=["scikit-learn"],
        )
    root = toy.copy(built, tmp_path / "toy")
    bento, port = tmp_path / "bento", free_port()
    bento.mkdir()
    (bento / "service.py").write_text(BENTO)
    programs = outside("bentoml")
    command = (programs / "bentoml", "serve", "service:Churn", "--port", port)
    quiet = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(tmp_path / "home"), "PYTHONPATH": ""}
    with running(*command, port=port, path="/livez", cwd=bento, **quiet) as url:
        mvops(root, "import", url).refused("BentoML's service Churn", "bentoml models list", "--trust-pickle")
        assert "endpoint.backend: bentoml" in mvops(root, "import", url, "--model", "toy").ok().out
    assert f"endpoint: {{backend: bentoml, port: {port}}}\n" in (root / MODEL).read_text()

    port = free_port()
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true"}
    command = (sys.executable, "-m", "mlflow", "models", "serve", "-m", tmp_path / "model", "--env-manager", "local")
    with running(*command, "--port", port, port=port, path="/ping", cwd=tmp_path, **quiet) as url:
        mvops(root, "import", url).refused("MLflow's scoring server 3", "mvops import models:/NAME/VERSION")
        said = mvops(root, "import", url, "--model", "toy").ok().out
    assert "It answers POST /invocations" in said
    assert f"port: {port}}}\n" in (root / MODEL).read_text()
