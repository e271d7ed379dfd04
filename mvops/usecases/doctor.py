"""Checking this machine and the project: what works, what is missing, what to type."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from mvops import __version__, backends
from mvops.core.config.backend import named_backends
from mvops.core.counts import counted
from mvops.errors import MvopsError
from mvops.lifecycle.ssh_signature import keygen
from mvops.registry.journal import SqlJournal
from mvops.registry.lock import current_lock
from mvops.registry.versions import champion
from mvops.serving.releases import other_releases
from mvops.usecases.extras import in_use, install_line, missing_of, packages_of
from mvops.usecases.plan import plan
from mvops.usecases.project import open_project
from mvops.usecases.schedule import left_over, scheduled
from mvops.usecases.signatures import signers_of
from mvops.workspace import Workspace, data_keeper

_LOW_DISK = 1_000_000_000  # bytes


@dataclass(frozen=True)
class Check:
    """`hint` is what to type when the status is not ok."""

    name: str
    status: Literal["ok", "note", "bad"]
    found: str
    hint: str = ""

    def as_json(self) -> dict[str, str]:
        """For scripts."""
        return asdict(self)


def examine(start: Path, environment: str | None = None) -> list[Check]:
    """Every check of the machine, and of the project if `start` is in one. Never raises."""
    return [*_machine(start), *_project(start, environment)]


def _machine(start: Path) -> Iterator[Check]:
    yield Check("mvops", "ok", f"{__version__} on Python {platform.python_version()}, {sys.prefix}")
    yield _kernel()
    yield from _extras()
    git = shutil.which("git")
    yield Check("git", "ok", git) if git else Check("git", "note", "not found", "Versions cannot record a commit.")
    free = shutil.disk_usage(start if start.is_dir() else Path.cwd()).free
    status: Literal["ok", "bad"] = "ok" if free > _LOW_DISK else "bad"
    yield Check("disk", status, f"{free / 1e9:.1f} GB free", "" if status == "ok" else "Make room: runs are kept.")


def _extras() -> Iterator[Check]:
    """Each extra of our own package that asks for something, and what of that is not installed."""
    for extra in sorted(metadata.metadata("mvops").get_all("Provides-Extra") or ()):
        if missing := missing_of(extra):
            yield Check(f"extra {extra}", "note", f"not installed: {', '.join(missing)}", install_line([extra]))
        elif packages_of(extra):
            yield Check(f"extra {extra}", "ok", "installed")


def _kernel() -> Check:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel  # noqa: PLC0415 -- half a second

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Check("kernel", "bad", "there is no Jupyter kernel python3", "pip install ipykernel")
    return Check("kernel", "ok", str(spec.resource_dir))


def _project(start: Path, environment: str | None) -> Iterator[Check]:
    try:
        with open_project(start, environment=environment) as workspace:
            yield Check("project", "ok", f"{workspace.project.project} in {workspace.root}")
            yield from _read_only(workspace)
            for name, look in _LOOKS.items():
                yield _guarded(name, look, workspace)
            for path, family, name in named_backends(workspace.project):
                key = ".".join(map(str, path[:-1]))
                if _in_use(workspace, family):
                    yield _guarded(key, _backend, key, family, name)
            yield from _schedules(workspace)
            if workspace.project.plan.signers:
                yield _guarded("signed plans", _signatures, workspace)
            keeper, lacking = data_keeper(workspace)
            if lacking and workspace.project.capabilities.data_versioning:
                yield Check("data", "note", f"kept by {keeper.backend} for now", lacking)
            for model in sorted(workspace.project.models):
                yield _guarded(f"model {model}", lambda w, m=model: _model(w, m), workspace)
    except MvopsError as error:
        yield _bad("project", error)


def _read_only(workspace: Workspace) -> Iterator[Check]:
    """Said where a part of the project can only be read: what has to write there is refused."""
    folders = (workspace.root, workspace.hidden)
    found = [str(folder) for folder in folders if folder.exists() and not os.access(folder, os.W_OK)]
    found += [workspace.registry.url] if workspace.registry.unwritten else []
    if found:
        said = f"the project can be planned and looked at, not applied: here {found[0]} can only be read"
        yield Check("read-only", "note", said, "Check the permissions there, or work where it can be written.")


def _guarded(name: str, look: Callable[..., Check], *about: Any) -> Check:
    try:
        return look(*about)
    except MvopsError as error:
        return _bad(name, error)


def _bad(name: str, error: MvopsError) -> Check:
    place = f"{error.where}: " if error.where else ""
    return Check(name, "bad", f"{place}{error.message}", error.hint or "")


def _registry(workspace: Workspace) -> Check:
    unfinished = SqlJournal(workspace.registry).unfinished()
    if unfinished:
        where = unfinished[0]["action"]["address"]
        return Check("registry", "note", f"an apply was interrupted at {where}", "Take it up again: mvops apply")
    return Check("registry", "ok", workspace.registry.url)


def _lock(workspace: Workspace) -> Check:
    held = current_lock(workspace.registry)
    if held is None:
        return Check("lock", "ok", "free")
    return Check(
        "lock", "note", f"held by {held.command!r}, process {held.pid} on {held.host}", f"mvops unlock {held.token}"
    )


def _predictions(workspace: Workspace) -> Check:
    with workspace.predictions() as log:
        log.check()
        number = sum(log.count(model) for model in workspace.project.models)
    return Check("prediction log", "ok", counted(number, "prediction"))


def _plan(workspace: Workspace) -> Check:
    made = plan(workspace)
    pending, contested = len(made.pending()), made.contested()
    if not (pending or contested):
        return Check("plan", "ok", "nothing to do")
    is_not = "is not as it" if pending == 1 else "are not as they"
    found = [f"{counted(pending, 'resource')} {is_not} should be"] if pending else []
    found += [f"{counted(contested, 'generated file')} in conflict"] if contested else []
    return Check("plan", "note", ", ".join(found), "See: mvops plan")


def _schedules(workspace: Workspace) -> Iterator[Check]:
    try:
        for each in scheduled(workspace, look=True):
            if each.conflict:
                yield Check("schedules", "note", each.conflict, each.way_out)
            elif each.to_install:
                yield Check("schedules", "note", each.lacking, each.to_install)
        for what, command, which in left_over(workspace):
            yield Check("schedules", "note", f"{what}: {'; '.join(which)}", command)
    except MvopsError as error:
        yield _bad("schedules", error)


def _signatures(workspace: Workspace) -> Check:
    signers_of(workspace)
    return Check("signed plans", "ok", f"{keygen()}, against {workspace.project.plan.signers}")


def _in_use(workspace: Workspace, family: str) -> bool:
    """Also, nobody misses what another one stands in for."""
    stood_in = family == "data_versioners" and data_keeper(workspace)[1]
    return in_use(workspace.project, family) and not stood_in


def _backend(key: str, family: str, name: str) -> Check:
    loaded = backends.load(family, name)
    package = type(loaded).__module__.partition(".")[0]
    program = getattr(loaded, "program", "")
    if program and shutil.which(program) is None:
        found = f"{name}: there is no program {program!r} on this machine"
        return Check(
            key,
            "note",
            found,
            f"Install {program} where the schedules are to be run, and what is in deploy/schedules there.",
        )
    return Check(key, "ok", f"{name}, one of the {family}" + ("" if package == "mvops" else f", from {package}"))


def _model(workspace: Workspace, model: str) -> Check:
    serving = champion(workspace.registry, model)
    if serving is None:
        return Check(f"model {model}", "note", "no version yet", "Make one: mvops apply")
    workspace.store.read_bytes(serving.artifact.sha256)
    deciding, harmless = other_releases(serving.environment)
    if deciding or harmless:
        found = f"version {serving.number} was made with other packages: {'; '.join([*deciding, *harmless])}"
        hint = f"Install them, or train it anew: mvops retrain {model}"
        return Check(f"model {model}", "bad" if deciding and not _warns(workspace, model) else "note", found, hint)
    return Check(f"model {model}", "ok", f"version {serving.number}, its artefact is whole")


def _warns(workspace: Workspace, model: str) -> bool:
    endpoint = workspace.project.models[model].endpoint
    return endpoint is None or endpoint.environment == "warn"


_LOOKS: dict[str, Callable[[Workspace], Check]] = {
    "registry": _registry,
    "lock": _lock,
    "prediction log": _predictions,
    "plan": _plan,
}
