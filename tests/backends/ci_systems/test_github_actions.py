"""actionlint accepts the workflows, and bash does with a pull request what their steps say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import toy_project as toy
import yaml
from ssh_keys import ssh_key
from two_models import two_models
from workflows import commit, git, lint, machine, run_steps

from mvops import backends
from mvops.contracts.ci_systems import CiSystem, Review
from mvops.contracts.schedulers import Machine

pytestmark = [pytest.mark.system, pytest.mark.long(minutes=2)]
GITHUB: CiSystem = backends.load("ci_systems", "github_actions")
GH = """#!/bin/sh
# Stands for GitHub's own program: keeps the comment, knows one run, and hands out what it kept.
echo "$@" >> "$KEPT/calls"
case "$1 $2" in
    "pr comment") cp "$5" "$KEPT/comment.md" ;;
    "run list") if [ -f "$KEPT/mvops-plan.json" ]; then echo 4711; fi ;;
    "run download") cp "$KEPT"/mvops-plan.json* "$7/" ;;
esac
"""


def workflow(root: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((root / f".github/workflows/{name}.yml").read_text(), Loader=yaml.BaseLoader)
    return found


@pytest.mark.real("ci_systems", "github_actions", "actionlint accepts the workflows")
def test_actionlint_accepts_them(outside: Callable[[str], Path], tmp_path: Path) -> None:
    reviews = (
        Review(project="p", branch="main", approval=None, machine=Machine(python="3.12")),
        Review(
            project="p",
            branch="release/1.x",
            approval="production eu",
            signed=True,
            environment="staging",
            machine=Machine(python="3.11", secrets=("A", "B"), folder="a b", requirements="requirements.txt"),
        ),
    )
    paths = []
    for number, made in enumerate(reviews):
        for name, text in GITHUB.files(made).items():
            paths.append(tmp_path / f"{number}_{name}")
            paths[-1].write_text(text)
    assert len(paths) == 4
    assert lint(outside("actionlint"), *paths) == []
    broken = tmp_path / "broken.yml"
    broken.write_text(paths[0].read_text().replace("github.event.number", "github.evnt.number"))
    assert "evnt" in " ".join(problem["message"] for problem in lint(outside("actionlint"), broken))


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository on GitHub: two models that are applied, and the CI."""
    folder = tmp_path_factory.mktemp("ci")
    root = two_models(folder / "toy", "cron")
    (root / "requirements.txt").write_text("pandas\nscikit-learn\n")
    with (root / "configs/project.yaml").open("a") as file:
        file.write("ci: {approval: production}\n")
    toy.typed(root, "apply", "--yes").ok()
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(root)
    git(folder, "clone", "--quiet", "--bare", str(root), "origin.git")
    return folder / "origin.git"


class Github:
    """A checkout on a runner, and what GitHub keeps between two runs."""

    def __init__(self, origin: Path, folder: Path, programs: Path) -> None:
        self.origin, self.folder, self.programs = origin, folder, programs
        self.kept = folder / "kept"
        self.key = ""
        self.kept.mkdir()

    def checkout(self, name: str, branch: str) -> Path:
        git(self.folder, "clone", "--quiet", "--branch", branch, str(self.origin), name)
        return self.folder / name

    def run(self, checkout: Path, name: str, code: int = 0) -> dict[str, str]:
        """What each step said; a file that is uploaded is kept."""
        temp = self.folder / f"{checkout.name}-temp"
        temp.mkdir(exist_ok=True)
        event = {
            "RUNNER_TEMP": str(temp),
            "GITHUB_STEP_SUMMARY": str(temp / "summary.md"),
            "KEPT": str(self.kept),
            "github.token": "t",
            "github.event.number": "7",
            "github.event.pull_request.head.sha": "abc",
            "secrets.MVOPS_PLAN_KEY": self.key,
        }
        found = workflow(checkout, name)
        said = dict(run_steps(checkout, found, self.programs, event, code))
        for step in steps(found):
            if step.get("uses", "").startswith("actions/upload-artifact"):
                for path in map(Path, step["with"]["path"].replace("${{ runner.temp }}", str(temp)).splitlines()):
                    if path.exists():
                        (self.kept / path.name).write_bytes(path.read_bytes())
        return said


def steps(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [step for job in found["jobs"].values() for step in job["steps"]]


@pytest.fixture
def github(origin: Path, tmp_path: Path, runner: Path) -> Github:
    copied = toy.copy(origin, tmp_path / "origin.git")
    return Github(copied, tmp_path, runner)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a machine that has mvops, and GitHub's own."""
    programs = machine(tmp_path_factory.mktemp("runner"))
    (programs / "gh").write_text(GH)
    (programs / "gh").chmod(0o755)
    return programs


def propose(github: Github, old: str, new: str) -> None:
    """A pull request that changes a model's YAML."""
    author = github.checkout("author", "main")
    git(author, "checkout", "--quiet", "-b", "change")
    toy.edit(author / "configs/models/toy.yaml", old, new)
    commit(author)
    git(author, "push", "--quiet", "origin", "change")


def merge(github: Github) -> None:
    git(github.folder / "author", "push", "--quiet", "origin", "change:main")


def head(origin: Path) -> str:
    said = subprocess.run(["git", "log", "-1", "--format=%s", "main"], cwd=origin, capture_output=True, check=True)
    return said.stdout.decode().strip()


@pytest.mark.real("ci_systems", "github_actions", "bash plans a pull request, and applies the same plan on merge")
def test_p18_the_plan_that_was_shown_is_applied_on_merge(github: Github) -> None:
    propose(github, "every: 1d", "every: 6h")
    said = github.run(github.checkout("planned", "change"), "mvops_plan")
    assert "already satisfied" in said["Install what the project needs"]
    comment = (github.kept / "comment.md").read_text()
    assert "settings.every: 1d -> 6h" in comment
    assert "<code>deploy/schedules/toy/crontab</code>: replace, +1 -1" in comment
    assert "pr comment 7 --body-file" in (github.kept / "calls").read_text()
    assert (github.folder / "planned-temp/summary.md").read_text() == comment

    merge(github)
    said = github.run(github.checkout("merged", "main"), "mvops_apply")
    assert "ok      update monitor.toy" in said["Apply it"]
    assert "run list --workflow mvops_plan.yml --commit abc" in (github.kept / "calls").read_text()
    assert head(github.origin) == "mvops apply (#7)"
    after = github.checkout("after", "main")
    assert "*/6" in (after / "deploy/schedules/toy/crontab").read_text()
    planned = json.loads((github.kept / "mvops-plan.json").read_text())
    assert planned["created_by"]

    toy.edit(after / "configs/models/toy.yaml", "every: 6h", "every: 1d")  # as it was, for the other tests
    toy.typed(after, "apply", "--yes").ok()


@pytest.mark.real("ci_systems", "github_actions", "bash signs the plan, and applies it on merge only as it was signed")
def test_p18_p22_where_plans_are_signed_the_ci_signs_its_own(github: Github) -> None:
    ssh_key(github.folder, "ci")
    github.key = (github.folder / "ci").read_text()
    signer = (github.folder / "ci.pub").read_text()
    first = github.checkout("first", "main")
    (first / "allowed_signers").write_text(f"ci@example.com {signer}")
    with (first / "configs/project.yaml").open("a") as file:
        file.write("plan: {signers: allowed_signers}\n")
    toy.typed(first, "plan", "--out", "../first.json", "--sign", "../ci").ok()
    toy.typed(first, "apply", "../first.json").ok()
    commit(first)
    git(first, "push", "--quiet", "origin", "main")

    propose(github, "every: 1d", "every: 6h")
    github.run(github.checkout("planned", "change"), "mvops_plan")
    merge(github)
    kept = github.kept / "mvops-plan.json.sig"
    signature = kept.read_bytes()
    kept.unlink()
    said = github.run(github.checkout("unsigned", "main"), "mvops_apply", code=1)
    assert "is not signed" in said["Apply it"]
    kept.write_bytes(signature)
    said = github.run(github.checkout("merged", "main"), "mvops_apply")
    assert "ok      update monitor.toy" in said["Apply it"]
    after = github.checkout("after", "main")
    toy.edit(after / "configs/project.yaml", "plan: {signers: allowed_signers}\n", "")
    toy.edit(after / "configs/models/toy.yaml", "every: 6h", "every: 1d")  # as it was, for the other tests
    toy.typed(after, "apply", "--yes").ok()


@pytest.mark.real("ci_systems", "github_actions", "a plan that is stale on merge is refused")
def test_p18_what_moved_since_is_refused_on_merge(github: Github) -> None:
    propose(github, "every: 1d", "every: 6h")
    github.run(github.checkout("planned", "change"), "mvops_plan")
    author = github.folder / "author"
    toy.edit(author / "configs/models/second.yaml", "every: 1d", "every: 12h")
    commit(author)
    merge(github)
    said = github.run(github.checkout("merged", "main"), "mvops_apply", code=1)
    assert "this plan is stale" in said["Apply it"]
    assert "ok" not in said["Apply it"]
    assert head(github.origin) == "x"


@pytest.mark.real("ci_systems", "github_actions", "a pull request that cannot be planned fails its check")
def test_a_mistake_in_the_yaml_fails_the_check(github: Github) -> None:
    propose(github, "every: 1d", "evry: 1d")
    said = github.run(github.checkout("planned", "change"), "mvops_plan", code=1)
    assert "evry" in said["Plan"]
    merge(github)
    said = github.run(github.checkout("merged", "main"), "mvops_apply", code=1)
    assert "no plan was made of abc" in said["Fetch the plan that was reviewed"]


@pytest.mark.real("ci_systems", "github_actions", "a pull request that changes nothing commits nothing")
def test_a_change_that_plans_nothing_is_merged_in_peace(github: Github) -> None:
    propose(github, "gate: [", "# a remark\ngate: [")
    planned = github.checkout("planned", "change")
    github.run(planned, "mvops_plan")
    assert "2 to repair" in (github.kept / "comment.md").read_text(), "routes, which are where endpoints are served"
    toy.typed(planned, "apply", "--yes").ok()
    github.run(planned, "mvops_plan")
    assert "Nothing to do" in (github.kept / "comment.md").read_text()
    toy.typed(planned, "apply", "--yes", "models.toy.monitor.every=2h").ok()
    toy.typed(planned, "apply", "--yes").ok()  # the state has moved on, and is the same
    merge(github)
    said = github.run(github.checkout("merged", "main"), "mvops_apply")
    assert "Nothing to do" in said["Apply it"]
    assert head(github.origin) == "x"
