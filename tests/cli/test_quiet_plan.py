"""A plan that had nothing to do is said again as long as nothing has changed; whatever changes is noticed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from unittest import mock

import pytest
import toy_project as toy
from looking import looked_at, planned, settled
from toy_project import mvops
from what_changes import Change, champion_gone, changed, edited, gone, in_place, longer, told, written


@pytest.fixture
def everything(project: Path) -> Path:
    """With dashboards, a CI, data that is kept in the project, and the original of its notebook."""
    original = project / "notebooks/toy.ipynb"
    original.write_bytes((project / "pipelines/toy.ipynb").read_bytes())
    book = json.loads(original.read_bytes())
    sha256 = hashlib.sha256(original.read_bytes()).hexdigest()
    book["metadata"]["mvops"] = {"source": "notebooks/toy.ipynb", "source_sha256": sha256}
    (project / "pipelines/toy.ipynb").write_text(json.dumps(book))
    with (project / "configs/project.yaml").open("a") as file:
        file.write("\ncapabilities: {dashboards: true, data_versioning: true}\n")
        file.write("dashboard: {backend: grafana}\nci: {backend: github_actions}\ndata: {backend: local}\n")
    mvops(project, "apply", "--yes").ok()
    return project


def test_p41_all_that_a_plan_looks_at_is_looked_at_again(everything: Path) -> None:
    settled(everything)
    again, unnoticed = looked_at(everything)
    assert unnoticed == set(), "looked at without `mvops.witness`: a change there would not be noticed"
    assert any("deploy/dashboards" in str(path) for path in again)
    assert any(".github" in str(path) or "ci" in path.parts for path in again)


CHANGES: dict[str, Change] = {
    "a value in the YAML": edited("configs/models/toy.yaml", "roc_auc >= 0.6,", "roc_auc >= 0.5,"),
    "another model": written("configs/models/other.yaml", toy.YAML),
    "a file in the middle of configs": written("configs/models/other.yml", "x: 1"),
    "another environment": written("configs/env/staging.yaml", "project: other\n"),
    "a YAML file that is gone": gone("configs/models/toy.yaml"),
    "a notebook's cell": edited("pipelines/toy.ipynb", "LogisticRegression(C=C)", "LogisticRegression(C=2 * C)"),
    "the original of a notebook": edited("notebooks/toy.ipynb", "(C=C)", "(C=2 * C)"),
    "a notebook that is gone": gone("pipelines/toy.ipynb"),
    "a row of data": longer("data/d.csv"),
    "data in place, with its times put back": in_place("data/d.csv"),
    "data that is gone": gone("data/d.csv"),
    "a module of the project's own that the code imports now": written("pipelines/sklearn.py", "x = 1"),
    "a package of the project's own": written("pandas/__init__.py", "x = 1"),
    "a generated file that was edited": edited("deploy/serving/toy/app.py", "import", "# mine\nimport"),
    "a generated file that is gone": gone("deploy/schedules/**/*"),
    "a dashboard that is gone": gone("deploy/dashboards/**/*.json"),
    "the route": gone(".mvops/serving/toy/route.json"),
    "an artefact": champion_gone,
    "what the cache of steps knows": gone(".mvops/cache/steps/*/*.json"),
    "packages that an empty machine needs": written("requirements.txt", "pandas\n"),
    "the champion": told("DELETE FROM mvops_champions"),
    "the runs": told("DELETE FROM mvops_runs"),
    "a record": told("DELETE FROM mvops_records WHERE address = 'monitor.toy'"),
    "an apply that was interrupted": told(
        "INSERT INTO mvops_journal (plan_id, action, status, started)"
        """ VALUES ('x', '{"address": "model.toy"}', 'started', '2026-01-01 00:00:00.000000')"""
    ),
}


def test_p41_whatever_changes_is_noticed(everything: Path) -> None:
    quiet = settled(everything)
    memory = everything / ".mvops/cache/quiet.json"
    for what, change in CHANGES.items():
        with changed(everything, change):
            said, made = planned(everything)
            assert made or said.code, what
            memory.unlink()  # a plan that remembers nothing
            assert planned(everything)[0] == said, what
        assert settled(everything) == quiet, f"undone: {what}"
    settled(everything)
    assert planned(everything, "models.toy.monitor.every=1h")[1], "an override"
    assert planned(everything, "--json")[1]


def test_p41_what_is_remembered_of_another_project_or_code_is_not_said(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(project)
    elsewhere = toy.copy(project, tmp_path / "elsewhere")
    assert planned(elsewhere)[1], "a copy of a project is another project"
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert planned(project)[1], "kernels are looked for elsewhere"
    monkeypatch.undo()
    with mock.patch("mvops.__version__", "9.9.9"):
        assert planned(project)[1], "another mvops"


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[" * 100_000, b"null", b'{"format_version": 0}', b'{"format_version": 1}', b"\xff"],
    ids=["empty", "cut", "deep", "null", "old", "short", "no text"],
)
def test_p41_a_damaged_memory_is_as_good_as_none(project: Path, damage: bytes) -> None:
    memory = project / ".mvops/cache/quiet.json"
    quiet = settled(project)
    kept = json.loads(memory.read_bytes())
    memory.write_bytes(damage)
    assert planned(project)[0].ok().out == quiet
    for looks in (None, 1, [["rows", '["DELETE FROM mvops_records", {}]', ""]], [["unheard", "of", ""]], [["what"]]):
        memory.write_text(json.dumps({**kept, "looks": looks}))
        said, made = planned(project)
        assert made
        assert said.ok().out == quiet
    memory.unlink()
    memory.mkdir()  # nothing can be written there
    assert planned(project)[0].ok().out == quiet


def test_p41_a_power_cut_that_empties_the_cache_costs_nothing_but_time(project: Path) -> None:
    quiet = settled(project)
    kept = [path for path in (project / ".mvops/cache").rglob("*") if path.is_file()]
    assert len(kept) > 3
    for path in kept:
        path.write_bytes(b"")
    said, made = planned(project)
    assert made
    assert said.ok().out == quiet
