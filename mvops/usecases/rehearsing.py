"""A challenger rehearsed on what callers have asked, before it gets any traffic."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mvops.artifacts.elsewhere import load_version
from mvops.core.frozen import Frozen
from mvops.core.prediction import Outcome, Prediction
from mvops.core.progress import Progress, Tell, silent
from mvops.core.version import Version
from mvops.errors import DataError, UsageError
from mvops.lifecycle.rehearsal import Disagreement, Rehearsal
from mvops.performing.traffic import version_of
from mvops.registry import rollouts
from mvops.registry import versions as registered
from mvops.serving.latencies import Latencies
from mvops.serving.problems import Problem
from mvops.serving.rows import RowReader
from mvops.workspace import Workspace

if TYPE_CHECKING:
    from mvops.serving.estimator import Estimator

_MOST_REASONS = 20  # that are told apart
_WARM = 5  # rows whose latency says more about the start than about the model


class Wanted(Frozen):
    """Which version, on how many of the newest rows, and what must be kept to; a bound that is None asks nothing."""

    version: int | None = None
    run: str | None = None
    last: int = 1000
    max_disagreement: float | None = None
    max_p99: float | None = None  # milliseconds


class Rehearsed(Frozen):
    """What became of the rows: `disagreement` is of those that the challenger answered.

    `refused` and `failed` count rows by the reason; `lacking` are rows without a column that the log does not have any
    more. `broken` says which bounds were.
    """

    model: str
    version: int
    rows: int
    refused: dict[str, int]
    failed: dict[str, int]
    lacking: int
    p50_ms: float | None
    p99_ms: float | None
    disagreement: Disagreement
    broken: tuple[str, ...] = ()


def rehearse(workspace: Workspace, model: str, wanted: Wanted, tell: Tell = silent) -> Rehearsed:
    """Have the version answer the newest logged rows once more. Changes nothing.

    Raises UsageError where it is not clear which version is meant, DataError where the log has nothing to rehearse on,
    and what loading a version raises.
    """
    from mvops.serving.estimator import Estimator  # noqa: PLC0415 -- scikit-learn

    workspace.model(model)
    version = _version(workspace, model, wanted)
    estimator = Estimator(load_version(workspace.store, version, workspace.root), version.signature)
    asked = _Asked(workspace, version, estimator)
    rows = 0
    with workspace.predictions() as log:
        for prediction, outcome in log.given(model, wanted.last):
            asked.ask(prediction, outcome)
            rows += 1
            if not rows % 100:
                tell(Progress(what=f"{model}: version {version.number} rehearses", done=rows, total=wanted.last))
    if not rows:
        raise DataError(
            f"nothing was asked of {model} yet: there is nothing to rehearse on",
            hint=f"Once it is asked (mvops serve {model}), its prediction log has rows",
        )
    if asked.lacking == rows:
        gone = ", ".join(sorted(asked.gone))
        raise DataError(
            f"the prediction log does not have {gone} of these rows any more, which version {version.number} reads",
            hint="A column that is not kept cannot be rehearsed on. Compare it in the shadow: rollout.strategy: shadow",
        )
    return asked.report(model, rows, wanted)


class _Asked:
    """What became of the rows until now."""

    def __init__(self, workspace: Workspace, version: Version, estimator: Estimator) -> None:
        self._workspace = workspace
        self._version = version
        self._estimator = estimator
        self._reader = RowReader(version.signature.columns, max_rows=1)
        self._names = {column.name for column in version.signature.columns}
        self._known: dict[int, Version] = {}
        self._rehearsal = Rehearsal(version.signature)
        self._latencies = Latencies()
        self._refused: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._asked = 0
        self.lacking = 0
        self.gone: set[str] = set()

    def ask(self, prediction: Prediction, outcome: Outcome | None) -> None:
        """One row."""
        row = self._row(prediction)
        if row is None:
            return
        self._asked += 1
        began = time.perf_counter()
        try:
            answers = self._estimator(self._reader.read([row]))
        except Problem as problem:
            _count(self._refused, _reason(problem))
            return
        except Exception as error:  # noqa: BLE001 -- a model may raise anything
            _count(self._failed, f"{type(error).__name__}: {error}")
            return
        if self._asked > _WARM:
            self._latencies.add((time.perf_counter() - began) * 1000)
        if answers.bad:
            _count(self._failed, "it gave no finite number")
            return
        told = None if outcome is None else outcome.outcome
        self._rehearsal.add(row, answers.predictions[0], prediction.prediction, told)

    def _row(self, prediction: Prediction) -> Mapping[str, Any] | None:
        """What a caller would send; None without a column that the log does not have any more."""
        if prediction.version not in self._known:
            self._known[prediction.version] = version_of(self._workspace, prediction.model, prediction.version)
        answered = self._known[prediction.version]
        gone = {column.name for column in answered.signature.columns} - prediction.inputs.keys()
        if gone & self._names:
            self.lacking += 1
            self.gone |= gone & self._names
            return None
        own = set() if answered.lookup is None else {*answered.lookup.keys, *answered.lookup.fields}
        left_out = own - self._names
        return {name: value for name, value in prediction.inputs.items() if name not in left_out}

    def report(self, model: str, rows: int, wanted: Wanted) -> Rehearsed:
        """All of it."""
        found = Rehearsed(
            model=model,
            version=self._version.number,
            rows=rows,
            refused=dict(self._refused),
            failed=dict(self._failed),
            lacking=self.lacking,
            p50_ms=self._latencies.quantile(0.5),
            p99_ms=self._latencies.quantile(0.99),
            disagreement=self._rehearsal.found(),
        )
        return found.model_copy(update={"broken": tuple(_broken(found, wanted))})


def _version(workspace: Workspace, model: str, wanted: Wanted) -> Version:
    """The one that is named; else the challenger of the rollout that runs, else the newest, if it is not champion."""
    if wanted.version is not None and wanted.run is not None:
        raise UsageError("give --version or --run, not both")
    if wanted.version is not None:
        return version_of(workspace, model, wanted.version)
    listed = registered.versions(workspace.registry, model)
    if wanted.run is not None:
        found = [each.whole() for each in listed if each.whole().run == wanted.run]
        if found:
            return found[-1]
        hint = f"Which versions there are, and of which runs: mvops versions list {model}; mvops runs list {model}"
        raise UsageError(f"no version of {model} was made by the run {wanted.run}", hint=hint)
    running = rollouts.current(workspace.registry, model)
    if running is not None:
        return version_of(workspace, model, running.challenger)
    serving = registered.champion(workspace.registry, model)
    if not listed or (serving is not None and listed[-1].number == serving.number):
        raise UsageError(
            f"the newest version of {model} is champion: there is no challenger to rehearse",
            hint="Name a version: --version N. To have a challenger that gets no traffic: rollout.strategy: shadow",
        )
    return listed[-1].whole()


def _reason(problem: Problem) -> str:
    flaws = list(getattr(problem, "flaws", ()))
    if not flaws:
        return str(problem)
    return f"{flaws[0].column} {flaws[0].message}" if flaws[0].column else flaws[0].message


def _count(reasons: Counter[str], reason: str) -> None:
    """The first lines of reasons, of which not too many are told apart."""
    first = (reason.strip().splitlines() or [""])[0][:200]
    reasons[first if first in reasons or len(reasons) < _MOST_REASONS else "other reasons"] += 1


def _broken(found: Rehearsed, wanted: Wanted) -> Iterator[str]:
    """A sentence for each bound that was broken; a row that got no answer is one that disagrees."""
    unanswered = sum(found.refused.values()) + sum(found.failed.values())
    if wanted.max_disagreement is not None:
        bound = f"allowed are {wanted.max_disagreement:.2%}"
        if found.disagreement.share > wanted.max_disagreement:
            yield f"version {found.version} disagrees by {found.disagreement.share:.2%}, {bound}"
        elif unanswered > wanted.max_disagreement * (found.rows - found.lacking):
            yield f"version {found.version} did not answer {unanswered:,} of {found.rows:,} rows, {bound}"
    if wanted.max_p99 is not None and (found.p99_ms is None or found.p99_ms > wanted.max_p99):
        took = "no row was timed" if found.p99_ms is None else f"p99 is {found.p99_ms:.3g} ms"
        yield f"{took}, allowed are {wanted.max_p99:g} ms"
