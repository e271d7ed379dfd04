"""An endpoint that is running: mvops' own, or somebody else's as far as it says what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mvops.core.config.endpoint import Endpoint
from mvops.core.naming import check_name
from mvops.core.outside import Accepted
from mvops.errors import ConflictError, UsageError
from mvops.registry.versions import champion, find_version
from mvops.sources.answers import Server
from mvops.sources.servers import Foreign, foreign
from mvops.sources.source import Asked, Taken
from mvops.workspace import Workspace

_HERE = {"127.0.0.1", "localhost", "::1", "0.0.0.0"}  # noqa: S104 -- as somebody may type it
_OTHER_WORDS = (
    "only where it listens is taken over. It answers {answers}; the endpoint of mvops answers POST /predict"
    ' {{"rows": [...]}}: whoever asks it has to be changed'
)
_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 -- compared, not bound


class EndpointSource:
    """It is asked what it is, with a few requests that change nothing."""

    looks_like = "http://HOST:PORT, of an endpoint that is running"

    def recognises(self, asked: Asked, workspace: Workspace) -> bool:
        """By its first word."""
        del workspace
        return asked.source.startswith(("http://", "https://"))

    def take(self, asked: Asked, workspace: Workspace) -> Taken:
        """Ask it. Raises ServingError where nobody answers, UsageError for one that nothing can be said of."""
        server = Server(asked.source)
        own = _own(server)
        return _taken(own, server, asked, workspace) if own else _theirs(foreign(server), server, asked, workspace)


@dataclass(frozen=True)
class _Own:
    """What an endpoint of mvops' says of itself."""

    model: str
    backend: str
    versions: tuple[int, ...]
    max_rows: int | None


def _own(server: Server) -> _Own | None:
    """None for another server."""
    told = server.get("/health/ready").json
    if not isinstance(told, dict) or not {"model", "route", "versions", "spool"} <= told.keys():
        return None
    try:
        model = check_name(str(told["model"]))
    except ValueError:
        return None
    arms = [arm for arm in told["versions"] if isinstance(arm, dict)] if isinstance(told["versions"], list) else []
    request = _at(server.get("/openapi.json").json, "components", "schemas", "Request", "properties", "rows")
    longest = request.get("maxItems") if isinstance(request, dict) else None
    return _Own(
        model=model,
        backend="bentoml" if server.get("/livez").status == 200 else "fastapi",
        versions=tuple(sorted({arm["version"] for arm in arms if isinstance(arm.get("version"), int)})),
        max_rows=longest if isinstance(longest, int) else None,
    )


def _taken(own: _Own, server: Server, asked: Asked, workspace: Workspace) -> Taken:
    name = workspace.name_now(own.model)
    if asked.name not in {None, name, own.model}:
        raise ConflictError(
            f"{server.url} serves the model {own.model}, not {asked.name}", hint=f"--model {name or own.model}"
        )
    if name is None:
        raise UsageError(
            f"{server.url} serves {own.model}, which is no model of this project",
            hint=f"An endpoint keeps its model to itself. Bring it first, as {own.model}: mvops import MODEL.skops "
            f"--name {own.model} --data FILE --target COLUMN, or mvops promote NOTEBOOK --name {own.model}; then this "
            "again.",
        )
    said = {"backend": own.backend, **({"max_rows": own.max_rows} if own.max_rows else {})}
    values = tuple(_values(name, said, server, workspace))
    numbers = ", ".join(map(str, own.versions)) or "none"
    return Taken(
        name,
        f"the endpoint at {server.url}",
        f"{server.url} serves {_called(own.model, name)}, version {numbers}, by {own.backend}",
        values=values,
        over=True,
        notes=tuple(_notes(name, own, workspace)),
        after=("mvops plan", "mvops apply"),
        already=not values,
    )


def _called(said: str, name: str) -> str:
    return name if said == name else f"{said}, which is called {name} now"


def _notes(name: str, own: _Own, workspace: Workspace) -> Iterator[str]:
    registry = workspace.registry
    names = {name, own.model}  # a rename of `moved` may still be to be applied
    unknown = [number for number in own.versions if not any(find_version(registry, each, number) for each in names)]
    if unknown:
        numbers = ", ".join(map(str, unknown))
        yield f"this project has no version {numbers} of {name}: it is the endpoint of another one, and stays so"
        yield f"stop it before mvops serve {name}: two cannot listen at one port"
    serves = champion(registry, name) or champion(registry, own.model)
    if serves is not None and own.versions and serves.number not in own.versions and not unknown:
        yield f"the champion of {name} is version {serves.number} here: it is the endpoint of another project"
    if name != own.model and not unknown:
        yield f"it says {own.model} until it is started again: stop it, then mvops serve {name}"
    if not workspace.project.capabilities.serving:
        yield "nothing is served as yet: capabilities: {serving: true} has it served"


def _theirs(found: Foreign, server: Server, asked: Asked, workspace: Workspace) -> Taken:
    """What the YAML can say of somebody else's server is where it listens, and by what it is served."""
    name = asked.name
    if name is None or name not in workspace.project.models:
        which = f"which of this project's models that is: {name} is none" if name else "which model it serves: --model"
        raise UsageError(f"{server.url} is {found.what}, and does not say {which}", hint=found.way_to_the_model)
    said = {"backend": found.backend} if found.backend else {}
    values = tuple(_values(name, said, server, workspace))
    return Taken(
        name,
        f"the endpoint at {server.url}",
        f"{server.url} is {found.what}",
        values=values,
        over=True,
        notes=(_OTHER_WORDS.format(answers=found.answers),),
        after=(
            "mvops plan",
            "mvops apply",
            f"stop the old one, and start the new one in its place: mvops serve {name}",
        ),
        already=not values,
    )


def _values(name: str, said: Mapping[str, Any], server: Server, workspace: Workspace) -> Iterator[Accepted]:
    """Keys of the endpoint that the YAML says otherwise."""
    there = workspace.project.models[name].endpoint
    compared = there or Endpoint()
    wanted = {**said, **({} if _fits(compared.host, server.host) else {"host": server.host}), "port": server.port}
    for key, value in wanted.items():
        if getattr(compared, key) != value or (there is None and key == "port"):
            yield Accepted(path=("models", name, "endpoint", key), value=value)


def _fits(listens: str, reached: str) -> bool:
    """May what listens at the one address be reached at the other?"""
    return listens in {reached, *_EVERYWHERE} or {listens, reached} <= _HERE


def _at(value: Any, *path: str) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value
