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


def load_version(store: ArtifactStore, version: Version, root: Path) -> Any:
    """The estimator of a version, here or in the Python that it was made in.

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
        return load_elsewhere(store, version.artifact, python, wanted)
    except _OtherReleasesError as error:
        made = f"is not what version {version.number} of {version.model} was made in"
        raise ArtifactError(f"{python} {made}: it has {error}", hint=_make(version.model)) from None


class _OtherReleasesError(Exception):
    """What there is instead."""


def load_elsewhere(
    store: ArtifactStore, artifact: Artifact, python: Path, wanted: Mapping[str, str] | None = None
) -> Hosted:
    """The model in the interpreter at `python`, which runs what its bytes hold. Raises ArtifactError."""
    first = {"format": artifact.format, "wanted": dict(wanted or {})}
    return _hosted(_Host(python, first, store.read_bytes(artifact)))


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

    def __init__(self, python: Path, first: Mapping[str, Any], data: bytes) -> None:
        self.python = python
        self._first = first
        self._data = data
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        """What the model is. Raises ArtifactError where it cannot be loaded there."""
        environment = {n: v for n, v in os.environ.items() if n in _KEPT or n.startswith(_KEPT_KINDS)}
        command = [str(self.python), str(model_host.__file__), str(tables.__file__)]
        try:
            process = subprocess.Popen(  # noqa: S603  the interpreter that the YAML names
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise ArtifactError(
                f"the model can only be loaded by {self.python}, which does not start: {error.strerror}",
                hint=f"Make that environment again, or say where it is on this machine in {PYTHON}.",
            ) from error
        weakref.finalize(self, _end, process)
        self._process = process
        found = self._exchange(self._first, self._data)
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
        """An array. Raises RuntimeError with what the model raised, or why there is no answer."""
        import numpy as np  # noqa: PLC0415

        table = tables.dump_table(frame)
        with self._lock:
            if self._process is None:
                self.start()
            found = self._exchange({"method": method}, table)
            if found is None:
                self._give_up()
                raise RuntimeError(f"the process of the model ended, or did not answer within {_LONGEST:g} seconds")
        header, body = found
        if "error" in header:
            raise RuntimeError(header["error"])
        if "objects" not in header:
            return np.load(io.BytesIO(body), allow_pickle=False)
        objects = np.empty(len(header["objects"]), dtype=object)
        objects[:] = header["objects"]
        return objects.reshape(header["shape"])

    def _exchange(self, header: Mapping[str, Any], body: bytes) -> tuple[dict[str, Any], bytes] | None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        try:
            model_host.send(process.stdin, header, body)
            in_time = sys.platform == "win32" or select.select([process.stdout], [], [], _LONGEST)[0]
            return model_host.receive(process.stdout) if in_time else None
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
    from importlib import metadata  # noqa: PLC0415

    ours = {name: metadata.version(name) for name in _SAME}
    theirs = environment.packages
    return (
        artifact.format == "skops"
        and theirs.get("scikit-learn") == ours["scikit-learn"]
        and (theirs.get("numpy", "").partition(".")[0] == ours["numpy"].partition(".")[0])
    )


def _make(model: str) -> str:
    file = f"deploy/serving/{model}/model-requirements.txt"
    return f"Make it anew from {file}, or say where it is on this machine in {PYTHON}."
