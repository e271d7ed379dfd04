"""What came of a prediction is judged however late it is known."""

from __future__ import annotations

from pathlib import Path

from days import log_day
from toy_project import mvops


def came(project: Path, day: int, *, as_predicted: bool) -> None:
    """The outcomes of a day's predictions, imported as a user does."""
    lines = [f"{day}-{number},{number % 2 if as_predicted else 1 - number % 2}" for number in range(400)]
    (project / "o.csv").write_text("\n".join(["prediction_id,outcome", *lines, ""]))
    mvops(project, "outcomes", "import", "toy", "o.csv").ok()


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
