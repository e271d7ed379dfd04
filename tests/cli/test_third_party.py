"""A backend from a package of its own, tests/plugin, at work in a project: named in the YAML, and nothing else."""

from __future__ import annotations

import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
from toy_project import edit, finish, mvops, port_of, rows, spawn, until

from mvops.serving.client import EndpointClient

pytestmark = [
    pytest.mark.xdist_group("cli-journey"),
    pytest.mark.skipif(find_spec("mvops_journal") is None, reason="needs pip install tests/plugin"),
]


@pytest.fixture
def journaling(project: Path) -> Path:
    """A project whose defaults list takes the package's own defaults."""
    edit(project / "configs/project.yaml", "  - _self_", "  - notifiers: journal\n  - _self_")
    return project


def test_its_defaults_are_taken_from_its_package_and_change_nothing_that_is_deployed(journaling: Path) -> None:
    mvops(journaling, "plan", "--detailed-exitcode").ok(0)
    said = mvops(journaling, "doctor").out
    assert "journal, one of the notifiers, from mvops_journal" in said


def test_an_alert_reaches_it(journaling: Path) -> None:
    process = spawn(journaling, "serve", "toy")
    try:
        client = EndpointClient(f"http://127.0.0.1:{port_of(journaling)}")
        client.ready(timeout=60)
        frame = rows(range(100, 104)).drop(columns=["day", "y"])
        frame["age"] += 30
        client.predict(frame.to_dict("records"), time="2024-03-01T10:00:00Z")
        until(lambda: mvops(journaling, "status", "--json").ok().json()["models"][0]["predictions"] == 400)
    finally:
        process.send_signal(signal.SIGINT)
        finish(process, 60)
    said = mvops(journaling, "monitor", "toy", "--until", "2024-03-02").ok().out
    assert "ALERT" in said
    assert "NOT DELIVERED" not in said
    (entry,) = (journaling / "ALERTS.md").read_text().split("\n## ")[1:]
    assert "toy version 1: " in entry
    assert "Train on newer data: mvops retrain toy --reason drift" in entry


@pytest.mark.parametrize("name", ["jornal", "carrier_pigeon"])
def test_a_backend_that_is_not_installed_is_told_with_its_line(journaling: Path, name: str) -> None:
    edit(journaling / "configs/project.yaml", "project: toy", f"project: toy\nnotifiers: {{ops: {{backend: {name}}}}}")
    refused = mvops(journaling, "plan").refused(f"there is no backend '{name}' in notifiers", "Known notifiers: ")
    assert "configs/project.yaml:" in refused.err
    assert ("did you mean 'journal'?" in refused.err) == (name == "jornal")
