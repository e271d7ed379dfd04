"""P34: what was changed outside is shown, accepted into the YAML, or reverted."""

from __future__ import annotations

from pathlib import Path

from toy_project import edit, mvops, snapshot

from mvops.registry.database import open_registry
from mvops.registry.lock import hold_lock

MODEL = Path("configs/models/toy.yaml")
CRONTAB = Path("deploy/schedules/toy/crontab")
APP = Path("deploy/serving/toy/app.py")


def test_p34_edited_times_are_accepted_into_the_yaml_and_what_is_gone_is_made_again(project: Path) -> None:
    assert "Nothing was changed outside" in mvops(project, "refresh").ok().out
    edit(project / CRONTAB, "0 3 * * 1 cd", "30 4 * * 2 cd")
    edit(project / CRONTAB, "5 0 * * * cd", "5 */6 * * * cd")
    edit(project / CRONTAB, "# Install it", "# Installed by ana\n# Install it")
    with (project / "deploy/serving/toy/Dockerfile").open("a") as file:
        file.write("RUN true\n")
    (project / APP).unlink()
    before = snapshot(project)
    shown = mvops(project, "refresh").ok().out
    assert snapshot(project) == before
    assert "schedule.toy  retrain_toy runs at 30 4 * * 2 in its file, edited by hand" in shown
    assert "--accept writes models.toy.retrain.schedule: 30 4 * * 2" in shown
    assert "--accept writes models.toy.monitor.every: 6h" in shown
    assert f"! endpoint.toy  {APP} is gone" in shown
    assert "cannot be accepted: make it again: mvops refresh --revert; or put a file of your own there" in shown
    assert "deploy/serving/toy/Dockerfile was edited by hand" in shown
    found = mvops(project, "refresh", "--json", "schedule.*").ok().json()["outside"]
    assert {each["address"] for each in found} == {"schedule.toy"}
    mvops(project, "refresh", "--accept").refused("nobody to ask", "--yes")
    mvops(project, "refresh", "--accept", "--yes", "endpoint.toy").refused("there is nothing that the YAML could say")
    mvops(project, "refresh", "--accept", "--revert").refused("choose one")
    for way in ("--accept", "--revert"):
        assert "--target" not in mvops(project, "refresh", way, "nope").refused("error: nope: there is no such").err
    assert snapshot(project) == before

    was = (project / MODEL).read_text()
    said = mvops(project, "refresh", "--accept", "--yes").ok().out
    assert "models.toy.monitor.every 1d -> 6h" in said
    assert "models.toy.retrain.schedule 30 4 * * 2\n" in said
    wanted = was.replace("every: 1d", "every: 6h")
    wanted = wanted.replace("retrain: {cooldown: 1s}", 'retrain: {cooldown: 1s, schedule: "30 4 * * 2"}')
    assert (project / MODEL).read_text() == wanted
    crontab = (project / CRONTAB).read_text()
    assert "retrain_toy" not in mvops(project, "refresh").ok().out

    mvops(project, "refresh", "--revert", "--yes").ok()
    assert (project / APP).is_file()
    assert (project / MODEL).read_text() == wanted
    planned = {a["address"]: a["verb"] for a in mvops(project, "plan", "--json").ok().json()["actions"]}
    assert {where for where, verb in planned.items() if verb != "keep"} == {"schedule.toy", "monitor.toy"}
    mvops(project, "apply", "--yes").ok()
    assert (project / CRONTAB).read_text() == crontab
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_p34_a_time_that_no_key_can_say_stays_in_the_file(project: Path) -> None:
    edit(project / CRONTAB, "5 0 * * * cd", "17 2 * * 1-5 cd")
    before = snapshot(project)
    shown = mvops(project, "refresh").ok().out
    assert "monitor_toy runs at 17 2 * * 1-5 in its file" in shown
    why = "models.toy.monitor.every is a period, such as 6h, and cannot say this time: the file is yours, and stays"
    assert why in shown
    runs = "runs monitor_toy at 17 2 * * 1-5, where the YAML says 5 0 * * *. mvops refresh cannot accept it:"
    assert f"note: {CRONTAB}, edited by hand, {runs} {why}" in mvops(project, "plan").ok().out
    mvops(project, "refresh", "--accept", "--yes").refused("there is nothing that the YAML could say")
    assert snapshot(project) == before

    edit(project / CRONTAB, "# Install it", "# Installed by ana\n# Install it")
    mine = (project / CRONTAB).read_text().replace("17 2 * * 1-5 cd", "5 0 * * * cd")
    edit(project / CRONTAB, "0 3 * * 1 cd", "30 4* * * 2 cd")  # none at all
    edited = (project / CRONTAB).read_text()
    mvops(project, "refresh", "--revert").refused("nobody to ask", "--yes")
    with open_registry("sqlite:///.mvops/registry.db", project) as registry, hold_lock(registry, "apply"):
        mvops(project, "refresh", "--revert", "--yes").refused("The project is locked", "with `apply`")
    assert (project / CRONTAB).read_text() == edited
    said = mvops(project, "refresh", "--revert", "--yes", "schedule.*").ok().out
    assert f"~ {CRONTAB}: monitor_toy, retrain_toy as generated again; other edits stay" in said
    assert (project / CRONTAB).read_text() == mine
    event = mvops(project, "history", "--json").ok().json()["events"][-1]
    assert (event["kind"], event["subject"], event["details"]["approval"]) == ("refresh", "toy", "--yes")
    told = f"refresh --revert: monitor_toy, retrain_toy in {CRONTAB} as generated again (--yes)"
    assert mvops(project, "history", "toy").ok().out.endswith(f"{told}\n")
    (project / CRONTAB).write_text(edited)
    done = mvops(project, "refresh", "--revert", "--yes", "--json").ok().json()
    times = {"address": "schedule.toy", "path": str(CRONTAB), "jobs": ["monitor_toy", "retrain_toy"]}
    assert (done["times"], done["actions"]) == ([times], [])
    assert (project / CRONTAB).read_text() == mine
    assert mvops(project, "refresh", "--revert", "--yes", "--json").ok().json()["times"] == []
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_p34_a_time_that_is_none_is_told_and_never_accepted(project: Path) -> None:
    edit(project / CRONTAB, "5 0 * * * cd", "5 0* * * * cd")
    edit(project / CRONTAB, "0 3 * * 1 cd", "30 4 * * 2 cd")
    before = snapshot(project)
    wrong = "'5 0* * * *' is not a cron schedule: the hour '0*' is no *, number from 0 to 23, list, range or step"
    shown = mvops(project, "refresh").ok().out
    assert f"the time of monitor_toy in its file, edited by hand, is none: {wrong}" in shown
    assert "mend it there; or delete the file, and mvops apply writes it anew" in shown
    said = f"note: {CRONTAB}, edited by hand, has no time for monitor_toy: {wrong}"
    runs = "runs retrain_toy at 30 4 * * 2, where the YAML says 0 3 * * 1. It stays: mvops refresh --accept"
    for _ in range(2):
        planned = mvops(project, "plan").ok().out
        assert said in planned
        assert f"{CRONTAB}, edited by hand, {runs}" in planned
    assert snapshot(project) == before
    mvops(project, "refresh", "--accept", "--yes").ok()
    assert "every: 1d" in (project / MODEL).read_text()
    (project / CRONTAB).unlink()
    mvops(project, "apply", "--yes").ok()
    assert "5 0 * * * cd" in (project / CRONTAB).read_text()
    mvops(project, "plan", "--detailed-exitcode").ok(0)
