"""Which artefacts that run code this project made itself: a seal by a key that never leaves it.

The key is made when it is first needed, in `.mvops/model.key`. Where the project's folder is not at hand, the
environment variable MVOPS_MODEL_KEY holds the same text.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from mvops.atomic import write_atomically
from mvops.core.version import Artifact
from mvops.errors import ArtifactError

_VARIABLE = "MVOPS_MODEL_KEY"


def seal(root: Path, artifact: Artifact) -> str:
    """The seal of an artefact that a run of this project has just made."""
    return _sealed(project_key(root), artifact)


def project_key(root: Path) -> str:
    """The project's key; made where there is none. Raises OSError."""
    if not (key := _key(root)):
        draft = _file(root).with_name(f"model.key.{secrets.token_hex(4)}")
        write_atomically(draft, secrets.token_hex(32).encode(), mode=0o600)
        with suppress(FileExistsError):  # somebody else was faster, and theirs is the one
            os.link(draft, _file(root))
        draft.unlink()
        key = _key(root)
    return key


def check_seal(root: Path, artifact: Artifact, said: str) -> None:
    """Raise ArtifactError unless `said` is what this project sealed the artefact with."""
    key = _key(root)
    if not key:
        raise ArtifactError(
            "this model runs code when it is loaded, and the project's key, which says who made it, is not here",
            hint=f"Copy {_file(root)} from where it was trained, or put its text into {_VARIABLE}.",
        )
    if not hmac.compare_digest(_sealed(key, artifact), said):
        raise ArtifactError(
            f"the model {artifact.sha256[:12]} runs code when it is loaded, and this project's key did not seal it",
            hint="Was it trained by another project, or was the registry changed? Train it here: mvops retrain --force",
        )


def _sealed(key: str, artifact: Artifact) -> str:
    return hmac.new(key.encode(), f"{artifact.format} {artifact.sha256}".encode(), hashlib.sha256).hexdigest()


def _key(root: Path) -> str:
    said = os.environ.get(_VARIABLE)
    if said:
        return said.strip()
    file = _file(root)
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""


def _file(root: Path) -> Path:
    return root / ".mvops" / "model.key"
