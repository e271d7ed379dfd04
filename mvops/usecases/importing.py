"""What is there already, taken over: found by its shape, checked as a whole, written into files and YAML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvops.atomic import all_or_none, write_atomically
from mvops.errors import ConflictError, Where
from mvops.loading.accepting import Written, accept
from mvops.loading.adding import model_file, project_with
from mvops.loading.find import PROJECT_FILE
from mvops.loading.load import explain
from mvops.loading.write import model_yaml, write_model_yaml
from mvops.registry.events import record_event
from mvops.sources.source import Asked, Taken, recognised
from mvops.usecases.promote import with_defaults
from mvops.workspace import Workspace


@dataclass(frozen=True)
class Imported:
    """What was taken over. `files` were written, by path below the project; `written` are keys of the YAML that was."""

    taken: Taken
    files: tuple[str, ...] = ()
    written: tuple[Written, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "model": self.taken.model,
            "source": self.taken.source,
            "files": list(self.files),
            "written": [vars(each) for each in self.written],
            "notes": list(self.taken.notes),
            "missing": list(self.taken.missing),
            "already": self.taken.already,
            "after": list(self.taken.after),
        }


def import_(workspace: Workspace, asked: Asked) -> Imported:
    """Write what it takes for the next apply to take the source over; where all of it is so already, nothing.

    Nothing is registered, served or scheduled, and nothing is changed at the source: that is for apply, and for whoever
    it belongs to. Raises UsageError for what is no source, and all that reading it and checking the YAML raise; then
    nothing was written.
    """
    taken = recognised(asked, workspace).take(asked, workspace)
    if taken.already:
        return Imported(taken)
    config = model_file(taken.model)
    draft = None
    if taken.draft is not None and not (workspace.root / config).exists():
        draft = with_defaults(workspace, taken.model, dict(taken.draft))
        text = model_yaml(draft)
        if not taken.missing:
            project_with(workspace.root, taken.model, text, workspace.project.environment)
    if not (asked.force or taken.over):
        _refuse_others(workspace, taken)
    yaml = (workspace.root / "configs").rglob("*.yaml")
    with all_or_none([*yaml, *(workspace.root / path for path in taken.files), workspace.root / config]):
        written = accept(workspace.root, taken.values, workspace.project.environment) if taken.values else []
        for path, content in taken.files.items():
            write_atomically(workspace.root / path, content)
        files = list(taken.files)
        if draft is not None:
            write_model_yaml(workspace.root / config, draft)
            files.append(config.as_posix())
        record_event(workspace.registry, "import", taken.model, f"imported {taken.source}")
    return Imported(taken, tuple(files), tuple(written))


def _refuse_others(workspace: Workspace, taken: Taken) -> None:
    """Raises ConflictError where somebody wrote another value into the project's own files; what presets say gives way.

    What all models are given by the project stays, and the model's own file gets the key.
    """
    if not taken.values:
        return
    wanted = {each.path: each.value for each in taken.values}
    for found in explain(workspace.root, workspace.overrides, workspace.project.environment):
        shared = found.path[:1] == ("models",) and found.source == PROJECT_FILE.as_posix()
        if found.path in wanted and (workspace.root / found.source).is_file() and not shared:
            key = ".".join(map(str, found.path))
            raise ConflictError(
                f"{key} is {found.value} already, and would be {wanted[found.path]}",
                hint="Write this over it: --force",
                where=Where(Path(found.source), found.line),
            )
