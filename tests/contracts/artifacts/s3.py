"""A bucket on a moto server in a process of its own, which asks for a key and checks signatures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from s3 import s3_server

pytestmark = [pytest.mark.system, pytest.mark.real("artifacts", "s3", "moto's S3 server with signed requests")]


def set_up(folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for key, value in server.environment.items():
            patch.setenv(key, value)
        yield request.module.Place(
            url=f"s3://{server.bucket}/models",
            root=folder,
            kept=lambda: {key.removeprefix("models/"): data for key, data in server.objects("models/").items()},
            replace=lambda key, data: server.put(f"models/{key}", data),
        )
