"""Holds a version that answers in the shadow, in a process of its own: it can slow, fail or kill nobody else.

    python -m mvops.serving.shadow_host

Messages on standard input and output are those of `model_host`. The first one says where the version is; then each one
brings rows, and gets the answers.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson

from mvops.artifacts.model_host import receive, send
from mvops.core.version import Version
from mvops.serving.answers import Answers
from mvops.serving.problems import Problem
from mvops.serving.rows import RowReader

_LOOK = 2.0  # seconds between two looks at who started this process
_KINDER = 5  # than whoever answers callers, by `nice`


def main() -> None:
    """Answer until nobody asks any more."""
    answers, asked = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)  # what the model prints is no answer
    with contextlib.suppress(OSError):
        os.nice(_KINDER)
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()
    first = receive(asked)
    if first is None:
        return
    try:
        version = Version.model_validate(first[0]["version"])
        reader = RowReader(version.signature.columns, first[0]["max_rows"])
        estimator = _estimator(first[0], version)
    except BaseException as error:  # noqa: BLE001 -- a model may raise anything
        send(answers, {"error": f"{type(error).__name__}: {error}"})
        return
    send(answers, {"ready": True})
    while (message := receive(asked)) is not None:
        send(answers, *_asked(reader, estimator, orjson.loads(message[1])))


def _estimator(told: dict[str, Any], version: Version) -> Any:
    from mvops.artifacts.elsewhere import load_version  # noqa: PLC0415 -- as `served.py` does
    from mvops.artifacts.models import foresee_skops  # noqa: PLC0415
    from mvops.artifacts.store import ArtifactStore  # noqa: PLC0415

    foresee_skops()
    from mvops.serving.estimator import Estimator  # noqa: PLC0415

    root = Path(told["root"])
    return Estimator(load_version(ArtifactStore(told["artifacts"], root), version, root), version.signature)


def _asked(reader: RowReader, estimator: Any, rows: list[dict[str, Any]]) -> tuple[dict[str, Any], bytes]:
    try:
        found: Answers = estimator(reader.read(rows))
    except Problem as problem:
        return {"error": f"it refuses the rows: {problem.body().decode()[:500]}"}, b""
    except BaseException as error:  # noqa: BLE001 -- a model may raise anything, SystemExit too
        return {"error": f"{type(error).__name__}: {error}"[:500]}, b""
    if found.bad:
        return {"error": f"the model gave no finite number for row {min(found.bad)}"}, b""
    body = orjson.dumps({"predictions": found.predictions, "probabilities": found.probabilities})
    return {}, body


def _watch(parent: int) -> None:
    """End with whoever started us, also while the model works."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)


if __name__ == "__main__":
    main()
