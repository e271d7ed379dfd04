"""What a DAG of Airflow says of its schedule and its tasks, however it is written; nothing of it is run."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from mvops.sources.airflow_dag import _entry, _Module
from mvops.sources.schedules import Entry

PAPERMILL = 'PapermillOperator(task_id="t", input_nb="churn.ipynb", output_nb="o.ipynb"'


def entries(text: str) -> list[Entry]:
    return [_entry(dag, "dag.py") for dag in _Module(ast.parse(textwrap.dedent(text))).dags()]


@pytest.mark.parametrize(
    ("said", "schedule", "zone"),
    [
        ('schedule="0 3 * * 1"', "0 3 * * 1", "UTC"),
        ('schedule_interval="@daily", start_date=datetime(2024, 1, 1)', "@daily", "UTC"),
        ('schedule="@quarterly"', "0 0 1 */3 *", "UTC"),
        ("schedule=CRON, start_date=pendulum.datetime(2024, 1, 1, tz=ZONE)", "5 4 * * *", "Europe/Berlin"),
        (
            'schedule="1 1 * * *", start_date=datetime(2024, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo"))',
            "1 1 * * *",
            "Asia/Tokyo",
        ),
        ('schedule="1 1 * * *", default_args={"start_date": START}', "1 1 * * *", "Europe/Berlin"),
        ('timetable=CronTriggerTimetable("2 2 * * *", timezone="Asia/Tokyo")', "2 2 * * *", "Asia/Tokyo"),
        ("**SETTINGS", "3 3 * * *", "UTC"),
    ],
)
def test_when(said: str, schedule: str, zone: str) -> None:
    (entry,) = entries(f"""
        CRON, ZONE = "no", "no"
        CRON = "5 4 * * *"
        ZONE = "Europe/Berlin"
        START = pendulum.datetime(2024, 1, 1, tz=pendulum.timezone(ZONE))
        SETTINGS = {{"schedule": "3 3 * * *", "catchup": False}}
        with DAG("churn", {said}):
            {PAPERMILL})
    """)
    assert (entry.schedule, entry.timezone, entry.refused) == (schedule, zone, "")
    assert entry.what == "churn: papermill churn.ipynb"


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("", "no schedule"),
        ("schedule=None", "no schedule"),
        ('schedule="@once"', "runs once"),
        ("schedule=[Asset('x')]", "data that it waits for"),
        ("schedule=Dataset('x')", "data that it waits for"),
        ("schedule=Variable.get('cron')", "no literal"),
        ("schedule=timedelta(days=1)", "counts from the start date"),
    ],
)
def test_what_is_no_time_of_the_clock(said: str, refused: str) -> None:
    (entry,) = entries(f'dag = DAG("churn", {said})\n{PAPERMILL}, dag=dag)')
    assert refused in entry.refused


@pytest.mark.system
@pytest.mark.real("schedulers", "airflow", "the DAGs that come with Airflow as examples are read by `mvops import`")
def test_airflows_own_examples_are_read(outside: Callable[[str], Path]) -> None:
    found = {}
    for path in outside("airflow").parent.rglob("site-packages/airflow/**/example_dags/**/*.py"):
        found |= {entry.what.partition(":")[0]: entry for entry in entries(path.read_text(encoding="utf-8"))}
    assert len(found) > 80
    assert (found["example_bash_operator"].schedule, found["example_bash_operator"].timezone) == ("0 0 * * *", "UTC")
    assert found["latest_only_with_trigger"].refused.startswith("datetime.timedelta(hours=4) counts from")
    assert found["asset_s3_bucket_consumer"].refused.endswith("and no time of the clock")


def test_the_tasks_of_each_dag() -> None:
    found = entries("""
        first = DAG("first", schedule="@daily")
        second = DAG(dag_id="second\\x1b[2J", schedule="@daily")
        with first:
            BashOperator(task_id="a", bash_command=f"cd {HOME} && papermill churn.ipynb -")
        KubernetesPodOperator(task_id="b", cmds=["python"], arguments=["price.py", "--all"], dag=second)

        def work():
            pm.execute_notebook("late.ipynb", "out.ipynb")

        with DAG("third", schedule="@daily"):
            PythonOperator(task_id="c", python_callable=work)
            DockerOperator(task_id="d", command="python other.py")

        @dag(schedule="@daily")
        def fourth():
            @task
            def train():
                ...
            train()
    """)
    assert {entry.what: [run.target for run in entry.runs] for entry in found} == {
        "first: papermill churn.ipynb": ["churn.ipynb"],
        "second[2J: python price.py": ["price.py"],
        "third: papermill late.ipynb, python other.py": ["late.ipynb", "other.py"],
        "fourth: python train": ["train"],
    }
