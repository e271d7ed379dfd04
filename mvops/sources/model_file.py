"""A model's file on disk: skops, or a pickle such as joblib's where somebody says that it is trusted."""

from __future__ import annotations

import io
from typing import Any

from mvops.core.naming import suggest_name
from mvops.errors import ArtifactError
from mvops.sources.estimators import Original, taken
from mvops.sources.source import Asked, Taken, file_of, shown
from mvops.workspace import Workspace

_PICKLES = (".joblib", ".pkl", ".pickle", ".joblib.gz", ".pkl.gz", ".joblib.z")


class ModelFileSource:
    """What it is, is said by its name; what is in it, only once it was looked through."""

    looks_like = "MODEL.skops, or MODEL.joblib or MODEL.pkl with --trust-pickle"

    def recognises(self, asked: Asked, workspace: Workspace) -> bool:
        """By its name."""
        return asked.source.endswith((".skops", *_PICKLES)) and file_of(asked, workspace) is not None

    def take(self, asked: Asked, workspace: Workspace) -> Taken:
        """Read the file."""
        path = file_of(asked, workspace)
        assert path is not None
        plain = next((path.name.removesuffix(end) for end in _PICKLES if path.name.endswith(end)), path.stem)
        where = shown(path, workspace)
        original = Original(
            name=suggest_name(plain),
            source=where,
            data=path.read_bytes(),
            format="skops" if path.suffix == ".skops" else "pickle",
            description=f"imported from {path.name}",
        )
        return taken(original, asked, workspace, lambda data: _unpickled(data, where))


def _unpickled(data: bytes, name: str) -> Any:
    """With joblib, which reads what it wrote, compressed or not, and plain pickles."""
    import joblib  # noqa: PLC0415 -- takes as long as NumPy

    try:
        return joblib.load(io.BytesIO(data))
    except Exception as error:
        raise ArtifactError(
            f"{name} cannot be unpickled: {error}", hint="Is every library that it needs installed, in its release?"
        ) from error
