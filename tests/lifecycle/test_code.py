from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mvops.lifecycle.code import code_state, write_commit

NOTEBOOK = "pipelines/[a] b.ipynb"  # Git would read the brackets as a pattern
CELLS = {"train": "ab"}


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "repo" / "project"
    for name in (NOTEBOOK, "configs/models/m.yaml", "data/big.csv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("1")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_a_clean_commit(project):
    found = code_state(project, NOTEBOOK, CELLS)
    assert (found.commit, found.dirty, found.notebook, found.cells) == (
        git(project, "rev-parse", "HEAD"), False, NOTEBOOK, CELLS,
    )  # fmt: skip


@pytest.mark.parametrize("name", [NOTEBOOK, "configs/models/m.yaml", "configs/models/new.yaml"])
def test_dirty_where_it_matters(project, name):
    (project / name).write_text("2")
    assert code_state(project, NOTEBOOK, CELLS).dirty


@pytest.mark.parametrize("name", ["data/big.csv", "notes.txt", "pipelines/a.ipynb"])
def test_other_changes_do_not_count(project, name):
    (project / name).write_text("2")
    assert not code_state(project, NOTEBOOK, CELLS).dirty


def test_a_notebook_that_git_ignores_is_dirty(project):
    (project / ".gitignore").write_text("*.ipynb\n")
    (project / "pipelines/other.ipynb").write_text("1")
    assert code_state(project, "pipelines/other.ipynb", CELLS).dirty


def test_a_project_inside_a_larger_repository(project):
    inner = project / "inner"
    (inner / "configs").mkdir(parents=True)
    (inner / "n.ipynb").write_text("1")
    git(project, "add", ".")
    git(project, "commit", "-qm", "second")
    assert not code_state(inner, "n.ipynb", CELLS).dirty
    (project / "configs/models/m.yaml").write_text("the outer project's")
    assert not code_state(inner, "n.ipynb", CELLS).dirty


def test_what_the_notebook_imports_counts_too(project):
    (project / "pipelines/helper.py").write_text("1")
    assert not code_state(project, NOTEBOOK, CELLS).dirty
    assert code_state(project, NOTEBOOK, CELLS, [NOTEBOOK, "pipelines/helper.py"]).dirty
    git(project, "add", ".")
    git(project, "commit", "-qm", "second")
    assert not code_state(project, NOTEBOOK, CELLS, [NOTEBOOK, "pipelines/helper.py"]).dirty


def test_an_untracked_notebook_and_one_outside_of_the_repository_are_dirty(project, tmp_path):
    (project / "pipelines/new.ipynb").write_text("1")
    (tmp_path / "outside.ipynb").write_text("1")
    for notebook in ("pipelines/new.ipynb", "../../outside.ipynb"):
        found = code_state(project, notebook, CELLS)
        assert (found.commit, found.dirty) == (git(project, "rev-parse", "HEAD"), True)


def test_a_detached_head(project):
    first = git(project, "rev-parse", "HEAD")
    (project / NOTEBOOK).write_text("2")
    git(project, "commit", "-qam", "second")
    git(project, "checkout", "-q", "--detach", first)
    found = code_state(project, NOTEBOOK, CELLS)
    assert (found.commit, found.dirty) == (first, False)


def test_submodules(project, tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(project), "inner")
    git(outer, "commit", "-qm", "outer")
    inner = outer / "inner"
    found = code_state(inner, NOTEBOOK, CELLS)  # a project that is in a submodule is at the submodule's commit
    assert (found.commit, found.dirty) == (git(project, "rev-parse", "HEAD"), False)
    around = code_state(outer, f"inner/{NOTEBOOK}", CELLS)  # the outer commit has no such file
    assert (around.commit, around.dirty) == (git(outer, "rev-parse", "HEAD"), True)


def test_the_files_of_a_commit_come_back(project, tmp_path):
    first = git(project, "rev-parse", "HEAD")
    (project / NOTEBOOK).write_text("2")
    git(project, "rm", "-q", "configs/models/m.yaml")
    git(project, "commit", "-qam", "second")
    assert write_commit(project, first, tmp_path / "then")
    assert (tmp_path / "then" / NOTEBOOK).read_text() == "1"
    assert (tmp_path / "then/configs/models/m.yaml").exists()
    assert (project / NOTEBOOK).read_text() == "2"
    assert not write_commit(project, "0" * 40, tmp_path / "never")
    assert not write_commit(tmp_path, first, tmp_path / "never")


def test_a_git_hooks_surroundings_do_not_mislead(project, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    expected = git(project, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert code_state(project, NOTEBOOK, CELLS).commit == expected


def test_without_a_commit_repository_or_git(tmp_path, monkeypatch):
    none = code_state(tmp_path, "n.ipynb", CELLS)
    assert (none.commit, none.dirty) == (None, False)
    git(tmp_path, "init", "-q")
    assert code_state(tmp_path, "n.ipynb", CELLS).commit is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_state(tmp_path, "n.ipynb", CELLS).commit is None
    (tmp_path / "git").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "git").chmod(0o755)
    assert code_state(tmp_path, "n.ipynb", CELLS).commit is None


def test_a_git_that_hangs_is_not_waited_for(tmp_path, monkeypatch):
    (tmp_path / "git").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("mvops.lifecycle.code._PATIENCE", 0.2)
    assert code_state(tmp_path, "n.ipynb", CELLS).commit is None
