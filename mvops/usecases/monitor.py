"""Looking at what is new: summaries, drift against the baseline, performance from outcomes, alerts, and who is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from mvops.core.alert import Alert, why_over
from mvops.core.config.model import Monitor
from mvops.core.counts import counted
from mvops.core.prediction import SHADOW
from mvops.core.progress import Tell, silent
from mvops.errors import UsageError
from mvops.monitoring.alerting import Open, Resolve, Transition, transitions
from mvops.monitoring.performance import Measured, metric
from mvops.monitoring.summary import Summary, merge
from mvops.monitoring.verdict import Verdict, judge
from mvops.registry import alerts, rollouts
from mvops.registry.database import Registry
from mvops.registry.events import record_event
from mvops.registry.state import SqlState
from mvops.registry.summaries import judged_until, save_judged, summaries
from mvops.registry.versions import champion
from mvops.usecases.notify import notify
from mvops.usecases.summarising import Known, News, summarise_new
from mvops.workspace import Workspace

HISTORY = 28  # earlier windows that a verdict may look at


@dataclass(frozen=True)
class Window:
    """One window of one version, judged.

    `before` is the whole verdict where its data had been judged before: then `verdict` is on its outcomes alone.
    """

    version: int
    verdict: Verdict
    leading: str | None  # the metric that leads
    performance: Measured | None
    labelled: int  # predictions whose outcome is known
    before: Verdict | None = None

    @property
    def whole(self) -> Verdict:
        """What there is to say of its data and its outcomes, whenever they were judged."""
        return self.before or self.verdict


@dataclass(frozen=True)
class Report:
    """What one look found. `opened` and `resolved` are alerts; `undelivered` says who could not be told.

    `unwatched` are columns of which the log keeps no values.
    """

    model: str
    predictions: int
    outcomes: int
    windows: tuple[Window, ...]
    opened: tuple[Alert, ...]
    resolved: tuple[Alert, ...]
    still_open: tuple[Alert, ...]
    undelivered: tuple[str, ...]
    unwatched: tuple[str, ...] = ()


def monitor(
    workspace: Workspace,
    model: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    tell: Tell = silent,
) -> Report:
    """Summarise what is new, judge every window that it touched and that has ended by `until` (now if left out).

    Windows before `since` are summarised, not judged. Looking again changes nothing. Raises UsageError when the model
    has no monitor or none has been applied.
    """
    settings = _settings(workspace, model)
    known = Known(workspace, model)
    news = summarise_new(workspace, model, settings.every, known, tell)
    end = min(until or datetime.now(UTC), datetime.now(UTC))
    opened: list[Alert] = []
    resolved: list[Alert] = list(_retire(workspace, model))
    windows: list[Window] = []
    for _, judged in _judged(workspace, model, settings, known, end, news):
        mine = [window for window in judged if since is None or window.verdict.start >= since]
        windows += mine
        for transition, version in _transitions(workspace, model, mine):
            _transit(workspace, model, version, transition, opened, resolved)
    if windows:
        _remember(workspace, model, [window.verdict for window in windows])
    return Report(
        model=model,
        predictions=news.predictions,
        outcomes=news.outcomes,
        windows=tuple(windows),
        opened=tuple(opened),
        resolved=tuple(resolved),
        still_open=tuple(alerts.alerts(workspace.registry, model, status="open")),
        undelivered=tuple(notify(workspace, model, settings, opened, resolved)),
        unwatched=workspace.model(model).log.columns,
    )


def _remember(workspace: Workspace, model: str, verdicts: Sequence[Verdict]) -> None:
    """How far it has been judged; on record once for windows that had enough rows to say yes or no."""
    before = judged_until(workspace.registry, model)
    save_judged(workspace.registry, model, max(verdict.end for verdict in verdicts))
    new = [v for v in verdicts if v.status == "judged" and (before is None or v.end > before)]
    if new:
        message = f"judged {counted(len(new), 'window')} up to {max(v.end for v in new):%Y-%m-%d %H:%M} UTC"
        record_event(workspace.registry, "monitor", model, message, {"windows": len(new)})


def _settings(workspace: Workspace, model: str) -> Monitor:
    settings = workspace.model(model).monitor
    if settings is None or not workspace.project.capabilities.monitoring:
        raise UsageError(f"{model} has no monitor", hint=f"Add `monitor: {{}}` to configs/models/{model}.yaml")
    if f"monitor.{model}" not in SqlState(workspace.registry).records():
        raise UsageError(f"the monitor of {model} has not been made yet", hint="Make it: mvops apply")
    return settings


def _judged(
    workspace: Workspace,
    model: str,
    settings: Monitor,
    known: Known,
    end: datetime,
    news: News,
) -> Iterator[tuple[int, list[Window]]]:
    """Each version's windows that have not been judged, and those judged before of which there is something new.

    That are those whose outcomes are still coming in, and whatever fell into one now, however late: a window that has
    new predictions is judged as if it had not been.
    """
    touched, grown = ({(version, start) for version, _, start in keys} for keys in (news.touched, news.grown))
    done = judged_until(workspace.registry, model)
    revisit = None if done is None else done - settings.outcomes.delay - 2 * settings.every
    looked_at = None if revisit is None else min([revisit, *(start for _, start in touched)])
    earliest = None if looked_at is None else looked_at - HISTORY * settings.every
    for version, stored in by_version(workspace, model, settings.every, earliest):
        found = known.get(version)
        if found is None:
            continue
        judged = []
        for place, window in enumerate(stored):
            settled = revisit is not None and window.end <= revisit and (version, window.start) not in touched
            if window.end > end or settled:
                continue
            verdict = judge(found[1], window, settings, history=stored[max(0, place - HISTORY) : place])
            again = done is not None and window.end <= done and (version, window.start) not in grown
            judged.append(_window(version, verdict, window, found[1].metrics, again=again))
        yield version, judged


def _only_performance(verdict: Verdict) -> Verdict:
    """The data of a window that was judged before does not change; its outcomes do."""
    mine = tuple(finding for finding in verdict.findings if finding.kind == "performance")
    return verdict.model_copy(update={"findings": mine})


def by_version(
    workspace: Workspace, model: str, every: timedelta, since: datetime | None
) -> Iterable[tuple[int, list[Summary]]]:
    """Summaries by version, the arms of a version merged, in order of time.

    What a version said in the shadow counts in windows in which nobody got its answers, and is not mixed with others.
    """
    merged: dict[tuple[int, datetime], Summary] = {}
    beside: dict[tuple[int, datetime], Summary] = {}
    for version, arm, start, text in summaries(workspace.registry, model, since):
        summary = Summary.from_json(text)
        if summary.end - summary.start == every:
            key, found = (version, start), beside if arm == SHADOW else merged
            found[key] = merge(found[key], summary) if key in found else summary
    ordered = sorted((beside | merged).items())
    return [(v, [s for _, s in group]) for v, group in groupby(ordered, key=lambda item: item[0][0])]


def _window(version: int, verdict: Verdict, summary: Summary, metrics: tuple[str, ...], *, again: bool) -> Window:
    leading = metrics[0] if metrics else None
    measured = metric(summary.performance, leading) if leading and summary.performance.rows else None
    said = _only_performance(verdict) if again else verdict
    return Window(version, said, leading, measured, summary.performance.rows, verdict if again else None)


def _transitions(workspace: Workspace, model: str, windows: list[Window]) -> Iterator[tuple[Transition, int]]:
    """What the windows of one version, in order, do to its alerts."""
    judged = [window.verdict.end for window in windows if window.verdict.status == "judged"]
    for window in windows:
        verdict, version = window.verdict, window.version
        mine = [alert for alert in alerts.alerts(workspace.registry, model) if alert.version == version]
        over = {alert.key for alert in mine if alert.status == "resolved" and alert.last_seen >= verdict.end}
        still_open = [alert for alert in mine if alert.status == "open"]
        for transition in transitions(still_open, verdict, judged=[end for end in judged if end <= verdict.end]):
            if isinstance(transition, Open) and transition.key in over:
                continue  # a window that is looked at again, and whose alert has come and gone
            yield transition, version


def _transit(
    workspace: Workspace,
    model: str,
    version: int,
    transition: Transition,
    opened: list[Alert],
    resolved: list[Alert],
) -> None:
    registry = workspace.registry
    if isinstance(transition, Open):
        alert, new = alerts.open_alert(registry, _alert(model, version, transition))
        if new:
            opened.append(alert)
            record_event(registry, "alert", model, f"opened {alert.key}: {alert.reason}")
    elif isinstance(transition, Resolve):
        alert = alerts.resolve(registry, transition.alert, transition.end)
        resolved.append(alert)
        _on_record_as_over(registry, alert)
    else:
        alerts.touch(registry, transition.alert, transition.end, transition.reason, transition.severity)


def _alert(model: str, version: int, found: Open) -> Alert:
    return Alert(
        id=0,
        model=model,
        version=version,
        kind=found.kind,
        key=found.key,
        status="open",
        severity=found.severity,
        opened=found.start,
        last_seen=found.end,
        windows=1,
        reason=found.reason,
    )


def _retire(workspace: Workspace, model: str) -> Iterator[Alert]:
    """Alerts about a version that answers nothing any more are over."""
    serving = champion(workspace.registry, model)
    running = rollouts.current(workspace.registry, model)
    answering = {v for v in (serving and serving.number, running and running.challenger) if v}
    for alert in alerts.alerts(workspace.registry, model, status="open"):
        if alert.version not in answering:
            over = alerts.resolve(workspace.registry, alert.id, alert.last_seen)
            yield over
            _on_record_as_over(workspace.registry, over)


def _on_record_as_over(registry: Registry, alert: Alert) -> None:
    record_event(registry, "alert", alert.model, f"resolved {alert.key} of version {alert.version}: {why_over(alert)}")
