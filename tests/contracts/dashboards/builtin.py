"""A layout is read as `mvops dashboard` reads it; what the page shows of it is in tests/cli/test_dashboard.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mvops.core.layout import layout_file
from mvops.usecases.overview import read_layout


def set_up(folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    def shown(files: Mapping[str, str]) -> set[str]:
        ((name, text),) = files.items()
        path = folder / layout_file(name.removesuffix(".yaml"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return set(read_layout(folder, path.stem).panels)

    yield request.module.Reader(
        shown=shown,
        options={"days": 3, "panels": ["alerts", "traffic"]},
        broken={
            "days": {"days": 0},
            "panels": {"panels": []},
            "panels.0": {"panels": ["s3cr3t"]},
        },
    )
