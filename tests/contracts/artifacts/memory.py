"""fsspec's memory: a store that is neither this machine's disk nor S3."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest


def set_up(folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    url = f"memory://{uuid.uuid4().hex}"
    fs, path = fsspec.url_to_fs(url)

    def kept() -> dict[str, bytes]:
        found = fs.find(path) if fs.exists(path) else []
        return {name.removeprefix(f"{path}/"): fs.cat_file(name) for name in found}

    yield request.module.Place(
        url=url,
        root=folder,
        kept=kept,
        replace=lambda key, data: fs.pipe_file(f"{path}/{key}", data),
    )
    if fs.exists(path):
        fs.rm(path, recursive=True)
