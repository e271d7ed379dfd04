"""Empty machines on which schedulers and CI systems start: what the project needs there."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

from mvops.contracts.schedulers import DATA, IGNORED, Machine
from mvops.kinds.dataset import left_out, stays_here
from mvops.kinds.kind import Look
from mvops.kinds.recorded import champions
from mvops.witness import is_file, what_is

_REQUIREMENTS = "requirements.txt"


def machine(look: Look, models: Iterable[str], secrets: tuple[str, ...]) -> Machine:
    """With the Python of the first of `models` that has a champion; until there is one, with this one."""
    project = look.workspace.project
    serving = next(filter(None, map(look.once(champions).get, models)), None)
    version = serving.environment.python if serving else platform.python_version()
    places = {"registry": project.registry, "predictions": project.predictions, "artifacts": project.artifacts}
    kept = tuple(key for key, place in places.items() if place.startswith(("sqlite:", "file:")) or "://" not in place)
    if look.once(stays_here):
        kept += (DATA,)
    return Machine(
        python=".".join(version.split(".")[:2]),
        secrets=secrets,
        kept=kept,
        requirements=_REQUIREMENTS if is_file(look.workspace.root / _REQUIREMENTS) else None,
        folder=_in_repository(look.workspace.root),
    )


def as_checked_out(machine: Machine, look: Look) -> Machine:
    """With what Git has to be asked for, which only a plan that makes or changes something does."""
    return machine.model_copy(update={"kept": (*machine.kept, IGNORED)}) if look.once(left_out) else machine


def _in_repository(root: Path) -> str:
    """Where the project lies in its Git repository, posix; empty at its root, or where there is none."""
    top = next((folder for folder in (root, *root.parents) if what_is(folder / ".git")), root)
    return "" if top == root else root.relative_to(top).as_posix()
