"""The schemas in an editor: the language server of VS Code's YAML extension, spoken to as VS Code does."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from mvops import assets
from mvops.usecases.init import init
from mvops.usecases.schema import write_schemas

pytestmark = pytest.mark.system
FILES = {"project": "configs/project.yaml", "model": "configs/models/late_arrival.yaml"}
FILES |= {"features": "configs/features/carrier_delays.yaml", "env": "configs/env/staging.yaml"}
OVERLAY = "models:\n  late_arrival:\n    endpoint: {port: 8100}\n    monitor: {every: 6h, alerts: [ops]}\n"


class Editor:
    """One language server, over standard input and output."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._limit = threading.Timer(60, self._process.kill)  # a silent server is no reason to wait
        self._limit.start()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout
        self._number = 0
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self._send({"method": "initialized", "params": {}})
        yaml = {"validate": True, "completion": True, "schemaStore": {"enable": False}}
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": {"yaml": yaml}}})

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        return self._until(lambda message: message.get("id") == self._number and "method" not in message)["result"]

    def diagnostics(self, path: Path) -> list[tuple[int, str]]:
        """Of the file as it is: the line (1-based) and the sentence."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": path.read_text()}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        found = self._until(
            lambda message: (
                message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == path.as_uri()
            )
        )
        return [(each["range"]["start"]["line"] + 1, each["message"]) for each in found["params"]["diagnostics"]]

    def completions(self, path: Path, line: int, column: int) -> set[str]:
        """What it offers at a place (1-based) of a file that is open."""
        where = {"textDocument": {"uri": path.as_uri()}, "position": {"line": line - 1, "character": column - 1}}
        return {item["label"] for item in self.ask("textDocument/completion", where)["items"]}

    def close(self) -> None:
        self._limit.cancel()
        self._process.kill()
        self._process.communicate()

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._to.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self._to.flush()

    def _until(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        for _ in range(1000):
            message = self._read()
            if fits(message):
                return message
            if "id" in message and "method" in message:  # the server asks: nothing is set here
                empty = [{} for _ in message.get("params", {}).get("items", [])]
                self._send({"id": message["id"], "result": empty or None})
        raise AssertionError("the server does not come to an answer")

    def _read(self) -> dict[str, Any]:
        size = 0
        while line := self._from.readline().strip():
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        assert size, "the server is gone"
        message: dict[str, Any] = json.loads(self._from.read(size))
        return message


@pytest.fixture
def editor(outside: Callable[[str], Path]) -> Iterator[Editor]:
    server = outside("yaml") / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js")
    found = Editor([node, str(server), "--stdio"])
    yield found
    found.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a file of each sort, each with the line that `mvops schema --output` says."""
    root = tmp_path / "flights"
    init(root, team="large", phase="day_90", name="flights")
    for name in ("models/late_arrival.yaml", "features/carrier_delays.yaml"):
        (root / "configs" / name).parent.mkdir(exist_ok=True)
        shutil.copy(assets.templates() / "examples" / "flights_features" / "configs" / name, root / "configs" / name)
    (root / "configs" / "env").mkdir()
    (root / FILES["env"]).write_text(OVERLAY)
    for path, line in write_schemas(root / "schemas"):
        file = root / FILES[path.name.partition(".")[0]]
        file.write_text(f"{line}\n{file.read_text()}")
    return root


def test_what_is_right_is_accepted(editor: Editor, project: Path) -> None:
    assert {what: editor.diagnostics(project / file) for what, file in FILES.items()} == {what: [] for what in FILES}


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ("project", "registri: x"),
        ("model", "montior: {every: 1d}"),
        ("features", "tll: 2d"),
        ("env", "model_defaults: {montior: {every: 1d}}"),
    ],
)
def test_a_slip_of_the_pen_is_told_in_its_line(editor: Editor, project: Path, what: str, wrong: str) -> None:
    path = project / FILES[what]
    path.write_text(f"{path.read_text().rstrip()}\n{wrong}\n")
    ((line, said),) = editor.diagnostics(path)
    assert line == len(path.read_text().splitlines())
    assert "not allowed" in said


def test_a_value_that_does_not_fit_is_told(editor: Editor, project: Path) -> None:
    path = project / FILES["env"]
    path.write_text(path.read_text().replace("every: 6h", "every: soon").replace("8100", "0"))
    found = dict(editor.diagnostics(path))
    assert set(found) == {4, 5}
    assert "30m or 1d" in found[5] or "pattern" in found[5]


def test_keys_are_offered(editor: Editor, project: Path) -> None:
    path = project / FILES["model"]
    path.write_text(f"{path.read_text().splitlines()[0]}\nmonitor:\n  \n")
    editor.diagnostics(path)
    assert {"every", "false_alarms", "alerts"} <= editor.completions(path, 3, 3)
