"""P28: the same project a second time, in `--env staging`, with everything of its own; production is never touched."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from toy_project import copy, edit, environment, free_port, mvops, port_of, snapshot, typed

import mvops as package
from mvops.cli.app import app
from mvops.cli.slim import commands_of
from mvops.core.typed import signed_in, typed_in

pytestmark = pytest.mark.xdist_group("cli-toy")
ENV = ("--env", "staging")


@pytest.fixture(scope="session")
def both(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy project after an apply, and after one in staging. Only to be copied."""
    root = copy(applied, tmp_path_factory.mktemp("both") / "toy")
    add_overlay(root, free_port())
    before = everything(root)
    typed(root, "apply", "--yes", *ENV).ok()
    assert everything(root) == before, "an apply in staging changes nothing of production's"
    return root


@pytest.fixture
def project(both: Path, tmp_path: Path) -> Path:
    return copy(both, tmp_path / "toy")


def add_overlay(root: Path, port: int) -> None:
    (root / "configs" / "env").mkdir()
    overlay = {"models": {"toy": {"endpoint": {"port": port}, "retrain": {"schedule": "0 5 * * 1"}}}}
    (root / "configs" / "env" / "staging.yaml").write_text(yaml.safe_dump(overlay))


def everything(root: Path) -> dict[str, str]:
    """All files but staging's and caches; databases by what is in them."""
    return {str(path.relative_to(root)): digest for path, digest in _files(root)}


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        own = parts[:1] == ("deploy-staging",) or parts[:2] in {(".mvops", "env"), (".mvops", "cache")}
        if path.is_file() and not own and not path.name.endswith(("-wal", "-shm")):
            yield path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_p28_staging_has_everything_of_its_own(project: Path) -> None:
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    mvops(project, "plan", "--detailed-exitcode", *ENV).ok(0)
    assert mvops(project, "status", "--json", *ENV).ok().json()["project"] == "toy_staging"
    generated = {p.relative_to(project / "deploy").as_posix() for p in (project / "deploy").rglob("*") if p.is_file()}
    staged = project / "deploy-staging"
    assert {p.relative_to(staged).as_posix() for p in staged.rglob("*") if p.is_file()} == generated
    service = json.loads((staged / "serving/toy/service.json").read_text())
    assert (service["state"], service["artifacts"]) == (
        ".mvops/env/staging/serving/toy",
        ".mvops/env/staging/artifacts",
    )
    assert (staged / "serving/toy" / service["root"]).resolve() == project
    assert service["predictions"] == "sqlite:///.mvops/env/staging/predictions.db"


def test_p28_what_is_generated_carries_the_environment(project: Path) -> None:
    for path in (project / "deploy-staging").rglob("*"):
        text = path.read_text() if path.is_file() else ""
        assert "deploy/" not in text, path
        assert ".mvops/" not in text.replace(".mvops/env/staging", ""), path
    crontab = (project / "deploy-staging/schedules/toy/crontab").read_text()
    commands = [line for line in crontab.splitlines() if line[:1].isdigit()]
    assert len(commands) == 2
    assert all(" --env staging >> .mvops/env/staging/schedule.log" in line for line in commands)
    (monitoring,) = [line for line in commands if "monitor toy" in line]
    line = monitoring.split(" ", 5)[5].replace("@PROJECT@", str(project)).replace('"@MVOPS@"', "python -m mvops")
    done = subprocess.run(["sh", "-c", line], env=environment(), cwd="/", check=False, timeout=120)
    said = (project / ".mvops/env/staging/schedule.log").read_text()
    assert (done.returncode, "Traceback" in said) == (0, False), said
    assert not (project / ".mvops/schedule.log").exists()
    jobs = mvops(project, "schedule", "list", "--json", *ENV).ok().json()["jobs"]
    assert {job["schedule"] for job in jobs} == {"5 0 * * *", "0 5 * * 1"}


@pytest.mark.parametrize("backend", ["local", "airflow", "github_actions"])
def test_p28_every_scheduler_runs_it_in_the_environment(project: Path, backend: str) -> None:
    edit(
        project / "configs/models/toy.yaml", "retrain: {cooldown: 1s}", "retrain: {cooldown: 1s, schedule: '0 3 * * 1'}"
    )
    with (project / "configs/project.yaml").open("a") as file:
        file.write(f"scheduler: {{backend: {backend}}}\n")
    mvops(project, "apply", "--yes", *ENV).ok()
    made = [p for p in project.rglob("*") if p.is_file() and p.name in {"timetable.yaml", "dag.py"}]
    made += list((project / ".github").rglob("*.yml")) if (project / ".github").exists() else []
    texts = "\n".join(path.read_text() for path in made)
    assert made
    assert all("staging" in str(path.relative_to(project)) for path in made)
    assert texts.count("staging") >= texts.count("retrain', 'toy") + texts.count("mvops retrain toy")
    for line in texts.splitlines():
        if "retrain" in line and "toy" in line and ("reason" in line):
            assert "staging" in line, line
    mvops(project, "plan", "--detailed-exitcode", *ENV).ok(0)


def test_p28_a_saved_plan_is_refused_in_another_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hourly = "models.toy.monitor.every=1h"
    shown = mvops(project, "plan", hourly, "--out", "staging.json", *ENV).ok()
    assert "`mvops --env staging apply staging.json` does exactly this" in shown.out
    assert json.loads((project / "staging.json").read_text())["environment"] == "staging"
    mvops(project, "apply", "staging.json").refused(
        "made for the environment 'staging', and this is no environment",
        "Apply it with --env staging: mvops --env staging apply staging.json",
    )
    mvops(project, "plan", hourly, "--out", "plain.json").ok()
    there = 'without --env, and without MVOPS_ENV: mvops --env "" apply plain.json'
    refused = mvops(project, "apply", "plain.json", *ENV).refused("made for no environment", there)
    assert named(refused.err) == set()
    monkeypatch.setenv("MVOPS_ENV", "staging")
    applied = mvops(copy(project, project.parent / "plain"), *shlex.split(refused.err.rpartition("mvops ")[2]), "--yes")
    assert "update monitor.toy" in applied.ok().out
    monkeypatch.delenv("MVOPS_ENV")
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    mvops(project, "apply", "staging.json", *ENV).ok()
    mvops(project, "apply", "staging.json", *ENV).refused("plan is stale", "Plan again: mvops --env staging plan")
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    mvops(project, "plan", "--detailed-exitcode", *ENV).ok(2)


def test_p20_p28_a_port_that_somebody_took_meanwhile_makes_a_saved_plan_stale(project: Path) -> None:
    old, new = port_of_staging(project), free_port()
    edit(project / "configs/env/staging.yaml", f"port: {old}", f"port: {new}")
    mvops(project, "plan", "--out", "p.json", *ENV).ok()
    (project / "configs/env/dev.yaml").write_text(f"models: {{toy: {{endpoint: {{port: {new}}}}}}}\n")
    before, deployed = everything(project), snapshot(project / "deploy-staging")
    taken = (
        f"stale: endpoint.toy: port {new} is that of models.toy in the environment dev too (configs/env/staging.yaml:"
    )
    mvops(project, "apply", "p.json", *ENV).refused(taken, "since it was made", "Plan again: mvops --env staging plan")
    assert (everything(project), snapshot(project / "deploy-staging")) == (before, deployed)
    edit(project / "configs/env/dev.yaml", str(new), str(free_port()))
    mvops(project, "apply", "p.json", *ENV).ok()


def test_p28_destroying_staging_leaves_production_as_it_is(project: Path) -> None:
    before = everything(project)
    mvops(project, "destroy", "--yes", *ENV).ok()
    assert not (project / "deploy-staging").exists()
    assert everything(project) == before
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_p28_a_registry_is_never_opened_by_another_environment(project: Path) -> None:
    theirs = "registry=sqlite:///.mvops/env/staging/registry.db"
    mvops(project, "status", *ENV).ok()
    mvops(project, "plan", theirs).refused("is the registry of the environment 'staging'", "--env staging")
    ours = "registry=sqlite:///.mvops/registry.db"
    mvops(project, "plan", ours, *ENV).refused("registry is that of the project without an environment too")
    link = project / ".mvops" / "other.db"
    link.symlink_to("registry.db")
    mvops(project, "plan", "registry=sqlite:///.mvops/other.db", *ENV).refused(
        "is the registry of the project without an environment", "without --env"
    )


def test_p28_the_environment_may_stand_in_a_variable(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MVOPS_ENV", "staging")
    assert mvops(project, "config", "show", "project").ok().out == "toy_staging\n"
    monkeypatch.setenv("MVOPS_ENV", "")
    assert mvops(project, "config", "show", "project").ok().out == "toy\n"
    mvops(project, "status", "--env", "stagin").refused("did you mean 'staging'?")


def test_p28_environments_are_compared_by_what_is_written(project: Path) -> None:
    with (project / "configs/project.yaml").open("a") as file:
        file.write("notifiers: {ops: {options: {}}, mail: {options: {subject: '${project}'}}}\n")
    edit(
        project / "configs/env/staging.yaml",
        "models:\n",
        "models:\n",
    )
    found = mvops(project, "config", "diff", "staging", "--json").ok().json()
    assert (found["from"], found["to"]) == (None, "staging")
    changed = {each["key"]: (each["from"]["written"], each["to"]["written"]) for each in found["differences"]}
    port = mvops(project, "config", "show", "models.toy.endpoint.port", *ENV).out.strip()
    assert changed == {
        "models.toy.endpoint.port": (port_of(project), int(port)),
        "models.toy.retrain.schedule": ("0 3 * * 1", "0 5 * * 1"),
    }
    said = mvops(project, "config", "diff", "staging", "--detailed-exitcode").ok(2).out
    assert '~ models.toy.retrain.schedule: "0 3 * * 1" -> "0 5 * * 1"' in said
    assert "configs/env/staging.yaml:" in said
    assert "the same" in mvops(project, "config", "diff", "staging", "--detailed-exitcode", *ENV).ok(0).out


COMMANDS = tuple(commands_of(app))
NAMED = re.compile(rf"mvops (?:{'|'.join(COMMANDS)})(?![\w-])[^`;\n]*")


def named(text: str) -> set[str]:
    """The commands that a text names without an environment."""
    return set(NAMED.findall(text)) if "mvops " in text else set()


def test_p28_what_people_are_told_to_type_works_on_the_environment(project: Path) -> None:
    """Whatever a command says, in every situation that these come to."""
    missing = [("versions", "show", "toy", "9"), ("runs", "show", "none"), ("explain", "none"), ("loadtest", "toy")]
    reading = [
        ("status",),
        ("doctor",),
        ("maturity",),
        ("history",),
        ("runs", "list", "toy"),
        ("state", "list"),
        ("refresh",),
    ]
    seen = [mvops(project, *words, *ENV) for words in (*missing, *reading, ("versions", "list", "toy"))]
    edit(project / "configs/models/toy.yaml", "every: 1d", "every: 6h")
    seen += [mvops(project, "plan", "--out", "p.json", *ENV).ok()]
    seen += [mvops(project, "show", "p.json", *ENV).ok(), mvops(project, "apply", "none.json", *ENV)]
    seen += [mvops(project, "state", "forget", "monitor.toy", "--yes", *ENV).ok()]
    seen += [mvops(project, "monitor", "toy", *ENV), mvops(project, "destroy", "--yes", *ENV).ok()]
    seen += [mvops(project, *words, *ENV) for words in (("serve", "toy"), ("status",), ("doctor",), ("retrain", "toy"))]
    seen += [mvops(project, "dashboard", "--output", "page.html", *ENV).ok()]
    said = "\n".join([*(result.out + result.err for result in seen), (project / "page.html").read_text()])
    assert said.count("mvops --env staging ") > 20
    assert named(said) == set()
    again = [line.partition("mvops --env staging ")[2] for line in said.splitlines()]
    assert {"apply", "plan", "serve toy"} <= {" ".join(re.findall(r"^\w+(?: toy)?", line)) for line in again}
    plain = "".join(result.out + result.err for words in (*missing, *reading) for result in [mvops(project, *words)])
    assert "--env" not in plain
    assert "mvops " in plain


def test_p28_every_text_of_ours_that_names_a_command_gets_the_environment() -> None:
    texts = [
        node.value
        for path in Path(package.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and named(node.value)
    ]
    assert len(texts) > 150
    told = [typed_in(text, "staging", COMMANDS) for text in texts]
    assert [text for text in told if named(text)] == []
    again = [typed_in(text, "staging", COMMANDS) for text in told]
    assert again == told, "what has it gets it only once"
    signed = [signed_in(text) for text in texts]
    assert sum(text != before for text, before in zip(signed, texts, strict=True)) > 50
    assert [signed_in(text) for text in signed] == signed
    assert signed_in("`mvops --env staging apply p.plan` does") == "`mvops --env staging apply p.plan` does"
    bare = re.compile(rf"mvops(?: --env staging)? (?:{'|'.join(COMMANDS)})(?![\w-])")
    for name, all_of_them in ((None, texts), ("staging", texts), ("staging", told)):
        there = [typed_in(text, name, COMMANDS, "a b") for text in all_of_them]
        assert [text for text in there if bare.search(text)] == []
        assert [typed_in(text, name, COMMANDS, "a b") for text in there] == there
    gone = "cd 'a b' && mvops serve toy; then: mvops --env staging plan"
    assert typed_in(gone, "staging", COMMANDS, "a") == (
        "cd 'a b' && mvops --env staging serve toy; then: mvops -C a --env staging plan"
    )


def test_p28_what_people_are_told_to_type_works_from_where_they_are(project: Path, tmp_path: Path) -> None:
    """With the folder that they named, and file names as seen from there."""
    here = project.rename(tmp_path / "a toy").parent
    typed = ("-C", "a toy")
    edit(here / "a toy/configs/models/toy.yaml", "every: 1d", "every: 6h")
    shown = mvops(here, *typed, "plan", "--out", "p.json", *ENV).ok().out
    command = "mvops -C 'a toy' --env staging apply p.json"
    assert f"`{command}` does exactly this" in shown
    assert (
        "mvops -C 'a toy' --env staging versions list" in mvops(here, *typed, *ENV, "versions", "show", "toy", "9").err
    )
    assert "update monitor.toy" in mvops(here, *shlex.split(command)[1:], "--yes").ok().out
    seen = [mvops(here, *typed, *words) for words in (("status",), ("doctor",), ("maturity",), ("schedule", "list"))]
    said = "\n".join(result.out + result.err for result in seen)
    assert named(said) == set()
    assert "mvops -C 'a toy' serve toy" in said
    assert "Next: mvops -C new promote notebooks/" in mvops(here, "-C", "new", "init", "--team", "small").ok().out
    assert f"Next: cd {Path('new', 'er')} && mvops promote" in mvops(here, "-C", "new", "init", "er").ok().out


def test_p28_what_a_file_says_is_shown_as_it_is(project: Path) -> None:
    """A line of somebody's in a generated file, in the diff of what becomes of it."""
    dockerfile = project / "deploy-staging/serving/toy/Dockerfile"
    edit(
        dockerfile,
        "ENV MVOPS_BEHIND_PROXY=1\n",
        "# after `mvops apply`: mvops run toy\nENV MVOPS_BEHIND_PROXY=1\n",
    )
    was = mvops(project, "config", "show", "models.toy.endpoint.port", *ENV).ok().out.strip()
    edit(project / "configs/env/staging.yaml", f"port: {was}", f"port: {free_port()}")
    for form in ((), ("--markdown",)):
        shown = mvops(project, "plan", "--diff", *form, *ENV).ok().out
        assert " # after `mvops apply`: mvops run toy\n" in shown


def test_p28_a_port_of_somebody_elses_stops_only_what_would_take_it(project: Path) -> None:
    ours, model = int(port_of_staging(project)), (project / "configs/models/toy.yaml").read_text()
    second, theirs = project / "configs/models/second.yaml", free_port()
    second.write_text(f"{model}endpoint: {{port: {theirs}}}\n")
    place = f"configs/models/second.yaml:{len(second.read_text().splitlines())}:12"
    another = f"port {theirs} is that of models.second in the project without an environment too ({place})"
    said = f"models: {{second: {{endpoint: {{port: {theirs + 100}}}}}}}"
    for command in (("status",), ("versions", "list", "toy"), ("state", "list"), ("history",), ("config", "show")):
        mvops(project, *command, *ENV).ok()
    mvops(project, "config", "diff", "staging").ok()
    assert f"  x endpoint.second  conflict: {another}\n      Say another in" in mvops(project, "plan", *ENV).ok().out
    before = everything(project)
    mvops(project, "apply", "--yes", *ENV).refused(f"endpoint.second: {another}", "configs/env/staging.yaml", said)
    assert everything(project) == before
    planned = mvops(project, "plan", "--json", "--exclude", "endpoint.second", *ENV).ok().json()["actions"]
    assert not {action["address"] for action in planned if action["verb"] == "conflict"}
    with (project / "configs/env/staging.yaml").open("a") as file:
        file.write(f"  {said.removeprefix('models: {').removesuffix('}')}\n")
    assert "conflict" not in mvops(project, "plan", *ENV).ok().out

    edit(second, str(theirs), str(ours))  # what staging's endpoint has already
    edit(project / "configs/env/staging.yaml", f"  second: {{endpoint: {{port: {theirs + 100}}}}}\n", "")
    shown = mvops(project, "plan", *ENV).ok().out
    assert f"  x endpoint.second  conflict: port {ours} is that of models.toy already ({place})\n" in shown
    assert f"note: endpoint.toy: port {ours} is that of models.second already (configs/env/staging.yaml:" in shown
    mvops(project, "apply", "--yes", *ENV).refused(f"endpoint.second: port {ours} is that of models.toy already")


def port_of_staging(project: Path) -> str:
    return mvops(project, "config", "show", "models.toy.endpoint.port", *ENV).ok().out.strip()


def test_p28_p30_a_rename_names_the_environments_that_have_the_model_on_record(project: Path) -> None:
    (project / "configs/env/dev.yaml").write_text(f"models: {{toy: {{endpoint: {{port: {free_port()}}}}}}}\n")
    broken = project / "configs/env/old.yaml"
    broken.write_text("registry: sqlite:///old.db\nmodels: {toy: {endpoint: {port: 1}}}\n")
    (project / "old.db").write_text("no database")
    changed = copy(project, project.parent / "changed")
    with (changed / "configs/project.yaml").open("a") as file:
        file.write("\nmoved: [{from: model.old, to: model.older}]\n")
    said = mvops(changed, "state", "mv", "model.toy", "model.plaything", "--yes").ok().out
    assert "in configs/project.yaml, in its `moved`\n    - {from: model.toy, to: model.plaything}\n" in said
    said = mvops(project, "state", "mv", "model.toy", "model.plaything", "--yes").ok().out
    entry = (
        "    moved: [{from: model.toy, to: model.plaything}]\nthen: mvops --env staging apply, which renames it there"
    )
    assert f"note: the environment staging still has model.toy on record: say in configs/project.yaml\n{entry}" in said
    assert "note: whether the environment old has model.toy on record is not known: " in said
    assert said.count("note: ") == 2, "nothing was ever applied in dev"
    assert not (project / ".mvops/env/dev").exists()
    for each in ("dev", "old"):
        (project / f"configs/env/{each}.yaml").unlink()
    with (project / "configs/project.yaml").open("a") as file:
        file.write("\nmoved: [{from: model.toy, to: model.plaything}]\n")
    planned = {a["address"]: a["verb"] for a in mvops(project, "plan", "--json", *ENV).ok().json()["actions"]}
    assert (planned["model.toy"], planned["model.plaything"]) == ("move", "keep")
    assert "not applied yet" not in mvops(project, "state", "list", *ENV).ok().out
