"""Ports that two endpoints would listen at.

Within the project without an environment that is a mistake of the YAML. In an environment it may come of what somebody
wrote for another one: only the endpoint that would take such a port is refused there, by the plan that makes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any

from mvops.core.clash import PortClash
from mvops.core.config.endpoint import Endpoint
from mvops.core.config.project import Project
from mvops.loading.compose import Composition
from mvops.loading.positions import Positions
from mvops.loading.problems import Problem


def shared_ports(project: Project, positions: Positions) -> Iterator[Problem]:
    """Two models of the project with one port."""
    ports: dict[int, str] = {}
    taken = {model.endpoint.port for model in project.models.values() if model.endpoint}
    for name, model in project.models.items():
        if model.endpoint is None:
            continue
        port = model.endpoint.port
        other = ports.setdefault(port, name)
        if other != name:
            taken.add(free := _free(taken, port + 1))
            place = positions.nearest(("models", name, "endpoint", "port"))
            remedy = f"Give {name} another one: endpoint: {{port: {free}}}"
            yield Problem(place, f"port {port} is that of models.{other} already", remedy)


def port_clashes(composition: Composition) -> Iterator[PortClash]:
    """Ports of the environment that another of its models has, or another environment."""
    everywhere = {"": composition.values, **composition.others} if composition.environment else {}
    mine = dict(ports_in(composition.values)) if composition.environment else {}
    taken = {port for values in everywhere.values() for _, port in ports_in(values)}
    for model, port in mine.items():
        twin = next((other for other, used in mine.items() if used == port and other != model), None)
        whose = f"models.{twin} already" if twin else _elsewhere(port, composition.others)
        if not whose:
            continue
        taken.add(free := _free(taken, port + 100))
        own = ("models", model)
        place = composition.positions.find((*own, "endpoint", "port"), key=True) or composition.positions.nearest(own)
        said = f"models: {{{model}: {{endpoint: {{port: {free}}}}}}}"
        remedy = f"Say another in configs/env/{composition.environment}.yaml, such as {said}"
        yield PortClash(model, f"port {port} is that of {whose}", str(place or ""), remedy)


def _elsewhere(port: int, others: Mapping[str, Mapping[str, Any]]) -> str:
    for environment, values in others.items():
        model = next((name for name, used in ports_in(values) if used == port), None)
        if model is not None:
            whose = f"the environment {environment}" if environment else "the project without an environment"
            return f"models.{model} in {whose} too"
    return ""


def ports_in(values: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """The models that have an endpoint, with its port."""
    models = values.get("models")
    for name, model in models.items() if isinstance(models, dict) else ():
        endpoint = model.get("endpoint") if isinstance(model, dict) else None
        port = endpoint.get("port", Endpoint.model_fields["port"].default) if isinstance(endpoint, dict) else None
        if isinstance(port, int):
            yield name, port


def _free(taken: Collection[int], first: int) -> int:
    """The next one from `first` on that is not taken."""
    return next(free for free in chain(range(first, 65536), range(min(first, 65536) - 1, 0, -1)) if free not in taken)
