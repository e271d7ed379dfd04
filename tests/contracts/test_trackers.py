"""The examination of the family `trackers`: what is told is there, once, under mvops' own ids and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from mvops.artifacts.models import dump_model
from mvops.contracts.trackers import Books, RunReport, Tracker, VersionReport
from mvops.core.run import Run
from mvops.core.version import Artifact, CodeState, Version
from mvops.errors import BackendError, ConflictError, SpecError
from mvops.lifecycle.environment import capture_environment
from mvops.lifecycle.pins import requirements
from mvops.lifecycle.signature import describe

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PICTURE = b"\x89PNG\r\n\x1a\n not much of a plot"


@dataclass(frozen=True)
class HeldRun:
    """A run as the system itself shows it; values are text there."""

    status: str  # succeeded or failed
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: frozenset[str]


@dataclass(frozen=True)
class Desk:
    """What a member's file makes ready.

    `runs` reads, with the system's own client, what it holds, by mvops' id; `champion` loads the model that it calls
    champion and predicts with it. None for what such a system does not keep or show. `broken` are options with which it
    cannot be reached, by what is broken.
    """

    options: Mapping[str, Any]
    runs: Callable[[], Mapping[str, HeldRun]] | None = None
    champion: Callable[[str, pd.DataFrame], Any] | None = None
    broken: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def books(desk: Desk, folder: Path, **changed: Any) -> Books:
    return Books(root=folder, project="exam", owner="exam 0123abcd", options=dict(desk.options)).model_copy(
        update=changed
    )


def run_report(model: str, number: int = 1, **changed: Any) -> RunReport:
    run = Run(
        id=f"20260301T12000{number}-{model}",
        model=model,
        reason="exam",
        status="succeeded",
        started=NOON,
        finished=NOON + timedelta(seconds=30),
        parameters={"C": 0.5, "columns": ["age", "income"], "name": "Überflug 'x' \"y\"", "none": None},
        inputs={"data_path": "d" * 64},
        metrics={"roc_auc": 0.75, "log_loss": 0.5},
        code=CodeState(commit="c" * 40, dirty=True, notebook="pipelines/exam.ipynb", cells={}),
    ).model_copy(update=changed)
    return RunReport(run, {"notebooks/train.ipynb": b'{"cells": []}', "plots/train-1.png": PICTURE})


def version_report(model: str, number: int = 1) -> VersionReport:
    frame = pd.DataFrame({"age": np.arange(20.0), "income": np.arange(20.0)[::-1]})
    target = np.arange(20) > 9
    fitted = LogisticRegression().fit(frame, target)
    data, format_ = dump_model(fitted)
    environment = capture_environment()
    version = Version(
        model=model,
        number=number,
        created=NOON,
        reason="exam",
        run=run_report(model, number).run.id,
        artifact=Artifact(sha256=f"{number:064d}", format=format_, size=len(data)),
        signature=describe(frame, target, fitted, "classification"),
        baseline=None,
        held_out=None,
        data={"data_path": "d" * 64},
        code=CodeState(commit="c" * 40, dirty=False, notebook="pipelines/exam.ipynb", cells={}),
        environment=environment,
        parameters={"C": 0.5},
        metrics={"roc_auc": 0.75},
        fingerprint="f" * 64,
    )
    pins = tuple(requirements(environment))
    return VersionReport(version, pins, data, estimator=lambda: fitted, example=frame.head)


def tell(tracker: Tracker, kept: Books, model: str, *numbers: int) -> None:
    for number in numbers:
        tracker.log_run(kept, run_report(model, number))
        tracker.log_version(kept, version_report(model, number))


def test_what_was_never_told_of_is_not_there(backend: Tracker, shared: Desk, tmp_path: Path) -> None:
    seen = backend.look(books(shared, tmp_path), "unheard_of")
    assert seen is None or not (seen.versions or seen.aliases)


def test_a_run_is_there_with_all_that_belongs_to_it_and_once(backend: Tracker, shared: Desk, tmp_path: Path) -> None:
    report = run_report("told")
    for _ in range(2):
        backend.log_run(books(shared, tmp_path), report)
    if shared.runs is None:
        assert not backend.external
        return
    held = shared.runs()[report.run.id]
    assert held.status == "succeeded"
    assert held.metrics == {"roc_auc": 0.75, "log_loss": 0.5}
    assert held.parameters["C"] == "0.5"
    assert held.parameters["name"] == "Überflug 'x' \"y\""
    assert "age" in held.parameters["columns"]
    assert {"notebooks/train.ipynb", "plots/train-1.png"} <= held.files
    for told in ("c" * 40, "d" * 64, report.run.id):
        assert told in held.tags.values()


def test_a_failed_run_says_so(backend: Tracker, shared: Desk, tmp_path: Path) -> None:
    report = run_report("unlucky", status="failed", metrics={}, error="ValueError: no such column")
    backend.log_run(books(shared, tmp_path), report)
    if shared.runs is not None:
        held = shared.runs()[report.run.id]
        assert held.status == "failed"
        assert "ValueError: no such column" in held.tags.values()


def test_versions_and_aliases_are_seen_under_our_numbers(backend: Tracker, shared: Desk, tmp_path: Path) -> None:
    kept = books(shared, tmp_path)
    tell(backend, kept, "pair", 1, 2)
    backend.set_aliases(kept, "pair", {"champion": 1, "challenger": 2})
    seen = backend.look(kept, "pair")
    assert seen is not None
    if seen.versions is not None:
        assert seen.versions == {1: f"{1:064d}", 2: f"{2:064d}"}
    if seen.aliases is not None:
        assert seen.aliases == {"champion": 1, "challenger": 2}
    if seen.owner is not None:
        assert seen.owner == kept.owner


def test_telling_twice_is_telling_once(backend: Tracker, shared: Desk, tmp_path: Path) -> None:
    kept = books(shared, tmp_path)
    for _ in range(2):
        tell(backend, kept, "twice", 1)
        backend.set_aliases(kept, "twice", {"champion": 1})
    seen = backend.look(kept, "twice")
    assert seen is not None
    assert seen.versions in (None, {1: f"{1:064d}"})
    assert seen.aliases in (None, {"champion": 1})


def test_aliases_move_and_go(backend: Tracker, shared: Desk, tmp_path: Path) -> None:
    kept = books(shared, tmp_path)
    tell(backend, kept, "moving", 1, 2)
    for aliases in ({"champion": 1, "challenger": 2}, {"champion": 2}, {}):
        backend.set_aliases(kept, "moving", aliases)
        seen = backend.look(kept, "moving")
        assert seen is not None
        assert seen.aliases in (None, aliases)


def test_the_champion_can_be_loaded_from_there(backend: Tracker, shared: Desk, tmp_path: Path) -> None:
    if shared.champion is None:
        return
    kept = books(shared, tmp_path)
    tell(backend, kept, "loaded", 1)
    backend.set_aliases(kept, "loaded", {"champion": 1})
    rows = pd.DataFrame({"age": [0.0, 19.0], "income": [19.0, 0.0]})
    assert list(shared.champion("loaded", rows)) == [False, True]


def test_a_model_of_another_project_is_left_alone(backend: Tracker, shared: Desk, tmp_path: Path) -> None:
    kept = books(shared, tmp_path)
    tell(backend, kept, "theirs", 1)
    ours = books(shared, tmp_path, owner="exam 99999999")
    seen = backend.look(ours, "theirs")
    if seen is None or seen.owner is None:
        return  # it cannot be seen, or every project has a place of its own
    assert seen.owner == kept.owner
    backend.log_run(ours, run_report("theirs", 2))
    with pytest.raises(ConflictError):
        backend.log_version(ours, version_report("theirs", 2))
    again = backend.look(kept, "theirs")
    assert again is not None
    assert again.versions == {1: f"{1:064d}"}


def test_options_that_it_does_not_know_are_named(backend: Tracker, shared: Desk, tmp_path: Path) -> None:
    odd = books(shared, tmp_path, options={**shared.options, "colour": "blue"})
    with pytest.raises(SpecError, match="colour"):
        backend.look(odd, "told")
    with pytest.raises(SpecError, match="colour"):
        backend.log_run(odd, run_report("told"))


def test_what_cannot_be_reached_is_said_within_seconds(backend: Tracker, shared: Desk, tmp_path: Path) -> None:
    for what, options in shared.broken.items():
        kept = books(shared, tmp_path, options=dict(options))
        began = datetime.now(UTC)
        for ask in (
            lambda kept=kept: backend.look(kept, "told"),
            lambda kept=kept: backend.log_run(kept, run_report("told")),
            lambda kept=kept: backend.set_aliases(kept, "told", {"champion": 1}),
        ):
            with pytest.raises(BackendError) as refused:
                ask()
            assert refused.value.hint, what
        assert datetime.now(UTC) - began < timedelta(seconds=30), what
