"""A version in MLflow's registry, brought by the tracker `mlflow`."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from mvops.artifacts.models import load_pickle
from mvops.contracts.trackers import Fetched, ModelSource
from mvops.core.naming import suggest_name
from mvops.errors import ArtifactError, UsageError
from mvops.sources.estimators import Original, taken
from mvops.sources.source import Asked, Taken
from mvops.workspace import Workspace, tracker_books

_BEGINS = ("models:", "mlflow:")
_REFERENCE = re.compile(r"(?:models:/|mlflow:(?://)?)(?P<model>[^/@]+)(?:/(?P<version>[0-9]+)|@(?P<alias>[^/@]+))?")


class MlflowModelSource:
    """Nothing of it is loaded before it is known to be scikit-learn's."""

    looks_like = "models:/NAME/VERSION, models:/NAME@ALIAS or models:/NAME, of MLflow's registry"

    def recognises(self, asked: Asked, workspace: Workspace) -> bool:
        """By its first word."""
        del workspace
        return asked.source.startswith(_BEGINS)

    def take(self, asked: Asked, workspace: Workspace) -> Taken:
        """Fetch the version and read it."""
        found = _REFERENCE.fullmatch(asked.source)
        if found is None:
            raise UsageError(
                f"{asked.source} names no model",
                hint="Write models:/NAME/VERSION or models:/NAME@ALIAS, of MLflow's registry.",
            )
        with tempfile.TemporaryDirectory() as folder:
            fetched = _fetch(workspace, found, asked.uri, Path(folder))
            if fetched.file is None:
                flavors = ", ".join(fetched.flavors) or "nothing known"
                raise ArtifactError(
                    f"{fetched.reference} is no model of scikit-learn, but of {flavors}",
                    hint="Only MLflow's flavor sklearn is imported. Make a notebook of it: mvops promote",
                )
            original = Original(
                name=suggest_name(found["model"]),
                source=fetched.reference,
                data=fetched.file.read_bytes(),
                format=fetched.format,
                description=f"imported from MLflow: {found['model']}",
                made_by=f" of run {fetched.run}" if fetched.run else "",
                columns=fetched.columns,
                release=fetched.release,
            )
        return taken(
            original, asked, workspace, lambda data: load_pickle(data, fetched.reference, trusted=asked.trust_pickle)
        )


def _fetch(workspace: Workspace, found: re.Match[str], uri: str | None, folder: Path) -> Fetched:
    tracker = workspace.project.tracker
    options = dict(tracker.options) if tracker.backend == "mlflow" else {}
    if uri is not None:
        options["uri"] = uri
    if "uri" not in options:
        raise UsageError(
            "it is not said where MLflow is", hint="Say it: --uri http://HOST:PORT, or tracker: {backend: mlflow, ...}"
        )
    source: ModelSource = workspace.backend("trackers", "mlflow")
    return source.fetch(tracker_books(workspace, options), found["model"], found["version"] or found["alias"], folder)
