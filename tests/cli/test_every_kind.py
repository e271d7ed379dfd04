"""What holds for every kind of resource: a project has all of them, and its plan reads, repeats and comes to rest.

A new kind is examined here by existing: the first test fails until the project below has a resource of it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import toy_features
import toy_project as toy
from toy_project import Result, edit, mvops

from mvops.kinds.kind import kinds

PROJECT = Path("configs/project.yaml")
THEIRS = ("configs", "pipelines", "data", "README.md", ".gitignore", "deploy/notes.md", "deploy/serving/toy/mine.py")
EVERYTHING = """
capabilities: {tracking: true, dashboards: true}
tracker: {backend: mlflow, options: {uri: "sqlite:///.mvops/mlflow.db"}}
dashboard: {backend: grafana}
ci: {backend: github_actions}
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a resource of every kind, before its first apply. Only to be copied."""
    pytest.importorskip("mlflow", reason="needs mlflow")
    root = toy_features.make(tmp_path_factory.mktemp("every") / "toy")
    with (root / PROJECT).open("a") as file:
        file.write(EVERYTHING)
    with (root / "configs/models/toy.yaml").open("a") as file:
        file.write("  \nretrain: {schedule: '0 3 * * 1'}\n")
    edit(root / "configs/models/toy.yaml", "pipeline:\n", "pipeline:\n  inputs: {more_path: data/more.csv}\n")
    toy.write_notebook(root / "pipelines/toy.ipynb", _with_more_data())
    (root / "data/more.csv").write_text("a,b\n1,2\n")
    return root


@pytest.fixture(scope="module")
def after(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after it. Only to be copied."""
    root = toy.copy(before, tmp_path_factory.mktemp("after") / "toy")
    mvops(root, "apply", "--yes").ok()
    return root


def _with_more_data() -> dict[str, tuple[str, ...]]:
    first, *rest = toy_features.CELLS.items()
    return dict(
        [(first[0] + 'more_path = "../data/more.csv"\n    ', first[1]), *rest[:1], _reading(rest[1]), *rest[2:]]
    )


def _reading(cell: tuple[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...]]:
    return cell[0] + "more = pd.read_csv(more_path)\n    ", cell[1]


def everything(root: Path) -> dict[str, str]:
    """Each file with its digest, but for what SQLite keeps beside a database while it is read."""
    files = (p for p in root.rglob("*") if p.is_file() and not p.name.endswith(("-wal", "-shm")))
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def verbs(planned: Result) -> dict[str, str]:
    return {action["address"]: action["verb"] for action in planned.ok().json()["actions"]}


def test_every_kind_is_there(before: Path) -> None:
    planned = verbs(mvops(before, "plan", "--json"))
    assert {address.partition(".")[0] for address in planned} == set(kinds())
    assert set(planned.values()) <= {"create", "adopt"}


def test_p1_a_plan_writes_nothing(after: Path, tmp_path: Path) -> None:
    root = toy.copy(after, tmp_path / "toy")
    edit(root / "configs/models/toy.yaml", "every: 1d", "every: 2d")
    mvops(root, "plan").ok()  # what is a cache of the YAML is written once
    was = everything(root)
    for arguments in ((), ("--json",), ("--markdown",), ("--offline",), ("models.toy.pipeline.parameters.C=3.0",)):
        mvops(root, "plan", *arguments).ok()
        new = {path for path, digest in everything(root).items() if was.get(path) != digest}
        assert not {path for path in new if not path.startswith(".mvops/cache/")}, arguments


def test_p2_the_same_inputs_give_the_same_bytes(before: Path, after: Path) -> None:
    for root, override in ((before, ()), (after, ("models.toy.monitor.every=1h",))):
        first, second = (mvops(root, "plan", "--json", *override).ok().out for _ in range(2))
        assert first == second


def test_p3_there_is_nothing_to_do_after_an_apply(after: Path) -> None:
    assert set(verbs(mvops(after, "plan", "--json")).values()) == {"keep"}
    mvops(after, "plan", "--detailed-exitcode").ok(0)


def test_p4_p21_a_second_apply_does_nothing(after: Path, tmp_path: Path) -> None:
    root = toy.copy(after, tmp_path / "toy")
    serial = mvops(root, "plan", "--json").ok().json()["made_on"]
    assert mvops(root, "apply", "--json").ok().json()["actions"] == []
    assert mvops(root, "plan", "--json").ok().json()["made_on"] == serial


def test_p7_a_change_for_people_only_changes_nothing_that_serves(after: Path, tmp_path: Path) -> None:
    root = toy.copy(after, tmp_path / "toy")
    edit(root / "configs/models/toy.yaml", "monitor:", "owner: ana\nmonitor:")
    planned = mvops(root, "plan", "--json").ok().json()["actions"]
    changed = {action["address"]: action for action in planned if action["verb"] != "keep"}
    assert changed["model.toy"]["details"] == ["metadata only: nothing is trained"]
    assert set(changed) == {"model.toy", "dashboard.toy"}, "a dashboard says whose the model is"


def test_p4_p31_destroy_leaves_nothing_of_ours_and_all_of_theirs(after: Path, tmp_path: Path) -> None:
    root = toy.copy(after, tmp_path / "toy")
    (root / "deploy/notes.md").write_text("ours\n")
    (root / "deploy/serving/toy/mine.py").write_text("mine = 1\n")
    theirs = {path: digest for path, digest in everything(root).items() if path.startswith(THEIRS)}
    planned = mvops(root, "destroy", "--yes", "--json").ok().json()["actions"]
    assert {action["verb"] for action in planned} <= {"delete", "forget"}
    left = {path: digest for path, digest in everything(root).items() if not path.startswith(".mvops/")}
    assert left == theirs
    assert mvops(root, "state", "list", "--json").ok().json()["resources"] == []
    assert mvops(root, "destroy", "--json").ok().json()["actions"] == []


def test_p30_whatever_is_forgotten_is_taken_up_again(after: Path, tmp_path: Path) -> None:
    root = toy.copy(after, tmp_path / "toy")
    known = [each["address"] for each in mvops(root, "state", "list", "--json").ok().json()["resources"]]
    assert f"Forgotten: {', '.join(known)}" in mvops(root, "state", "forget", *known, "--yes").ok().out
    assert mvops(root, "state", "list", "--json").ok().json()["resources"] == []
    mvops(root, "plan").ok()
    mvops(root, "apply", "--yes").ok()
    mvops(root, "plan", "--detailed-exitcode").ok(0)
    assert [each["address"] for each in mvops(root, "state", "list", "--json").ok().json()["resources"]] == known


def test_p32_a8_what_is_gone_is_forgotten_or_made_again(after: Path, tmp_path: Path) -> None:
    root = toy.copy(after, tmp_path / "toy")
    shutil.rmtree(root / "deploy")
    shutil.rmtree(root / ".github")
    planned = verbs(mvops(root, "plan", "--json"))
    assert {"create", "repair"} >= {verb for verb in planned.values() if verb != "keep"} != set()
    mvops(root, "apply", "--yes").ok()
    mvops(root, "plan", "--detailed-exitcode").ok(0)
    shutil.rmtree(root / "deploy")
    shutil.rmtree(root / ".github")
    done = mvops(root, "destroy", "--yes", "--json").ok().json()["actions"]
    assert "forget" in {action["verb"] for action in done}
    assert json.loads(mvops(root, "state", "list", "--json").ok().out)["resources"] == []
