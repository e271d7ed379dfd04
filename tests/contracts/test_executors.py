"""The examination of the family `executors`: work is done elsewhere or at the same time, and is the same work."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from running import Cell, Project, make_project

from mvops.contracts.executors import Executor
from mvops.errors import BackendError, DataError, SpecError
from mvops.notebook.results import PipelineResult, StepFailedError
from mvops.notebook.run import run_pipeline
from mvops.notebook.step_plans import describe_steps


@dataclass(frozen=True)
class Crew:
    """What a member's file makes ready: options with which two pieces of work are done at a time.

    `broken` are options with which it cannot be reached, by what is broken.
    """

    options: Mapping[str, Any]
    broken: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def working(result: Any) -> Callable[[Any], Any]:
    def work(report: Any) -> Any:  # nested: what a worker cannot import goes to it as code
        report(1, 2)
        return result

    return work


def test_work_is_done_and_heard_of(backend: Executor, shared: Crew) -> None:
    heard: list[tuple[int, int]] = []
    with backend.open(shared.options) as hands:
        assert hands.submit(working({"a": 1}), lambda *said: heard.append(said)).result(60) == {"a": 1}
        deadline = time.monotonic() + 10
        while not heard and time.monotonic() < deadline:
            time.sleep(0.05)
    assert heard == [(1, 2)]


def test_what_it_raises_arrives_whole(backend: Executor, shared: Crew) -> None:
    def work(_: Any) -> None:
        raise DataError("no rows", hint="Bring some.")

    with backend.open(shared.options) as hands, pytest.raises(DataError, match="no rows") as raised:
        hands.submit(work, lambda *_: None).result(60)
    assert raised.value.hint == "Bring some."


def test_two_pieces_are_done_at_the_same_time(backend: Executor, shared: Crew, tmp_path: Path) -> None:
    def meeting(mine: str, other: str) -> Callable[[Any], bool]:
        def work(_: Any) -> bool:
            import time
            from pathlib import Path

            Path(mine).touch()
            until = time.monotonic() + 60
            while not Path(other).exists() and time.monotonic() < until:
                time.sleep(0.05)
            return Path(other).exists()

        return work

    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    with backend.open(shared.options) as hands:
        assert hands.at_once is None or hands.at_once >= 2
        futures = [hands.submit(meeting(*names), lambda *_: None) for names in ((one, two), (two, one))]
        wait(futures, 90)
        assert [future.result(0) for future in futures] == [True, True]


def test_options_that_it_does_not_know_are_named(backend: Executor, shared: Crew) -> None:
    with pytest.raises(SpecError, match=r"executor\.options\.colour"), backend.open({"colour": "blue"}):
        pass


def test_what_cannot_be_reached_is_said_within_seconds(backend: Executor, shared: Crew) -> None:
    for what, options in shared.broken.items():
        began = time.monotonic()
        with pytest.raises(BackendError) as refused, backend.open(options):
            pass
        assert refused.value.hint, what
        assert time.monotonic() - began < 60, what


# Two steps that do not need each other, one that needs both.
PIPELINE: list[Cell] = [
    ("parameters", "pause = 0.0"),
    ("setup", "import time\nimport pandas as pd"),
    ("step:load", "df = pd.DataFrame({'a': range(100)})"),
    ("step:left", "left = df.a.sum()\ntime.sleep(pause)\nprint('left', left)"),
    ("step:right", "right = df.a.max()\ntime.sleep(pause)\nprint('right', right)"),
    ("step:both", "both = {'sum': int(left), 'max': int(right)}\nprint(both)"),
]


@dataclass
class Ran:
    project: Project
    result: PipelineResult

    def told(self) -> list[tuple[str, str, str, int]]:
        """What must not depend on the executor: keys, what each step made, what its cells showed."""
        cache = self.project.places["cache_dir"]
        found = []
        for step in self.result.steps:
            entry = json.loads((cache / "steps" / step.key[:2] / f"{step.key[2:]}.json").read_text())
            shown = [
                (cell["source"], [{k: v for k, v in o.items() if k != "metadata"} for o in cell["outputs"]])
                for cell in self.project.executed(step.notebook)
                if cell["metadata"].get("mvops", {}).get("cell")
            ]
            made = json.dumps([entry["values"], shown], sort_keys=True)
            found.append((step.step, step.key, made, len(self.project.executed(step.notebook))))
        return found


def ran(root: Path, executor: Executor | None, options: Mapping[str, Any], **job: Any) -> Ran:
    project = make_project(root)
    project.write(*PIPELINE)
    return Ran(project, again(project, executor, options, **job))


def again(project: Project, executor: Executor | None, options: Mapping[str, Any], **job: Any) -> PipelineResult:
    project.seen.clear()
    hands = {"hands": lambda: executor.open(options)} if executor else {}
    wanted = project.job(outputs={"model": "both"}, **job)
    return run_pipeline(wanted, **project.places, on_progress=project.seen.append, **hands)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The pipeline, one step after the other in this process."""
    return ran(tmp_path_factory.mktemp("plain") / "project", None, {})


def test_a_pipeline_makes_the_same_whoever_does_it(backend: Executor, shared: Crew, plain: Ran, tmp_path: Path) -> None:
    done = ran(tmp_path / "project", backend, shared.options)
    assert done.told() == plain.told()
    assert done.result.outputs == plain.result.outputs
    assert done.project.left() == []
    heard = {(seen.step, seen.status) for seen in done.project.seen}
    assert {(step, "succeeded") for step in ("load", "left", "right", "both")} <= heard
    # What one executor made is in the cache for every other, and a run from it opens none.
    plans = describe_steps(done.project.job(outputs={"model": "both"}), cache_dir=done.project.places["cache_dir"])
    assert all(plan.cached for plan in plans)
    cached = again(done.project, backend, {"colour": "not even looked at"})
    assert {step.status for step in cached.steps} == {"cached"}
    assert cached.outputs == done.result.outputs


def test_steps_that_do_not_need_each_other_overlap(backend: Executor, shared: Crew, tmp_path: Path) -> None:
    done = ran(tmp_path / "project", backend, shared.options, parameters={"pause": 12.0})
    spans = {}
    for step in done.result.steps:
        told = json.loads(done.project.store.read_bytes(str(step.notebook)))["metadata"]["papermill"]
        spans[step.step] = (told["start_time"], told["end_time"])
    assert spans["left"][0] < spans["right"][1]
    assert spans["right"][0] < spans["left"][1]
    assert max(spans["left"][1], spans["right"][1]) < spans["both"][0]
    assert [step.step for step in done.result.steps] == ["load", "left", "right", "both"]


def test_a_failed_step_stops_what_needs_it_and_lets_its_neighbour_finish(
    backend: Executor, shared: Crew, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project")
    project.write(
        ("setup", "import time"),
        ("step:good", "time.sleep(3)\ngood = 1"),
        ("step:bad", "raise ValueError('no luck')\nbad = 1"),
        ("step:both", "both = good + bad"),
    )
    with pytest.raises(StepFailedError, match=r"Step 'bad' failed in cell 3.*no luck") as failed:
        again(project, backend, shared.options)
    assert [(step.step, step.status) for step in failed.value.steps] == [("good", "succeeded"), ("bad", "failed")]
    assert project.left() == ["model-bad-failed.ipynb"]
    wanted = project.job(outputs={"model": "both"})
    plans = describe_steps(wanted, cache_dir=project.places["cache_dir"], store=project.store)
    assert [plan.cached for plan in plans] == [True, False, False]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is looked at in /proc")
def test_the_memory_limit_holds(backend: Executor, shared: Crew, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    project.write(("step:a", "import time\nboth = b'x' * 600_000_000\ntime.sleep(60)"))
    with pytest.raises(StepFailedError, match=r"Step 'a' failed in cell 1: it took \d+ MB of memory"):
        again(project, backend, shared.options, memory=400_000_000)


def test_the_time_limit_holds(backend: Executor, shared: Crew, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    project.write(("step:a", "import time\ntime.sleep(600)\nboth = 1"))
    with pytest.raises(StepFailedError, match=r"Step 'a' failed.*did not end within 30 seconds"):
        again(project, backend, shared.options, timeout=30.0)
