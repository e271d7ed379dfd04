"""actionlint accepts the workflows, and bash does what their steps say, on a machine that starts with a checkout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import toy_project as toy
import yaml
from two_models import champions, new_data, two_models
from workflows import commit, git, lint, machine, run_steps

from mvops import backends
from mvops.contracts.schedulers import Command, Job, Machine, Scheduler, Timetable

pytestmark = pytest.mark.long(minutes=4)
GITHUB: Scheduler = backends.load("schedulers", "github_actions")


def table(schedule: str = "0 3 * * 1", **machine: Any) -> Timetable:
    job = Job(
        name="retrain_delay",
        schedule=schedule,
        description="train",
        commands=(Command(name="delay", arguments=("retrain", "delay", "--note", "${{ secrets.X }} $(id)")),),
    )
    return Timetable(project="p", name="delay", jobs=(job,), machine=Machine(python="3.12", **machine))


def workflow(made: Timetable) -> dict[str, Any]:
    (text,) = GITHUB.files(made).values()
    found: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)
    return found


@pytest.mark.parametrize(
    ("schedule", "theirs"),
    [
        ("0 3 * * 7", "0 3 * * 0"),
        ("0 3 * * 5-7", "0 3 * * 0,5,6"),
        ("*/2 3 * * *", "*/5 3 * * *"),
        ("0,3 3 * * *", "*/5 3 * * *"),
        ("59,1 3 * * *", "*/5 3 * * *"),
        ("*/15 3 * 1-3 1", "*/15 3 * 1-3 1"),
    ],
)
def test_a_schedule_as_github_reads_it(schedule: str, theirs: str) -> None:
    assert workflow(table(schedule))["on"]["schedule"] == [{"cron": theirs}]
    often = [sentence for sentence in GITHUB.limits(table(schedule)) if "every 5 minutes" in sentence]
    assert bool(often) == theirs.startswith("*/5")


def test_secrets_are_named_and_never_written() -> None:
    found = workflow(table(secrets=("PGPASSWORD", "AWS_SECRET_ACCESS_KEY")))
    assert found["env"] == {name: f"${{{{ secrets.{name} }}}}" for name in ("PGPASSWORD", "AWS_SECRET_ACCESS_KEY")}
    assert "env" not in workflow(table())


def test_an_expression_in_an_argument_stays_text() -> None:
    line = workflow(table())["jobs"]["delay"]["steps"][-1]["run"].splitlines()[-1]
    assert "${{ secrets.X }}" not in line
    assert "'${{ '${{' }} secrets.X }} $(id)'" in line, "what GitHub makes of ${{ '${{' }} is ${{"


def test_what_an_empty_machine_lacks_is_said() -> None:
    said = "\n".join(GITHUB.limits(table(kept=("registry", "artifacts"), folder="ml/flights")))
    assert "registry and artifacts are files of this one: name a PostgreSQL server and S3" in said
    assert "what the notebooks import into requirements.txt" in said
    assert "this project is in ml/flights" in said
    assert "empty" not in "\n".join(GITHUB.limits(table(requirements="requirements.txt")))
    assert workflow(table(folder="ml/flights"))["defaults"]["run"]["working-directory"] == "ml/flights"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, one after the other, in a Git repository that holds their data too."""
    root = two_models(tmp_path_factory.mktemp("github") / "toy", "github_actions", secrets="[PGPASSWORD]", timeout="1h")
    (root / "requirements.txt").write_text("pandas\nscikit-learn\n")
    toy.typed(root, "apply", "--yes").ok()
    git(root, "init", "--quiet")
    commit(root)
    return root


@pytest.mark.system
@pytest.mark.real("schedulers", "github_actions", "actionlint accepts the workflows")
def test_actionlint_accepts_them(repository: Path, outside: Callable[[str], Path], tmp_path: Path) -> None:
    paths = sorted((repository / ".github/workflows").iterdir())
    assert [path.name for path in paths] == [
        "mvops_monitor_second.yml",
        "mvops_monitor_toy.yml",
        "mvops_retrain_toy.yml",
    ]
    for number, (name, text) in enumerate(
        (name, text)
        for made in (table("*/2 * * * 7", secrets=("A",), folder="a b"), table(requirements="requirements.txt"))
        for name, text in GITHUB.files(made).items()
    ):
        paths.append(tmp_path / f"{number}_{name}")
        paths[-1].write_text(text)
    assert lint(outside("actionlint"), *paths) == []
    broken = tmp_path / "broken.yml"
    broken.write_text(
        paths[2].read_text().replace("0 3 * * 1", "99 3 * * 1").replace('needs: ["toy"]', "needs: [nobody]")
    )
    said = " ".join(problem["message"] for problem in lint(outside("actionlint"), broken))
    assert "99" in said
    assert "nobody" in said, "a check that cannot say no checks nothing"


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a machine that has mvops."""
    return machine(tmp_path_factory.mktemp("runner"))


@pytest.mark.system
@pytest.mark.real("schedulers", "github_actions", "bash runs the steps in a checkout, in the order of `needs`")
def test_the_steps_retrain_both_models(repository: Path, runner: Path, tmp_path: Path) -> None:
    new_data(repository)
    commit(repository)
    git(tmp_path, "clone", "--quiet", str(repository), "checkout")
    checkout = tmp_path / "checkout"
    found = yaml.load((checkout / ".github/workflows/mvops_retrain_toy.yml").read_text(), Loader=yaml.BaseLoader)
    said = list(run_steps(checkout, found, runner))
    names = [name for name, _ in said if ":" in name]
    steps = ("step load", "step features", "step train", "step evaluate", "retrain")
    assert names == [f"{model}: {step}" for model in ("toy", "second") for step in steps]
    assert "already satisfied" in said[0][1]
    assert champions(repository) == {"toy": 2, "second": 2}
    assert "version 2 is champion" in dict(said)["second: retrain"]
    again = next(text for name, text in run_steps(checkout, found, runner) if name == "toy: retrain")
    assert "nothing to learn from" in again


@pytest.mark.system
@pytest.mark.real("schedulers", "github_actions", "a gate that says no is a warning, and the next model goes on")
def test_a_gate_that_says_no_fails_nothing(repository: Path, runner: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(repository), "checkout")
    checkout = tmp_path / "checkout"
    toy.edit(checkout / "configs/models/toy.yaml", "roc_auc >= 0.6", "roc_auc >= 0.999")
    toy.edit(checkout / "configs/models/toy.yaml", "C: 1.0", "C: 0.9")
    before = champions(repository)
    found = yaml.load((checkout / ".github/workflows/mvops_retrain_toy.yml").read_text(), Loader=yaml.BaseLoader)
    said = dict(run_steps(checkout, found, runner))
    assert "::warning::the gate said no" in said["toy: retrain"]
    assert "second: retrain" in said
    assert champions(repository) == before
