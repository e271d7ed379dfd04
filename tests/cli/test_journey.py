"""A model's first weeks as its owner lives them, told once (`story`) and then looked at from all sides."""

from __future__ import annotations

import csv
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from toy_project import Result, cached, edit, finish, free_port, mvops, port_of, rows, spawn, until

from mvops.errors import ServingError
from mvops.serving.client import EndpointClient

pytestmark = [pytest.mark.xdist_group("cli-journey"), pytest.mark.slow]
COLUMNS = ["age", "income", "region"]
DAYS = 6  # the last of them has drifted


@dataclass
class Story:
    """What each command said, by the name of the scene."""

    root: Path
    said: dict[str, Result] = field(default_factory=dict)
    answers: int = 0
    versions: list[int] = field(default_factory=list)  # that answered while traffic was moved
    failures: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def __getitem__(self, scene: str) -> Result:
        return self.said[scene]

    def do(self, scene: str, *arguments: object, code: int = 0) -> Result:
        self.said[scene] = mvops(self.root, *arguments).ok(code)
        return self.said[scene]

    def text_and_json(self, scene: str, *arguments: object) -> None:
        self.do(scene, *arguments)
        self.do(f"{scene} --json", *arguments, "--json").json()

    def client(self) -> EndpointClient:
        return EndpointClient(f"http://127.0.0.1:{port_of(self.root)}")

    def predict(self, frame: pd.DataFrame, when: str) -> list[str]:
        reply = self.client().predict(frame[COLUMNS].to_dict("records"), time=when)
        self.answers += len(reply.prediction_ids)
        return list(reply.prediction_ids)

    def logged(self) -> int:
        return int(mvops(self.root, "status", "--json").ok().json()["models"][0]["predictions"])


@contextmanager
def traffic(story: Story) -> Iterator[None]:
    """A request after the other, from a thread, until the end."""
    over = threading.Event()
    client, row = story.client(), rows(range(1))[COLUMNS].to_dict("records")

    def send() -> None:
        number = 0
        while not over.is_set():
            number += 1
            try:
                reply = client.predict([row[number % len(row)]], time="2024-03-20T12:00:00Z", key=str(number))
            except ServingError as error:
                story.failures.append(str(error))
            else:
                story.answers += 1
                story.versions.append(reply.model_version)
            time.sleep(0.004)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
        time.sleep(0.3)
    finally:
        over.set()
        thread.join()


def first_days(story: Story) -> None:
    """Traffic with event times, outcomes a day later, a look at each day."""
    for day in range(DAYS):
        frame = rows(range(100 + day, 104 + day), seed=day)
        if day == DAYS - 1:
            frame["age"] += 30
        when = datetime(2024, 3, 1, tzinfo=UTC) + timedelta(days=day)
        ids = story.predict(frame, f"{when:%Y-%m-%d}T10:00:00Z")
        if day == 0:
            story.ids = ids
        known = [{"prediction_id": i, "outcome": int(y)} for i, y in zip(ids, frame["y"], strict=True)]
        story.client().outcomes([(k["prediction_id"], k["outcome"]) for k in known])
        until(lambda: story.logged() == story.answers)
        end = when + timedelta(days=1)
        story.do(f"monitor day {day}", "monitor", "toy", "--until", f"{end:%Y-%m-%d}")


def new_data(story: Story) -> None:
    """The data grows; a challenger takes over under traffic, and the old one comes back."""
    data = story.root / "data/d.csv"
    pd.concat([pd.read_csv(data), rows(range(60, 70), seed=1)]).to_csv(data, index=False)
    story.do("plan with new data", "plan", "--detailed-exitcode", code=2)
    story.do("dry run", "retrain", "toy", "--dry-run")
    with traffic(story):
        story.do("retrain", "retrain", "toy", "--reason", "drift", "--json")
        story.do("plan after retrain", "plan", "--detailed-exitcode")
        story.text_and_json("versions list", "versions", "list", "toy")
        until(lambda: story.versions[-1] == 2)
        story.do("rollback", "rollback", "toy")
        until(lambda: story.versions[-1] == 1)
    story.do("plan after rollback", "plan", "--detailed-exitcode")
    story.do("retrain nothing new", "retrain", "toy")


def second_challenger(story: Story) -> None:
    """One that is aborted on its way."""
    with traffic(story):
        story.do("retrain no wait", "retrain", "toy", "--force", "--no-wait")
        story.text_and_json("rollout status", "rollout", "status", "toy")
        story.do("status while rolling", "status")
        story.do("versions while rolling", "versions", "list", "toy", "--json")
        until(lambda: 3 in story.versions)
        story.do("rollout abort", "rollout", "abort", "toy", "--reason", "second thoughts")
    story.text_and_json("rollout status at rest", "rollout", "status", "toy")


def looking_back(story: Story) -> None:
    """Status, history, explanations, exports, imports."""
    until(lambda: story.logged() == story.answers)
    story.text_and_json("status", "status")
    story.text_and_json("history", "history")
    story.do("history of two", "history", "toy", "--limit", "2")
    story.text_and_json("explain", "explain", story.ids[0])
    story.text_and_json("versions show", "versions", "show", "toy", "2")
    story.text_and_json("versions compare", "versions", "compare", "toy", "1", "2")
    story.do("export csv", "predictions", "export", "toy", "--output", "p.csv")
    story.do("export jsonl", "predictions", "export", "toy", "--output", "p.jsonl", "--json")
    story.do(
        "export a day", "predictions", "export", "toy", "-o", "d.csv", "--since", "2024-03-02", "--until", "2024-03-03"
    )
    last = json.loads((story.root / "p.jsonl").read_text().splitlines()[-1])["prediction_id"]
    (story.root / "o.csv").write_text(f"prediction_id,outcome\n{last},1\nnobody,0\n")
    story.text_and_json("outcomes import", "outcomes", "import", "toy", "o.csv")
    story.do("versions promote", "versions", "promote", "toy", "3", "--reason", "we know better")


@pytest.fixture(scope="module")
def story(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    root = cached(applied, tmp_path_factory.mktemp("journey") / "toy")
    edit(root / "configs/project.yaml", f"port: {port_of(root)}", f"port: {free_port()}")
    told = Story(root)
    told.do("first plan", "plan", "--detailed-exitcode", code=2)
    told.do("apply", "apply", "--yes")
    told.do("second plan", "plan", "--detailed-exitcode")
    told.text_and_json("status before serving", "status")
    process = spawn(root, "serve", "toy")
    try:
        told.client().ready(timeout=90)
        first_days(told)
        new_data(told)
        second_challenger(told)
        looking_back(told)
    finally:
        process.terminate()
        told.said["serve"] = finish(process)
    told.do("destroy", "destroy", "--yes")
    told.do("plan after destroy", "plan", "--detailed-exitcode", code=2)
    return told


def test_the_first_plan_says_what_will_be_made(story: Story) -> None:
    said = story["first plan"].out
    assert "project toy · small/day_90 · compared with the registry and the world" in said
    assert "retrain: version 1 is trained and, when the gate says yes, serves" in said
    assert f"http://127.0.0.1:{port_of(story.root)}/predict, started by `mvops serve toy`" in said
    assert "Plan: 5 to create, 1 to adopt, 0 unchanged." in said


def test_apply_makes_it_and_the_next_plan_is_empty(story: Story) -> None:
    assert "create model.toy: version 1, gate passed" in story["apply"].out
    assert "Applied: 6 done." in story["apply"].out
    assert "Nothing to do: 6 resources are as they should be." in story["second plan"].out
    assert "down" in story["status before serving"].out


def test_serving_says_where_and_ends_cleanly(story: Story) -> None:
    served = story["serve"]
    assert f"Serving toy on http://127.0.0.1:{port_of(story.root)} (stop with Ctrl-C)" in served.out
    assert (served.code, served.err) == (0, "")


def test_quiet_days_are_quiet_and_the_drifted_day_opens_an_alert_with_its_reason(story: Story) -> None:
    for day in range(DAYS - 1):
        said = story[f"monitor day {day}"].out
        assert "400 new predictions, 400 new outcomes" in said
        assert "ALERT" not in said
    said = story[f"monitor day {DAYS - 1}"].out
    alert = next(line for line in said.splitlines() if "ALERT" in line and "age" in line)
    assert "(version 1)" in alert
    assert "drifting: " in said
    assert "roc_auc" in said
    assert "alerts are open: mvops status" in said


def test_the_alert_stands_in_status_and_history(story: Story) -> None:
    found = story["status --json"].json()["models"][0]
    assert any("age" in alert["reason"] for alert in found["alerts"])
    assert "ALERT" in story["status"].out
    assert any(e["kind"] == "alert" for e in story["history --json"].json()["events"])


def test_status_counts_what_happened(story: Story) -> None:
    found = story["status --json"].json()["models"][0]
    assert found["predictions"] == story.answers
    assert found["outcomes"] == DAYS * 400
    assert found["endpoint"]["status"] == "up"
    assert (found["champion"], found["versions"]) == (1, 3)


def test_new_data_is_a_reason_and_names_what_runs(story: Story) -> None:
    said = story["plan with new data"].out
    assert "dataset.data" in said
    assert "~ pipeline.toy" in said
    assert "runs: inputs.data_path changed" in said
    assert "a challenger is trained; version 1 stays champion until the gate says yes" in said
    assert "a challenger would be trained" in story["dry run"].out


def test_retrain_rolls_out_and_leaves_nothing_to_plan(story: Story) -> None:
    made = story["retrain"].json()
    assert (made["model"], made["version"]) == ("toy", 2)
    assert "done" in made["rollout"]
    assert len(made["gate"]) == 2
    assert "Nothing to do" in story["plan after retrain"].out
    rows = story["versions list --json"].json()["versions"]
    assert [(r["number"], r["role"], r["share"]) for r in rows] == [(2, "champion", 100), (1, "", 0)]


def test_no_request_failed_while_versions_changed(story: Story) -> None:
    assert story.failures == []
    assert set(story.versions) == {1, 2, 3}


def test_rollback_goes_back_and_leaves_nothing_to_plan(story: Story) -> None:
    assert story["rollback"].out == "toy: rolled back from version 2 to version 1.\n"
    assert "Nothing to do" in story["plan after rollback"].out
    assert "nothing to learn from" in story["retrain nothing new"].out


def test_a_rollout_can_be_watched_and_aborted(story: Story) -> None:
    assert "canary of version 3 (5 %)" in story["rollout status"].out
    assert story["rollout status --json"].json()["rollout"]["state"]["challenger"] == 3
    assert "version 3 has 5 % of the traffic" in story["status while rolling"].out
    roles = {r["number"]: (r["role"], r["share"]) for r in story["versions while rolling"].json()["versions"]}
    assert roles == {3: ("challenger", 5), 2: ("", 0), 1: ("champion", 95)}
    assert "the rollout of version 3 is aborted; version 1 answers everything" in story["rollout abort"].out
    assert "nothing is rolling out" in story["rollout status at rest"].out
    assert story["rollout status at rest --json"].json()["rollout"] is None


def test_explain_leads_back_to_data_and_code(story: Story) -> None:
    said = story["explain"].out
    for words in (story.ids[0], "toy version 1 (champion)", "pipelines/toy.ipynb", "data_path", "sha256"):
        assert words in said
    found = story["explain --json"].json()
    assert found["version"]["number"] == 1
    assert found["prediction"]["inputs"].keys() == set(COLUMNS)
    assert found["outcome"]["outcome"] in {0, 1}


def test_versions_are_shown_and_compared(story: Story) -> None:
    assert "toy version 2" in story["versions show"].out
    assert "gate " in story["versions show"].out
    assert story["versions show --json"].json()["number"] == 2
    assert "data.data_path" in story["versions compare"].out
    assert "metrics.roc_auc" in story["versions compare --json"].json()["differences"]


def test_the_exports_hold_every_answer(story: Story) -> None:
    assert story["export csv"].out == f"{story.answers} predictions written to p.csv\n"
    with (story.root / "p.csv").open() as file:
        exported = list(csv.DictReader(file))
    assert len({row["prediction_id"] for row in exported}) == story.answers
    assert exported[0]["prediction_id"] == story.ids[0]
    assert float(exported[0]["age"]) > 0
    assert story["export jsonl"].json()["predictions"] == story.answers
    lines = [json.loads(line) for line in (story.root / "p.jsonl").read_text().splitlines()]
    assert len(lines) == story.answers
    assert story["export a day"].out == "400 predictions written to d.csv\n"


def test_outcomes_come_in_by_file_once(story: Story) -> None:
    assert "1 outcomes taken, 1 for predictions that are not in the log" in story["outcomes import"].out
    again: dict[str, Any] = story["outcomes import --json"].json()
    assert (again["accepted"], again["unknown"]) == (0, 1)


def test_a_version_is_promoted_by_hand_and_that_is_on_record(story: Story) -> None:
    assert story["versions promote"].out == "toy: version 3 is champion.\n"
    assert "we know better" in mvops(story.root, "history").ok().out


def test_history_tells_it_in_order(story: Story) -> None:
    events = story["history --json"].json()["events"]
    assert [e["time"] for e in events] == sorted(e["time"] for e in events)
    told = " | ".join(e["message"] for e in events)
    for words in ("version 1 is champion: passed the gate", "endpoint started on", "rolled back from version 2"):
        assert words in told
    assert len(story["history of two"].out.splitlines()) == 2


def test_destroy_removes_the_deployment(story: Story) -> None:
    assert not (story.root / "deploy").exists()
    assert "+ endpoint.toy" in story["plan after destroy"].out
