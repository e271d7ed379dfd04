"""Writing runs, versions and aliases with MLflow's own client, which takes seconds to import."""

from __future__ import annotations

import json
import logging
import math
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from mvops.backends.trackers.mlflow.options import Options
from mvops.backends.trackers.mlflow.words import ALIASES, ARTIFACT, OWNER, RUN, VERSION, our_numbers, seen
from mvops.contracts.trackers import Fetched, RunReport, Seen, VersionReport
from mvops.core.nearest import did_you_mean
from mvops.core.run import Run
from mvops.core.version import Version
from mvops.errors import BackendError, ConflictError

# What the user has set wins. MLflow's own patience is 7 tries of 2 minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.exceptions import MlflowException

_BATCH = 100  # of parameters or tags in one request
_LONGEST = 5000  # letters of a tag or a parameter
_STATUS = {"succeeded": "FINISHED", "failed": "FAILED"}


class Client:
    """One experiment and the model registry at one URI."""

    def __init__(self, owner: str, options: Options) -> None:
        """Nothing is asked yet."""
        self._owner = owner
        self._options = options

    def look(self, model: str) -> Seen | None:
        """As rest.look, for any database."""
        with self._asking() as client:
            found = client.search_registered_models(f"name = '{self._name(model)}'")
            if not found:
                return None
            aliases = {alias: str(version) for alias, version in found[0].aliases.items()}
            return seen(found[0].tags, aliases, self._version_tags(client, model))

    def log_run(self, report: RunReport) -> None:
        """Found again by its tag; one that was only begun is gone on with, and ended last."""
        run = report.run
        with self._asking() as client:
            experiment = self._experiment(client)
            found = _find_run(client, experiment, run.id)
            if found is None:
                found = client.create_run(experiment, _milliseconds(run.started), _tags(run, self._owner), _title(run))
            elif found.info.status != "RUNNING":
                return
            self._fill(client, found.info.run_id, report)
            ended = _milliseconds(run.finished or run.started)
            client.set_terminated(found.info.run_id, _STATUS.get(run.status, "KILLED"), ended)

    def log_version(self, report: VersionReport) -> None:
        """Registered last, so that a version that is there is whole."""
        version = report.version
        name = self._name(version.model)
        with self._asking() as client:
            self._own(client, version.model)
            if version.number in our_numbers(self._version_tags(client, version.model)).values():
                return
            run = _find_run(client, self._experiment(client), version.run)
            if run is None:
                raise BackendError(f"MLflow does not have the run {version.run} of version {version.number}")
            with tempfile.TemporaryDirectory() as folder:
                from mvops.backends.trackers.mlflow.models import write_model  # noqa: PLC0415 -- as below

                write_model(Path(folder) / "model", report)
                client.log_artifacts(run.info.run_id, f"{folder}/model", "model")
            client.create_model_version(
                name,
                f"{run.info.artifact_uri}/model",
                run.info.run_id,
                tags=_version_tags(version),
                description=f"mvops version {version.number}: {version.reason}",
            )

    def set_aliases(self, model: str, aliases: Mapping[str, int]) -> None:
        """Those that stand right are left alone."""
        name = self._name(model)
        with self._asking() as client:
            found = client.search_registered_models(f"name = '{name}'")
            if not found:
                if aliases:
                    raise BackendError(f"MLflow has no registered model {name}")
                return
            self._own(client, model)
            numbers = our_numbers(self._version_tags(client, model))
            theirs = {number: version for version, number in numbers.items()}
            for alias in ALIASES:
                there = found[0].aliases.get(alias)
                wanted = aliases.get(alias)
                if wanted is None and there is not None:
                    client.delete_registered_model_alias(name, alias)
                elif wanted is not None and wanted not in theirs:
                    raise BackendError(f"MLflow has no version {wanted} of {name} to call {alias}")
                elif wanted is not None and str(there) != theirs[wanted]:
                    client.set_registered_model_alias(name, alias, theirs[wanted])

    def fetch(self, model: str, version: str | None, folder: Path) -> Fetched:
        """The files of a version, and what its MLmodel says of them."""
        with self._asking(then="mvops import") as client:
            found = client.get_model_version(model, self._number(client, model, version))
            place = client.get_model_version_download_uri(model, str(found.version))
            # A place within the registry would be asked for at the registry of this process, not at that of `uri`.
            path = download_artifacts(artifact_uri=place, dst_path=str(folder), tracking_uri=self._options.uri)
        return _described(f"models:/{model}/{found.version}", found.run_id or "", Path(path))

    def _number(self, client: MlflowClient, model: str, version: str | None) -> str:
        """The version by its number or alias, else the newest; raise BackendError that names what there is instead."""
        there = f"MLflow at {self._options.uri} has no"
        named = client.search_registered_models(f"name = {_quoted(model)}")
        if not named:
            names = sorted(found.name for found in client.search_registered_models())
            raise BackendError(
                f"{there} model {model}{did_you_mean(model, names)}", hint=f"Models there: {_some(names)}"
            )
        found = client.search_model_versions(f"name = {_quoted(model)}")
        numbers = [str(number) for number in sorted((int(each.version) for each in found), reverse=True)]
        aliases = {name: str(number) for name, number in named[0].aliases.items()}
        number = next(iter(numbers), "") if version is None else aliases.get(version, version)
        if number not in numbers:
            called = "version" if version is None else f"version {version}" if version.isdigit() else f"alias {version}"
            known = [*numbers, *(f"@{name}" for name in sorted(aliases))]
            raise BackendError(f"{there} {called} of {model}", hint=f"Versions there: {_some(known)}")
        return number

    def _name(self, model: str) -> str:
        return f"{self._options.prefix}{model}"

    @contextmanager
    def _asking(self, then: str = "mvops apply") -> Iterator[MlflowClient]:
        """A client whose errors become ours, and that keeps its remarks to itself."""
        level = logging.getLogger("mlflow").level
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield MlflowClient(self._options.uri, self._options.uri)
        except MlflowException as error:
            first = str(error).splitlines()[0][:300]
            raise BackendError(f"MLflow at {self._options.uri}: {first}", hint=f"Then: {then}") from error
        finally:
            logging.getLogger("mlflow").setLevel(level)

    def _experiment(self, client: MlflowClient) -> str:
        name = self._options.experiment
        found = client.get_experiment_by_name(name)
        if found is None:
            place = None if self._options.is_server else self._options.artifacts
            return str(client.create_experiment(name, place))
        if found.lifecycle_stage != "active":
            raise BackendError(
                f"the experiment {name} was deleted in MLflow",
                hint=f"Restore it (mlflow experiments restore --experiment-id {found.experiment_id}), or name another: "
                "tracker.options.experiment in configs/project.yaml",
            )
        return str(found.experiment_id)

    def _own(self, client: MlflowClient, model: str) -> None:
        """Make the registered model where it is missing; raise ConflictError where it is somebody else's."""
        name = self._name(model)
        found = client.search_registered_models(f"name = '{name}'")
        if not found:
            client.create_registered_model(name, {OWNER: self._owner}, "Kept by mvops.")
        elif found[0].tags.get(OWNER) != self._owner:
            raise ConflictError(
                f"the registered model {name} in MLflow is not this project's",
                hint="Set tracker.options.prefix in configs/project.yaml, or delete that model in MLflow.",
            )

    def _version_tags(self, client: MlflowClient, model: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        token: str | None = None
        while True:
            page = client.search_model_versions(f"name = '{self._name(model)}'", page_token=token)
            found |= {str(version.version): dict(version.tags) for version in page}
            token = page.token
            if not token:
                return found

    def _fill(self, client: MlflowClient, run_id: str, report: RunReport) -> None:
        run = report.run
        when = _milliseconds(run.finished or run.started)
        finite = {name: value for name, value in run.metrics.items() if math.isfinite(value)}
        client.log_batch(run_id, metrics=[Metric(name, value, when, 0) for name, value in finite.items()])
        parameters = [Param(name, _text(value)) for name, value in sorted(run.parameters.items())]
        for start in range(0, len(parameters), _BATCH):
            client.log_batch(run_id, params=parameters[start : start + _BATCH])
        client.log_batch(run_id, tags=[RunTag(key, value) for key, value in _tags(run, self._owner).items()])
        with tempfile.TemporaryDirectory() as folder:
            for path, content in report.files.items():
                target = Path(folder) / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            if report.files:
                client.log_artifacts(run_id, folder)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return (", ".join(names[:20]) or "none") + more


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "\\'") + "'"


def _described(reference: str, run: str, folder: Path) -> Fetched:
    """Read off the file MLmodel; a path in it that leads out of the folder is no path."""
    described = folder / "MLmodel"
    try:
        said = yaml.safe_load(described.read_text(encoding="utf-8"))
        flavors = dict(said["flavors"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise BackendError(f"{reference} has no MLmodel that can be read: {error}") from error
    ours = flavors.get("sklearn")
    names = tuple(sorted(str(name) for name in flavors if name != "python_function"))
    if not isinstance(ours, dict):
        return Fetched(reference, run, names)
    file = (folder / str(ours.get("pickled_model"))).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise BackendError(f"{reference} lacks the file that its MLmodel names")
    signature = said.get("signature")
    inputs = json.loads(signature.get("inputs") or "[]") if isinstance(signature, dict) else []
    columns = tuple(str(column["name"]) for column in inputs if isinstance(column, dict) and "name" in column)
    release = ours.get("sklearn_version")
    return Fetched(reference, run, names, file, str(ours.get("serialization_format")), columns, release)


def _find_run(client: MlflowClient, experiment: str, run: str) -> Any:
    return next(iter(client.search_runs([experiment], f"tags.`{RUN}` = '{run}'", max_results=1)), None)


def _tags(run: Run, owner: str) -> dict[str, str]:
    tags = {RUN: run.id, OWNER: owner, "mvops.model": run.model, "mvops.reason": run.reason}
    tags |= {f"mvops.data.{name}": digest for name, digest in run.inputs.items()}
    if run.code is not None:
        tags |= {"mlflow.source.name": ", ".join(run.code.notebooks), "mlflow.source.type": "NOTEBOOK"}
        if run.code.commit is not None:
            tags |= {"mlflow.source.git.commit": run.code.commit, "mvops.commit": run.code.commit}
            tags["mvops.dirty"] = str(run.code.dirty).lower()
    if run.error is not None:
        tags["mvops.error"] = run.error
    return {key: value[:_LONGEST] for key, value in tags.items()}


def _version_tags(version: Version) -> dict[str, str]:
    tags = {VERSION: str(version.number), ARTIFACT: version.artifact.sha256, RUN: version.run}
    tags |= {f"mvops.data.{name}": digest for name, digest in version.data.items()}
    if version.code.commit is not None:
        tags |= {"mvops.commit": version.code.commit, "mvops.dirty": str(version.code.dirty).lower()}
    return {key: value[:_LONGEST] for key, value in tags.items()}


def _title(run: Run) -> str:
    return f"{run.model} {run.id}"


def _text(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value, default=str))[:_LONGEST]


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)
