"""The flights example: its replay as a module, and an endpoint's double that keeps what it was asked."""

from __future__ import annotations

import http.server
import importlib.util
import itertools
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mvops import assets

REPLAY = assets.templates() / "examples" / "flights" / "replay.py"


class Double(http.server.ThreadingHTTPServer):
    """Answers like an endpoint. `answer` may be replaced: path, body, number of the request -> status and body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answered = 0
        self.numbers = itertools.count()
        self.guard = threading.Lock()
        self.answer: Callable[[str, dict[str, Any], int], tuple[int, Any]] = self.well

    def well(self, path: str, body: dict[str, Any], number: int) -> tuple[int, Any]:
        if path == "/outcomes":
            return 200, {"accepted": len(body["outcomes"])}
        ids = [f"p{number}-{row}" for row in range(len(body["rows"]))]
        return 200, {"predictions": [0] * len(ids), "prediction_ids": ids, "model_version": 1}

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for asked, body in self.asked if asked == path]

    def rows(self) -> list[dict[str, Any]]:
        return [row for body in self.bodies("/predict") for row in body["rows"]]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Double

    def do_GET(self) -> None:
        self._send(200, {"ready": True})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.guard:
            self.server.asked.append((self.path, body))
            number = next(self.server.numbers)
        status, answer = self.server.answer(self.path, body, number)
        with self.server.guard:
            self.server.answered += len(answer.get("predictions", [])) if isinstance(answer, dict) else 0
        self._send(status, answer)

    def _send(self, status: int, answer: Any) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def double() -> Iterator[Double]:
    server = Double()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("flights_replay", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tables() -> tuple[Any, Any]:
    """Flights and weather as replay.py loads them: the whole year."""
    return _module(REPLAY).load()


@pytest.fixture(scope="session")
def spring(tables: tuple[Any, Any]) -> tuple[Any, Any]:
    """The same from March to May, which is quicker to prepare."""
    flights, weather = (table[table["month"].between(3, 5)] for table in tables)
    return flights, weather


@pytest.fixture
def replay(tmp_path: Path, spring: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """replay.py as it lies in a project, with the flights of the spring."""
    shutil.copy(REPLAY, tmp_path / "replay.py")
    module = _module(tmp_path / "replay.py")
    monkeypatch.setattr(module, "load", lambda: spring)
    return module
