"""All that a dashboard shows of a project, looked up in a second or so, however long the prediction log is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mvops.core.alert import Alert
from mvops.core.environment import in_environment
from mvops.core.frozen import Frozen
from mvops.core.layout import Layout, layout_file
from mvops.core.rollout import RolloutState
from mvops.errors import SpecError, Where
from mvops.monitoring.performance import metric
from mvops.monitoring.summary import Summary
from mvops.monitoring.verdict import Finding, Verdict, judge
from mvops.registry import alerts, rollouts
from mvops.registry.events import Event, events
from mvops.registry.prediction_numbers import Numbers
from mvops.registry.predictions import PredictionLog
from mvops.usecases.distributions import MOST, Distribution, distributions
from mvops.usecases.in_charge import in_charge
from mvops.usecases.live import Live, live
from mvops.usecases.monitor import HISTORY, by_version
from mvops.usecases.summarising import Known
from mvops.workspace import Workspace

_WINDOWS = 14  # that are judged anew
_EVENTS = 10
_ASKED = 8  # endpoints at a time


class FoundDrift(Frozen):
    """An alarm of a window: the column, how large, and in words."""

    feature: str
    kind: str
    severity: str
    effect: float
    sentence: str

    @classmethod
    def of(cls, finding: Finding) -> FoundDrift:
        """What of a finding is shown."""
        return cls(**finding.model_dump(include=set(cls.model_fields)), severity=finding.severity)


class DriftWindow(Frozen):
    """A window of a version as the monitor judges it; `value` is the leading metric's, once outcomes are known."""

    version: int
    start: datetime
    end: datetime
    rows: int
    status: str
    largest: float | None  # the largest effect of any column, in standard deviations of the baseline or the like
    alarms: tuple[FoundDrift, ...]
    metric: str | None
    value: float | None
    labelled: int


class Champion(Frozen):
    """The version that answers, with its metrics on the held-out rows."""

    number: int
    created: datetime
    reason: str
    metrics: dict[str, float]


class ModelView(Frozen):
    """One model. `predictions` counts all in the log, `numbers` those of the layout's days."""

    model: str
    description: str
    owner: str
    layout: Layout
    champion: Champion | None
    rollout: RolloutState | None
    live: Live | None
    predictions: int
    numbers: Numbers | None
    distributions: tuple[Distribution, ...]
    windows: tuple[DriftWindow, ...]
    effect: float | None  # a change below it is not material
    alerts: tuple[Alert, ...]
    events: tuple[Event, ...]


class Overview(Frozen):
    """The whole project as of `at`."""

    project: str
    preset: str
    at: datetime
    models: tuple[ModelView, ...]


def overview(workspace: Workspace) -> Overview:
    """Look at everything; changes nothing. Raises SpecError for a layout that cannot be read."""
    names = sorted(workspace.project.models)
    with ThreadPoolExecutor(_ASKED) as asking, workspace.predictions() as log:
        answers = asking.map(lambda name: live(workspace, name), names)
        models = tuple(_model(workspace, log, name, said) for name, said in zip(names, answers, strict=True))
    return Overview(
        project=workspace.project.project, preset=workspace.project.preset, at=datetime.now(UTC), models=models
    )


def _model(workspace: Workspace, log: PredictionLog, name: str, said: Live | None) -> ModelView:
    spec, registry = workspace.model(name), workspace.registry
    layout, known = read_layout(workspace.root, name, workspace.project.environment), Known(workspace, name)
    serving, rollout = in_charge(workspace, name), rollouts.current(registry, name)
    answering = [number for number in (serving and serving.number, rollout and rollout.challenger) if number]
    numbers = log.numbers(name, timedelta(days=layout.days), MOST)
    return ModelView(
        model=name,
        description=spec.description,
        owner=spec.owner,
        layout=layout,
        champion=Champion(**serving.model_dump(include=set(Champion.model_fields))) if serving else None,
        rollout=rollout,
        live=said,
        predictions=log.count(name),
        numbers=numbers,
        distributions=tuple(d for number in answering for d in distributions(log, known, name, number)),
        windows=tuple(_windows(workspace, known, name, numbers.until if numbers else None)),
        effect=spec.monitor.effect if spec.monitor else None,
        alerts=tuple(alerts.alerts(registry, name, status="open")),
        events=tuple(events(registry, limit=_EVENTS, subject=name)),
    )


def read_layout(root: Path, model: str, environment: str | None = None) -> Layout:
    """The layout that the team may have edited; the default where there is none. Raises SpecError."""
    path = root / in_environment(layout_file(model), environment)
    try:
        written: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Layout.model_validate(written)
    except FileNotFoundError:
        return Layout(title=model)
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise SpecError(f"the layout cannot be read: {error}", where=Where(path), hint=_anew(path)) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise SpecError(f"{key}: {said}" if key else said, where=Where(path), hint=_anew(path)) from error


def _anew(path: Path) -> str:
    return f"It takes: {', '.join(Layout.model_fields)}. Or have it made anew: rm {path.name}, then mvops apply"


def _windows(workspace: Workspace, known: Known, model: str, newest: datetime | None) -> Iterator[DriftWindow]:
    """The last windows, judged as the monitor did; what it has not read yet is not among them."""
    settings = workspace.model(model).monitor
    if settings is None or newest is None:
        return
    made: list[DriftWindow] = []
    since = newest - (_WINDOWS + HISTORY + 1) * settings.every
    for number, stored in by_version(workspace, model, settings.every, since):
        found = known.get(number)
        for place in range(max(0, len(stored) - _WINDOWS), len(stored)) if found else ():
            assert found is not None
            verdict = judge(found[1], stored[place], settings, history=stored[max(0, place - HISTORY) : place])
            made.append(_window(number, verdict, stored[place], found[1].metrics))
    yield from sorted(made, key=lambda window: (window.start, window.version))[-_WINDOWS:]


def _window(number: int, verdict: Verdict, window: Summary, metrics: tuple[str, ...]) -> DriftWindow:
    leading = metrics[0] if metrics else None
    measured = metric(window.performance, leading) if leading and window.performance.rows else None
    return DriftWindow(
        version=number,
        start=window.start,
        end=window.end,
        rows=window.rows,
        status=verdict.status,
        largest=max((finding.effect for finding in verdict.findings if finding.kind != "performance"), default=None),
        alarms=tuple(FoundDrift.of(finding) for finding in verdict.alarms),
        metric=leading,
        value=measured.value if measured else None,
        labelled=window.performance.rows,
    )
