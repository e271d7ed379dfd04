"""A model's first weeks as its owner lives them, told once and then looked at from all sides."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from story import COLUMNS, DAYS, Story, tell
from toy_project import mvops, port_of

pytestmark = [pytest.mark.xdist_group("cli-journey"), pytest.mark.slow]


@pytest.fixture(scope="module")
def story(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell(applied, tmp_path_factory.mktemp("journey") / "toy")


def test_p9_p13_the_first_plan_says_what_will_be_made(story: Story) -> None:
    said = story["first plan"].out
    assert "project toy · small/day_90 · compared with the registry and the world" in said
    assert "train: version 1 is trained and, when the gate says yes, serves" in said
    assert f"http://127.0.0.1:{port_of(story.root)}/predict, started by `mvops serve toy`" in said
    assert "Plan: 6 to create, 0 unchanged." in said


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
    assert "open: mvops status" in said
    assert "retraining is due: mvops retrain toy --reason drift" in said
    assert "not retrained, though asked for by drift: nothing to learn from" in story["monitor retrain"].out
    waiting = story["monitor that has to wait"].out
    assert re.search(r"toy: a retraining is asked for by drift: not before \d{4}-\d\d-\d\d \d\d:\d\d UTC", waiting)
    assert "(retrain.cooldown)" in waiting


def test_who_could_not_be_told_is_said_without_secrets(story: Story) -> None:
    said = story[f"monitor day {DAYS - 1}"]
    assert "NOT DELIVERED to hook" in said.out
    assert "secret" not in said.out
    assert "could not tell hook" in story["history"].out


def test_monitoring_again_finds_nothing_new(story: Story) -> None:
    (found,) = story["monitor --json"].json()["models"]
    assert (found["predictions"], found["outcomes"], found["opened"]) == (0, 0, [])
    assert found["open"]
    assert all(window["data_judged_before"] for window in found["windows"])
    drifted = [window for window in found["windows"] if window["alert"]]
    assert [window["start"][:10] for window in drifted] == ["2024-03-06"]
    assert "age" in drifted[0]["drifted"]
    assert (found["retraining_due"], found["retraining_waits"]) == ("drift", None)
    assert re.search(r"drifting: .*age.*\(known\)", story["monitor that has to wait"].out)


def test_alerts_about_a_version_that_was_replaced_are_over(story: Story) -> None:
    assert "resolved " in story["monitor version 2"].out
    assert "does not answer any more" in story["history"].out


def test_the_alert_stands_in_status_and_history(story: Story) -> None:
    found = story["status with alerts --json"].json()["models"][0]
    assert any("age" in alert["reason"] for alert in found["alerts"])
    assert "ALERT" in story["status with alerts"].out
    assert any(e["kind"] == "alert" for e in story["history --json"].json()["events"])


def test_status_counts_what_happened(story: Story) -> None:
    found = story["status --json"].json()["models"][0]
    assert found["predictions"] == story.answers
    assert found["outcomes"] == DAYS * 400
    assert found["endpoint"]["status"] == "up"
    assert (found["champion"], found["versions"]) == (1, 3)


def test_p13_new_thresholds_are_tried_on_the_past(story: Story) -> None:
    """The drifted day would not have been noticed, and the version that serves would not pass."""
    actions = {action["address"]: action for action in story["plan with new thresholds"].json()["actions"]}
    said = actions["monitor.toy"]["details"][-1]
    assert re.fullmatch(
        r"back-test: 0 of the last \d+ windows would have raised an alarm, [1-9]\d* with the thresholds until now", said
    )
    counted, champion = actions["model.toy"]["details"][-2:]
    assert counted == "back-test: of the last version this gate lets 0 pass, the one until now 1"
    assert re.fullmatch(
        r"back-test: the champion, version 1, would not pass: roc_auc is 0\.\d+, below 0\.999\.", champion
    )
    finer = story["plan with a finer monitor"].out
    assert "would have raised an alarm" in finer
    assert "back-test: the last one for 2024-03-0" in finer


def test_new_data_is_a_reason_and_names_what_runs(story: Story) -> None:
    said = story["plan with new data"].out
    assert "dataset.data" in said
    assert "~ pipeline.toy" in said
    assert "runs: inputs.data_path changed" in said
    assert "a challenger is trained; version 1 stays champion until the gate says yes" in said
    assert "a challenger would be trained" in story["dry run"].out


def test_retrain_rolls_out_and_leaves_nothing_to_plan(story: Story) -> None:
    assert "retrained because of drift: version 2 passed the gate and is rolling out" in story["retrain"].out
    assert "done" in story["rollout followed"].out
    assert "Nothing to do" in story["plan after retrain"].out
    rows = story["versions list --json"].json()["versions"]
    assert [(r["number"], r["role"], r["share"]) for r in rows] == [(2, "champion", 100), (1, "", 0)]


def test_no_request_failed_while_versions_changed(story: Story) -> None:
    assert story.failures == []
    assert set(story.versions) == {1, 2, 3}


def test_p36_rollback_goes_back_and_leaves_nothing_to_plan(story: Story) -> None:
    assert story["rollback"].out == "toy: rolled back from version 2 to version 1.\n"
    assert "Nothing to do" in story["plan after rollback"].out
    assert "nothing to learn from" in story["retrain nothing new"].out


def test_a_rollout_can_be_watched_and_aborted(story: Story) -> None:
    made = story["retrain no wait"].json()
    assert (made["model"], made["version"], made["result"], len(made["gate"])) == ("toy", 3, "rolling", 2)
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


def test_explain_names_what_the_model_had_never_seen(story: Story) -> None:
    assert "surprise   age: " in story["explain surprise"].out
    assert "is outside " in story["explain surprise"].out


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
    assert "1 outcome taken, 1 for predictions that are not in the log" in story["outcomes import"].out
    again: dict[str, Any] = story["outcomes import --json"].json()
    assert (again["accepted"], again["unknown"]) == (0, 1)


def test_a_version_is_promoted_by_hand_and_that_is_on_record(story: Story) -> None:
    assert story["versions promote"].out == "toy: version 3 is champion.\n"
    assert "we know better" in mvops(story.root, "history").ok().out


def test_rollback_undoes_a_promotion_by_hand_and_never_goes_forward(story: Story) -> None:
    """Who served before in time counts, not the number: 1, 2, back to 1, 3 by hand, 2 by hand."""
    assert story["undone"].out == "toy: rolled back from version 2 to version 3.\n"
    assert story["undone once more"].out == "toy: rolled back from version 3 to version 1.\n"
    mvops(story.root, "rollback", "toy").refused(
        "no champion came before version 1", "mvops versions promote toy NUMBER --reason WHY"
    )


def test_history_tells_it_in_order(story: Story) -> None:
    events = story["history --json"].json()["events"]
    assert [e["time"] for e in events] == sorted(e["time"] for e in events)
    told = " | ".join(e["message"] for e in events)
    for words in ("version 1 is champion: passed the gate", "endpoint started on", "rolled back from version 2"):
        assert words in told
    assert len(story["history of two"].out.splitlines()) == 2


def evidence(found: dict[str, Any]) -> dict[str, str | None]:
    """What is to be seen -> when it was."""
    return {e["what"]: e["seen"] for capability in found["capabilities"] for e in capability["evidence"]}


def test_maturity_asks_for_evidence_and_says_how_to_get_it(story: Story) -> None:
    found = story["maturity before serving --json"].json()
    assert (found["cell"], found["next"]) == ("small/day_90", "medium/day_90")
    seen = {what for what, when in evidence(found).items() if when}
    assert seen == {
        "versions keep their data's and cells' digests",
        "the data of a version is kept",
        "a gate decided",
    }
    said = story["maturity before serving"].out
    assert "0 of 6 capabilities have shown that they work" in said
    how = "mvops retrain toy --force; once that version serves, or while it is a canary, mvops rollback toy"
    assert f"- a rollback was done: not seen yet (toy). To see it: {how}" in said


def test_maturity_dates_what_was_seen(story: Story) -> None:
    found = evidence(story["maturity --json"].json())
    assert str(found["predictions are logged"]).startswith("2024-03-20")  # by event time
    assert all(found[w] for w in ("an alert reached somebody", "a canary went all the way", "a rollback was done"))
    assert found["a schedule or an alert trained a challenger"]  # the alert, by monitor --retrain
    assert found["versions keep the Git commit"] is None  # it lies in no repository
    assert "+ a rollback was done: 20" in story["maturity"].out


def test_a_test_alert_says_who_could_not_be_told(story: Story) -> None:
    channels = {c["notifier"]: c["delivered"] for c in story["alerts test"].json()["channels"]}
    assert channels == {"ops": True, "hook": False}


def test_destroy_removes_the_deployment(story: Story) -> None:
    assert not (story.root / "deploy").exists()
    assert "+ endpoint.toy" in story["plan after destroy"].out
