"""What comes late is judged when it comes: what came of a prediction, and predictions themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from days import log_day
from toy_project import mvops


def came(project: Path, day: int, *, as_predicted: bool) -> None:
    """The outcomes of a day's predictions, imported as a user does."""
    lines = [f"{day}-{number},{number % 2 if as_predicted else 1 - number % 2}" for number in range(400)]
    (project / "o.csv").write_text("\n".join(["prediction_id,outcome", *lines, ""]))
    mvops(project, "outcomes", "import", "toy", "o.csv").ok()


def right(window: dict[str, Any]) -> float:
    """The ROC AUC: 1 where all was as predicted, 0 where nothing was."""
    value: float = window["performance"]["roc_auc"]
    return value


def test_outcomes_of_windows_judged_long_ago_are_judged(project: Path) -> None:
    for day in range(12):
        log_day(project, day)
    mvops(project, "monitor", "toy", "--until", "2024-03-13").ok()
    came(project, 2, as_predicted=False)
    came(project, 3, as_predicted=True)
    late = mvops(project, "monitor", "toy", "--until", "2024-03-13", "--json").ok().json()["models"][0]
    assert late["outcomes"] == 800
    looked_at = {window["start"][:10]: window for window in late["windows"]}
    assert {"2024-03-03", "2024-03-04"} <= looked_at.keys()
    assert "2024-03-05" not in looked_at  # nothing came for it
    assert looked_at["2024-03-03"]["labelled"] == 400
    assert looked_at["2024-03-03"]["data_judged_before"]
    assert [alert["kind"] for alert in late["opened"]] == ["performance"], late
    assert "2024-03-03" in late["opened"][0]["opened"]
    again = mvops(project, "monitor", "toy", "--until", "2024-03-13", "--json").ok().json()["models"][0]
    assert not again["opened"]
    assert "2024-03-03" not in {window["start"][:10] for window in again["windows"]}


def test_outcomes_that_were_wrong_are_corrected_and_their_window_is_judged_again(project: Path) -> None:
    for day in range(6):
        log_day(project, day)
    came(project, 2, as_predicted=False)
    first = mvops(project, "monitor", "toy", "--until", "2024-03-08", "--json").ok().json()["models"][0]
    found = {window["start"][:10]: window for window in first["windows"]}["2024-03-03"]
    assert (found["labelled"], right(found)) == (400, 0)
    (project / "o.csv").write_text("prediction_id,outcome\n2-0,0\n2-1,1\n2-2,1\n3-0,0\nnobody,1\n")
    said = mvops(project, "outcomes", "import", "toy", "o.csv").ok().out
    assert "1 outcome taken, 1 known already, 1 for predictions that are not in the log\n" in said
    assert "2 contradict what is known, which stays: 2-0, 2-1\n" in said
    assert "To correct it: mvops outcomes import toy o.csv --replace" in said
    lines = [f"2-{number},{number % 2}" for number in range(400)]
    (project / "o.csv").write_text("\n".join(["prediction_id,outcome", *lines, ""]))
    told = mvops(project, "outcomes", "import", "toy", "o.csv", "--replace", "--json").ok().json()
    assert (told["accepted"], len(told["contradicted"]), told["replaced"]) == (0, 400, True)
    mended = mvops(project, "monitor", "toy", "--until", "2024-03-08", "--json").ok().json()["models"][0]
    found = {window["start"][:10]: window for window in mended["windows"]}["2024-03-03"]
    assert (found["labelled"], right(found)) == (400, 1)
    assert mended["outcomes"] == 401  # with the one of 3-0
    assert "performance" in {alert["kind"] for alert in first["opened"]}
    assert "performance" not in {alert["kind"] for alert in mended["open"]}
    same = mvops(project, "outcomes", "import", "toy", "o.csv", "--replace", "--json").ok().json()
    assert (same["accepted"], same["contradicted"]) == (0, [])


def test_predictions_of_days_judged_long_ago_are_judged(project: Path) -> None:
    for day in (2, 10):
        log_day(project, day)
    mvops(project, "monitor", "toy", "--until", "2024-03-12").ok()
    log_day(project, 4, older=30)  # a batch that was scored later, say
    late = mvops(project, "monitor", "toy", "--until", "2024-03-12", "--json").ok().json()["models"][0]
    found = {window["start"][:10]: window for window in late["windows"]}
    assert found["2024-03-05"]["alert"]
    assert "age" in found["2024-03-05"]["drifted"]
    assert not found["2024-03-05"]["data_judged_before"]
    assert "drift:age" in [alert["key"] for alert in late["opened"]]
    again = mvops(project, "monitor", "toy", "--until", "2024-03-12", "--json").ok().json()["models"][0]
    assert again["opened"] == []


def test_an_outcome_that_no_prediction_can_have_is_refused_with_its_line(project: Path) -> None:
    log_day(project, 0)
    (project / "o.csv").write_text("prediction_id,outcome\n0-1,1\nnobody,anything\n0-2,maybe\n")
    refused = mvops(project, "outcomes", "import", "toy", "o.csv")
    refused.refused("o.csv:4", "the outcome 'maybe' of 0-2 must be a number, as the model predicts")
    assert mvops(project, "status", "--json").ok().json()["models"][0]["outcomes"] == 0
    (project / "o.csv").write_text("prediction_id,outcome\n0-1,1\nnobody,anything\n")
    mvops(project, "outcomes", "import", "toy", "o.csv").ok()
    assert mvops(project, "status", "--json").ok().json()["models"][0]["outcomes"] == 1
