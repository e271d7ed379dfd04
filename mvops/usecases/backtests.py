"""What new thresholds would have said of the past: a gate of the last versions, a monitor of the last windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from mvops.core.action import Action
from mvops.core.address import kind_of, name_of
from mvops.core.config.model import Monitor
from mvops.core.counts import counted
from mvops.core.version import Version
from mvops.lifecycle.gate import GateReport
from mvops.lifecycle.gate import judge as judge_version
from mvops.monitoring.verdict import Verdict, judge
from mvops.registry.events import events
from mvops.registry.summaries import judged_until
from mvops.registry.versions import champion, versions
from mvops.usecases.monitor import HISTORY, by_version
from mvops.usecases.summarising import Known
from mvops.workspace import Workspace

_VERSIONS, _WINDOWS = 5, 30
_NONE_YET = "back-test: none, as there are no windows yet to try it on"


def backtest(action: Action, workspace: Workspace) -> Iterator[str]:
    """Sentences about an action that changes thresholds: how often they would have said no, and the ones until now."""
    before, after, name = action.before or {}, action.after or {}, name_of(action.address)
    if kind_of(action.address) == "model":
        yield from _gate(workspace, name, before["gate"], after["gate"])
    else:
        old, new = (Monitor.model_validate(fields["settings"]) for fields in (before, after))
        yield from _monitor(workspace, name, old, new)


def _gate(workspace: Workspace, model: str, before: list[str], after: list[str]) -> Iterator[str]:
    """On the metrics that are on record; of its champion those by which a version was judged, on the same rows.

    Where they are not on record, what a condition says of the champion is asked of the version before.
    """
    known = [listed.whole() for listed in versions(workspace.registry, model)[-_VERSIONS - 1 :]]
    if not known:
        return
    against = {each.number: old.metrics if old else None for old, each in pairwise([None, *known]) if each}
    for event in reversed(events(workspace.registry, limit=None, subject=model, kind="gate")):
        against[event.details["version"]] = event.details.get("champion") or against.get(event.details["version"])
    looked_at = known[-_VERSIONS:]
    reports = {each.number: [_report(gate, against, each) for gate in (after, before)] for each in looked_at}
    passed = [sum(judged[place].passed for judged in reports.values()) for place in (0, 1)]
    last = "the last version" if len(looked_at) == 1 else f"the last {len(looked_at)} versions"
    yield f"back-test: of {last} this gate lets {passed[0]} pass, the one until now {passed[1]}"
    serving = champion(workspace.registry, model)
    if serving is not None and serving.number in reports:
        failed = " ".join(check.sentence for check in reports[serving.number][0].checks if not check.passed)
        if failed:
            yield f"back-test: the champion, version {serving.number}, would not pass: {failed}"


def _report(gate: list[str], against: Mapping[int, dict[str, float] | None], version: Version) -> GateReport:
    return judge_version(tuple(gate), version.metrics, against.get(version.number), None)


def _monitor(workspace: Workspace, model: str, before: Monitor, after: Monitor) -> Iterator[str]:
    """On the champion's summaries."""
    serving, until = champion(workspace.registry, model), judged_until(workspace.registry, model)
    found = Known(workspace, model).get(serving.number) if serving else None
    if found is None or until is None:
        yield _NONE_YET
        return
    if before.every != after.every:
        yield "back-test: none, as no window of the new length was summarised yet"
        return
    since = until - (_WINDOWS + HISTORY + 1) * after.every
    stored = dict(by_version(workspace, model, after.every, since)).get(found[0].number, [])
    places = range(max(0, len(stored) - _WINDOWS), len(stored))
    if not places:
        yield _NONE_YET
        return
    new, old = (
        [judge(found[1], stored[place], rules, history=stored[max(0, place - HISTORY) : place]) for place in places]
        for rules in (after, before)
    )
    alarms = [verdict for verdict in new if verdict.alarms]
    yield (
        f"back-test: {len(alarms)} of the last {counted(len(places), 'window')} would have raised an alarm, "
        f"{sum(bool(verdict.alarms) for verdict in old)} with the thresholds until now"
    )
    yield from _last(alarms)


def _last(alarms: list[Verdict]) -> Iterator[str]:
    if alarms:
        last = alarms[-1]
        yield f"back-test: the last one for {last.start:%Y-%m-%d %H:%M} UTC: {last.alarms[0].sentence}"
