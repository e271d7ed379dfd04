"""What the model of a run was worth, remembered by the content that decides about it, as the steps' values are."""

from __future__ import annotations

import json
import math
from importlib import metadata
from pathlib import Path

from mvops.atomic import content_at, write_atomically
from mvops.core.canonical import digest
from mvops.core.run import Run
from mvops.workspace import Workspace

_FORMAT = 1
_DECIDE = ("mvops", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")  # packages whose releases do


def known_metrics(workspace: Workspace, run: Run) -> dict[str, float] | None:
    """Those of an earlier run that made the same and was judged in the same way by the same releases, if any."""
    try:
        raw = json.loads((content_at(_path(workspace, run)) or b"").decode())
        found = {str(name): float(value) for name, value in raw["metrics"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if all(map(math.isfinite, found.values())) else None


def keep_metrics(workspace: Workspace, run: Run) -> None:
    """Remember the run's metrics, if it has any."""
    if not run.metrics:
        return
    content = json.dumps({"format_version": _FORMAT, "metrics": run.metrics}, indent=1)
    write_atomically(_path(workspace, run), content.encode())


def _path(workspace: Workspace, run: Run) -> Path:
    key = digest(
        {
            "format": _FORMAT,
            "outputs": {role: [artifact.sha256, artifact.format] for role, artifact in run.outputs.items()},
            "sources": {path: artifact.sha256 for path, artifact in run.sources.items()},  # classes of the estimator
            "evaluate": workspace.model(run.model).evaluate.model_dump(mode="json"),
            "interpreter": run.interpreter,
            "there": run.packages,
            "here": {name: _release(name) for name in _DECIDE},
        }
    )
    return workspace.cache / "evaluations" / f"{key}.json"


def _release(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
