"""Which extras of mvops the project needs and this Python lacks: told all at once, with one line to type."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from importlib import metadata

from mvops import backends
from mvops.core.action import Action
from mvops.core.address import kind_of
from mvops.core.config.backend import named_backends
from mvops.core.config.project import Project
from mvops.errors import MissingExtraError, MvopsError

_PLANNED = {"trackers", "data_versioners"}  # what a plan asks, and goes on without
_SHOWN = 2  # keys that need an extra, before they are only counted


def missing_of(extra: str) -> list[str]:
    """The packages of an extra of ours that are not installed."""
    return [name for name in packages_of(extra) if not _installed(name)]


def packages_of(extra: str) -> list[str]:
    """The packages that an extra of ours asks for; of those that are not in our metadata, none."""
    from packaging.requirements import Requirement  # noqa: PLC0415 -- a plan that lacks nothing needs none of it

    wanted: list[Requirement] = []
    with suppress(metadata.PackageNotFoundError):
        wanted = [Requirement(text) for text in metadata.requires("mvops") or ()]
    names = (r.name for r in wanted if r.marker and r.name != "mvops" and r.marker.evaluate({"extra": extra}))
    return list(dict.fromkeys(names))


def in_use(project: Project, family: str) -> bool:
    """Is what the YAML names acted upon: nobody misses what a preset names for later."""
    on = project.capabilities
    switched = {
        "data_versioners": on.data_versioning,
        "trackers": on.tracking,
        "dashboards": on.dashboards,
        "servers": on.serving,
        "notifiers": on.monitoring,
        "feature_stores": bool(project.features),
    }
    return switched.get(family, True)


def lacking_notice(project: Project, actions: Collection[Action]) -> Iterator[str]:
    """One sentence for a plan, where what it looks at or is to run with is not installed; it then names the rest."""
    runs = any(kind_of(action.address) == "pipeline" and action.changes_the_world for action in actions)
    asked = _PLANNED | ({"executors"} if runs else set())
    if any(True for _ in _lacking_backends(project, asked)):
        found = _lacking(project)
        yield f"not installed here: {_told(found)}. All of it: {install_line(found)}"


def with_other_extras(error: MissingExtraError, project: Project) -> MissingExtraError:
    """`error` with all else that the project needs and is not installed."""
    found = _lacking(project)
    others = {extra: keys for extra, keys in found.items() if extra != error.extra}
    if others:
        error.message += f"\nNor is what these need: {_told(others)}."
        error.hint = f"Install all of it with: {install_line({error.extra, *others})}"
    return error


def install_line(extras: Iterable[str]) -> str:
    """What to type to have them."""
    return f"pip install 'mvops[{','.join(sorted(extras))}]'"


def _lacking(project: Project) -> dict[str, list[str]]:
    """Extra -> the keys of the YAML that ask for it."""
    found: dict[str, list[str]] = {}
    families = {family for _, family, _ in named_backends(project)}
    for extra, key in (*_lacking_backends(project, families), *_lacking_beside(project)):
        keys = found.setdefault(extra, [])
        if key not in keys:
            keys.append(key)
    return dict(sorted(found.items()))


def _lacking_backends(project: Project, families: Collection[str]) -> Iterator[tuple[str, str]]:
    for path, family, name in named_backends(project):
        if family in families and in_use(project, family):
            with suppress(MvopsError):  # an unknown one, or one that does not fit, is told where it is used
                if extra := _missing_extra(family, name):
                    yield extra, ".".join(map(str, path[:-1]))


def _missing_extra(family: str, name: str) -> str | None:
    """A backend says so when it is loaded; one that needs it later only, by its `extra`."""
    try:
        extra: str = getattr(backends.load(family, name), "extra", "")
    except MissingExtraError as error:
        return error.extra
    return extra if extra and missing_of(extra) else None


def _lacking_beside(project: Project) -> Iterator[tuple[str, str]]:
    """What no backend is for: databases, the artefact store, and formats of files."""
    asked = [("postgres", key) for key in ("registry", "predictions") if getattr(project, key).startswith("postgres")]
    asked += [("s3", "artifacts")] if project.artifacts.startswith("s3://") else []
    if project.features:
        store = project.feature_store
        asked += [("redis", "feature_store.online")] if store.online.store == "redis" else []
        asked += [("postgres", "feature_store.offline")] if store.offline.store == "postgres" else []
    for model, spec in project.models.items():
        if any(path.endswith((".parquet", ".pq")) for path in spec.pipeline.inputs.values()):
            asked.append(("parquet", f"models.{model}.pipeline.inputs"))
    yield from ((extra, key) for extra, key in asked if missing_of(extra))


def _told(found: dict[str, list[str]]) -> str:
    def keys(named: list[str]) -> str:
        more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
        return ", ".join(named[:_SHOWN]) + more

    return ", ".join(f"{extra} ({keys(named)})" for extra, named in found.items())


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
