"""The examination of the family `schedulers`: what is generated is read back as its target reads it, and says the same.

Whatever runs the jobs, it does so at the same times, in the same order, and what it does not do it says in the plan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import toy_project as toy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mvops.contracts.schedulers import Command, Job, Machine, Part, Scheduler, Timetable
from mvops.kinds.edited_times import edited_times, with_times_of


@dataclass(frozen=True)
class Found:
    """A job as it stands in the generated files; None for what this scheduler knows nothing of.

    `commands` are the arguments of mvops in the order in which they are run; `after` maps each of them that waits to
    those that it waits for, directly or not.
    """

    schedule: str
    commands: tuple[tuple[str, ...], ...]
    after: Mapping[tuple[str, ...], frozenset[tuple[str, ...]]] | None = None
    timezone: str | None = None
    retries: int | None = None
    timeout: float | None = None


Read = Callable[[Mapping[str, str]], list[Found]]  # what a member's file makes ready


def monitor(description: str = "look", schedule: str = "5 0 * * *") -> Job:
    command = Command(name="delay", arguments=("monitor", "delay", "--retrain"))
    return Job(name="monitor_delay", schedule=schedule, description=description, commands=(command,))


def retrain(*, parts: bool, schedule: str = "0 3 * * 1") -> Job:
    """Two models, one after the other, with two steps each."""
    commands = tuple(
        Command(
            name=name,
            arguments=("retrain", name, "--reason", "schedule"),
            after=after,
            parts=(
                Part(name="load", arguments=("run", name, "--step", "load")),
                Part(name="train", arguments=("run", name, "--step", "train"), after=("load",)),
            )
            if parts
            else (),
        )
        for name, after in (("demand", ()), ("price", ("demand",)))
    )
    return Job(name="retrain_demand", schedule=schedule, description="train", commands=commands)


def timetable(backend: Scheduler, *jobs: Job, **settings: Any) -> Timetable:
    machine = Machine(python="3.11", secrets=("PGPASSWORD",), kept=()) if backend.empty_machines else None
    return Timetable(project="flights", name="delay", jobs=jobs, machine=machine, **settings)


def as_one(job: Job) -> tuple[tuple[str, ...], ...]:
    """How a scheduler that knows no order of commands has mvops keep it."""
    return (("schedule", "run", "--job", job.name),)


def all_of(job: Job) -> tuple[tuple[str, ...], ...]:
    return tuple(a for c in job.commands for a in (*(part.arguments for part in c.parts), c.arguments))


def test_files_are_made_of_the_timetable_alone(backend: Scheduler) -> None:
    table = timetable(backend, monitor(), retrain(parts=backend.shows_parts))
    files = backend.files(table)
    assert files
    assert dict(files) == dict(backend.files(table))
    for path, text in files.items():
        place = PurePosixPath(backend.folder("delay"), path)
        assert not place.is_absolute()
        assert ".." not in place.parts
        assert text.endswith("\n")
        assert str(Path.cwd()) not in text
        assert str(Path.home()) not in text


def test_two_timetables_share_no_file(backend: Scheduler) -> None:
    one, other = (
        timetable(backend, monitor()),
        Timetable(
            project="flights",
            name="price",
            jobs=(
                Job(
                    name="monitor_price",
                    schedule="5 0 * * *",
                    description="look",
                    commands=(Command(name="price", arguments=("monitor", "price")),),
                ),
            ),
            machine=timetable(backend).machine,
        ),
    )
    mine = {f"{backend.folder('delay')}/{path}" for path in backend.files(one)}
    assert not mine & {f"{backend.folder('price')}/{path}" for path in backend.files(other)}


def test_every_job_is_there_at_its_time(backend: Scheduler, set_up: Read) -> None:
    jobs = (monitor(), retrain(parts=backend.shows_parts))
    found = set_up(backend.files(timetable(backend, *jobs)))
    assert [one.schedule for one in found] == [job.schedule for job in jobs]
    for one, job in zip(found, jobs, strict=True):
        assert sorted(one.commands) == sorted(all_of(job)) or one.commands == as_one(job)


def test_a_model_waits_for_the_other_and_a_command_for_its_parts(backend: Scheduler, set_up: Read) -> None:
    job = retrain(parts=backend.shows_parts)
    (one,) = set_up(backend.files(timetable(backend, job)))
    if one.commands == as_one(job):
        return
    demand, price = (command.arguments for command in job.commands)
    at = {arguments: place for place, arguments in enumerate(one.commands)}
    assert at[demand] < at[price]
    for command in job.commands:
        assert all(at[part.arguments] < at[command.arguments] for part in command.parts)
    if one.after is not None:
        assert demand in one.after[price]
        for command in job.commands:
            assert {part.arguments for part in command.parts} <= one.after[command.arguments]
        assert all(demand in one.after[part.arguments] for part in job.commands[1].parts)


@pytest.mark.parametrize(
    ("settings", "key", "word"),
    [
        ({"timezone": "Europe/Berlin"}, "timezone", "time zone|clock"),
        ({"retries": 2}, "retries", "again"),
        ({"timeout": 600.0}, "timeout", "ended"),
    ],
    ids=["timezone", "retries", "timeout"],
)
def test_what_is_not_kept_is_said(
    backend: Scheduler, set_up: Read, settings: dict[str, Any], key: str, word: str
) -> None:
    table = timetable(backend, monitor(), **settings)
    (one,) = set_up(backend.files(table))
    kept = getattr(one, key) == settings[key] or (key != "timezone" and one.commands == as_one(monitor()))
    said = [sentence for sentence in backend.limits(table) if re.search(word, sentence)]
    assert kept or said
    assert not (kept and said)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.text(max_size=60))
def test_a_description_is_never_anything_else(backend: Scheduler, set_up: Read, description: str) -> None:
    plain = set_up(backend.files(timetable(backend, monitor())))
    assert set_up(backend.files(timetable(backend, monitor(description)))) == plain


@pytest.mark.parametrize(
    "description",
    [
        "x\n* * * * * id",
        '"""\nimport os',
        "{{ 7 * 7 }}",
        "{% raw %}",
        "${{ secrets.X }}",
        "'; id #",
        "\\",
        "a: b # c",
        "%",
    ],
)
def test_a_hostile_description_is_a_description(backend: Scheduler, set_up: Read, description: str) -> None:
    plain = set_up(backend.files(timetable(backend, monitor())))
    assert set_up(backend.files(timetable(backend, monitor(description)))) == plain


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after its first apply, by crontab. Only to be copied."""
    root = toy.make_toy(tmp_path_factory.mktemp("schedulers") / "toy")
    toy.typed(root, "apply", "--yes").ok()
    return root


def files_of(root: Path) -> list[Path]:
    found = toy.query(root, "SELECT spec FROM mvops_records WHERE address = 'schedule.toy'")
    return [root / path for path in json.loads(found[0][0])["files"]]


def test_one_line_of_yaml_moves_the_schedules_there_and_back(applied: Path, member: Any, tmp_path: Path) -> None:
    root = toy.copy(applied, tmp_path / "toy")
    before = files_of(root)
    with (root / "configs/project.yaml").open("a") as file:
        file.write(f"scheduler: {{backend: {member.name}}}\n")
    shown = toy.mvops(root, "plan", "--detailed-exitcode").ok(0 if member.name == "cron" else 2)
    toy.mvops(root, "apply", "--yes").ok()
    toy.mvops(root, "plan", "--detailed-exitcode").ok()
    there = files_of(root)
    assert all(path.is_file() for path in there)
    if member.name != "cron":
        assert "schedule.toy  update: backend changed" in shown.out.replace(" and ", ", ") or "backend" in shown.out
        assert not any(path.exists() for path in before)
    listed = toy.mvops(root, "schedule", "list", "--json").ok().json()["jobs"]
    assert {(job["job"], job["backend"]) for job in listed} == {
        ("monitor_toy", member.name),
        ("retrain_toy", member.name),
    }

    mine = there[0]
    mine.write_text(mine.read_text() + "# ours\n")
    was = mine.read_text()
    toy.mvops(root, "plan", "--detailed-exitcode").ok()
    toy.edit(root / "configs/models/toy.yaml", "monitor: {every: 1d", "monitor: {every: 6h")
    toy.mvops(root, "apply", "--yes").ok()
    assert mine.read_text().endswith("# ours\n")
    assert mine.read_text() != was
    assert not mine.with_name(f"{mine.name}.new").exists(), "the edit and the new text are merged"
    toy.mvops(root, "plan", "--detailed-exitcode").ok()

    toy.mvops(root, "destroy", "--yes").ok()
    assert mine.exists(), "what was edited by hand is the team's"
    assert not [path for path in there[1:] if path.exists()]


def test_p34_a_time_that_was_edited_in_the_files_is_read_back(backend: Scheduler) -> None:
    """Whoever edits the line that says it, and others beside it; a time of another grammar is not taken for one."""
    table = timetable(backend, monitor(), retrain(parts=backend.shows_parts))
    moved = timetable(backend, monitor(schedule="5 */6 * * *"), retrain(parts=backend.shows_parts))
    after = backend.files(moved)

    def read(there: Callable[[str, str], str]) -> dict[str, str]:
        files = backend.files(table).items()
        return {job: time for path, text in files for job, time in edited_times(table, text, there(path, text)).items()}

    assert read(lambda _, text: text) == {}
    assert read(lambda path, _: after[path]) == {"monitor_delay": "5 */6 * * *"}
    theirs = {"5 0 * * *": "5 */6 * * *", "0 3 * * 1": "30 4 * * 2"}

    def edited(text: str) -> str:
        return reduce(lambda made, each: made.replace(*each), theirs.items(), text) + "# mine\n"

    both = read(lambda _, text: edited(text))
    assert both == {"monitor_delay": "5 */6 * * *", "retrain_demand": "30 4 * * 2"}
    for text in backend.files(table).values():
        if edited_times(table, text, edited(text)):
            windows = edited(text).replace("\n", "\r\n")
            assert with_times_of(table, text, edited(text), both) == text + "# mine\n"
            assert with_times_of(table, text, windows, both) == (text + "# mine\n").replace("\n", "\r\n")
            one = with_times_of(table, text, edited(text), ["monitor_delay"])
            assert ("5 0 * * *" in one, "30 4 * * 2" in one) == ("5 0 * * *" in text, "0 3 * * 1" in text)
    assert read(lambda _, text: text.replace("5 0 * * *", "5 99 * * *")) == {}
    assert read(lambda _, text: text.replace("5 0 * * *", "at noon")) == {}
