"""Weights & Biases as the tracker, offline: runs and models are written below a folder, for `wandb sync` to send."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from mvops.atomic import write_atomically
from mvops.contracts.trackers import Books, RunReport, Seen, VersionReport
from mvops.core.canonical import canonical_json
from mvops.core.environment import hidden_folder
from mvops.core.frozen import Frozen
from mvops.core.run import Run
from mvops.errors import BackendError, ConflictError, MissingExtraError, SpecError

# Found, not imported: that takes seconds, and only a program of its own needs it.
if importlib.util.find_spec("wandb") is None:
    raise MissingExtraError("The tracker 'wandb'", "wandb")

_PROGRAM = Path(__file__).with_name("_wandb_program.py")
_PATIENCE = 180  # seconds for one run; it takes about four


class _Options(Frozen):
    """`project` is the project's name in W&B, ours if left out; `directory` is where the runs are written."""

    project: str = Field(default="", pattern=r"^[A-Za-z0-9_. -]{0,128}$")
    directory: str = ".mvops/wandb"


class _Told(Frozen):
    """What was written of one model: the ledger, because a run that was sent may be cleaned away."""

    owner: str
    runs: dict[str, str] = Field(default_factory=dict)  # mvops' id of the run -> folder
    versions: dict[int, str] = Field(default_factory=dict)  # number -> sha256
    aliases: dict[str, int] = Field(default_factory=dict)


class Wandb:
    """Options: `project`, `directory`."""

    external = True

    def look(self, books: Books, model: str) -> Seen | None:
        """What was written; where aliases stand cannot be seen from here, as only W&B's server moves them."""
        told = _Ledger(books, model).read()
        return Seen(owner=told.owner, versions=told.versions) if told else None

    def log_run(self, books: Books, report: RunReport) -> None:
        """A run with parameters, metrics, notebooks and plots."""
        ledger, run = _Ledger(books, report.run.model), report.run
        told = ledger.read() or _Told(owner=books.owner)
        if run.id in told.runs:
            return
        with tempfile.TemporaryDirectory() as folder:
            for path, content in report.files.items():
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            written = ledger.write_run(
                run.id,
                "train",
                {**run.parameters, "mvops": _about(run, books.owner)},
                metrics=run.metrics,
                files=folder if report.files else None,
                exit_code=0 if run.status == "succeeded" else 1,
            )
        ledger.keep(told.model_copy(update={"runs": {**told.runs, run.id: written}}))

    def log_version(self, books: Books, report: VersionReport) -> None:
        """The model's file and its requirements as an artefact of the type `model`."""
        version = report.version
        ledger = _Ledger(books, version.model)
        told = ledger.own()
        if version.number in told.versions:
            return
        folder = ledger.model_folder(version.number)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / f"model.{version.artifact.format}", report.artifact)
        write_atomically(folder / "requirements.txt", "\n".join([*report.requirements, ""]).encode())
        about = {"version": version.number, "artifact": version.artifact.sha256, "run": version.run}
        about |= {"reason": version.reason, "commit": version.code.commit, "data": dict(version.data)}
        write_atomically(ledger.about_file(version.number), canonical_json({**about, **version.metrics}).encode())
        ledger.write_model(version.number, (f"version-{version.number}",))
        ledger.keep(told.model_copy(update={"versions": {**told.versions, version.number: version.artifact.sha256}}))

    def set_aliases(self, books: Books, model: str, aliases: Mapping[str, int]) -> None:
        """Telling of the same model again with an alias moves it there; W&B has no way to take one away offline."""
        ledger = _Ledger(books, model)
        if not aliases and ledger.read() is None:
            return
        told = ledger.own()
        for alias, number in sorted(aliases.items()):
            if number not in told.versions:
                raise BackendError(f"W&B was not told of version {number} of {model}, to call it {alias}")
            if told.aliases.get(alias) != number:
                ledger.write_model(number, (f"version-{number}", alias))
        ledger.keep(told.model_copy(update={"aliases": dict(aliases)}))


class _Ledger:
    """One model's place below the directory of the options. Raises SpecError, BackendError."""

    def __init__(self, books: Books, model: str) -> None:
        self._options = _read_options(books)
        self._books = books
        self._model = model
        self._place = books.root.resolve() / self._options.directory
        above = next(path for path in (self._place, *self._place.parents) if path.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            raise BackendError(
                f"the tracker 'wandb' cannot write to {self._place}: {above} is no folder that may be written to",
                hint="Correct tracker.options.directory in configs/project.yaml; then: mvops apply",
            )

    @property
    def _file(self) -> Path:
        return self._place / "mvops" / f"{self._model}.json"

    def model_folder(self, number: int) -> Path:
        """What is in the artefact of a version."""
        return self._place / "mvops" / self._model / str(number)

    def about_file(self, number: int) -> Path:
        """Its metadata."""
        return self._place / "mvops" / self._model / f"{number}.json"

    def read(self) -> _Told | None:
        """What was told; None for nothing."""
        try:
            return _Told.model_validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise BackendError(
                f"{self._file} cannot be read", hint="Delete it, and everything is told again: mvops apply"
            ) from error

    def own(self) -> _Told:
        """The same; raise ConflictError where it is another project's."""
        told = self.read() or _Told(owner=self._books.owner)
        if told.owner != self._books.owner:
            raise ConflictError(
                f"{self._place} has a model {self._model} of another project",
                hint="Set tracker.options.directory in configs/project.yaml.",
            )
        return told

    def keep(self, told: _Told) -> None:
        """Put it on record, unless the model is another project's."""
        if told.owner == self._books.owner:
            write_atomically(self._file, told.model_dump_json(indent=1).encode())

    def write_model(self, number: int, aliases: tuple[str, ...]) -> None:
        """The artefact of a version, in a run of its own."""
        about = json.loads(self.about_file(number).read_bytes())
        artifact = {
            "name": self._model,
            "description": f"mvops version {number}: {about['reason']}",
            "metadata": about,
            "folder": str(self.model_folder(number)),
            "aliases": list(aliases),
        }
        name = "-".join([self._model, *aliases])
        self.write_run(name, "register", {"mvops": about}, artifact=artifact)

    def write_run(self, name: str, job: str, config: Mapping[str, Any], **more: Any) -> str:
        """Write a run and return its folder's name; what an interrupted one has left goes away first.

        `more` may have `metrics`, `files` (a folder), `artifact` and `exit_code`.
        """
        (self._place / "wandb").mkdir(parents=True, exist_ok=True)
        run_id = _id(name)
        for left in (self._place / "wandb").glob(f"offline-run-*-{run_id}"):
            shutil.rmtree(left)
        init = {"id": run_id, "name": name, "job_type": job, "group": self._model, "config": dict(config)}
        init |= {"project": self._options.project or self._books.project, "dir": str(self._place)}
        nothing: dict[str, Any] = {"metrics": {}, "files": None, "artifact": None, "exit_code": 0}
        return str(json.loads(_run_program({"init": init, **nothing, **more}, self._place))["folder"])


def _run_program(asked: Mapping[str, Any], place: Path) -> str:
    private = {f"WANDB_{name}_DIR": str(place / name.lower()) for name in ("CACHE", "CONFIG", "DATA", "ARTIFACT")}
    environment = {**os.environ, **private, "WANDB_MODE": "offline", "WANDB_ERROR_REPORTING": "false"}
    try:
        done = subprocess.run(  # noqa: S603 -- our own program
            [sys.executable, "-P", str(_PROGRAM)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendError(f"W&B did not write its run: {error}", hint="Then: mvops apply") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise BackendError(f"W&B could not write its run in {place}: {said[-1][:300]}", hint="Then: mvops apply")
    return done.stdout.splitlines()[-1]


def _read_options(books: Books) -> _Options:
    try:
        return _Options.model_validate({"directory": f"{hidden_folder(books.environment)}/wandb", **books.options})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join(["tracker.options", *(str(part) for part in first["loc"])])
        raise SpecError(
            f"configs/project.yaml: {key}: {first['msg']}", hint=f"wandb takes {', '.join(_Options.model_fields)}"
        ) from None


def _id(text: str) -> str:
    """W&B's ids hold no more than these letters."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", text)


def _about(run: Run, owner: str) -> dict[str, Any]:
    about: dict[str, Any] = {"run": run.id, "owner": owner, "model": run.model, "reason": run.reason}
    about |= {"started": run.started.isoformat(), "data": dict(run.inputs)}
    if run.finished is not None:
        about["finished"] = run.finished.isoformat()
    if run.code is not None:
        about |= {"commit": run.code.commit, "dirty": run.code.dirty, "notebook": ", ".join(run.code.notebooks)}
    if run.error is not None:
        about["error"] = run.error
    return about
