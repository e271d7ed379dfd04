"""A workflow of GitHub Actions that runs by the clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from mvops.errors import UsageError, Where
from mvops.sources.command_lines import Runs, runs_of
from mvops.sources.schedules import Entry, scheduled
from mvops.sources.source import Asked, Taken, file_of, printable, shown, text_of
from mvops.workspace import Workspace

_CHOSEN = re.compile(r"github\.event\.schedule\s*[!=]=")  # a step for some of the workflow's times only


class WorkflowSource:
    """Read as YAML that holds nothing but texts: `on` is no yes."""

    looks_like = ".github/workflows/NAME.yml with `on: schedule`"

    def recognises(self, asked: Asked, workspace: Workspace) -> bool:
        """A YAML file with `on` and `jobs`."""
        path = file_of(asked, workspace)
        if path is None or path.suffix not in {".yml", ".yaml"}:
            return False
        text = text_of(path) or ""
        return all(re.search(rf"^[\"']?{key}[\"']?\s*:", text, re.MULTILINE) for key in ("on", "jobs"))

    def take(self, asked: Asked, workspace: Workspace) -> Taken:
        """Find the time that trains the model."""
        path = file_of(asked, workspace)
        assert path is not None
        name = shown(path, workspace)
        text = text_of(path) or ""
        try:
            workflow = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 -- the safest: texts, lists, mappings
        except (yaml.YAMLError, RecursionError) as error:
            raise UsageError(f"this is no YAML: {error}", where=Where(path)) from None
        return scheduled(list(_entries(workflow, text, name)), asked, workspace, name)


def _entries(workflow: Any, text: str, name: str) -> Iterator[Entry]:
    times = _items(_at(_at(workflow, "on"), "schedule"))
    for time, line in zip(times, _lines(text), strict=True):
        cron = str(_at(time, "cron") or "")
        runs = list(_runs(workflow, cron))
        others = f", or the workflow: gh workflow disable {name.rpartition('/')[2]}" if len(times) == 1 else ""
        yield Entry(
            schedule=printable(cron),
            what=printable(", ".join(f"{run.tool} {run.target}" for run in runs) or "nothing that trains"),
            runs=tuple(runs),
            where=f"{name}:{line}",
            away=f"once the new schedule is in place, take the old one away: line {line} of {name}{others}",
            timezone=str(_at(time, "timezone") or "UTC"),
        )


def _lines(text: str) -> list[int]:
    """The line of each time under `on: schedule`."""
    node: Any = yaml.compose(text, Loader=yaml.BaseLoader)
    for key in ("on", "schedule"):
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for name, value in pairs if name.value == key), None)
    return [each.start_mark.line + 1 for each in node.value] if isinstance(node, yaml.SequenceNode) else []


def _runs(workflow: Any, cron: str) -> Iterator[Runs]:
    """What the steps run at this time."""
    for job in (_at(workflow, "jobs") or {}).values() if isinstance(_at(workflow, "jobs"), dict) else ():
        for step in _items(_at(job, "steps")):
            told = [str(_at(part, "if") or "") for part in (job, step)]
            if all(cron in condition for condition in told if _CHOSEN.search(condition)):
                yield from runs_of(str(_at(step, "run") or ""))


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
