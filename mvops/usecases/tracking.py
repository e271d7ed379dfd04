"""Bringing the tracker along after the traffic has moved or a pipeline has run; nothing waits for its answer."""

from __future__ import annotations

from mvops.core.address import address
from mvops.core.apply import Done
from mvops.core.apply import apply as apply_plan
from mvops.core.compare import compare
from mvops.core.plan import make_plan
from mvops.errors import MvopsError
from mvops.kinds.tracker import TrackerKind, as_the_registry_stands, is_wanted
from mvops.performing.perform import perform
from mvops.registry.events import record_event
from mvops.registry.journal import SqlJournal
from mvops.registry.lock import hold_lock
from mvops.registry.state import SqlState
from mvops.usecases.project import look_at
from mvops.workspace import Workspace


def bring_along(workspace: Workspace, model: str) -> None:
    """Tell the tracker that `apply` has set up for a model what the registry knows now. Never raises MvopsError.

    When that fails, or none has been reached yet, a remark says so, the next plan shows it, and the next apply makes up
    for it.
    """
    where = address("tracker", model)
    try:
        if where in SqlState(workspace.registry).records():
            with hold_lock(workspace.registry, f"tell the tracker of {model}", wait=10) as hold:
                done = _tell(workspace, model, SqlJournal(workspace.registry, hold))
                failed = [each.error.message for each in done if each.error]
        elif is_wanted(workspace):
            failed = [f"no `mvops apply` has reached {workspace.project.tracker.backend} yet"]
        else:
            failed = []
    except MvopsError as error:
        failed = [error.message]
    for why in failed:
        remark = f"{where} was not told: {why}. Nothing that serves depends on it; `mvops apply` makes up for it."
        if remark not in workspace.remarks:  # a rollout that is followed has several things to tell
            record_event(workspace.registry, "tracker", model, f"the tracker was not told: {why}")
            workspace.remarks.append(remark)


def _tell(workspace: Workspace, model: str, journal: SqlJournal) -> list[Done]:
    """Only the tracker's own line of a plan: pending changes of the YAML are left to the next apply."""
    look, where, kind = look_at(workspace), address("tracker", model), TrackerKind()
    record = look.records[where]
    spec = as_the_registry_stands(look, model, record.spec["backend"], record.spec["options"])
    seen = kind.observe(where, record, look)
    plan = make_plan(
        compare({where: spec}, {where: record}, {} if seen is None else {where: seen}),
        project=workspace.project.project,
        preset=workspace.project.preset,
        lineage=workspace.registry.lineage,
        made_on=SqlState(workspace.registry).serial(),
    )
    return list(
        apply_plan(
            plan,
            steps=lambda action: kind.steps(action, look),
            perform=lambda step, outputs: perform(step, outputs, workspace, lambda _: None),
            settle=lambda action: action,
            journal=journal,
            recorded=look.records.get,
        )
    )
