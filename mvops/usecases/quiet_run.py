"""A run whose every step came from the cache, remembered: as long as all is as it was, the next one makes the same.

It is recorded like any other. Only a whole run is remembered, of a model that no tracker is told of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mvops.core.grammar import check_name
from mvops.errors import ArtifactError
from mvops.lifecycle.code import commit_of
from mvops.registry.database import Registry
from mvops.registry.run_rows import COLUMNS, new_id, put_run
from mvops.registry.values import utc_now
from mvops.usecases.quiet import Quiet
from mvops.witness import matching, witnessing

if TYPE_CHECKING:
    from mvops.core.progress import Tell
    from mvops.core.run import Run
    from mvops.workspace import Workspace


class QuietRun:
    """What `mvops run` of a model may remember, with these parameters as typed and in this environment."""

    def __init__(self, start: Path, model: str, parameters: Sequence[str], environment: str | None) -> None:
        self._model = model
        asked = ["run", model, *parameters]
        self._quiet = Quiet(start, f"runs/{model}.json", asked=asked, overrides=(), environment=environment)

    def again(self) -> dict[str, Any] | None:
        """The run as JSON, recorded, if nothing has changed since the last one; None: run it."""
        try:
            check_name(self._model)  # it names a file
        except ValueError:
            return None
        return self._quiet.recall(_record)

    def run(self, workspace: Workspace, parameters: Mapping[str, Any], tell: Tell) -> Run:
        """Run it, and remember that if every step came from the cache; raises as `usecases.run.run`."""
        from mvops.usecases.run import run  # noqa: PLC0415 -- pydantic, which a quiet run does without

        with witnessing() as witness:
            done = run(workspace, self._model, parameters=parameters, tell=tell)
            if witness.spoiled or not done.steps or any(step.status != "cached" for step in done.steps):
                return done
            left = matching(workspace.work, "run-*/owner.json")  # by a run that was killed: the next one clears it away
            try:
                for source in done.sources.values():  # each run puts them into the store
                    workspace.store.read_bytes(source)
            except ArtifactError:
                return done
        if not left:
            self._quiet.remember(workspace, done.model_dump(mode="json", exclude={"runner"}), witness)
        return done


def _record(said: Mapping[str, Any], registry: Registry, root: Path) -> dict[str, Any]:
    started = utc_now()
    code = said["code"]
    commit, dirty = commit_of(root, (code["notebook"], *code["later"]))
    finished = utc_now()
    times = {"started": _as_json(started), "finished": _as_json(finished)}
    made = {**said, "id": new_id(started), **times, "code": {**code, "commit": commit, "dirty": dirty}}
    body = {name: value for name, value in made.items() if name not in COLUMNS} | {"runner": None}
    put_run(registry, {**made, "started": started, "finished": finished}, body)
    return made


def _as_json(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
