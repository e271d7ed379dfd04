"""What runs mvops by the clock, and the models whose retraining waits for others'."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated

from pydantic import AfterValidator, Field

from mvops.core.config.backend import Family
from mvops.core.config.model import Model
from mvops.core.config.secrets import check_secret
from mvops.core.cron import Timezone
from mvops.core.durations import Duration, Period
from mvops.core.frozen import Frozen
from mvops.core.naming import Name


class Scheduler(Frozen):
    """One scheduler for the whole project.

    Schedules are read in `timezone`. A command that fails is tried again `retries` times, each `retry_delay` after the
    failure, and is ended after `timeout`. `secrets` names environment variables that a scheduler which starts on
    empty machines takes from its own secrets.
    """

    backend: Annotated[Name, Family("schedulers")] = "cron"
    timezone: Timezone = "UTC"
    retries: int = Field(default=0, ge=0, le=10)
    retry_delay: Duration = Field(default="5m", validate_default=True)
    timeout: Period | None = None
    secrets: tuple[Annotated[str, AfterValidator(check_secret)], ...] = ()


def chains(models: Mapping[str, Model]) -> list[tuple[str, ...]]:
    """Models whose scheduled retraining waits for one another's: each chain in the order of work, alone if it is alone.

    Names that are no model of the project are passed over. Raises graphlib.CycleError for a ring.
    """
    waits = {name: _waits_for(model) & models.keys() for name, model in models.items()}
    found: list[tuple[str, ...]] = []
    left = dict(sorted(waits.items()))
    while left:
        together = _connected(next(iter(left)), waits)
        found.append(tuple(_ordered({name: left.pop(name) for name in together})))
    return found


def chain_schedule(models: Mapping[str, Model], chain: tuple[str, ...]) -> str | None:
    """The one schedule by which a chain is retrained; None if none of its models has one."""
    said = (model.retrain.schedule for name in chain if (model := models[name]).retrain is not None)
    return next((schedule for schedule in said if schedule), None)


def ring(models: Mapping[str, Model]) -> list[str]:
    """Models that wait for each other in a circle, the first one again at the end; empty if there are none."""
    try:
        chains(models)
    except CycleError as error:
        return [str(name) for name in reversed(error.args[1])]
    return []


def _waits_for(model: Model) -> set[str]:
    return set(model.retrain.after) if model.retrain else set()


def _connected(start: str, waits: Mapping[str, set[str]]) -> list[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [*waits[name], *(other for other, after in waits.items() if name in after)]
    return sorted(seen)


def _ordered(waits: Mapping[str, set[str]]) -> list[str]:
    sorter = TopologicalSorter(waits)
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order
