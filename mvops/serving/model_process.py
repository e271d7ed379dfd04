"""Asks a version's model in a process of its own, so that nothing it does takes down the endpoint or other versions.

Called with columns, as an estimator is. A model that is at it for too long is killed, one that died is replaced, in
some hundredths of a second: `model_keeper` holds the model that the next process is forked from.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from mvops.artifacts.elsewhere import environment_for_a_model
from mvops.core.version import Version
from mvops.errors import ArtifactError, MvopsError, ServingError
from mvops.serving.answers import Answers
from mvops.serving.batching import GivenUpError
from mvops.serving.messages import receive, send, send_bytes, send_rows
from mvops.serving.settings import ServiceSettings

_LOADING = 300.0  # seconds for the libraries and the model
_ENDING = 2.0  # seconds
_KINDER = 5  # by `nice`
_OFTEN = 16  # deaths one after the other, more than a poisoned row in the largest batch makes
_LONGEST_PAUSE = 10.0  # seconds until a model that keeps dying is tried again
_MODULE = f"{__package__}.model_keeper"


class ModelRaisedError(Exception):
    """What the model raised, with its traceback."""


class ModelDiedError(Exception):
    """The model's process ended over these rows; it says how."""


class ModelDownError(Exception):
    """The model's process keeps ending, and is given a pause."""


class ModelProcess:
    """A version's model. Any thread may call it; they take turns."""

    def __init__(self, version: Version, settings: ServiceSettings, data: bytes, *, kinder: bool = False) -> None:
        """`data` is what the model is loaded from; a `kinder` process gives way to others.

        Raises ArtifactError and ServingError, as loading it here would.
        """
        self._settings = settings
        self._data = data
        self._first = {
            "format": version.artifact.format,
            "sealed": bool(version.environment.interpreter),
            "signature": version.signature.model_dump_json(),
            "memory": settings.memory,
            "nice": _KINDER if kinder else 0,
        }
        self._lock = threading.Lock()
        self._keeper: _Keeper | None = None
        self._finalize: Callable[[], object] = lambda: None
        self._deaths = 0
        self._not_before = 0.0
        self._used = time.monotonic()
        self._closed = False
        self._begin()

    @property
    def trouble(self) -> str | None:
        """What is to be told of it in /health/ready."""
        return "the model's process keeps ending" if self._deaths >= _OFTEN else None

    def __call__(self, columns: Sequence[Sequence[Any]]) -> Answers:
        """Predict. `columns` are in the signature's order, as `RowReader` makes them.

        Raises ModelRaisedError, ModelDiedError, ModelDownError, and GivenUpError after the time for a prediction.
        """
        with self._lock:
            self._used = time.monotonic()
            if self._deaths >= _OFTEN and time.monotonic() < self._not_before:
                raise ModelDownError(f"the model's process ended {self._deaths} times in a row")
            found = self._asked(columns)
            self._deaths = 0
        if "error" in found:
            raise ModelRaisedError(found["error"] + "\n" + found["trace"])
        return Answers(found["predictions"], found["probabilities"], frozenset(found["bad"]))

    def rest(self, idle: float) -> None:
        """End it if it was not asked for so many seconds; it starts again when it is."""
        if self._keeper is None or time.monotonic() - self._used < idle or not self._lock.acquire(blocking=False):
            return
        try:
            self._finalize()
            self._keeper = None
        finally:
            self._lock.release()

    def close(self) -> None:
        """End it, whatever it is at; it cannot be asked any more. May be called from any thread."""
        self._closed = True
        self._finalize()

    def _asked(self, columns: Sequence[Sequence[Any]]) -> dict[str, Any]:
        until = time.monotonic() + self._settings.predict_timeout
        try:
            connection = self._connection()
            connection.settimeout(self._settings.predict_timeout)
            send_rows(connection, columns)
            found = receive(connection, until=until)
        except TimeoutError:
            self._replace()
            raise GivenUpError("the model took too long, and its process was ended") from None
        except (OSError, ValueError, MvopsError) as error:  # also where what it says is no message
            raise ModelDiedError(f"the model's process ended: {self._died() or error}") from None
        if found is None:
            raise ModelDiedError(f"the model's process ended: {self._died()}")
        return found[0]

    def _died(self) -> str:
        self._deaths += 1
        self._not_before = time.monotonic() + min(0.05 * 2 ** max(0, self._deaths - _OFTEN), _LONGEST_PAUSE)
        return self._replace()

    def _replace(self) -> str:
        """Have another process answer from now on; how the former had ended, as far as is known."""
        try:
            return self._begin()
        except (OSError, MvopsError) as error:
            return str(error)

    def _connection(self) -> socket.socket:
        if self._keeper is None or self._keeper.connection is None:
            self._begin()
        assert self._keeper is not None
        assert self._keeper.connection is not None
        return self._keeper.connection

    def _begin(self) -> str:
        if self._closed:
            raise ServingError("the model's process was ended")
        if self._keeper is None or not self._keeper.alive:
            self._finalize()
            self._keeper = _Keeper(self._first, self._data)
            self._finalize = weakref.finalize(self, self._keeper.close)
        return self._keeper.fork()


class _Keeper:
    """The process that holds the model; `connection` is that to the one that was forked last."""

    def __init__(self, first: dict[str, Any], data: bytes) -> None:
        """Raises ArtifactError and ServingError where the model cannot be loaded."""
        self.connection: socket.socket | None = None
        ours, theirs = socket.socketpair()
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        code = f"import runpy, sys; sys.path[:] = {sys.path!r}; runpy.run_module({_MODULE!r}, run_name='__main__')"
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own module
                [sys.executable, "-c", code, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**alone, **environment_for_a_model()},
                start_new_session=True,
            )
        self._control = ours
        try:
            send(ours, first)
            send_bytes(ours, data)
            found = receive(ours, until=time.monotonic() + _LOADING)
        except OSError:
            found = None
        if found is None or "error" in found[0]:
            self.close()
            if found is None:
                raise ServingError("the process that holds the model ended, or did not load it in time")
            raise _as_raised(found[0])

    @property
    def alive(self) -> bool:
        """Can it be asked for another."""
        return self._process.poll() is None

    def fork(self) -> str:
        """Connect to a new process that answers; how the former had ended.

        Raises OSError, and ServingError where the model cannot predict its own example.
        """
        self._hang_up()
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as unless_ready:
            unless_ready.enter_context(ours)
            send(self._control, {}, (theirs.fileno(),))
            theirs.close()
            until = time.monotonic() + _LOADING
            told = receive(self._control, until=until)
            ready = receive(ours, until=until)
            if told is None or ready is None:
                raise ServingError("the model's process ended when it predicted its own example")
            if "error" in ready[0]:
                raise _as_raised(ready[0])
            unless_ready.pop_all()
        self.connection = ours
        return str(told[0]["ended"])

    def close(self) -> None:
        """End it, and the one that answers."""
        self._control.close()
        try:
            self._process.wait(_ENDING)
        except subprocess.TimeoutExpired:  # it still loads
            self._process.kill()
            self._process.wait()
        self._hang_up()

    def _hang_up(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def _as_raised(told: dict[str, Any]) -> MvopsError:
    kind = ArtifactError if told["kind"] == "ArtifactError" else ServingError
    return kind(told["error"], hint=told["hint"])
