"""A notebook's kernel, as Jupyter starts it, and what its cells show."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel
from toy_project import environment


@dataclass
class Cell:
    """What a cell has shown; `error` is the name, the value and the trace of what ended it."""

    out: str = ""
    err: str = ""
    html: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    error: tuple[str, str, str] | None = None

    def ok(self) -> Cell:
        assert self.error is None, self
        return self

    def take(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "stream":
            setattr(self, content["name"][3:], getattr(self, content["name"][3:]) + content["text"])
        elif kind in {"display_data", "execute_result"}:
            self.plain.append(content["data"].get("text/plain", ""))
            self.html += [content["data"]["text/html"]] if "text/html" in content["data"] else []
        elif kind == "error":
            self.error = (content["ename"], content["evalue"], "\n".join(content["traceback"]))


@dataclass
class Kernel:
    manager: KernelManager
    client: BlockingKernelClient

    def run(self, source: str, timeout: float = 120) -> Cell:
        """Run a cell to its end."""
        *_, last = self.follow(source, timeout)
        return last

    def follow(self, source: str, timeout: float = 120) -> Iterator[Cell]:
        """Run a cell; what it has shown so far, after each message."""
        deadline, cell = time.monotonic() + timeout, Cell()
        sent = self.client.execute(source)
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except Empty:
                assert time.monotonic() < deadline, f"waited too long: {cell}"
                continue
            if message["parent_header"].get("msg_id") != sent:
                continue
            cell.take(message)
            yield cell
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return


@contextlib.contextmanager
def kernel(folder: Path) -> Iterator[Kernel]:
    """The kernel of a notebook in `folder`."""
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder), env=environment())
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
