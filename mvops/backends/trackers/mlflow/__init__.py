"""MLflow as the tracker: runs in an experiment, versions in its model registry with champion and challenger."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mvops.backends.trackers.mlflow import database, rest
from mvops.backends.trackers.mlflow.options import read_options
from mvops.contracts.trackers import Books, Fetched, RunReport, Seen, VersionReport
from mvops.errors import BackendError, MissingExtraError

# Found, not imported: that takes seconds, which a plan against a server is spared.
try:
    _found = importlib.util.find_spec("mlflow")
except ImportError:
    _found = None
if _found is None:
    raise MissingExtraError("The tracker 'mlflow'", "mlflow")


class Mlflow:
    """Options: `uri` (a server or a database), `experiment`, `prefix`, `artifacts`."""

    external = True

    def look(self, books: Books, model: str) -> Seen | None:
        """The registered model's owner, versions and aliases; where it can be, without importing MLflow."""
        options = read_options(books)
        name = f"{options.prefix}{model}"
        if options.is_server:
            return rest.look(options.uri, name)
        if options.file is not None:
            with suppress(database.UnknownTablesError):
                return database.look(options.file, name)
        found: Seen | None = _client(books).look(model)
        return found

    def log_run(self, books: Books, report: RunReport) -> None:
        """A run with parameters, metrics, tags, notebooks and plots."""
        _client(books).log_run(report)

    def log_version(self, books: Books, report: VersionReport) -> None:
        """The model as MLflow's scikit-learn flavour, in the run's artefacts and in the model registry."""
        _client(books).log_version(report)

    def set_aliases(self, books: Books, model: str, aliases: Mapping[str, int]) -> None:
        """On the registered model."""
        _client(books).set_aliases(model, aliases)

    def fetch(self, books: Books, model: str, version: str | None, folder: Path) -> Fetched:
        """Any version in the model registry, whoever registered it; `prefix` does not stand before its name."""
        file = read_options(books).file
        if file is not None and not file.is_file():  # MLflow's client would make it
            raise BackendError(f"there is no MLflow database {file}", hint="Say where it is: --uri sqlite:///FILE")
        fetched: Fetched = _client(books).fetch(model, version, folder)
        return fetched


def _client(books: Books) -> Any:
    options = read_options(books)
    if options.is_server:
        rest.knock(options.uri)  # a few seconds at most; MLflow's own client would try for minutes
    return importlib.import_module("mvops.backends.trackers.mlflow.client").Client(books.owner, options)
