"""What every plan asks of the registry, for all models at once and in plain SQL: see `Registry.rows`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from mvops.core.version import Environment
from mvops.registry.database import Registry
from mvops.registry.values import time_found

_AT_ONCE = 200  # fewer values than any database takes in one statement
_CALLED, _NOW = " is called ", " now"  # between and behind the names, in the event of a rename


class Champion(NamedTuple):
    """The version of a model that serves, the Python that trained it, and the packages that its code imported.

    `artifact` is the sha256 of its artefact; `looked_up` are columns that its endpoint takes from the feature store.
    """

    number: int
    artifact: str
    environment: Environment
    imported: frozenset[str]
    metrics: dict[str, float]
    looked_up: frozenset[str]


def champions_now(registry: Registry, model: str | None = None) -> dict[str, Champion]:
    """The champion of every model that has one, or of this one."""
    known = (
        "SELECT v.model, v.number, v.body FROM mvops_champions c"
        " JOIN mvops_versions v ON v.model = c.model AND v.number = c.number"
    )
    if model is None:
        found = registry.rows(f"{known} WHERE c.id IN (SELECT max(id) FROM mvops_champions GROUP BY model)")  # noqa: S608
    else:
        found = registry.rows(f"{known} WHERE c.model = :model ORDER BY c.id DESC LIMIT 1", model=model)
    return {model: _champion(number, json.loads(body)) for model, number, body in found}


def _champion(number: int, body: dict[str, Any]) -> Champion:
    imported = (body.get("recipe") or {}).get("packages", {})
    views = ((body.get("lookup") or {}).get("views") or {}).values()
    return Champion(
        number,
        body["artifact"]["sha256"],
        Environment.model_validate(body["environment"]),
        frozenset(imported),
        body["metrics"],
        frozenset(field for view in views for field in view["fields"]),
    )


def kept_runs(registry: Registry, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Those of the runs that are in the registry, and the sha256 of each artefact that they handed over."""
    found: dict[str, tuple[str, ...]] = {}
    for some in _in_parts(sorted(ids)):
        values = {f"r{place}": run for place, run in enumerate(some)}
        names = ", ".join(f":{name}" for name in values)
        rows = registry.rows(f"SELECT id, body FROM mvops_runs WHERE id IN ({names})", **values)  # noqa: S608
        found |= {run: _handed_over(json.loads(body)) for run, body in rows}
    return found


def _handed_over(body: dict[str, Any]) -> tuple[str, ...]:
    return tuple(artifact["sha256"] for artifact in body.get("outputs", {}).values())


def artifacts(registry: Registry, versions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[str, ...]]:
    """The sha256 of what each of these versions (model, number) that is registered cannot do without.

    That is its artefact, and the baseline that it is monitored by.
    """
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    for some in _in_parts(sorted(versions)):
        values: dict[str, Any] = {}
        for place, (model, number) in enumerate(some):
            values |= {f"m{place}": model, f"n{place}": number}
        asked = " OR ".join(f"(model = :m{place} AND number = :n{place})" for place in range(len(some)))
        rows = registry.rows(f"SELECT model, number, body FROM mvops_versions WHERE {asked}", **values)  # noqa: S608
        found |= {(model, number): _needed(json.loads(body)) for model, number, body in rows}
    return found


def _needed(body: dict[str, Any]) -> tuple[str, ...]:
    return tuple(kept["sha256"] for kept in (body["artifact"], body.get("baseline")) if kept is not None)


class Refused(NamedTuple):
    """A version that its gate refused; `missing` are columns that the champion reads and its rows do without."""

    number: int
    missing: tuple[str, ...]


def refused_now(registry: Registry) -> dict[str, Refused]:
    """Model -> the version that its gate judged last, where it refused that one and it does not serve all the same."""
    serves = "(SELECT number FROM mvops_champions c WHERE c.model = e.subject ORDER BY c.id DESC LIMIT 1)"
    last = "(SELECT max(id) FROM mvops_events WHERE kind = 'gate' GROUP BY subject)"
    found = registry.rows(f"SELECT e.subject, e.details, {serves} FROM mvops_events e WHERE e.id IN {last}")  # noqa: S608
    judged = [(model, json.loads(details), serving) for model, details, serving in found]
    return {
        model: Refused(said["version"], tuple(said.get("missing", ())))
        for model, said, serving in judged
        if not said["passed"] and said["version"] != serving
    }


class Canary(NamedTuple):
    """A rollout that runs: of which version, by which shares in percent, and at which of them it is."""

    challenger: int
    shares: tuple[int, ...]
    share: int

    @property
    def steps(self) -> tuple[int, ...]:
        """The shares without that of the shadow, which comes before."""
        return tuple(share for share in self.shares if share)


def canaries_now(registry: Registry) -> dict[str, Canary]:
    """The rollout that runs, for each model that has one."""
    found = registry.rows("SELECT model, challenger, shares, step FROM mvops_rollouts WHERE status = 'running'")
    steps = {model: (challenger, tuple(json.loads(shares)), step) for model, challenger, shares, step in found}
    return {model: Canary(challenger, shares, shares[step]) for model, (challenger, shares, step) in steps.items()}


def renamed_to(registry: Registry, model: str) -> str:
    """What a model is called now that once was called `model`; nothing where it was not renamed."""
    said = f"{model}{_CALLED}%"
    asked = "SELECT subject, message FROM mvops_events WHERE kind = 'rename' AND message LIKE :said ORDER BY id DESC"
    return next((name for name, message in registry.rows(asked, said=said) if names_in(message).old == model), "")


def names_before(registry: Registry, model: str) -> list[str]:
    """What a model was called before, the last name first."""
    asked = "SELECT message FROM mvops_events WHERE kind = 'rename' AND subject = :model ORDER BY id DESC"
    return [names_in(message).old for (message,) in registry.rows(asked, model=model)]


class Names(NamedTuple):
    """What a model was called until it was renamed, and since."""

    old: str
    new: str


def renamed(names: Names) -> str:
    """What the event of a rename says."""
    return f"{names.old}{_CALLED}{names.new}{_NOW}"


def names_in(message: str) -> Names:
    """What such an event says, taken apart."""
    old, _, rest = message.partition(_CALLED)
    return Names(old, rest.removesuffix(_NOW))


def is_quiet(registry: Registry) -> bool:
    """Does nobody hold the lock, and was nothing left half-done."""
    ((busy,),) = registry.rows(
        "SELECT (SELECT count(*) FROM mvops_lock) + (SELECT count(*) FROM mvops_journal WHERE status = 'started')"
    )
    return not busy


class Finished(NamedTuple):
    """An action that an apply finished, as the journal has it, and how long it took."""

    action: dict[str, Any]
    outputs: dict[str, str]
    seconds: float


def finished_actions(registry: Registry, most: int) -> Iterator[Finished]:
    """The newest that were finished, of all kinds."""
    found = registry.rows(
        "SELECT action, outputs, started, ended FROM mvops_journal WHERE status = 'finished'"
        " ORDER BY entry DESC LIMIT :most",
        most=most,
    )
    for action, outputs, started, ended in found:
        took = time_found(ended) - time_found(started)
        yield Finished(json.loads(action), json.loads(outputs), took.total_seconds())


def _in_parts(values: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
