"""Generated files that somebody has edited are theirs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_project import edit, free_port, mvops, port_of

pytestmark = pytest.mark.xdist_group("cli-toy")
APP = "deploy/serving/toy/service.json"


def test_an_edited_file_stays_and_the_new_text_goes_beside_it(project: Path) -> None:
    app = project / "deploy/serving/toy/Dockerfile"
    app.write_text("# ours now\n")
    quiet = mvops(project, "plan", "--detailed-exitcode").ok(0)
    assert "deploy/serving/toy/Dockerfile was edited by hand and stays" in quiet.out
    edit(project / "configs/project.yaml", f"port: {port_of(project)}", f"port: {free_port()}")
    shown = mvops(project, "plan").ok()
    assert "~ endpoint.toy" in shown.out
    assert "service.port: " in shown.out
    assert "deploy/serving/toy/Dockerfile is in conflict: your edits of line 1 and the new text change" in shown.out
    mvops(project, "apply", "--yes").ok()
    assert app.read_text() == "# ours now\n"
    assert str(port_of(project)) in app.with_name("Dockerfile.new").read_text()
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_a_deleted_generated_file_is_written_again(project: Path) -> None:
    gone = project / "deploy/serving/toy/app.py"
    text = gone.read_text()
    gone.unlink()
    mvops(project, "plan", "--detailed-exitcode").ok(3)
    mvops(project, "apply", "--yes").ok()
    assert gone.read_text() == text


def test_p16_a_file_in_the_way_is_a_conflict_and_stays(quick: Path) -> None:
    mine = quick / "deploy/schedules/toy/crontab"
    mine.parent.mkdir(parents=True)
    mine.write_text("# mine\n")
    shown = mvops(quick, "plan").ok()
    assert "schedule.toy  conflict: exists and is not ours" in shown.out
    assert "Nothing is applied while something is in conflict." in shown.out
    assert "x deploy/schedules/toy/crontab is there and not ours\n" in shown.out
    assert "          -# mine\n" in shown.out
    said = ("schedule.toy: exists and is not ours: deploy/schedules/toy/crontab", "out of the way")
    refused = mvops(quick, "apply", "--yes").refused(*said)
    saved = mvops(quick, "plan", "--detailed-exitcode", "--out", "p.json").refused(*said)  # p16: none that is done
    assert saved.err == refused.err
    assert "`mvops apply p.json` is refused while something is in conflict." in saved.out
    mvops(quick, "plan", "--detailed-exitcode").refused(*said)
    assert mvops(quick, "apply", "p.json").refused(*said).err == refused.err
    assert mine.read_text() == "# mine\n"
    assert not (quick / "deploy/serving").exists()

    requirements = quick / "deploy/serving/toy/requirements.txt"
    requirements.parent.mkdir(parents=True)
    requirements.write_text("numpy\n")  # as from a checkout: what is in it is known once there is a version
    waits = "is there and stays; its text is known later, and goes to deploy/serving/toy/requirements.txt.new"
    assert waits in mvops(quick, "plan").ok().out
    requirements.with_name("Dockerfile").write_text("# mine\n")
    refused = mvops(quick, "apply", "--yes").refused("2 resources are in conflict:").err
    assert "  endpoint.toy: exists and is not ours: deploy/serving/toy/Dockerfile\n" in refused
    assert "To leave it as it is: endpoint: null in the model's YAML." in refused
    assert "  schedule.toy: exists and is not ours: deploy/schedules/toy/crontab\n" in refused


def test_destroy_takes_what_apply_made_and_leaves_what_people_edited(project: Path) -> None:
    edited = project / "deploy/serving/toy/README.md"
    edited.write_text("mine\n")
    crontab = project / "deploy/schedules/toy/crontab"
    generated = crontab.read_text()
    crontab.write_text(f"# mine as well\n{generated}")
    (project / "deploy/notes.txt").write_text("mine too\n")
    going = mvops(project, "destroy").refused("nobody to ask").out
    assert "delete: everything is taken away" in going
    assert "data/d.csv itself stays" in going
    done = mvops(project, "destroy", "--yes").ok()
    assert "delete endpoint.toy" in done.out
    left = sorted(str(p.relative_to(project)) for p in (project / "deploy").rglob("*") if p.is_file())
    assert left == ["deploy/notes.txt", "deploy/schedules/toy/crontab", "deploy/serving/toy/README.md"]
    assert not (project / ".mvops/serving/toy/route.json").exists()
    assert (project / "pipelines/toy.ipynb").is_file()
    assert "1" in mvops(project, "versions", "list", "toy").ok().out  # the registry keeps its versions
    mvops(project, "retrain", "toy").refused("toy is not on record: it was destroyed, or forgotten", "mvops apply")
    again = mvops(project, "plan").ok(0)
    assert "+ model.toy" in again.out
    assert "Nothing to do: nothing is applied." in mvops(project, "destroy", "--yes").ok().out
    assert "deploy/schedules/toy/crontab was edited by hand and stays" in again.out
    edit(project / "configs/models/toy.yaml", "every: 1d", "every: 12h")
    assert "deploy/schedules/toy/crontab is merged" in mvops(project, "plan").ok().out
    mvops(project, "apply", "--yes").ok()
    first, merged = crontab.read_text().split("\n", 1)
    assert first == "# mine as well"
    assert len(set(merged.splitlines()) - set(generated.splitlines())) == 1, "the time of the monitor"
    assert edited.read_text() == "mine\n"
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_a_destroyed_project_without_edits_has_no_deploy_and_can_come_back(project: Path) -> None:
    mvops(project, "destroy", "--yes", "--json").ok().json()
    assert not (project / "deploy").exists()
    assert "champion     none, it was destroyed or forgotten: mvops apply" in mvops(project, "status").ok().out
    assert mvops(project, "status", "--json").ok().json()["models"][0]["champion"] is None
    assert "champion" not in mvops(project, "versions", "list", "toy").ok().out
    coming = mvops(project, "plan").ok().out
    assert "train: a new version is trained and, when the gate says yes, serves" in coming
    mvops(project, "apply", "--yes").ok()
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    route = json.loads((project / ".mvops/serving/toy/route.json").read_text())
    assert [(arm["version"], arm["weight"]) for arm in route["arms"]] == [(2, 100)]  # nobody has traffic to share
