"""The console's lines are read off this process's standard error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def set_up(_folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    capture = request.getfixturevalue("capfd")

    def arrived() -> list[str]:
        said = capture.readouterr().err
        return [f"ALERT{text}" for text in said.split("ALERT")[1:]]

    yield request.module.Channel(options={}, arrived=arrived, broken={})
