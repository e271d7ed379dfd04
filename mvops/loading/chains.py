"""Models that are retrained after others: what is wrong with the order that the YAML asks for."""

from __future__ import annotations

from collections.abc import Iterator

from mvops.core.config.moves import ends
from mvops.core.config.project import Project
from mvops.core.config.scheduler import chains, ring
from mvops.core.nearest import did_you_mean
from mvops.loading.positions import Positions
from mvops.loading.problems import KeyPath, Problem


def chain_problems(project: Project, positions: Positions) -> Iterator[Problem]:
    """Unknown models, models that are never retrained, rings, and chains without one schedule."""
    unfit = list(_unfit(project, positions))
    yield from (problem for _, problem in unfit)
    circle = ring(project.models)
    if circle:
        shown = " -> ".join(circle)
        message = f"these models wait for each other in a ring: {shown}"
        yield Problem(positions.nearest(_after(circle[0])), message, "Take one of them out of `after`.")
    else:
        yield from _schedules(project, positions, {name for name, _ in unfit})


def _unfit(project: Project, positions: Positions) -> Iterator[tuple[str, Problem]]:
    """Each with the model that waits in vain."""
    moved = ends(project.moved)
    for name, model in project.models.items():
        for index, other in enumerate(model.retrain.after if model.retrain else ()):
            place = positions.nearest((*_after(name), index))
            now, _ = moved.get(other, ("", 0))
            if other not in project.models and now in project.models:
                message = f"models.{name} is retrained after {other}, which has moved to {now}"
                yield name, Problem(place, message, f"Write {now} there instead of {other}.")
            elif other not in project.models:
                known = ", ".join(sorted(project.models.keys() - {name})) or "none but this one"
                meant = did_you_mean(other, project.models.keys() - {name})
                yield name, Problem(place, f"there is no model {other!r}{meant}", f"Models: {known}")
            elif project.models[other].retrain is None:
                message = f"{name} is to be retrained after {other}, which never is"
                yield name, Problem(place, message, f"Give {other} a `retrain`, or take it out of `after`.")


def _schedules(project: Project, positions: Positions, unfit: set[str]) -> Iterator[Problem]:
    """A chain is retrained as one, so it has one schedule, wherever that is said; known of those that are fit."""
    for chain in chains(project.models):
        if len(chain) == 1 or not unfit.isdisjoint(chain):
            continue
        said = {
            name: retrain.schedule
            for name in chain
            if (retrain := project.models[name].retrain) is not None and retrain.schedule
        }
        if not said:
            message = f"{chain[-1]} waits for {', '.join(chain[:-1])}, but none of them has a schedule"
            remedy = f"Give one: models.{chain[0]}.retrain.schedule, such as '0 3 * * 1'"
            yield Problem(positions.nearest(_after(chain[-1])), message, remedy)
        first = next(iter(said), "")
        for name, schedule in said.items():
            if schedule != said[first]:
                message = f"{name} and {first} are retrained one after the other, but by different schedules"
                path: KeyPath = ("models", name, "retrain", "schedule")
                remedy = f"Leave it out, or write that of {first}: {said[first]!r}"
                if positions.inherited(path):
                    path = ("models", name)
                    remedy = f"Write that of {first} there: retrain: {{schedule: {said[first]!r}}}"
                yield Problem(positions.nearest(path), message, remedy)


def _after(name: str) -> KeyPath:
    return ("models", name, "retrain", "after")
