"""An endpoint: the generated app, and the route that tells it which versions answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from mvops.contracts.feature_stores import ServedFeatures
from mvops.contracts.servers import Server, Service
from mvops.core.action import Action, Verb
from mvops.core.address import Address, address, name_of
from mvops.core.clash import PortClash
from mvops.core.compare import Held
from mvops.core.config.endpoint import TIMEOUT, Endpoint
from mvops.core.config.log import LogRules
from mvops.core.config.project import Project
from mvops.core.durations import parse_period
from mvops.core.environment import hidden_folder, wording
from mvops.core.nearest import did_you_mean
from mvops.core.spec import UNKNOWN, Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import RestoreRoute, Step
from mvops.core.version import TOLERANCE
from mvops.kinds.generated import as_wanted, file_steps, recalled_digests, seen
from mvops.kinds.kind import Look
from mvops.kinds.model import protected
from mvops.kinds.pythons import pythons_of, pythons_to_come
from mvops.kinds.recorded import champions
from mvops.registry.glance import champions_now
from mvops.serving.ownership import is_held
from mvops.witness import is_file

_READ_AT_THE_START = (  # and kept
    *("predictions", "artifacts", "features", "max_rows"),
    *("bad_rows", "engine", "tolerance", "timeout", "memory", "releases", "auth", "log"),
)


class EndpointSpec(Spec):
    """`files` maps each generated file to the digest of its text."""

    kind: ClassVar[str] = "endpoint"
    backend: str
    service: dict[str, Any]
    files: dict[str, str]
    route: str = "present"


class EndpointKind:
    """Done by writing files; traffic itself is moved by rollouts."""

    name = "endpoint"
    after: tuple[str, ...] = ("model",)

    def desired(self, look: Look) -> Iterator[EndpointSpec]:
        """One for each model that has an endpoint."""
        serving = look.once(champions)
        for name in sorted(look.workspace.project.models):
            spec = _spec(look, name, pythons_to_come(look, name, serving.get(name)))
            if spec is not None:
                yield spec

    def settled(self, where: Address, look: Look) -> EndpointSpec | None:
        """As the champion is now, whose packages the generated files name."""
        name = name_of(where)
        serving = champions_now(look.workspace.registry, name).get(name)
        return _spec(
            look, name, pythons_to_come(look, name, None) if serving is None else pythons_of(serving.environment)
        )

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """The files, and whether the route is there; before there is a champion, none is missing."""
        name, wanted = name_of(where), look.wanted(self).get(where)
        routed = is_file(look.workspace.serving(name) / "route.json")
        if record is None and routed and wanted is not None and as_wanted(look.workspace.root, wanted):
            return Observed(facts=wanted.fields())
        there = seen(look.workspace.root, wanted, record)
        if there is None:
            return None
        route = "present" if routed or name not in look.once(champions) else "absent"
        return Observed(facts={"files": there, "route": route})

    def held(self, where: Address, staying: Collection[Address], look: Look) -> Held | None:
        """Protected with its model."""
        del staying
        return protected(look, name_of(where))

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """Write what is missing or new; put the route back if it is gone."""
        name = name_of(action.address)
        if action.verb is Verb.DELETE:
            yield from file_steps(action, {})
            return
        texts = self.texts(action.address, action.after or {}, look)
        # what waits for a version, where the gate refused the first one, is written with that version
        yield from file_steps(action, {path: text for path, text in texts.items() if UNKNOWN not in text})
        yield RestoreRoute(model=name)

    def texts(self, where: Address, spec: Mapping[str, Any], look: Look) -> dict[str, str]:
        """The files."""
        server: Server = look.backend("servers", spec["backend"])
        files = server.files(Service.model_validate(spec["service"]))
        folder = look.workspace.generated(server.folder(name_of(where)))
        return {f"{folder}/{path}": text for path, text in files.items()}

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """Where it will answer; where it cannot, what to write."""
        clash = clash_of(action.address, look)
        if action.reason == "port" and clash is not None:
            yield clash.remedy
        elif action.verb is Verb.CREATE:
            service = (action.after or {})["service"]
            typed = wording(look.workspace.project.environment)["typed"]
            yield f"http://{service['host']}:{service['port']}/predict, started by `{typed} serve {service['model']}`"
        elif action.before and action.after:
            yield from _elsewhere(action.before["service"], action.after["service"], look)
        if action.after:
            yield from _no_columns(action.after["service"], look)

    def seconds(self, action: Action, look: Look) -> float:
        """No time."""
        del action, look
        return 0.0


def clash_of(where: Address, look: Look) -> PortClash | None:
    """Who else has the port of an endpoint."""
    return next((clash for clash in look.workspace.clashes if where == address("endpoint", clash.model)), None)


def unless_port_is_taken(action: Action, look: Look) -> Action:
    """In conflict where an endpoint is to have a port, which it does not have as yet, of somebody else's."""
    clash = clash_of(action.address, look)
    if clash is None or action.after is None or action.verb is Verb.CONFLICT:
        return action
    if action.before and action.before["service"]["port"] == action.after["service"]["port"]:
        return action
    return action.model_copy(update={"verb": Verb.CONFLICT, "reason": "port", "because": clash.told, "files": ()})


def read_at_the_start(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """In what two services differ that one which runs has read when it started."""
    return [key for key in _READ_AT_THE_START if before.get(key) != after.get(key)]


def _elsewhere(before: Mapping[str, Any], after: Mapping[str, Any], look: Look) -> Iterator[str]:
    """An endpoint that runs goes on where it is, and as it was when it started."""
    was, comes = (f"{service['host']}:{service['port']}" for service in (before, after))
    others = read_at_the_start(before, after)
    if (was == comes and not others) or not is_held(look.workspace.serving(after["model"]) / "spool"):
        return
    typed = wording(look.workspace.project.environment)["typed"]
    again = f"`{typed} serve {after['model']}`"
    if was != comes:
        yield f"one that runs goes on where it is until it is stopped; {again} starts it at {comes}"
    else:
        yield f"one that runs goes on with its former {', '.join(others)}: once this is applied, stop it; then {again}"


def _no_columns(service: Mapping[str, Any], look: Look) -> Iterator[str]:
    """What is to be kept out of the log, and is no column of the version that serves: a slip, or yet to come."""
    if not service.get("log"):
        return
    from mvops.registry.versions import champion  # noqa: PLC0415 -- sqlalchemy, which a plan without such rules spares

    serving = champion(look.workspace.registry, service["model"])
    if serving is None:
        return
    known = [column.name for column in serving.signature.columns] + list(serving.lookup.keys if serving.lookup else ())
    for name in LogRules.model_validate(service["log"]).columns:
        if name not in known:
            meant = did_you_mean(name, known)
            yield f"log names {name}, which version {serving.number} does not read{meant or ': one to come may'}"


def _spec(look: Look, name: str, pythons: Mapping[str, Any]) -> EndpointSpec | None:
    project = look.workspace.project
    model = project.models.get(name)
    if model is None or model.endpoint is None or not project.capabilities.serving:
        return None
    looked_up = sorted(model.pipeline.features.fields) if model.pipeline.features else ()
    server: Server = look.backend("servers", model.endpoint.backend)
    service = _service(look, name, model.endpoint, pythons)
    told = service.model_dump(mode="json", exclude_none=True)
    folder = look.workspace.generated(server.folder(name))
    made_of = ["server", model.endpoint.backend, told]
    return EndpointSpec(
        name=name,
        needs=(address("model", name), *(address("feature_view", view) for view in looked_up)),
        backend=model.endpoint.backend,
        service=told,
        files=recalled_digests(look, made_of, folder, partial(server.files, service)),
    )


def _service(look: Look, name: str, endpoint: Endpoint, pythons: Mapping[str, Any]) -> Service:
    workspace = look.workspace
    return Service(
        model=name,
        description=workspace.project.models[name].description,
        host=endpoint.host,
        port=endpoint.port,
        max_rows=endpoint.max_rows,
        bad_rows=None if endpoint.bad_rows == "refuse" else endpoint.bad_rows,
        engine=None if endpoint.engine == "auto" else endpoint.engine,
        releases=None if endpoint.environment == "refuse" else endpoint.environment,
        tolerance=None if endpoint.tolerance == TOLERANCE else endpoint.tolerance,
        timeout=None if endpoint.timeout == parse_period(TIMEOUT) else endpoint.timeout.total_seconds(),
        memory=endpoint.memory,
        auth=endpoint.auth,
        log=rules if (rules := workspace.project.models[name].log).columns else None,
        state=f"{hidden_folder(workspace.project.environment)}/serving/{name}",
        artifacts=workspace.project.artifacts,
        predictions=workspace.project.predictions,
        **pythons,
        features=served_features(workspace.project, name),
        targets=endpoint.deploy,
        extras=tuple(_extras(workspace.project, name)),
        environment=workspace.project.environment,
    )


def _extras(project: Project, name: str) -> Iterator[str]:
    for extra, url in (("postgres", project.predictions), ("s3", project.artifacts)):
        if url.startswith(extra):
            yield extra
    if project.models[name].pipeline.features is not None:
        yield "redis" if project.feature_store.online.store == "redis" else project.feature_store.backend


def served_features(project: Project, name: str) -> ServedFeatures | None:
    """Where a model's features are looked up; None for one that needs none."""
    features = project.models[name].pipeline.features
    if features is None:
        return None
    store = project.feature_store
    return ServedFeatures(
        backend=store.backend,
        project=project.project,
        settings=store,
        missing=features.missing,
        environment=project.environment,
    )
