"""A plan in a file: saved, read again, and refused once anything that it was made of has moved."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from mvops import __version__
from mvops.atomic import write_atomically
from mvops.core.action import differences
from mvops.core.canonical import digest
from mvops.core.environment import wording
from mvops.core.plan import Plan
from mvops.core.spec import Spec
from mvops.errors import ConflictError, StalePlanError, UsageError, or_elsewhere
from mvops.kinds.endpoint import unless_port_is_taken
from mvops.kinds.file_changes import changed_since
from mvops.registry.events import events
from mvops.registry.owner import whoami
from mvops.registry.state import SqlState
from mvops.usecases.drafts import as_planned
from mvops.usecases.plan import desired_specs, spec_digest
from mvops.usecases.project import look_at
from mvops.usecases.signatures import signed, signer_of
from mvops.workspace import Workspace

_THE_SAME = "Type the same again: it plans on what is there now."


def save_plan(
    workspace: Workspace, plan: Plan, path: Path, valid_for: timedelta | None = None, key: Path | None = None
) -> Plan:
    """Write it to `path`, with who made it and until when it may be applied; returns what was written.

    With a `key`, its signature is written beside it. Raises UsageError where `path` is a file which is no saved plan,
    in a folder that there is not, or where the key does not sign.
    """
    _check_place(path)
    expires = datetime.now(UTC).replace(microsecond=0) + valid_for if valid_for else None
    saved = plan.model_copy(update={"created_by": whoami(), "expires": expires, "parts": _parts(workspace)}).sealed()
    text = saved.model_dump_json(indent=2).encode()
    beside = list(signed(text, path, key))
    with or_elsewhere():
        for each, content in [(path, text), *beside]:
            write_atomically(each, content)
    return saved


def _check_place(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", hint="Make it, or save the plan elsewhere.")
    try:
        if path.exists():
            Plan.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise UsageError(f"{path} is there and is no saved plan", hint="Save the plan under another name.") from None


def read_plan(text: bytes, name: str) -> Plan:
    """A plan saved by `mvops plan --out`; raise UsageError for anything else, and for one that was changed since."""
    again = "Make one: mvops plan --out FILE"
    try:
        found = Plan.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        said = f"{place}: {first['msg']}" if place else first["msg"]
        raise UsageError(f"{name} is not a plan of this mvops: {said}", hint=again) from error
    if not found.intact():
        raise UsageError(f"{name} was changed since mvops made it", hint=again)
    return found


def check_environment(plan: Plan, environment: str | None, file: Path | None = None) -> None:
    """Raise ConflictError for a plan, which may be in a `file`, that was made for another environment."""
    if plan.environment != environment:
        names = [f"the environment {name!r}" if name else "no environment" for name in (plan.environment, environment)]
        there = f"with --env {plan.environment}" if plan.environment else "without --env, and without MVOPS_ENV"
        name = plan.environment or '""'
        whole = f": mvops --env {name} apply {shlex.quote(str(file))}" if file else "."
        raise ConflictError(
            f"this plan was made for {names[0]}, and this is {names[1]}", hint=f"Apply it {there}{whole}"
        )


def check_saved(workspace: Workspace, plan: Plan, text: bytes, file: Path) -> str | None:
    """Who signed the plan that was read from `text`; raises as `check_fresh` and `signer_of`, and for both at once."""
    signer, unsigned = None, None
    try:
        signer = signer_of(workspace, text, file)
    except ConflictError as error:
        unsigned = error
    try:
        check_fresh(workspace, plan)
    except ConflictError as stale:
        if unsigned is None:
            raise
        said = "\n".join(f"  {error.message}" for error in (stale, unsigned))
        again = f"Plan again, and sign it: {_typed(workspace)} plan --out {file} --sign KEY"
        raise type(stale)(f"{file} is refused for two reasons:\n{said}", hint=again) from None
    if unsigned is not None:
        raise unsigned
    return signer


def check_fresh(workspace: Workspace, plan: Plan) -> None:
    """The same project, mvops, state and spec as when the plan was made: steps read the spec again.

    Raises ConflictError for a plan of another project, StalePlanError that says what has moved, and, for a plan that
    is in no file, who was quicker, and that the same is to be typed again.
    """
    check_environment(plan, workspace.project.environment)
    again = f"Plan again: {_typed(workspace)} plan"
    if plan.lineage != workspace.registry.lineage:
        raise ConflictError("this plan was made for another project", hint=again)
    if plan.created_by is None and plan.made_on != (serial := SqlState(workspace.registry).serial()):
        raise StalePlanError(_overtaken(workspace, serial), hint=_THE_SAME)
    if moved := _moved(workspace, plan):
        if plan.created_by is None:
            raise StalePlanError(moved, hint=_THE_SAME)
        raise StalePlanError(f"this plan is stale: {moved}", hint=again)


def _typed(workspace: Workspace) -> str:
    return wording(workspace.project.environment)["typed"]


def _overtaken(workspace: Workspace, serial: int) -> str:
    """Who was quicker than a command between its plan and its turn, where that is on record."""
    last = next(iter(events(workspace.registry, limit=1, kind="apply")), None)
    if last is None or not last.message.endswith(f": state {serial}"):
        return "another command changed the project since this one planned"
    return f"`{last.details['command']}` of {last.actor} finished since this command planned"


def _moved(workspace: Workspace, plan: Plan) -> str | None:
    serial = SqlState(workspace.registry).serial()
    if plan.made_on != serial:
        return f"it was made on state {plan.made_on}, now it is {serial}"
    if plan.mvops and plan.mvops != __version__:
        return f"mvops {plan.mvops} made it, this is mvops {__version__}"
    if plan.expires is not None and plan.expires < datetime.now(UTC):
        return f"it was to be applied before {plan.expires:%Y-%m-%d %H:%M} UTC"
    with as_planned(workspace, plan) as there:
        what = _changed_since(there, plan) or _wanted_otherwise(there, plan) or _taken_since(there, plan)
    since = "since this was planned" if plan.created_by is None else "since it was made"
    if what:
        return f"{what} {since}"
    if plan.spec and plan.spec != spec_digest(workspace):
        return f"{_rewritten(workspace, plan)} changed {since}"
    return None


def _changed_since(workspace: Workspace, plan: Plan) -> str | None:
    """A generated file or a template that is another one."""
    look = look_at(workspace, plan.scope)
    return next((what for action in plan.pending() for what in changed_since(action, look)), None)


def _taken_since(workspace: Workspace, plan: Plan) -> str | None:
    """A port that an endpoint would get, and that somebody else has by now."""
    look = look_at(workspace, plan.scope)
    now = ((action, unless_port_is_taken(action, look)) for action in plan.pending())
    return next((f"{found.address}: {found.because}" for planned, found in now if found is not planned), None)


def _wanted_otherwise(workspace: Workspace, plan: Plan) -> str | None:
    made = [action for action in plan.pending() if action.after is not None and action.back is None]
    wanted = desired_specs(look_at(workspace, plan.scope)) if made else {}
    for action in made:
        spec = wanted.get(action.address)
        if spec is None:
            return f"{action.address} is no longer wanted"
        if changed := [change.field for change in differences(action.after, spec.fields())]:
            file = _file_of(workspace, spec, changed[0])
            what = f"{', '.join(changed[:3])} of {action.address}"
            return f"{file} changed ({what})" if file else f"{what} changed"
    return None


def _file_of(workspace: Workspace, spec: Spec, field: str) -> str | None:
    """The file, or the pattern of files, in which a person changes a field of a dataset or a pipeline."""
    part, _, name = field.partition(".")
    if spec.kind == "pipeline":
        books = {"steps": spec.fields()["notebook"], "sources": name}
        return workspace.project.models[spec.name].pipeline.inputs.get(name) if part == "inputs" else books.get(part)
    return spec.fields()["pattern"] if spec.kind == "dataset" else None


def _rewritten(workspace: Workspace, plan: Plan) -> str:
    """Where the YAML says something else than when the plan was saved."""
    now = _parts(workspace)
    moved = sorted(key for key in {*plan.parts, *now} if plan.parts.get(key) != now.get(key))
    return f"{', '.join(moved[:3])} of the YAML" if plan.parts and moved else "the YAML"


def _parts(workspace: Workspace) -> dict[str, str]:
    """A digest of each part of the YAML: a key of the project, or of a model or a feature view."""
    parts: dict[str, str] = {}
    for key, value in workspace.project.model_dump(mode="json").items():
        if key in {"models", "features"}:
            inside = ((name, inner, each) for name, entry in value.items() for inner, each in entry.items())
            parts |= {f"{key}.{name}.{inner}": digest(each)[:8] for name, inner, each in inside}
        else:
            parts[key] = digest(value)[:8]
    return parts
