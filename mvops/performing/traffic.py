"""Moving traffic: the registry says who is champion and how far a rollout is, the route file tells the endpoint."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from mvops.core.rollout import RolloutState
from mvops.core.route import Route
from mvops.core.steps import GoBack, RemoveRoute, RestoreRoute, RollOut
from mvops.core.version import Version
from mvops.errors import ConflictError, RegistryError
from mvops.features.missing import check_lookups
from mvops.lifecycle.rollout import first_route, route_for, shares_of
from mvops.lifecycle.route_file import ROUTE, files_of, next_serial, put_aside, write_route, write_version
from mvops.registry import rollouts
from mvops.registry.events import record_event
from mvops.registry.versions import champion, find_version, set_champion
from mvops.serving.ownership import is_held
from mvops.workspace import Workspace


def roll_out(step: RollOut, outputs: dict[str, str], workspace: Workspace) -> dict[str, str]:
    """Give the version in `outputs` its traffic if the gate let it pass: at once, or as a canary's first step.

    What a roll-out that was interrupted has begun is gone on with. Where no version has served yet, what another
    registry left in the traffic is moved aside; raises ConflictError while an endpoint answers by it, and for a version
    that looks up what the feature store does not have.
    """
    serving = champion(workspace.registry, step.model)
    if serving is None:
        _leave_former(workspace, step.model)
    if outputs.get("gate") != "passed":
        return {}
    number = int(outputs["version"])
    if serving is not None and serving.number == number:
        restore_route(RestoreRoute(model=step.model), workspace)
        return {"traffic": "champion"}
    running = rollouts.current(workspace.registry, step.model)
    if running is not None and running.challenger == number:
        steer(workspace, running)
        return _canary(workspace, running)
    check_lookups(workspace, version_of(workspace, step.model, number))
    end_rollout(workspace, step.model, f"superseded by version {number}")
    at_once = step.at_once or _nobody_answers(workspace, step.model) or not workspace.project.by_canary(step.model)
    if serving is not None and step.lost:
        lost = f"version {serving.number} was lost and could not be compared"
        make_champion(workspace, step.model, number, f"passed the gate; {lost}")
        return {"traffic": f"champion: {lost}"}
    if serving is None or at_once:
        make_champion(workspace, step.model, number, "passed the gate")
        return {"traffic": "champion"}
    now = datetime.now(UTC)
    started = rollouts.start(
        workspace.registry,
        RolloutState(
            id=0,
            model=step.model,
            champion=serving.number,
            challenger=number,
            shares=shares_of(workspace.model(step.model).rollout),
            step=0,
            status="running",
            reason="passed the gate",
            started=now,
            step_started=now,
        ),
    )
    steer(workspace, started)
    gets = f"canary: version {number} gets {started.share} % of the traffic"
    beside = f"shadow: version {number} answers beside version {serving.number}, and nobody gets its answers"
    _told(workspace, step.model, gets if started.share else beside)
    return _canary(workspace, started)


def traffic_now(workspace: Workspace, model: str, number: int) -> str:
    """What a version gets of the traffic, in words."""
    running, serving = rollouts.current(workspace.registry, model), champion(workspace.registry, model)
    if running is not None and running.challenger == number:
        return _canary(workspace, running)["traffic"]
    if serving is None:
        return "none"
    return "champion" if serving.number == number else f"none: version {serving.number} serves"


def _canary(workspace: Workspace, state: RolloutState) -> dict[str, str]:
    follow = f"`mvops rollout status {state.model} --follow`"
    if is_held(workspace.serving(state.model) / "spool"):
        return {"traffic": f"{state.words}: {follow} moves it on"}
    start = f"`mvops serve {state.model}`"
    return {"traffic": f"{state.words}: no endpoint runs here that it could move on by; {start}, then {follow}"}


def restore_route(step: RestoreRoute, workspace: Workspace) -> dict[str, str]:
    """Write the route that the registry knows: the running rollout's, else the champion's."""
    running = rollouts.current(workspace.registry, step.model)
    serving = champion(workspace.registry, step.model)
    if running is not None:
        steer(workspace, running)
    elif serving is not None:
        _point(workspace, [serving], first_route(serving, next_serial(workspace.serving(step.model))))
    return {}


def remove_route(step: RemoveRoute, workspace: Workspace) -> dict[str, str]:
    """Take a model from the traffic; an endpoint that runs keeps its last answerers until it is stopped: says so."""
    folder = workspace.serving(step.model)
    end_rollout(workspace, step.model, "the model was destroyed")
    if folder.is_symlink():  # of a model that once had this name
        return {}
    for path in files_of(folder):
        path.unlink(missing_ok=True)
    return {"endpoint": "running"} if is_held(folder / "spool") else {}


def go_back(step: GoBack, workspace: Workspace) -> dict[str, str]:
    """The version that served then serves again."""
    if step.champion is not None:
        end_rollout(workspace, step.model, step.reason)
        serving = champion(workspace.registry, step.model)
        if serving is None or serving.number != step.champion:
            make_champion(workspace, step.model, step.champion, step.reason)
        else:
            restore_route(RestoreRoute(model=step.model), workspace)
    return step.outputs


def make_champion(workspace: Workspace, model: str, number: int, reason: str) -> None:
    """All traffic to this version, now."""
    version = version_of(workspace, model, number)
    set_champion(workspace.registry, model, number, reason)
    _point(workspace, [version], first_route(version, next_serial(workspace.serving(model))))
    _told(workspace, model, f"version {number} is champion: {reason}")


def steer(workspace: Workspace, state: RolloutState) -> None:
    """Write the route of a rollout's current step."""
    both = [version_of(workspace, state.model, n) for n in (state.champion, state.challenger)]
    asked = workspace.model(state.model).rollout.share
    _point(workspace, both, route_for(state, next_serial(workspace.serving(state.model)), asked))


def end_rollout(workspace: Workspace, model: str, reason: str) -> RolloutState | None:
    """Abort the rollout that runs, if one does: the champion gets everything back."""
    running = rollouts.current(workspace.registry, model)
    if running is None:
        return None
    champion_version = version_of(workspace, model, running.champion)
    _point(workspace, [champion_version], first_route(champion_version, next_serial(workspace.serving(model))))
    ended = running.model_copy(update={"status": "aborted", "reason": reason, "finished": datetime.now(UTC)})
    rollouts.update(workspace.registry, ended)
    _told(workspace, model, f"rollout of version {running.challenger} aborted: {reason}")
    return ended


def version_of(workspace: Workspace, model: str, number: int) -> Version:
    """A registered version; raise RegistryError if there is none."""
    version = find_version(workspace.registry, model, number)
    if version is None:
        raise RegistryError(f"{model} has no version {number}", hint=f"See: mvops versions list {model}")
    return version


def _point(workspace: Workspace, answering: list[Version], route: Route) -> None:
    folder = workspace.serving(route.model)
    _take(folder)
    for version in answering:
        write_version(folder, version)
    write_route(folder, route)


def _take(folder: Path) -> None:
    """A folder of its own for a model whose name another one had, whose endpoint went on when it was renamed."""
    if not folder.is_symlink():
        return
    now = folder.resolve().name
    if is_held(folder / "spool"):
        raise ConflictError(
            f"{folder.name} was another model, which is called {now}: its endpoint may still run by the old name",
            hint=f"Stop it, go on with: mvops apply; then start it again: mvops serve {now}",
        )
    folder.unlink()


def _leave_former(workspace: Workspace, model: str) -> None:
    """No champion was ever here: route and versions are those of a registry that was lost or exchanged."""
    folder = workspace.serving(model)
    if folder.is_symlink():  # another model's, see `_take`
        return
    if files_of(folder) and is_held(folder / "spool"):
        raise ConflictError(
            f"an endpoint of {model} is running by {folder}, of which this registry knows nothing",
            hint=f"Stop it (Ctrl-C where `mvops serve {model}` was started), then go on: mvops apply",
        )
    aside = put_aside(folder)
    if aside is not None:
        where = aside.relative_to(workspace.root).as_posix()
        workspace.remarks.append(f"{model}: what the registry before this one had in the traffic was moved to {where}")


def _nobody_answers(workspace: Workspace, model: str) -> bool:
    """Is its route gone and nobody left that knew it: then there is no traffic that a canary could have a share of."""
    folder = workspace.serving(model)
    return not (folder / ROUTE).is_file() and not is_held(folder / "spool")


def _told(workspace: Workspace, model: str, message: str) -> None:
    record_event(workspace.registry, kind="traffic", subject=model, message=message)
