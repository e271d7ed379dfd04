"""Estimators as bytes, and back, without running what the bytes may hold."""

from __future__ import annotations

import importlib
import io
import zipfile
from typing import Any

from mvops.artifacts.store import ArtifactStore
from mvops.artifacts.trusted import TRUSTED
from mvops.core.version import Artifact
from mvops.errors import ArtifactError

PICKLES = frozenset({"cloudpickle", "pickle"})
_ZIP = b"PK\x03\x04"


def foresee_skops() -> None:
    """For whoever will need pandas and skops: skops then takes some half a second less to import.

    It looks for each function of numpy's and scipy's in all modules, in the order in which they were imported.
    """
    importlib.import_module("scipy.special")


def dump_model(estimator: Any) -> tuple[bytes, str]:
    """A fitted estimator as skops bytes, and that format's name.

    Raises ArtifactError, naming the types, where `load_model` would refuse the result.
    """
    from skops import io as skops_io  # noqa: PLC0415  brings scikit-learn, seconds of import

    name = f"The {type(estimator).__name__}"
    try:
        data = skops_io.dumps(estimator)
    except Exception as error:
        raise ArtifactError(
            f"{name} cannot be stored as skops: {error}",
            hint="Use scikit-learn's own estimators, or functions that can be imported.",
        ) from error
    _refuse_untrusted(data, name)
    return data, "skops"


def load_model(store: ArtifactStore, artifact: Artifact, *, trusted_pickle: bool = False) -> Any:
    """The estimator in `artifact`.

    Raises ArtifactError if the artefact is missing or damaged, holds a type that is not trusted, or is a pickle and
    `trusted_pickle` is not given.
    """
    return load_bytes(
        store.read_bytes(artifact), artifact.format, f"The artefact {artifact.sha256}", trusted_pickle=trusted_pickle
    )


def load_bytes(data: bytes, kind: str, name: str = "The model", *, trusted_pickle: bool = False) -> Any:
    """The estimator in an artefact's bytes of the format `kind`; raises as `load_model`."""
    if kind == "skops":
        return load_skops(data, name)
    if kind in PICKLES:
        return load_pickle(data, name, trusted=trusted_pickle)
    raise ArtifactError(f"{name} is {kind}, which is no format of a model.")


def load_skops(data: bytes, name: str = "The file") -> Any:
    """The object in skops bytes, made of trusted types only; `name` is for the message."""
    from skops import io as skops_io  # noqa: PLC0415

    trusted = _refuse_untrusted(data, name)
    try:
        return skops_io.loads(data, trusted=trusted)
    except Exception as error:
        raise _unreadable(name, error) from error


def types_to_trust(data: bytes) -> list[str]:
    """The types in skops bytes that whoever loads them has to name; raises ArtifactError for one that we do not."""
    return sorted(_refuse_untrusted(data, "The model"))


def load_pickle(data: bytes, name: str = "The file", *, trusted: bool = False) -> Any:
    """The object in a pickle. It may run any code, so only one of this project's own making may be `trusted`."""
    if not trusted:
        raise ArtifactError(
            f"{name} is a pickle, which can run any code when it is loaded, and is not trusted here.",
            hint="Make the model again with an estimator that skops can store.",
        )
    import cloudpickle  # noqa: PLC0415

    try:
        return cloudpickle.loads(data)
    except Exception as error:
        raise ArtifactError(
            f"{name} cannot be unpickled: {error}", hint="Is every library that it needs installed, in its release?"
        ) from error


def _refuse_untrusted(data: bytes, name: str) -> list[str]:
    """The types in `data` that need our trust and have it; raises ArtifactError for any other."""
    from skops import io as skops_io  # noqa: PLC0415

    # An archive with something in front of it is no skops file, whatever the unzipper makes of it.
    if not data.startswith(_ZIP) or not zipfile.is_zipfile(io.BytesIO(data)):
        raise ArtifactError(
            f"{name} is not a skops file.", hint="It may be a pickle under a wrong name; mvops does not load it."
        )
    try:
        found = skops_io.get_untrusted_types(data=data)
    except Exception as error:
        raise _unreadable(name, error) from error
    refused = sorted(set(found) - TRUSTED)
    if refused:
        types_are = "a type" if len(refused) == 1 else "types"
        raise ArtifactError(
            f"{name} holds {types_are} that mvops does not trust: {', '.join(refused)}",
            hint="Build the model from scikit-learn's own estimators and transformers.",
        )
    return list(found)


def _unreadable(name: str, error: Exception) -> ArtifactError:
    return ArtifactError(
        f"{name} cannot be read as skops: {error}", hint="Was it written by a newer skops or scikit-learn?"
    )
