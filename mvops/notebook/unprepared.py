"""What a run of a promoted notebook says where its rows could not be prepared one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mvops.core.run import StepRun
from mvops.notebook.results import Store

SAYS = "Rows cannot be prepared one by one as they were together:"


def about_unprepared(notebooks: Iterable[Path], steps: Iterable[StepRun], store: Store) -> str | None:
    """The sentence for people, or None where all is well; `steps` are those of a run of the promoted `notebooks`."""
    if not any(SAYS.encode() in notebook.read_bytes() for notebook in notebooks):
        return None
    for sha256 in filter(None, (step.notebook for step in steps)):
        record = store.read_bytes(sha256)
        if SAYS.encode() in record:
            why = next(_said(json.loads(record)["cells"]), None)
            if why is not None:
                return f"{SAYS} {why}. The endpoint takes them as they are prepared"
    return None


def _said(cells: Iterable[dict[str, Any]]) -> Iterator[str]:
    for cell in cells:
        for output in cell.get("outputs", ()):
            for line in "".join(output.get("text", "")).split("\n"):
                if line.startswith(SAYS):
                    yield line.removeprefix(SAYS).strip().rstrip(".")
