"""Environments: an overlay over the project and its models, with places, names and ports of its own.

What the overlay does not say of registry, predictions, artifacts and project is made its own where that is possible:
`.mvops/` is `.mvops/env/staging/` there, and the project `churn` is `churn_staging`. Where it is not, the overlay has
to say it: an environment never works on what is another's.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mvops.core.config.project import Project
from mvops.core.environment import HIDDEN, hidden_folder
from mvops.core.nearest import did_you_mean
from mvops.errors import UsageError
from mvops.loading.positions import Positions
from mvops.loading.problems import KeyPath, Problem

PLACES = ("registry", "predictions", "artifacts")
_IN_HIDDEN = re.compile(rf"(?P<head>(?:sqlite:///)?(?:\./)*){re.escape(HIDDEN)}/(?P<rest>.*)", re.DOTALL)
_ADDRESS = re.compile(r"(?P<scheme>\w+)(\+\w+)?://(?:[^/@]*@)?(?P<rest>[^?#]*)")


def check_known(environment: str, known: Iterable[str]) -> None:
    """Raise UsageError for an environment that has no file, with the nearest one."""
    known = sorted(known)
    if environment not in known:
        hint = f"Environments: {', '.join(known)}" if known else "Make one: configs/env/NAME.yaml, such as staging.yaml"
        raise UsageError(f"there is no environment {environment!r}{did_you_mean(environment, known)}", hint=hint)


def of_its_own(
    tree: dict[str, Any], overlay: Mapping[str, Any], environment: str
) -> tuple[dict[str, Any], set[KeyPath]]:
    """A copy of `tree` with what the overlay leaves to mvops made the environment's own, and the keys of that."""
    tree, made = dict(tree), set[KeyPath]()
    if "project" not in overlay and isinstance(tree.get("project"), str):
        tree["project"] = f"{tree['project']}_{environment}"
        made.add(("project",))
    for key in PLACES:
        value = tree.get(key, Project.model_fields[key].default)
        if key not in overlay and value != _moved(value, environment):
            tree[key] = _moved(value, environment)
            made.add((key,))
    tracker, said = tree.get("tracker"), overlay.get("tracker")
    if isinstance(tracker, dict) and isinstance(tracker.get("options"), dict):
        told = said.get("options") if isinstance(said, dict) else None
        left = {key: value for key, value in tracker["options"].items() if not (isinstance(told, dict) and key in told)}
        moved = {key: _moved(value, environment) for key, value in left.items() if value != _moved(value, environment)}
        tree["tracker"] = {**tracker, "options": {**tracker["options"], **moved}}
        made |= {("tracker", "options", key) for key in moved}
    return {**tree, "environment": environment}, made


def _moved(value: Any, environment: str) -> Any:
    found = _IN_HIDDEN.fullmatch(value) if isinstance(value, str) else None
    return f"{found['head']}{hidden_folder(environment)}/{found['rest']}" if found else value


def shared_with(
    environment: str, values: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]], positions: Positions
) -> Iterator[Problem]:
    """The name and the places that the environment has in common with another; `others` by name, "" the project."""
    file = f"configs/env/{environment}.yaml"
    told: set[KeyPath] = set()
    for name, theirs in others.items():
        whose = f"the environment {name}" if name else "the project without an environment"
        for key in ("project", *PLACES):
            mine = _place(values, key)
            if mine is not None and mine == _place(theirs, key) and (key,) not in told:
                told.add((key,))
                message = f"{key} is that of {whose} too, so {environment} would work on what is not its own"
                yield Problem(
                    positions.find((key,)) or positions.nearest((key,)), message, f"Say another in {file}: {key}"
                )


def _place(values: Mapping[str, Any], key: str) -> str | None:
    """As one text for each place, however it is written."""
    value = values.get(key, Project.model_fields[key].default if key in PLACES else None)
    if not isinstance(value, str):
        return None
    path = value.removeprefix("sqlite:///")
    found = _ADDRESS.fullmatch(value)
    if path == value and found:
        scheme = "postgresql" if found["scheme"].startswith("postgres") else found["scheme"]
        return f"{scheme}://{found['rest'].rstrip('/')}"
    return posixpath.normpath(path)
