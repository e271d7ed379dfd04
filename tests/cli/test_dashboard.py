"""Every model on a dashboard, as a team lives with it: switched on, looked at, edited, changed for another, removed."""

from __future__ import annotations

import json
import re
import signal
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import toy_project as toy
import yaml
from toy_project import edit, mvops

from mvops.core.prediction import Prediction
from mvops.registry.events import record_event
from mvops.registry.predictions import PredictionLog
from mvops.usecases.project import open_project

pytestmark = [
    pytest.mark.xdist_group("cli-toy"),
    pytest.mark.real("dashboards", "builtin", "a page over HTTP, of a project through the command line"),
]
LAYOUT = "deploy/dashboards/toy.yaml"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script><img src=x onerror=y>"


@pytest.fixture(scope="module")
def shown(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with dashboards on. Only to be copied."""
    root = toy.copy(applied, tmp_path_factory.mktemp("shown") / "toy")
    edit(root / "configs/project.yaml", "project: toy", "project: toy\ncapabilities: {dashboards: true}")
    mvops(root, "apply", "--yes").ok()
    return root


@pytest.fixture
def looked(shown: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return toy.copy(shown, tmp_path / "toy")


def use(root: Path, text: str) -> None:
    """Another dashboard."""
    path = root / "configs/project.yaml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("dashboard:")]
    path.write_text("\n".join([*kept, f"dashboard: {text}", ""]))


def predicted(root: Path, count: int = 200, **changes: Any) -> None:
    """So many predictions, one a quarter of an hour."""
    rows = [
        Prediction.model_validate(
            {
                "id": f"{changes.get('version', 1)}-{i}",
                "time": NOON + timedelta(minutes=15 * i),
                "model": "toy",
                "version": 1,
                "arm": "champion",
                "inputs": {"age": 40, "income": 1, "region": "a"},
                "prediction": i % 2,
                "probability": (1 - i % 100 / 100, i % 100 / 100),
                "latency_ms": float(i % 100),
            }
            | changes
        )
        for i in range(count)
    ]
    with open_project(root) as workspace, workspace.predictions() as log:
        log.append(rows)


def page(root: Path) -> str:
    mvops(root, "dashboard", "--output", "page.html").ok()
    return (root / "page.html").read_text()


def test_a_dashboard_is_a_resource_like_any_other(looked: Path) -> None:
    mvops(looked, "plan", "--detailed-exitcode").ok(0)
    assert yaml.safe_load((looked / LAYOUT).read_text())["panels"][0] == "traffic"
    (looked / LAYOUT).unlink()
    mvops(looked, "plan", "--detailed-exitcode").ok(3)
    mvops(looked, "apply", "--yes").ok()
    assert (looked / LAYOUT).is_file()
    edit(looked / "configs/project.yaml", "capabilities: {dashboards: true}\n", "")
    assert "- dashboard.toy" in mvops(looked, "plan").ok().out
    mvops(looked, "apply", "--yes").ok()
    assert not (looked / "deploy/dashboards").exists()


def test_what_the_team_edits_is_what_the_page_shows(looked: Path) -> None:
    predicted(looked)
    before = page(looked)
    edit(looked / LAYOUT, '"toy"', '"Our best"')
    edit(looked / LAYOUT, "  - drift\n", "")
    after = page(looked)
    assert "<h2>toy</h2>" in before
    assert "<h3>Drift</h3>" in before
    assert "<h2>Our best</h2>" in after
    assert "<h3>Drift</h3>" not in after
    use(looked, "{options: {days: 3}}")
    mvops(looked, "apply", "--yes").ok()
    assert "days: 14" in (looked / LAYOUT).read_text(), "the next line was edited: that is for a person to decide"
    assert "days: 3" in (looked / f"{LAYOUT}.new").read_text()
    mvops(looked, "plan", "--detailed-exitcode").ok(0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("panels: [trafic]", "panels.0: Input should be 'traffic'"),
        ("panels: [alerts, alerts]", "each panel is shown once"),
        ("days: [", "the layout cannot be read"),
        ("colour: red", "colour: Extra inputs are not permitted"),
        ("- x", "Input should be a valid dictionary"),
    ],
)
def test_a_layout_that_cannot_be_read_is_told_with_its_file(looked: Path, text: str, said: str) -> None:
    (looked / LAYOUT).write_text(text)
    mvops(looked, "dashboard", "--json").refused(said, LAYOUT, "mvops apply")


def test_changing_to_grafana_and_back_leaves_nothing_behind(looked: Path) -> None:
    def files() -> set[str]:
        folder = looked / "deploy/dashboards"
        return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}

    builtin = files()
    use(looked, "{backend: grafana, options: {interval: 5s}}")
    shown = mvops(looked, "apply", "--yes").ok().out
    assert "deploy/dashboards/README.md says where they go" in shown
    made = files()
    assert {"grafana/dashboards/toy.json", "prometheus/prometheus.yml", "prometheus/targets/toy.yml"} <= made
    assert not builtin & made
    assert str(toy.port_of(looked)) in (looked / "deploy/dashboards/prometheus/targets/toy.yml").read_text()
    mvops(looked, "plan", "--detailed-exitcode").ok(0)
    use(looked, "{backend: grafana, options: {intervall: 5s}}")
    mvops(looked, "plan").refused("dashboard.options.intervall", "'grafana' takes: prometheus, interval, host, path")
    use(looked, "{backend: grafanna}")
    mvops(looked, "plan").refused("there is no backend 'grafanna' in dashboards; did you mean 'grafana'?")
    use(looked, "{backend: builtin}")
    mvops(looked, "apply", "--yes").ok()
    assert files() == builtin
    mvops(looked, "destroy", "--yes").ok()
    assert not (looked / "deploy").exists()


def test_the_snapshot_shows_what_is_in_the_log(looked: Path) -> None:
    empty = page(looked)
    assert "No predictions yet." in empty
    assert "not running: mvops serve toy" in empty
    predicted(looked)
    predicted(looked, 10, version=7, arm="challenger")
    found = mvops(looked, "dashboard", "--json").ok().json()["models"][0]
    numbers = found["numbers"]
    assert found["predictions"] == 210
    assert (numbers["width"], numbers["cut"]) == ("hour", False)
    counts = {(c["version"], c["arm"], c["start"]): c["rows"] for c in numbers["counts"]}
    assert counts[1, "champion", "2026-03-01T12:00:00Z"] == 4
    assert sum(rows for (version, _, _), rows in counts.items() if version == 7) == 10
    assert {d["name"]: d["rows"] for d in found["distributions"]} == {"prediction": 200, "score": 200}
    for one in found["distributions"]:
        assert sum(one["shares"]) == pytest.approx(1, abs=1e-4)
        assert sum(one["baseline"]) == pytest.approx(1, abs=1e-4)
        assert len(one["bins"]) == len(one["shares"]) == len(one["baseline"])
    full = page(looked)
    assert "version 7 challenger" in full
    assert "Predictions per hour" in full
    assert len(re.findall("<svg", full)) >= 4


def test_drift_and_outcomes_are_on_the_page(looked: Path) -> None:
    predicted(looked, 480)
    with open_project(looked) as workspace, workspace.predictions() as log:
        ids = [p.id for _, p in log.read("toy", limit=480)]
    (looked / "outcomes.csv").write_text(
        "prediction_id,outcome\n" + "".join(f"{i},{n % 2}\n" for n, i in enumerate(ids))
    )
    mvops(looked, "outcomes", "import", "toy", "outcomes.csv").ok()
    mvops(looked, "monitor", "toy").ok()
    found = mvops(looked, "dashboard", "--json").ok().json()["models"][0]
    told = mvops(looked, "status", "--json").ok().json()["models"][0]
    assert len(found["alerts"]) == len(told["alerts"]) > 0
    assert any(window["alarms"] for window in found["windows"])
    assert any(window["value"] is not None for window in found["windows"])
    html = page(looked)
    assert "roc_auc by window" in html
    assert found["windows"][-2]["alarms"][0]["sentence"].split(" ")[0] in html


def test_hostile_names_and_messages_stay_text(looked: Path) -> None:
    edit(looked / "configs/models/toy.yaml", "pipeline:", f"description: {json.dumps(HOSTILE)}\npipeline:")
    edit(looked / LAYOUT, '"toy"', json.dumps(HOSTILE))
    predicted(looked, 20, prediction=HOSTILE, arm=HOSTILE)
    with open_project(looked) as workspace:
        record_event(workspace.registry, HOSTILE, "toy", HOSTILE)
    html = page(looked)
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4
    assert "<script" not in html
    assert "<img" not in html
    tree = ET.fromstring(html.partition("<body>")[2].partition("</body>")[0].join(["<body>", "</body>"]))
    assert not [e for e in tree.iter() if any(key.startswith("on") for key in e.attrib)]


def test_the_page_needs_nothing_from_elsewhere(looked: Path) -> None:
    predicted(looked)
    html = page(looked)
    assert not re.findall(r"(?:src|href)=\"(?!#)", html)
    assert not re.findall(r"url\(|@import|<link", html)
    assert "prefers-color-scheme:dark" in html


@contextmanager
def served(root: Path) -> Iterator[httpx.Client]:
    port = toy.free_port()
    process = toy.spawn(root, "dashboard", "--port", port)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        try:
            assert process.stdout is not None
            assert f"The dashboard is at http://127.0.0.1:{port}" in process.stdout.readline()
            yield client
        finally:
            process.send_signal(signal.SIGINT)
            toy.finish(process, 30)


def test_the_page_is_served_to_this_machine_and_looking_is_evidence(looked: Path) -> None:
    def shown() -> bool:
        found = mvops(looked, "maturity", "--json").ok().json()["capabilities"]
        return bool(next(c["shown"] for c in found if c["name"] == "dashboards"))

    with served(looked) as client:
        assert "No predictions yet." in client.get("/").text
        assert not shown(), "nothing was to be seen"
        predicted(looked)
        mvops(looked, "dashboard", "--output", "page.html").ok()
        assert not shown(), "writing a file is not looking at it"
        data = client.get("/data.json").json()
        assert not shown()
        answer = client.get("/")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert shown()
        client.get("/")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert 'http-equiv="refresh"' in answer.text
        assert data["format_version"] == 1
        assert data["models"][0]["predictions"] == 200
        assert client.get("/", headers={"Host": "evil.example.org"}).status_code == 403
        assert client.get("/elsewhere").status_code == 404
        assert client.post("/").status_code == 405
        port = client.base_url.port
        mvops(looked, "dashboard", "--port", port).refused(f"port {port} is taken", f"--port {port + 1}")
        (looked / LAYOUT).write_text("days: none")
        assert "days: Input should be a valid integer" in client.get("/").text
    events = mvops(looked, "history", "toy", "--json").ok().json()["events"]
    assert [e["message"] for e in events if e["kind"] == "dashboard"] == [
        "the dashboard was looked at, with 200 predictions"
    ]


def test_who_listens_for_others_answers_them(looked: Path) -> None:
    testing = pytest.importorskip("starlette.testclient", reason="needs mvops[serve]")
    from mvops.web.app import make_app

    with open_project(looked) as workspace:
        for host, status in (("127.0.0.1", 403), ("0.0.0.0", 200)):
            client = testing.TestClient(make_app(workspace, host), base_url="http://ml1.example.org:8500")
            assert client.get("/data.json").status_code == status


def test_what_keeps_the_page_from_being_made_is_told(looked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mvops(looked, "dashboard", "--output", "configs/project.yaml/page.html").refused("project.yaml")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    mvops(looked, "dashboard").refused("The dashboard needs a library", "pip install 'mvops[serve]'")
    monkeypatch.setitem(sys.modules, "prometheus_client.parser", None)
    predicted(looked)
    assert "<svg" in page(looked), "without the extra too"


def test_a_long_log_is_counted_by_the_database(looked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 predictions take 0.8 s of a processor; what would make it slow is rows that come to Python."""
    predicted(looked, 10_000)
    fetched: list[int] = []
    fetch = PredictionLog._fetch

    def counting(log: PredictionLog, query: Any) -> Any:
        found = fetch(log, query)
        fetched.append(len(found))
        return found

    monkeypatch.setattr(PredictionLog, "_fetch", counting)
    (model,) = mvops(looked, "dashboard", "--json").ok().json()["models"]
    assert sum(count["rows"] for count in model["numbers"]["counts"]) == 96 * 14
    assert model["distributions"][0]["rows"] == 2_000
    assert sum(fetched) < 5_000
