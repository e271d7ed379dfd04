"""P34: a value is written into the YAML where the YAML says it, and everything else stays as a person wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mvops.core.outside import Accepted
from mvops.errors import SpecError
from mvops.loading.accepting import accept
from mvops.loading.edits import with_value, without
from mvops.loading.load import load_project

MODEL = Path("configs/models/flight_delay.yaml")
OWN = """\
# ours
pipeline:
  notebook: pipelines/flight_delay.ipynb   # promoted
  outputs: {model: clf, features: X_test, target: y_test}
evaluate: {task: classification, metrics: [roc_auc]}

monitor:      # what is watched
  every: 1d   # a day

  alerts:
    - ops
# the end
"""


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        ("a: 1  # one\nb: 2\n", ("a",), 3, "a: 3  # one\nb: 2\n"),
        ("a: '1'\n", ("a",), "0 3 * * 1", 'a: "0 3 * * 1"\n'),
        ("a: {b: 1, c: 2}  # both\n", ("a", "b"), "x y", "a: {b: x y, c: 2}  # both\n"),
        ("a: {b: 1}\n", ("a", "c"), 2, "a: {b: 1, c: 2}\n"),
        ("a: {}\n", ("a", "c"), 2, "a: {c: 2}\n"),
        ("a:\n  b: 1  # one\n\n# end\n", ("a", "c"), 2, "a:\n  b: 1  # one\n  c: 2\n\n# end\n"),
        ("a:\n  b:\n    - 1\n    - 2 # two\nd: 1\n", ("a", "c"), 2, "a:\n  b:\n    - 1\n    - 2 # two\n  c: 2\nd: 1\n"),
        ("a: 1", ("b", "c", "d"), 2, "a: 1\nb: {c: {d: 2}}\n"),
        ("# only a comment\n", ("b",), 2, "# only a comment\nb: 2\n"),
        ("", ("b",), 2, "b: 2\n"),
        ("a:\n  - x  # first\n  - y\n", ("a",), ["z"], "a:\n  [z]\n"),
        ("a:\n  - x  # first\n  - y\n", ("a", 1), "z", "a:\n  - x  # first\n  - z\n"),
        ("é: ü\na: 1\n", ("a",), "ö", "é: ü\na: ö\n"),
        ("a: |\n  text\n  more\nb: 1\n", ("a",), "x", "a: x\nb: 1\n"),
        ("a: 1\n", ("a", "b"), 2, None),
    ],
)
def test_p34_a_value_is_put_in_its_place(text: str, path: Any, value: Any, expected: str | None) -> None:
    assert with_value(text, path, value) == expected


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("a: {b: 1, c: 2, d: 3}\n", ("a", "c"), "a: {b: 1, d: 3}\n"),
        ("a: {b: 1, c: 2}  # two\n", ("a", "c"), "a: {b: 1}  # two\n"),
        ("a:\n  b: 1\n  c: 2  # gone\n  d: 3\n", ("a", "c"), "a:\n  b: 1\n  d: 3\n"),
        ("a: 1\nb:\n  - 1\n  - 2", ("b",), "a: 1\n"),
        ("a: {b: 1}\n", ("a", "b"), None),
        ("a: 1\n", ("b",), None),
    ],
)
def test_p34_a_key_is_taken_out(text: str, path: Any, expected: str | None) -> None:
    assert without(text, path) == expected


def test_p34_it_is_written_where_the_yaml_says_it_or_beside(build: Any) -> None:
    root = build({MODEL.as_posix(): OWN})
    done = accept(
        root,
        [
            Accepted(path=("models", "flight_delay", "monitor", "every"), value="6h"),
            Accepted(path=("models", "flight_delay", "retrain", "schedule"), value="30 4 * * 2"),
            Accepted(path=("models", "flight_delay", "monitor", "false_alarms"), value="2 per 30d"),
            Accepted(path=("feature_store", "every"), value="2h"),
        ],
    )
    expected = OWN.replace("every: 1d ", "every: 6h ").replace("    - ops\n", "    - ops\n  false_alarms: 2 per 30d\n")
    expected = expected.replace(
        "false_alarms: 2 per 30d\n", 'false_alarms: 2 per 30d\nretrain: {schedule: "30 4 * * 2"}\n'
    )
    assert (root / MODEL).read_text() == expected
    assert (root / "configs/project.yaml").read_text() == build.project + "feature_store: {every: 2h}\n"
    assert [(w.file, w.before, w.after) for w in done][:2] == [
        (MODEL.as_posix(), "1d", "6h"),
        (MODEL.as_posix(), None, "30 4 * * 2"),
    ]
    assert (root / MODEL).read_text().splitlines()[done[1].line - 1].startswith("retrain:")
    assert load_project(root).models["flight_delay"].retrain is not None


def test_p34_what_all_models_share_is_said_for_one_and_an_environment_says_its_own(build: Any) -> None:
    project = build.project + "model_defaults: {monitor: {every: 2d}}\n"
    staging = "# there\nmodels: {flight_delay: {endpoint: {port: 8100}}}\n"
    files = {"configs/project.yaml": project, "configs/env/staging.yaml": staging, MODEL.as_posix(): OWN}
    root = build(files | {MODEL.as_posix(): OWN.partition("\nmonitor:")[0]})
    wanted = [Accepted(path=("models", "flight_delay", "monitor", "every"), value="6h")]
    accept(root, wanted)
    assert (root / "configs/project.yaml").read_text() == project
    assert (root / MODEL).read_text().endswith("\nmonitor: {every: 6h}\n")
    before = (root / MODEL).read_text()
    accept(root, [Accepted(path=wanted[0].path, value="3h")], "staging")
    assert (root / MODEL).read_text() == before
    overlay = "# there\nmodels: {flight_delay: {endpoint: {port: 8100}, monitor: {every: 3h}}}\n"
    assert (root / "configs/env/staging.yaml").read_text() == overlay


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "every: 1d ",
            "outcomes: {delay: 2d}\n  every: ${.outcomes.delay} ",
            "from somewhere else: ${.outcomes.delay}",
        ),
        ("every: 1d ", "every: &day 1d\n  outcomes: {delay: *day}  ", "written in a way that cannot be edited"),
        ("every: 1d ", "every: 1d ", "models.flight_delay.monitor.every"),
    ],
)
def test_p34_nothing_is_written_where_that_cannot_be_done(build: Any, old: str, new: str, said: str) -> None:
    root = build({MODEL.as_posix(): OWN.replace(old, new)})
    before = (root / MODEL).read_text()
    value = "often" if new == old else "6h"
    with pytest.raises(SpecError) as caught:
        accept(
            root,
            [
                Accepted(path=("models", "flight_delay", "monitor", "min_rows"), value=7),
                Accepted(path=("models", "flight_delay", "monitor", "every"), value=value),
            ],
        )
    assert said in str(caught.value)
    assert (root / MODEL).read_text() == before
