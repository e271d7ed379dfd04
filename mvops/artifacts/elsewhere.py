"""A model that only another Python can load, as an estimator here: it stays there, and is asked through a pipe."""

from __future__ import annotations

import io
import os
import select
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import partialmethod
from pathlib import Path
from typing import Any, cast

from mvops.artifacts import model_host, tables
from mvops.artifacts.models import load_model
from mvops.artifacts.seals import check_seal
from mvops.artifacts.store import ArtifactStore
from mvops.core.version import OWN, Artifact, Environment, Version
from mvops.errors import ArtifactError

PYTHON = "MVOPS_MODEL_PYTHON"  # the variable that says where the interpreter is on this machine
_LONGEST = 300.0  # seconds for an answer
_SAME = ("scikit-learn", "numpy")  # whose releases decide whether a model can be loaded, and means the same
_KEPT = {"HOME", "LANG", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LD_LIBRARY_PATH", "USERPROFILE"}
_KEPT_KINDS = ("BLAS_", "CONDA_", "CUDA_", "LC_", "MKL_", "OMP_", "OPENBLAS_", "PYTHON")


def load_version(store: ArtifactStore, version: Version, root: Path, longest: float = _LONGEST) -> Any:
    """The estimator of a version, here or in the Python that it was made in, which has `longest` seconds to answer.

    Raises ArtifactError for what `load_model` refuses, for a model of another Python that this project did not seal,
    and where that Python is missing or has other packages.
    """
    environment = version.environment
    if not environment.interpreter:
        return load_model(store, version.artifact)
    check_seal(root, version.artifact, version.seal)
    python = Path(os.environ.get(PYTHON) or root / environment.interpreter)
    if environment.interpreter == OWN:
        python = Path(sys.executable)
    wanted = {name: environment.packages[name] for name in _SAME if name in environment.packages}
    try:
        return load_elsewhere(store, version.artifact, python, wanted, longest)
    except _OtherReleasesError as error:
        raise _other_releases(python, version, error) from None


def bytes_for_here(store: ArtifactStore, version: Version, root: Path) -> bytes:
    """What a version that this Python made is loaded from, in a process of its own.

    Raises ArtifactError for what is missing or damaged, for a pickle that this project did not seal, and where what it
    was made with is here in another release.
    """
    environment = version.environment
    if environment.interpreter:
        check_seal(root, version.artifact, version.seal)
        there = {name: environment.packages[name] for name in _SAME if name in environment.packages}
        other = [f"{name} {_here(name)}, not {release}" for name, release in there.items() if _here(name) != release]
        if other:
            raise _other_releases(Path(sys.executable), version, ", ".join(other))
    return store.read_bytes(version.artifact)


def _here(name: str) -> str:
    from importlib import metadata  # noqa: PLC0415

    return metadata.version(name)


def _other_releases(python: Path, version: Version, has: object) -> ArtifactError:
    made = f"is not what version {version.number} of {version.model} was made in"
    return ArtifactError(f"{python} {made}: it has {has}", hint=_make(version.model))


def environment_for_a_model() -> dict[str, str]:
    """The environment variables of a process in which a model runs: no secrets of ours."""
    return {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_KINDS)}


class NoAnswerError(RuntimeError):
    """The model did not answer in time; its process was ended."""


class _OtherReleasesError(Exception):
    """What there is instead."""


def load_elsewhere(
    store: ArtifactStore,
    artifact: Artifact,
    python: Path,
    wanted: Mapping[str, str] | None = None,
    longest: float = _LONGEST,
) -> Hosted:
    """The model in the interpreter at `python`, which runs what its bytes hold. Raises ArtifactError."""
    first = {"format": artifact.format, "wanted": dict(wanted or {})}
    return _hosted(_Host(python, first, store.read_bytes(artifact), longest))


class Hosted:
    """An estimator whose process is another's. It has the methods of the model, and the name of its type."""

    def __init__(self, host: _Host, about: Mapping[str, Any]) -> None:
        self._host = host
        self.environment = Environment(
            python=about["python"],
            platform=about["platform"],
            packages=about["packages"],
            interpreter=str(host.python),
        )
        if about["classes"] is not None:
            self.classes_ = about["classes"]
        if about["names"] is not None:
            self.feature_names_in_ = about["names"]

    def predict(self, frame: Any) -> Any:
        """Raises RuntimeError with what the model raised."""
        return self._host.ask("predict", frame)


def _hosted(host: _Host) -> Hosted:
    about = host.start()
    methods: dict[str, Any] = {}
    for name in set(about["methods"]) - {"predict"}:
        methods[name] = partialmethod(_ask, name)
    return cast("Hosted", type(about["type"], (Hosted,), methods)(host, about))


def _ask(hosted: Hosted, method: str, frame: Any) -> Any:
    return hosted._host.ask(method, frame)  # noqa: SLF001  a method of its own


class _Host:
    """The process. When it is gone, the next question starts another; any thread may ask, they take turns."""

    def __init__(self, python: Path, first: Mapping[str, Any], data: bytes, longest: float) -> None:
        self.python = python
        self._longest = longest
        self._first = first
        self._data = data
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        """What the model is. Raises ArtifactError where it cannot be loaded there."""
        command = [str(self.python), str(model_host.__file__), str(tables.__file__)]
        try:
            process = subprocess.Popen(  # noqa: S603  the interpreter that the YAML names
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment_for_a_model(),
                start_new_session=True,
            )
        except OSError as error:
            raise ArtifactError(
                f"the model can only be loaded by {self.python}, which does not start: {error.strerror}",
                hint=f"Make that environment again, or say where it is on this machine in {PYTHON}.",
            ) from error
        weakref.finalize(self, _end, process)
        self._process = process
        try:
            found = self._exchange(self._first, self._data, _LONGEST)
        except NoAnswerError:
            found = None
        if found is not None and "other" in found[0]:
            self._give_up()
            raise _OtherReleasesError(", ".join(found[0]["other"]))
        if found is None or "error" in found[0]:
            self._give_up()
            said = found[0]["error"] if found else "its process ended"
            raise ArtifactError(
                f"the model cannot be loaded by {self.python}: {said}",
                hint="Is every library that it needs installed there, in its release?",
            )
        return found[0]

    def ask(self, method: str, frame: Any) -> Any:
        """An array. Raises NoAnswerError, and RuntimeError with what the model raised or how its process ended."""
        import numpy as np  # noqa: PLC0415

        table = tables.dump_table(frame)
        with self._lock:
            if self._process is None:
                self.start()
            try:
                found = self._exchange({"method": method}, table, self._longest)
            except NoAnswerError:
                self._give_up()
                raise
            if found is None:
                self._give_up()
                raise RuntimeError("the process of the model ended")
        header, body = found
        if "error" in header:
            raise RuntimeError(header["error"])
        if "objects" not in header:
            return np.load(io.BytesIO(body), allow_pickle=False)
        objects = np.empty(len(header["objects"]), dtype=object)
        objects[:] = header["objects"]
        return objects.reshape(header["shape"])

    def _exchange(self, header: Mapping[str, Any], body: bytes, longest: float) -> tuple[dict[str, Any], bytes] | None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        try:
            model_host.send(process.stdin, header, body)
            if sys.platform != "win32" and not select.select([process.stdout], [], [], longest)[0]:
                raise NoAnswerError(f"the model did not answer within {longest:g} seconds")
            return model_host.receive(process.stdout)
        except (OSError, ValueError):
            return None

    def _give_up(self) -> None:
        if self._process is not None:
            _end(self._process)
        self._process = None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    process.wait()


def loads_here(environment: Environment, artifact: Artifact) -> bool:
    """Can a model that was made there be loaded in this Python, and mean the same."""
    ours = {name: _here(name) for name in _SAME}
    theirs = environment.packages
    return (
        artifact.format == "skops"
        and theirs.get("scikit-learn") == ours["scikit-learn"]
        and (theirs.get("numpy", "").partition(".")[0] == ours["numpy"].partition(".")[0])
    )


def _make(model: str) -> str:
    file = f"deploy/serving/{model}/model-requirements.txt"
    return f"Make it anew from {file}, or say where it is on this machine in {PYTHON}."
