"""What the project needs and this Python lacks is told at once, with one line to type."""

from __future__ import annotations

import sys
from pathlib import Path

from toy_project import edit, typed

WITHOUT = """
import importlib.util
import sys
from importlib import metadata
gone = {names}
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in gone:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in gone else found(name, package)
there = metadata.distribution
def distribution(name):
    if name in gone:
        raise metadata.PackageNotFoundError(name)
    return there(name)
metadata.distribution = distribution
from mvops.cli.app import main
main()
"""
LARGE = """
capabilities: {tracking: true, data_versioning: true}
data: {backend: dvc, otherwise: local}
tracker: {backend: mlflow, options: {uri: "http://127.0.0.1:1"}}
notifiers: {ops: {backend: apprise, options: {url: "http://127.0.0.1:1"}}}
"""


def without(*names: str) -> tuple[str, ...]:
    return (sys.executable, "-c", WITHOUT.format(names=set(names)))


def test_all_that_is_not_installed_is_told_by_one_plan_with_one_line(project: Path) -> None:
    with (project / "configs/project.yaml").open("a") as file:
        file.write(LARGE)
    nothing = without("mlflow", "dvc", "apprise", "fastapi", "bentoml")
    said = typed(project, "plan", command=nothing).ok().out
    (told,) = (line for line in said.splitlines() if "pip install" in line)
    assert told == (
        "note: not installed here: alerts (notifiers.ops), dvc (data), mlflow (tracker), serve (models.toy.endpoint). "
        "All of it: pip install 'mvops[alerts,dvc,mlflow,serve]'"
    )
    assert "tracker.toy could not be looked at: The tracker 'mlflow' needs a library that is not installed." in said
    assert "data is kept by local for now. The data versioner 'dvc' needs a library that is not installed. To" in said


def test_what_only_an_endpoint_needs_is_not_missed_where_plans_are_made(project: Path) -> None:
    assert "not installed" not in typed(project, "plan", command=without("fastapi")).ok().out


def test_a_plan_that_cannot_be_made_names_the_other_extras_too(project: Path) -> None:
    with (project / "configs/project.yaml").open("a") as file:
        file.write(LARGE.replace("otherwise: local", "otherwise: null"))
    edit(project / "configs/models/toy.yaml", "data/d.csv", "data/d.parquet")
    (project / "data/d.csv").rename(project / "data/d.parquet")
    nothing = without("mlflow", "dvc", "apprise", "pyarrow")
    for command in (("plan",), ("apply", "--yes")):
        refused = typed(project, *command, command=nothing).refused("The data versioner 'dvc' needs a library")
        assert "alerts (notifiers.ops), mlflow (tracker), parquet (models.toy.pipeline.inputs)" in refused.err
        assert "Install all of it with: pip install 'mvops[alerts,dvc,mlflow,parquet]'" in refused.err
        assert refused.err.count("pip install") == 1
