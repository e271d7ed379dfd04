"""What a command line trains with, whatever stands around it."""

from __future__ import annotations

import pytest

from mvops.sources.command_lines import Runs, runs_of


@pytest.mark.parametrize(
    ("command", "tool", "target"),
    [
        ("papermill -k python3 a/churn.ipynb out.ipynb --log-output", "papermill", "a/churn.ipynb"),
        ("cd /srv && . venv/bin/activate && papermill churn.ipynb - | tee log", "papermill", "churn.ipynb"),
        ("flock -n /tmp/l -c 'papermill churn.ipynb out.ipynb'", "papermill", "churn.ipynb"),
        ("bash -l -c 'papermill churn.ipynb -'", "papermill", "churn.ipynb"),
        ("bash -lc 'cd x; python3 -m papermill churn.ipynb out.ipynb'", "papermill", "churn.ipynb"),
        ("jupyter nbconvert --to notebook --execute 'my churn.ipynb' > /dev/null 2>&1", "nbconvert", "my churn.ipynb"),
        ("/opt/x/bin/jupyter-nbconvert --execute churn.ipynb", "nbconvert", "churn.ipynb"),
        ("jupyter execute churn.ipynb", "nbconvert", "churn.ipynb"),
        ("python -m jupyter nbconvert --execute churn.ipynb", "nbconvert", "churn.ipynb"),
        ("conda run -n ml python -u -W ignore train/churn.py --all", "python", "train/churn.py"),
        ("PYTHONPATH=. nice -n 10 python3.11 -m churn.train", "python", "churn.train"),
        ("uv run --with pandas churn.py", "python", "churn.py"),
        ("uv run python churn.py", "python", "churn.py"),
        ("docker run --rm image python churn.py \\\n  --all", "python", "churn.py"),
        ("mvops -C /srv/x retrain churn --reason schedule", "mvops", "churn"),
        ("mvops schedule run --job retrain_churn", "mvops", "churn"),
        ("python 'churn.py", "python", "'churn.py"),
    ],
)
def test_it_is_found(command: str, tool: str, target: str) -> None:
    found = runs_of(command)
    assert [(run.tool, run.target) for run in found] == [(tool, target)]


@pytest.mark.parametrize(
    "command",
    [
        *("", "backup --all", "jupyter nbconvert --to html churn.ipynb", "python -c 'import churn'", "python -V"),
        *("mvops monitor churn", "mvops schedule run", "make train", "jupyter lab", "papermill --help", "echo &&"),
    ],
)
def test_nothing_else_is(command: str) -> None:
    assert runs_of(command) == []


def test_what_papermill_is_given() -> None:
    (run,) = runs_of("papermill a.ipynb b.ipynb -p C 2.0 -p path 'data/x y.csv' -r name 007")
    assert run == Runs("papermill", "a.ipynb", {"C": "2.0", "path": "data/x y.csv", "name": "007"})
    assert [run.target for run in runs_of("papermill a.ipynb x; papermill b.ipynb y\npython c.py")] == [
        *("a.ipynb", "b.ipynb", "c.py"),
    ]
