"""A folder of the project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real("artifacts", "folder", "a folder")


def set_up(folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    place = folder / "artifacts"

    def kept() -> dict[str, bytes]:
        return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}

    yield request.module.Place(
        url="artifacts",
        root=folder,
        kept=kept,
        replace=lambda key, data: (place / key).write_bytes(data),
    )
