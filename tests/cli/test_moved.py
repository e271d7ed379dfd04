"""P30: a model that is renamed in the YAML keeps all that is known of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy_project as toy
from toy_project import edit, logged, mvops, query, snapshot

PROJECT = "configs/project.yaml"
MODELS = Path("configs/models")


def renamed(project: Path, moved: str) -> None:
    """What a person does: the file by its new name, and a line that says so."""
    (project / MODELS / "toy.yaml").rename(project / MODELS / "plaything.yaml")
    with (project / PROJECT).open("a") as file:
        file.write(f"\nmoved:\n{moved}")


def verbs(project: Path, *arguments: str) -> dict[str, str]:
    planned = mvops(project, "plan", "--json", *arguments).ok().json()["actions"]
    return {action["address"]: action["verb"] for action in planned}


def test_p30_a_rename_in_the_yaml_is_a_line_of_the_plan_and_trains_nothing(project: Path) -> None:
    logged(project)
    runs = mvops(project, "runs", "list", "toy", "--json").ok().json()["runs"]
    renamed(project, "  - {from: model.toy, to: model.toys}\n  - {from: model.toys, to: model.plaything}\n")
    before = snapshot(project)
    said = mvops(project, "plan", "--detailed-exitcode", "--out", "plan.json").ok(2).out
    assert "→ model.toy" in said
    assert "move: has moved to model.plaything: 1 version, runs, predictions, alerts and history go along" in said
    assert "1 to move" in said
    planned = verbs(project)
    assert planned["model.toy"] == "move"
    assert {planned[f"{kind}.plaything"] for kind in ("pipeline", "model", "monitor")} == {"keep"}
    assert not {address for address in planned if address.endswith(".toy")} - {"model.toy"}
    assert not {"create", "delete", "repair", "conflict"} & set(planned.values())
    order = list(planned)
    assert order.index("model.toy") < min(order.index(where) for where in order if where.endswith(".plaything"))
    assert verbs(project, "--target", "monitor.plaything")["model.toy"] == "move"
    assert "model.toy" not in verbs(project, "--target", "dataset.data")
    assert "model.toy" not in verbs(project, "--drift-only")
    mvops(project, "retrain", "plaything").refused("not called so in the registry yet", "mvops apply")
    (project / "plan.json").rename(project.parent / "plan.json")
    assert snapshot(project) == before

    mvops(project, "apply", project.parent / "plan.json").ok()
    mvops(project, "state", "mv", "plaything", "toy", "--yes").refused("has a rename of toy to toys", "Take that")
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    assert sorted(p.name for p in (project / "deploy/serving").iterdir()) == ["plaything"]
    assert query(project, "SELECT model, number FROM mvops_versions") == [("plaything", 1)]
    assert [r["id"] for r in mvops(project, "runs", "list", "plaything", "--json").ok().json()["runs"]] == [
        run["id"] for run in runs
    ]
    (version,) = mvops(project, "versions", "list", "plaything", "--json").ok().json()["versions"]
    assert version["role"] == "champion"
    assert mvops(project, "explain", "1", "--json").ok().json()["prediction"]["model"] == "plaything"
    assert "  move     plaything        model.toy has moved to model.plaything\n" in mvops(project, "history").ok().out
    mvops(project, "versions", "list", "toy").refused("toy was renamed to plaything", "Type plaything instead.")


def test_p30_a_rename_that_cannot_be_is_told_with_its_line(project: Path) -> None:
    renamed(project, "  - from: model.toy\n    to: model.playthign\n")
    line = (project / PROJECT).read_text().splitlines().index("    to: model.playthign") + 1
    said = ("there is no model playthign that toy could have moved to; did you mean 'plaything'?",)
    mvops(project, "plan").refused(f"configs/project.yaml:{line}:", *said)
    edit(project / PROJECT, "  - from: model.toy\n    to: model.playthign\n", "  []\n")
    hint = "If that is a rename, say so in configs/project.yaml, and versions and history go along: "
    assert f"{hint}`moved: [{{from: model.toy, to: model.plaything}}]`\n" in mvops(project, "plan").ok().out
    assert hint not in mvops(project, "plan", "--destroy").ok().out
    mvops(project, "apply", "--yes").ok()  # forgot to say so: another model, of the same steps in the cache
    edit(project / PROJECT, "  []\n", "  - from: model.toy\n    to: model.plaything\n")
    before = snapshot(project)
    both = "toy and plaything are both on record, and would both be plaything"
    mvops(project, "plan").refused(f"configs/project.yaml:{line}:", both, "mvops state mv plaything")
    assert snapshot(project) == before
    edit(project / PROJECT, "model.toy\n", "model.longgone\n")
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_p30_state_mv_renames_in_every_yaml_and_says_what_is_left(project: Path) -> None:
    (project / "configs/env").mkdir()
    overlay = project / "configs/env/staging.yaml"
    overlay.write_text(
        f"models:\n  # smaller there\n  toy:   # ours\n    endpoint: {{port: {toy.free_port()}}}\n    owner: toy\n"
        f"  second: {{endpoint: {{port: {toy.free_port()}}}}}\n"
    )
    second = (project / MODELS / "toy.yaml").read_text().replace("retrain: {", "retrain: {after: [toy], ")
    (project / MODELS / "second.yaml").write_text(
        second.replace("alerts: [ops]", "alerts: [ ops ]") + f"endpoint: {{port: {toy.free_port()}}}\n"
    )
    said = mvops(project, "state", "mv", "model.toy", "model.plaything", "--yes").ok().out
    assert "configs/models/plaything.yaml, configs/env/staging.yaml, configs/models/second.yaml" in said
    assert "note:" not in said, "nothing was ever applied in staging"
    assert "  # smaller there\n  plaything:   # ours\n" in overlay.read_text()
    assert "owner: toy" in overlay.read_text(), "an owner who is called like the model stays"
    assert "after: [plaything]" in (project / MODELS / "second.yaml").read_text()
    assert "alerts: [ ops ]" in (project / MODELS / "second.yaml").read_text()
    mvops(project, "versions", "list", "toy").refused("toy was renamed to plaything")  # without `moved` in the YAML
    mvops(project, "config", "show").ok()
    mvops(project, "--env", "staging", "config", "show").ok()


class DiedError(BaseException):
    """The process is gone, in the middle of it."""


def _dies(*_: object, **__: object) -> None:
    raise DiedError


def test_p30_p4_a_rename_that_dies_on_the_way_ends_the_same(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged(project)
    renamed(project, "  - {from: model.toy, to: model.plaything}\n")
    for number, place in enumerate(
        (
            "mvops.performing.renaming.rename_model",
            "mvops.performing.renaming.restore_route",
            "mvops.registry.journal.SqlJournal.finished",
        )
    ):
        killed = toy.copy(project, project.parent / f"killed{number}")
        with monkeypatch.context() as patch:
            patch.setattr(place, _dies)
            with pytest.raises(DiedError):
                mvops(killed, "apply", "--yes")
        mvops(killed, "apply", "--yes").ok()
        mvops(killed, "plan", "--detailed-exitcode").ok(0)
        assert query(killed, "SELECT model, number FROM mvops_versions") == [("plaything", 1)], place
        assert (killed / ".mvops/serving/plaything/route.json").is_file(), place
        assert not (killed / ".mvops/serving/toy/route.json").exists(), place
        assert mvops(killed, "status", "--json").ok().json()["models"][0]["predictions"] == 3, place


def test_p30_p35_what_was_edited_by_hand_goes_along_with_a_rename(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = project / "deploy/serving"
    (serving / "toy/README.md").write_text((serving / "toy/README.md").read_text() + "\nAsk Ada.\n")
    docker = (serving / "toy/Dockerfile").read_text()
    number, line = next((n, line) for n, line in enumerate(docker.splitlines(), 1) if "toy" in line)
    (serving / "toy/Dockerfile").write_text(docker.replace(line, f"# for toy.csv\n{line}  # ours", 1))
    crontab = project / "deploy/schedules/toy/crontab"
    crontab.write_text(f"{crontab.read_text().replace('monitor toy ', 'monitor toy  ')}# Ask Ada.\n")
    renamed(project, "  - {from: model.toy, to: model.plaything}\n")
    before = snapshot(project)
    said = mvops(project, "plan").ok().out
    assert (
        "~ deploy/schedules/plaything/crontab comes from deploy/schedules/toy/crontab, edited by hand, and is me"
        in said
    )
    came = "deploy/serving/plaything/{0} comes from deploy/serving/toy/{0}, edited by hand, and is"
    assert f"~ {came.format('README.md')} merged, " in said
    assert f"x {came.format('Dockerfile')} in conflict: your edits of lines {number}-{number + 1} and the" in said
    assert "- deploy/serving/toy/README.md goes to deploy/serving/plaything/README.md, as it was edited" in said
    assert snapshot(project) == before

    killed = toy.copy(project, project.parent / "killed")
    with monkeypatch.context() as patch:
        patch.setattr("mvops.performing.perform.remove_files", _dies)
        with pytest.raises(DiedError):
            mvops(killed, "apply", "--yes")
    assert (killed / "deploy/serving/toy/README.md").is_file()
    by_hand = toy.copy(project, project.parent / "by_hand")
    (by_hand / "deploy/serving/toy").rename(by_hand / "deploy/serving/plaything")
    edit(by_hand / "deploy/schedules/toy/crontab", "monitor toy  ", "monitor 'toy'  ")
    for folder in (project, killed, by_hand):
        told = mvops(folder, "apply", "--yes").ok().out
        again = mvops(folder, "plan", "--detailed-exitcode").ok(0).out
        stay = "2 files in conflict stay as they are" if folder == by_hand else "1 file in conflict stays as it is"
        assert f"Nothing to do: 6 resources are as they should be. {stay}." in again
        schedule = folder / "deploy/schedules/plaything/crontab"
        assert schedule.read_text().endswith("\n# Ask Ada.\n")
        waits = f"{schedule.relative_to(folder)} is in conflict, and still calls the model by its old name toy"
        assert (waits in told) == (folder == by_hand)
        assert ("monitor plaything  " in schedule.read_text()) == (folder != by_hand)  # what was edited has the name
        looked = mvops(folder, "doctor").ok().out
        assert "1 generated file in conflict" in looked or "2 generated files in conflict" in looked
        assert ("note schedules" in looked and f"{waits}\n" in looked) == (folder == by_hand)
        assert ("schedule.plaything is not installed yet" in told) == (folder != by_hand)
        assert ("toy " not in schedule.read_text().replace("mvops project toy", "")) == (folder != by_hand)
        assert [path.name for path in (folder / "deploy/serving").iterdir()] == ["plaything"], folder
        new = folder / "deploy/serving/plaything"
        readme = (new / "README.md").read_text()
        assert "mvops serve plaything" in readme
        assert readme.endswith("\nAsk Ada.\n")
        assert (new / "Dockerfile").read_text() == docker.replace(line, f"# for toy.csv\n{line}  # ours", 1)
        assert line.replace("toy", "plaything") in (new / "Dockerfile.new").read_text().splitlines()
    mvops(project, "destroy", "--yes").ok()
    assert sorted(path.name for path in (serving / "plaything").iterdir()) == ["Dockerfile", "README.md"]
