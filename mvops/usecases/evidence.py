"""What shows that a capability works: not that it is configured, but that it was seen to do its job, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from mvops.core.address import address
from mvops.core.version import Version
from mvops.lifecycle.code import commit_of, in_repository
from mvops.registry import rollouts
from mvops.registry.events import events
from mvops.registry.runs import find_run
from mvops.registry.state import SqlState
from mvops.registry.versions import champion, champions, versions
from mvops.serving.scraped import scraped
from mvops.usecases.kept_data import KeptData
from mvops.usecases.versions import before_last
from mvops.workspace import Workspace

Find = Callable[[Workspace, str], datetime | None]


@dataclass(frozen=True)
class Proof:
    """`find` gives the last time at which a model showed it, or None; `how` is what to type to see it happen.

    `first` gives what has to be typed before that, where a model is not ready for it.
    """

    what: str
    how: str
    find: Find
    first: Callable[[Workspace, str], str] = lambda _workspace, _model: ""


def _predicted(workspace: Workspace, model: str) -> datetime | None:
    with workspace.predictions() as log:
        return log.newest(model)


def _outcome(workspace: Workspace, model: str) -> datetime | None:
    with workspace.predictions() as log:
        return log.newest_outcome(model)


def _event(kind: str, *details: str) -> Find:
    """The last event of a kind about the model whose details hold these keys, with something in them."""

    def find(workspace: Workspace, model: str) -> datetime | None:
        found = events(workspace.registry, limit=None, subject=model, kind=kind)
        return next((event.time for event in found if all(event.details.get(key) for key in details)), None)

    return find


def _shown(workspace: Workspace, model: str) -> datetime | None:
    """The page was opened when there were predictions to see, or Prometheus has fetched the endpoint's numbers."""
    opened, fetched = _event("dashboard")(workspace, model), scraped(workspace.serving(model))
    return max((seen for seen in (opened, fetched) if seen), default=None)


def _registered(workspace: Workspace, model: str) -> datetime | None:
    return _newest(workspace, model, lambda version: bool(version.data and version.code.cells))


def _committed(workspace: Workspace, model: str) -> datetime | None:
    return _newest(workspace, model, lambda version: version.code.commit is not None)


def _commit_first(workspace: Workspace, model: str) -> str:
    """A project may be within a repository already, and all of it committed."""
    commit, changed = commit_of(workspace.root, workspace.project.models[model].pipeline.books)
    made = "" if in_repository(workspace.root) else "git init && "
    said = "" if versions(workspace.registry, model) else " -m 'First version'"
    return f"{made}git add . && git commit{said}, then " if commit is None or changed else ""


def _reproduced(workspace: Workspace, model: str) -> datetime | None:
    """Of the champion: that an earlier version could be made again says nothing of this one."""
    serving = champion(workspace.registry, model)
    if serving is None:
        return None
    found = events(workspace.registry, limit=None, subject=model, kind="reproduce")
    said = (e for e in found if e.details.get("version") == serving.number and e.details.get("verdict") == "equal")
    return next((event.time for event in said), None)


def _keep_first(workspace: Workspace, model: str) -> str:
    """A champion whose data was not kept cannot be made again: the next one can."""
    serving = champion(workspace.registry, model)
    if serving is None or KeptData(workspace).is_whole(serving):
        return ""
    return f"mvops retrain MODEL --force (the data of version {serving.number} was not kept); once that serves, "


def _another_first(workspace: Workspace, model: str) -> str:
    """The first champion has none to go back to."""
    reigns = champions(workspace.registry, model)
    if before_last(reigns) is not None or rollouts.current(workspace.registry, model) is not None:
        return ""
    return "mvops retrain MODEL --force; once that version serves, or while it is a canary, "


def _retrained(workspace: Workspace, model: str) -> datetime | None:
    started = _started_by("clock", workspace, model) | _started_by("alert", workspace, model)
    return _newest(workspace, model, lambda version: version.number in started)


def _started_by(kind: str, workspace: Workspace, model: str) -> frozenset[int]:
    """The versions that the clock, or an alert, had made: the reason of one may have been typed."""
    found = events(workspace.registry, limit=None, subject=model, kind=kind)
    return frozenset(event.details["version"] for event in found if "version" in event.details)


def _ordered(workspace: Workspace, model: str) -> datetime | None:
    """A scheduler that shows steps runs them first: the version that it then makes takes all from the cache."""
    clock = _started_by("clock", workspace, model)

    def ordered(version: Version) -> bool:
        run = find_run(workspace.registry, version.run) if version.number in clock else None
        return run is not None and {step.status for step in run.steps} == {"cached"}

    return _newest(workspace, model, ordered)


def _kept(workspace: Workspace, model: str) -> datetime | None:
    return _newest(workspace, model, lambda version: bool(version.revisions))


def _told(workspace: Workspace, model: str) -> datetime | None:
    """The champion is among what the tracker was told."""
    record = SqlState(workspace.registry).records().get(address("tracker", model))
    serving = champion(workspace.registry, model)
    told = record is not None and serving is not None and str(serving.number) in record.spec["versions"]
    return serving.created if serving is not None and told else None


def _newest(workspace: Workspace, model: str, shows: Callable[[Version], bool]) -> datetime | None:
    """When the last version was made that shows it; older ones are not read."""
    newest_first = sorted(versions(workspace.registry, model), key=lambda listed: listed.created, reverse=True)
    return next((listed.created for listed in newest_first if shows(listed.whole())), None)


def _online(workspace: Workspace, _model: str) -> datetime | None:
    """When features were last brought into the online store, which all models share."""
    found = events(workspace.registry, limit=1, kind="features")
    return found[0].time if found else None


def _view_first(workspace: Workspace, _model: str) -> str:
    """What is brought online is a view that is online, and that an apply has put into the store."""
    views = workspace.project.features
    online = [name for name, view in views.items() if view.online]
    if not views:
        return "write a view into configs/features, then mvops apply, then "
    if not online:
        return f"say online: true in configs/features/{min(views)}.yaml, then mvops apply, then "
    records = SqlState(workspace.registry).records()
    applied = any(address("feature_view", name) in records for name in online)
    return "" if applied else "mvops apply, then "


def _gate_first(workspace: Workspace, model: str) -> str:
    """One that is written has yet to judge."""
    written = "" if workspace.project.models[model].gate else "write a gate into the model's YAML, then "
    return written + ("" if versions(workspace.registry, model) else "mvops apply, then ")


def _judged_by_gate(workspace: Workspace, model: str) -> datetime | None:
    found = events(workspace.registry, limit=None, subject=model, kind="gate")
    return next((event.time for event in found if event.details.get("checks")), None)


def _champion_passed(workspace: Workspace, model: str) -> datetime | None:
    """The gate's yes is on record for the very bytes that serve."""
    serving = champion(workspace.registry, model)
    found = events(workspace.registry, limit=None, subject=model, kind="gate")
    passed = (e for e in found if e.details.get("passed") and e.details.get("checks"))
    return next((e.time for e in passed if serving and e.details.get("artifact") == serving.artifact.sha256), None)


def _rolled_out(workspace: Workspace, model: str) -> datetime | None:
    found = rollouts.rollouts(workspace.registry, model)
    return max((r.finished for r in found if r.status == "done" and r.finished), default=None)


def _rolled_back(workspace: Workspace, model: str) -> datetime | None:
    """By hand to an earlier champion, or a canary that was stopped."""
    back = [r.since for r in champions(workspace.registry, model) if r.reason.startswith("rolled back")]
    stopped = [r.finished for r in rollouts.rollouts(workspace.registry, model) if r.status == "aborted" and r.finished]
    return max([*back, *stopped], default=None)


PROOFS: dict[str, tuple[Proof, ...]] = {
    "monitoring": (
        Proof("predictions are logged", "mvops serve MODEL, then POST /predict", _predicted),
        Proof("windows are judged against the baseline", "mvops monitor MODEL", _event("monitor")),
        Proof("an alert reached somebody", "mvops alerts test MODEL", _event("alert", "told")),
    ),
    "versioning": (
        Proof("versions keep their data's and cells' digests", "mvops apply", _registered),
        Proof("versions keep the Git commit", "mvops retrain MODEL --force", _committed, _commit_first),
    ),
    "serving": (
        Proof("the endpoint has been started", "mvops serve MODEL", _event("serve")),
        Proof("outcomes come back", "POST /outcomes, or mvops outcomes import MODEL FILE", _outcome),
    ),
    "dashboards": (
        Proof("predictions were looked at on the page, or Prometheus fetched them", "mvops dashboard", _shown),
    ),
    "data_versioning": (
        Proof("the data of a version is kept", "mvops apply, then mvops retrain MODEL --force", _kept),
        Proof("the champion was made again with the same numbers", "mvops reproduce MODEL", _reproduced, _keep_first),
    ),
    "load_testing": (
        Proof(
            "the endpoint bore a load test",
            "mvops serve MODEL, and beside it mvops loadtest MODEL",
            _event("loadtest", "passed"),
        ),
    ),
    "orchestration": (
        Proof(
            "a scheduler ran the steps, then made a version",
            "let the scheduler run once, when there are new data (mvops schedule list says when it does)",
            _ordered,
        ),
    ),
    "feature_store": (Proof("features were brought online", "mvops features materialize", _online, _view_first),),
    "tracking": (Proof("the tracker was told of the champion", "mvops apply", _told),),
    "retraining": (
        Proof(
            "a schedule or an alert trained a challenger",
            "let the scheduler run once, when there are new data (mvops schedule list says when it does)",
            _retrained,
        ),
        Proof("a gate decided", "mvops retrain MODEL --force", _judged_by_gate, _gate_first),
    ),
    "canary": (
        Proof(
            "a canary went all the way",
            "mvops retrain MODEL --force while the endpoint is asked; mvops rollout status MODEL --follow",
            _rolled_out,
        ),
        Proof("a rollback was done", "mvops rollback MODEL", _rolled_back, _another_first),
    ),
    "governance": (
        Proof("the champion passed its gate, on record", "mvops retrain MODEL --force", _champion_passed, _gate_first),
    ),
}
