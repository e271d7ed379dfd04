"""mvops is upgraded and its templates say something else: a line of the plan, apart from a changed spec."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from toy_project import edit, free_port, mvops, port_of, snapshot

from mvops import assets

pytestmark = pytest.mark.xdist_group("cli-toy")
APP = "servers/fastapi/app.py.j2"
FOLDER = "deploy/serving/toy"


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The templates of a later mvops, so far the same."""
    later = Path(shutil.copytree(assets.templates(), tmp_path / "later"))
    monkeypatch.setattr(assets, "templates", lambda: later)
    return later


def upgrade(templates: Path, template: str = APP, old: str = "What this is.", new: str = "What is here.") -> None:
    edit(templates / template, old, new)


def test_p20_a_template_upgrade_is_a_line_with_its_own_reason(project: Path, templates: Path) -> None:
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    upgrade(templates)
    shown = mvops(project, "plan", "--detailed-exitcode").ok(2).out
    assert f"~ endpoint.toy  update: template changed: {APP}\n" in shown
    assert '-    """What this is."""' in shown
    assert '+    """What is here."""' in shown
    assert "Plan: 1 to update, 5 unchanged." in shown
    (action,) = (a for a in mvops(project, "plan", "--json").ok().json()["actions"] if a["address"] == "endpoint.toy")
    assert action["reason"] == "template-changed"
    assert APP in action["templates"]
    mvops(project, "apply", "--yes").ok()
    assert "What is here." in (project / FOLDER / "app.py").read_text()
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_p35_edits_survive_a_template_upgrade(project: Path, templates: Path) -> None:
    path = project / FOLDER / "app.py"
    edit(path, "import argparse\n", "import argparse\nimport os\n")
    upgrade(templates)
    mvops(project, "apply", "--yes").ok()
    assert "import argparse\nimport os\n" in path.read_text()
    assert "What is here." in path.read_text()
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_a_changed_spec_and_a_changed_template_are_both_told(project: Path, templates: Path) -> None:
    upgrade(templates)
    edit(project / "configs/project.yaml", f"port: {port_of(project)}", f"port: {free_port()}")
    shown = mvops(project, "plan").ok().out
    assert f"update: service.port changed; template changed: {APP}\n" in shown
    mvops(project, "apply", "--yes").ok()
    edit(project / "configs/project.yaml", f"port: {port_of(project)}", f"port: {free_port()}")
    assert "update: service.port changed\n" in mvops(project, "plan").ok().out, "that was then"


def test_p7_a_template_that_makes_the_same_text_is_not_worth_a_line(project: Path, templates: Path) -> None:
    upgrade(templates, APP, "import argparse\n", "{# a remark of ours #}\nimport argparse\n")
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_text_that_the_program_makes_otherwise_is_told_too(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("mvops", "mvops.backends.servers.fastapi"):
        monkeypatch.setattr(f"{module}.__version__", "99.0")
    shown = mvops(project, "plan").ok().out
    assert "~ endpoint.toy  update: this mvops generates it otherwise\n" in shown
    assert "+mvops[serve]==99.0" in shown


def test_p8_p20_a_saved_plan_is_refused_when_a_template_changed_since(project: Path, templates: Path) -> None:
    edit(project / "configs/project.yaml", f"port: {port_of(project)}", f"port: {free_port()}")
    mvops(project, "plan", "--out", "p.json").ok()
    upgrade(templates)
    before = snapshot(project)
    mvops(project, "apply", "p.json").refused(f"this plan is stale: the template {APP} was changed since it was made")
    assert snapshot(project) == before
    upgrade(templates, APP, "What is here.", "What this is.")
    mvops(project, "apply", "p.json").ok()


def test_p8_a_file_whose_text_waits_is_bound_to_its_template_too(quick: Path, templates: Path) -> None:
    mvops(quick, "plan", "--out", "p.json").ok()
    upgrade(templates, "servers/fastapi/requirements.txt.j2", "# What", "# All that")
    mvops(quick, "apply", "p.json").refused("the template servers/fastapi/requirements.txt.j2 was changed")
    assert not (quick / "deploy").exists()
