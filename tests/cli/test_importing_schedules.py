"""P29: a schedule that is there already is written into the model's YAML; where it is, only its owner changes it."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy_project as toy
from toy_project import edit, mvops, snapshot

MODEL = Path("configs/models/toy.yaml")
PROJECT = Path("configs/project.yaml")
CRONTAB = r"""
# m h dom mon dow command
MAILTO="ops@example.org"
CRON_TZ=Europe/Berlin
*/5 * * * * /usr/local/bin/backup --all > /dev/null 2>&1
30 4 * * MON-FRI cd /srv/ml && . venv/activate && papermill -p C 2.0 "notebooks/Toy.ipynb" out/$(date +\%F).ipynb >> log
@daily /srv/ml/.venv/bin/python3.11 -u other.py
@reboot flock -n /tmp/l bash -lc 'jupyter nbconvert --to notebook --execute pipelines/toy.ipynb'
"""
WORKFLOW = """
name: train
# - cron: '15 2 * * 0'
on:
  push: {branches: [main]}
  schedule:
    - cron: '15 2 * * 0'   # once a week
    - cron: "0 6 1 * *"
jobs:
  train:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: pip install -r requirements.txt
      - if: github.event.schedule == '15 2 * * 0'
        run: |
          python -m papermill \\
            pipelines/toy.ipynb out.ipynb
      - if: ${{ github.event.schedule != '15 2 * * 0' }}
        run: echo "monthly"
"""
DAG = '''
"""Trains it. Never run: {harm}"""
import pathlib
import pendulum
from datetime import timedelta
from airflow.sdk import DAG, dag, task
from airflow.operators.bash import BashOperator
from airflow.providers.papermill.operators.papermill import PapermillOperator

pathlib.Path({harm!r}).touch()
WEEKLY = "0 5 * * 2"
default_args = {{"start_date": pendulum.datetime(2024, 1, 1, tz="Europe/Berlin")}}

with DAG("toy_weekly", schedule=WEEKLY, default_args=default_args, catchup=False) as weekly:
    fetch = BashOperator(task_id="fetch", bash_command="curl -s example.org > d.csv")
    fetch >> PapermillOperator(task_id="train", input_nb="/srv/pipelines/toy.ipynb", output_nb="out.ipynb")

every = DAG(dag_id="every", schedule_interval=timedelta(hours=7), start_date=pendulum.datetime(2024, 1, 1))
BashOperator(task_id="t", bash_command=f"cd {{WEEKLY}} && python train_toy.py", dag=every)


@dag(schedule="@continuous")
def events():
    @task
    def fit():
        ...
    fit()
'''


def yaml_of(root: Path) -> str:
    return (root / MODEL).read_text()


@pytest.fixture
def mine(built: Path, tmp_path: Path) -> Path:
    """Nothing of it was applied; retrained every Monday, as the preset says."""
    return toy.copy(built, tmp_path / "toy")


def test_p29_an_entry_of_a_crontab(mine: Path) -> None:
    (mine / "theirs.cron").write_text(CRONTAB)
    mvops(mine, "plan").ok(0)
    was = yaml_of(mine)
    before = snapshot(mine)
    several = mvops(mine, "import", "theirs.cron").refused(
        "2 entries of theirs.cron could be what trains toy", "--entry"
    )
    assert "2  line 6 of theirs.cron: 30 4 * * MON-FRI  cd /srv/ml" in several.err
    assert "4  line 8 of theirs.cron: @reboot" in several.err
    assert "backup" not in several.err
    mvops(mine, "import", "theirs.cron", "--entry", 4).refused("line 8", "no time of the clock", "retrain: {schedule:")
    mvops(mine, "import", "theirs.cron", "--entry", 7).refused("no such entry", "3  line 7")
    mvops(mine, "import", "theirs.cron", "--model", "tory").refused("no model 'tory'", "'toy'")
    mvops(mine, "import", "crontab:nowhere").refused("there is no crontab nowhere")
    (mine / "none.cron").write_text("0 3 * * * backup\n")
    mvops(mine, "import", "none.cron").refused(
        "nothing that is known to train", "1  line 1 of none.cron: 0 3 * * *  backup"
    )
    (mine / "other.cron").write_text("0 3 * * * python other.py\n")
    mvops(mine, "import", "other.cron").refused("not clear what in other.cron trains toy", "1  line 1", "--model")
    assert {k: v for k, v in snapshot(mine).items() if not k.endswith(".cron")} == {
        k: v for k, v in before.items() if not k.endswith(".cron")
    }

    said = mvops(mine, "import", "theirs.cron", "--entry", 2).ok().out
    assert "line 6 of theirs.cron trains toy at 30 4 * * 1-5" in said
    assert "configs/project.yaml:" in said
    assert "scheduler.timezone: Europe/Berlin" in said
    assert f"{MODEL}:11: models.toy.retrain.schedule: 30 4 * * 1-5" in said
    assert "take the old one away (in theirs.cron): line 6" in said
    assert (mine / "theirs.cron").read_text() == CRONTAB
    assert yaml_of(mine) == was.replace("retrain: {cooldown: 1s}", 'retrain: {cooldown: 1s, schedule: "30 4 * * 1-5"}')
    assert "timezone: Europe/Berlin" in (mine / PROJECT).read_text()
    planned = mvops(mine, "plan", "--json").ok().json()
    (schedule,) = (a for a in planned["actions"] if a["address"] == "schedule.toy")
    jobs = {job["name"]: job["schedule"] for job in schedule["after"]["timetable"]["jobs"]}
    assert jobs["retrain_toy"] == "30 4 * * 1-5"
    assert schedule["after"]["timetable"]["timezone"] == "Europe/Berlin"

    now = snapshot(mine)
    assert "nothing to do" in mvops(mine, "import", "theirs.cron", "--entry", 2).ok().out
    edit(mine / "other.cron", "python other.py", "mvops -C /srv/toy retrain toy")
    mvops(mine, "import", "other.cron").refused(
        f"{MODEL}:", "is 30 4 * * 1-5 already, and would be 0 3 * * *", "--force"
    )
    assert {k: v for k, v in snapshot(mine).items() if k != "other.cron"} == {
        k: v for k, v in now.items() if k != "other.cron"
    }
    told = mvops(mine, "import", "other.cron", "--force").ok().out
    assert "does not say its time zone; here it is read in Europe/Berlin" in told
    assert "take the old one away" not in told  # it is mvops' own
    assert 'schedule: "0 3 * * *"' in yaml_of(mine)
    (mine / "none.cron").write_text("# retrain\nCRON_TZ=Mars/Base\n0 3 * * 5 make train\n")
    chosen = ("import", "none.cron", "--entry", 1, "--model", "toy", "--force")
    mvops(mine, *chosen).refused("line 3 of none.cron: 'Mars/Base' is no time zone")
    edit(mine / "none.cron", "Mars/Base", "Europe/Berlin")
    assert "line 3 of none.cron trains toy at 0 3 * * 5: make train" in mvops(mine, *chosen).ok().out


def test_p29_a_workflow_of_githubs(mine: Path) -> None:
    path = mine / ".github/workflows/train.yml"
    path.parent.mkdir(parents=True)
    path.write_text(WORKFLOW)
    said = mvops(mine, "import", ".github/workflows/train.yml").ok().out
    assert ".github/workflows/train.yml:7 trains toy at 15 2 * * 0: papermill pipelines/toy.ipynb" in said
    assert "take the old one away: line 7 of .github/workflows/train.yml" in said
    assert 'schedule: "15 2 * * 0"' in yaml_of(mine)
    assert path.read_text() == WORKFLOW
    edit(mine / PROJECT, "project: toy", "project: toy\nscheduler: {timezone: Europe/Berlin}")
    (mine / "configs/models/second.yaml").write_text(yaml_of(mine) + "endpoint: {port: 9}\n")
    mvops(mine, "import", ".github/workflows/train.yml", "--model", "toy").refused(
        "time zone UTC", "(second) are in Europe/Berlin", "A project has one time zone"
    )
    (mine / "configs/models/second.yaml").unlink()
    edit(mine / PROJECT, "scheduler: {timezone: Europe/Berlin}", "capabilities: {retraining: false}")
    edit(mine / MODEL, ', schedule: "15 2 * * 0"', "")
    said = mvops(mine, "import", ".github/workflows/train.yml").ok().out
    assert "capabilities: {retraining: true} has toy trained; the old one stays until then" in said
    assert "take the old one away" not in said
    path.write_text("on: {schedule: [{cron: '* * * * *'}]}\njobs: [")
    mvops(mine, "import", ".github/workflows/train.yml").refused("this is no YAML")


def test_p29_a_dag_of_airflows_is_read_and_not_run(mine: Path) -> None:
    path, harm = mine / "dags.py", mine / "harm"
    path.write_text(DAG.format(harm=str(harm)))
    said = mvops(mine, "import", "dags.py").ok().out
    assert "trains toy at 0 5 * * 2: toy_weekly: papermill /srv/pipelines/toy.ipynb" in said
    assert "airflow dags pause toy_weekly" in said
    assert "timezone: Europe/Berlin" in (mine / PROJECT).read_text()
    mvops(mine, "import", "dags.py", "--entry", 2).refused("timedelta(hours=7) counts from the start date")
    mvops(mine, "import", "dags.py", "--entry", 3, "--model", "toy").refused("it always runs")
    edit(path, "schedule=WEEKLY", 'schedule=__import__("os").environ["WEEKLY"]')
    mvops(mine, "import", "dags.py", "--entry", 1).refused("is no literal")
    edit(path, "import pathlib", "import pathlib (")
    mvops(mine, "import", "dags.py").refused("this is no Python")
    assert not harm.exists()
