"""What the YAML may say under `tracker.options` for MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError

from mvops.contracts.trackers import Books
from mvops.core.environment import hidden_folder
from mvops.core.frozen import Frozen
from mvops.errors import SpecError

_KEY = "tracker.options"


def _check_uri(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.password or (parts.scheme in {"http", "https"} and parts.username):
        raise ValueError(
            "it holds credentials, which would be shown in plans: take them out and set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD in the environment"
        )
    if parts.scheme not in {"http", "https", "sqlite", "postgresql", "mysql", "mssql"}:
        raise ValueError("write an MLflow server, such as http://127.0.0.1:5000, or a database: sqlite:///mlflow.db")
    return uri


class Options(Frozen):
    """`experiment` is the project's name if left out; `prefix` stands before a model's name in MLflow's registry.

    In an environment such as staging, `prefix` is `staging-` if left out.
    `artifacts` is where files go when `uri` is a database; with a server, the server decides.
    """

    uri: Annotated[str, AfterValidator(_check_uri)]
    experiment: str = ""
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_. -]*$")] = ""
    artifacts: str = ".mvops/mlflow/artifacts"

    @property
    def is_server(self) -> bool:
        """A server over HTTP, as opposed to a database that is opened in this process."""
        return urlsplit(self.uri).scheme in {"http", "https"}

    @property
    def file(self) -> Path | None:
        """The database's file, where it is SQLite."""
        scheme, _, path = self.uri.partition(":///")
        return Path(path.partition("?")[0]) if scheme == "sqlite" and path else None


def _usual(books: Books) -> dict[str, str]:
    """What differs in an environment, so that one server can hold them all."""
    if books.environment is None:
        return {"experiment": books.project}
    artifacts = f"{hidden_folder(books.environment)}/mlflow/artifacts"
    return {"experiment": books.project, "prefix": f"{books.environment}-", "artifacts": artifacts}


def read_options(books: Books) -> Options:
    """The options, checked, with relative paths made absolute. Raises SpecError that names the key."""
    try:
        options = Options.model_validate(_usual(books) | books.options)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join([_KEY, *(str(part) for part in first["loc"])])
        said = first["msg"].removeprefix("Value error, ")
        raise SpecError(
            f"configs/project.yaml: {key}: {said}", hint=f"MLflow takes {', '.join(Options.model_fields)}"
        ) from None  # pydantic's own text repeats the value, which may hold a password
    changed = {"uri": options.uri.rstrip("/")}
    scheme, _, path = options.uri.partition(":///")
    if scheme == "sqlite" and path and not path.startswith("/"):
        changed["uri"] = f"sqlite:///{books.root.resolve() / path}"
    if "://" not in options.artifacts:
        changed["artifacts"] = (books.root.resolve() / options.artifacts).as_uri()
    return options.model_copy(update=changed)
