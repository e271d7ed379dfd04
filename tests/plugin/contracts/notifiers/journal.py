"""The journal is read off its file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def set_up(folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    file = folder / "ALERTS.md"

    def arrived() -> list[str]:
        return file.read_text(encoding="utf-8").split("\n## ")[1:] if file.exists() else []

    yield request.module.Channel(
        options={"path": str(file)},
        arrived=arrived,
        broken={"no folder": {"path": str(folder / "nowhere" / "ALERTS.md")}, "a folder": {"path": str(folder)}},
    )
