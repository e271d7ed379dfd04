"""W&B offline, read off the files that `wandb sync` would send."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wandb_file import runs_in

pytestmark = [pytest.mark.system, pytest.mark.real("trackers", "wandb", "offline runs, decoded from their files")]


def set_up(folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    pytest.importorskip("wandb", reason="needs wandb")
    exam = request.module

    def runs() -> dict[str, Any]:
        found = runs_in(folder / "wandb").values()
        return {run.config["mvops"]["run"]: held(path, run) for path, run in found if not run.artifacts}

    def held(path: Path, run: Any) -> Any:
        about = run.config["mvops"]
        assert all((path / "files" / file).is_file() for file in run.files)
        return exam.HeldRun(
            status="succeeded" if run.exit_code == 0 else "failed",
            parameters={key: str(value) for key, value in run.config.items()},
            metrics=run.metrics,
            tags={key: str(value) for key, value in {**about, **about["data"]}.items()},
            files=frozenset(run.files),
        )

    (folder / "file").write_text("in the way")
    yield exam.Desk(
        options={"directory": str(folder / "wandb")},
        runs=runs,
        broken={"is a file": {"directory": str(folder / "file" / "wandb")}},
    )
