"""Keeps a version's model in a process of its own, and forks from it the one that answers.

    python -m mvops.serving.model_keeper HANDLE

HANDLE is that of a connected Unix socket. The first messages on it are what the model is, and its bytes; the answer,
that it was loaded, or why not. Then each message brings a connection: the process that answered so far is killed, and a
new one answers on this; the reply says how the former had ended. What it answers and how is `answer`.

A model may crash, hang or take all memory: that ends the one that answers, and another is there as fast as a process is
forked. This one only loads, for a library that has computed may hang in a child. It ends, and its child with it, when
the socket is closed: that is when its owner is gone. Signals that are sent to all processes of a service end neither.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys
import traceback
from typing import Any

from mvops.core.signature import Signature
from mvops.errors import MvopsError
from mvops.serving.messages import receive, receive_bytes, receive_rows, send

_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def keep(control: socket.socket) -> None:
    """Load what the first message says, then have somebody answer until nobody asks any more."""
    first, _ = receive(control) or ({}, ())
    data = receive_bytes(control)
    if not first or data is None:
        return
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    try:
        model = _load(data, first["format"], sealed=first["sealed"])
    except Exception as error:  # noqa: BLE001  any library may raise anything when a model is loaded
        send(control, _told(error))
        return
    signature = Signature.model_validate_json(first["signature"])
    send(control, {"loaded": True})
    child = 0
    while (message := receive(control, handles=1)) is not None:
        ended = _end(child)
        connection = socket.socket(fileno=message[1][0])
        child = os.fork()
        if child == 0:
            control.close()
            os.setsid()
            os.nice(first["nice"])
            _limit(first["memory"])
            answer(connection, model, signature)
            os._exit(0)
        connection.close()
        send(control, {"ended": ended})
    _end(child)


def answer(connection: socket.socket, model: Any, signature: Signature) -> None:
    """Say that the model predicts its own example, or what it raises then; then answer for rows, until the end.

    A message is the columns of some rows; the answer their predictions, or what the model raised.
    """
    from mvops.serving.estimator import Estimator  # noqa: PLC0415 -- pandas and scikit-learn

    try:
        estimator = Estimator(model, signature)
    except Exception as error:  # noqa: BLE001  any model may raise anything
        send(connection, _told(error))
        return
    send(connection, {"ready": True})
    while (columns := receive_rows(connection)) is not None:
        try:
            answers = estimator(columns)
            found: dict[str, Any] = {
                "predictions": answers.predictions,
                "probabilities": answers.probabilities,
                "bad": sorted(answers.bad),
            }
        except BaseException as error:  # noqa: BLE001  also SystemExit
            found = {"error": f"{type(error).__name__}: {error}"[:2000], "trace": traceback.format_exc()[-20_000:]}
        send(connection, found)


def _load(data: bytes, kind: str, *, sealed: bool) -> Any:
    # These bring scikit-learn and pandas, which only a process that loads a model needs.
    from mvops.artifacts.models import foresee_skops, load_bytes  # noqa: PLC0415

    foresee_skops()
    import mvops.serving.estimator  # noqa: F401, PLC0415 -- once for all that are forked

    return load_bytes(data, kind, trusted_pickle=sealed)


def _told(error: Exception) -> dict[str, Any]:
    if isinstance(error, MvopsError):
        return {"error": error.message, "hint": error.hint, "kind": type(error).__name__}
    return {"error": f"{type(error).__name__}: {error}"[:2000], "hint": None, "kind": ""}


def _limit(memory: int | None) -> None:
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _end(child: int) -> str:
    """End it and all that it started; how it had ended before, in words."""
    if not child:
        return ""
    ended, status = os.waitpid(child, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if not ended:
        os.waitpid(child, 0)
        return ""
    if os.WIFSIGNALED(status):
        return f"it was killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"it ended with exit code {os.WEXITSTATUS(status)}"


if __name__ == "__main__":
    with contextlib.suppress(OSError):  # the owner is gone
        keep(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)  # to take all that was imported down in order takes longer
