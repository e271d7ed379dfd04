"""Grafana cannot be had from a package registry, but what its panels ask Prometheus is asked here, of a real one."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import toy_project as toy
from serving_support import REGRESSION, Local, doubler
from serving_support import Project as Served

from mvops import backends
from mvops.artifacts.models import dump_model
from mvops.contracts.dashboards import Board

pytestmark = [pytest.mark.xdist_group("cli-toy"), pytest.mark.system]


KEY = "toy-key-0123456789abcdef"


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}: apt-get install prometheus")
    return found


@pytest.fixture(scope="module")
def project(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier, applied with dashboards for Grafana, whose endpoint asks for a key and is asked every second."""
    program("prometheus")
    root = toy.copy(applied, tmp_path_factory.mktemp("grafana") / "toy")
    port = f"port: {toy.port_of(root)}"
    auth = "auth: {keys: [{secret: TOY_KEY}]}"
    toy.edit(root / "configs/project.yaml", port, f"{auth}, port: {toy.free_port()}")
    (root / "prometheus.key").write_text(KEY)
    options = f"{{interval: 1s, key_file: {root}/prometheus.key}}"
    told = f"project: toy\ncapabilities: {{dashboards: true}}\ndashboard: {{backend: grafana, options: {options}}}"
    toy.edit(root / "configs/project.yaml", "project: toy", told)
    toy.mvops(root, "apply", "--yes").ok()
    return root


@pytest.fixture(scope="module")
def prometheus(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A real server with the generated config, on loopback."""
    port = toy.free_port()
    process = subprocess.Popen(
        [
            program("prometheus"),
            f"--config.file={project}/deploy/dashboards/prometheus/prometheus.yml",
            f"--storage.tsdb.path={tmp_path_factory.mktemp('series')}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
    )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:

        def ready() -> bool:
            assert process.poll() is None
            try:
                return client.get("/-/ready").status_code == 200
            except httpx.TransportError:
                return False

        try:
            toy.until(ready, 60)
            yield client
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def asked(project: Path, prometheus: httpx.Client) -> Iterator[None]:
    """Some seconds of traffic, with a request that is refused, seen by Prometheus."""
    endpoint = httpx.Client(base_url=f"http://127.0.0.1:{toy.port_of(project)}", timeout=10, headers={"X-API-Key": KEY})
    process = toy.spawn(project, "serve", "toy", command=("env", f"TOY_KEY={KEY}", *toy.COMMAND))
    try:
        toy.until(lambda: answers(endpoint), 60)
        rows = toy.rows(range(1), seed=5)[["age", "income", "region"]].to_dict("records")
        deadline = time.monotonic() + 7  # rates need several scrapes
        while time.monotonic() < deadline:
            endpoint.post("/predict", json={"rows": rows[:20]}).raise_for_status()
            endpoint.post("/predict", json={"rows": rows[20:21]}).raise_for_status()
            assert endpoint.post("/predict", json={"rows": [{}]}).status_code == 422
            time.sleep(0.2)
        yield
    finally:
        endpoint.close()
        process.terminate()
        toy.finish(process)


def answers(endpoint: httpx.Client) -> bool:
    try:
        return endpoint.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def query(prometheus: httpx.Client, expression: str) -> list[dict[str, Any]]:
    written = expression.replace("$__rate_interval", "5s")
    found = prometheus.get("/api/v1/query", params={"query": written}).json()
    assert found["status"] == "success", (expression, found)
    result: list[dict[str, Any]] = found["data"]["result"]
    return result


def shown(prometheus: httpx.Client, document: str) -> dict[str, dict[str, float]]:
    """What each panel's expressions give, summed; none of them may give nothing, or no number."""
    empty = []
    values: dict[str, dict[str, float]] = {}
    for panel in json.loads(document)["panels"]:
        for target in panel["targets"]:
            found = query(prometheus, target["expr"])
            numbers = [float(one["value"][1]) for one in found]
            if not numbers or any(number != number for number in numbers):
                empty.append((panel["title"], target["expr"], numbers))
            values.setdefault(panel["title"], {})[target["legendFormat"]] = sum(numbers)
    assert empty == []
    assert len(values) >= 12
    return values


@pytest.mark.real("dashboards", "grafana", "Prometheus with the generated scrape config answers every panel")
@pytest.mark.usefixtures("asked")
def test_every_panel_has_data(project: Path, prometheus: httpx.Client) -> None:
    values = shown(prometheus, (project / "deploy/dashboards/grafana/dashboards/toy.json").read_text())
    assert values["Predictions per second"]["version {{version}} {{arm}}"] > 20
    assert values["Traffic share"]["version {{version}} {{arm}}"] == pytest.approx(1)
    assert values["Predicted classes"]["{{class}}"] == pytest.approx(1)
    assert 0.2 < values["Error rate"]["refused"] < 0.45
    assert values["Error rate"]["failed"] == 0
    assert 0 < values["Latency"]["p50"] <= values["Latency"]["p99"] < 5
    assert values["Endpoint"]["up"] == 1


@pytest.mark.usefixtures("asked")
def test_that_prometheus_asked_is_evidence(project: Path, prometheus: httpx.Client) -> None:
    found = toy.mvops(project, "maturity", "--json").ok().json()
    (dashboards,) = (c for c in found["capabilities"] if c["name"] == "dashboards")
    assert dashboards["shown"], dashboards


@pytest.mark.real("dashboards", "grafana", "promtool accepts the scrape config")
def test_promtool_accepts_the_config(project: Path) -> None:
    config = project / "deploy/dashboards/prometheus/prometheus.yml"
    done = subprocess.run(
        [program("promtool"), "check", "config", str(config)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done
    broken = config.with_name("broken.yml")
    broken.write_text(config.read_text().replace("scrape_timeout: 1000ms", "scrape_timeout: 2000ms"))
    refused = subprocess.run([program("promtool"), "check", "config", str(broken)], capture_output=True, check=False)
    broken.unlink()
    assert refused.returncode != 0, "a check that cannot say no checks nothing"


def test_every_panel_of_a_regression_has_data(project: Path, prometheus: httpx.Client, tmp_path: Path) -> None:
    """An endpoint that is added while Prometheus runs; some of its predictions are negative."""
    served = Served(tmp_path, {"doubler": dump_model(doubler())[0]}.__getitem__, REGRESSION)
    served.version(1, "doubler")
    served.route(1, champion=1)
    endpoint = Local(served)
    board = Board(project="toy", model="doubler", task="regression", address=f"127.0.0.1:{endpoint.port}")
    files = backends.load("dashboards", "grafana").files(board, {})
    targets = project / "deploy/dashboards/prometheus/targets/doubler.yml"
    try:
        targets.write_text(files["prometheus/targets/doubler.yml"])
        toy.until(lambda: query(prometheus, 'up{model="doubler"} == 1'), 30)
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            endpoint.client.predict([{"x": float(x)} for x in range(-5, 15)])
            time.sleep(0.2)
        values = shown(prometheus, files["grafana/dashboards/doubler.json"])
    finally:
        endpoint.stop()
        targets.unlink()
    assert "Distribution of the predicted value" in values
    middle = values["Predicted value by version"]
    assert middle["p10 version {{version}} {{arm}}"] < 0 < middle["p50 version {{version}} {{arm}}"] < 20
