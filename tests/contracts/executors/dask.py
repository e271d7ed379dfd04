"""A `dask scheduler` and two `dask worker`, reached by address; more is in tests/backends/executors/test_dask.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.system,
    pytest.mark.real("executors", "dask", "a scheduler with two workers, reached by address"),
]


def set_up(folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    pytest.importorskip("distributed", reason="needs dask[distributed]")
    from closed_doors import not_mlflow, silent
    from dask_cluster import cluster

    with cluster(folder) as real, silent() as deaf, not_mlflow() as other:
        yield request.module.Crew(
            options={"address": real.address},
            broken={
                "is gone": {"address": "tcp://127.0.0.1:1"},
                "never answers": {"address": deaf.replace("http", "tcp")},
                "is another program": {"address": other.replace("http", "tcp")},
            },
        )
