"""papermill with our kernel manager: everything that needs Jupyter's libraries, which are slow to import.

The kernel talks over Unix sockets in a private folder, not over TCP, writes to a log and not to our terminal, and
hands down a mark by which all of its processes are found again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from mvops.notebook import output_limit
from mvops.notebook.failures import Kind
from mvops.notebook.kernels import Kernel
from mvops.notebook.own_papermill import (
    Engine,
    PapermillExecutionError,
    PapermillNotebookClient,
    execute_notebook,
    papermill_engines,
)
from mvops.notebook.prompt import PromptManager
from mvops.notebook.starting import arguments_of, environment_of, wish_for
from mvops.notebook.warm import WarmKernels

_ENGINE = "mvops"
_MOST_OUTPUT = 2 * output_limit.LIMIT  # characters of text kept for one cell
_MOST_OUTPUTS = 2_000  # displays and streams kept for one cell
_LATE_OUTPUT = 20  # seconds that output may arrive after the cell has ended; then the cell counts as done
_RECONNECT = 10  # milliseconds; ZeroMQ's own would be 100
_LONGEST_SOCKET_PATH = 90  # the system's limit is 104 or 108 bytes, with a port to append


@dataclass
class Session:
    """One kernel and the notebook that it runs; `notebook` is the record so far, also after a failure."""

    kernel: Kernel
    cwd: Path
    scratch: Path  # sockets, connection file and log go here
    mark: str
    on_cell: Callable[[int], None]  # after each cell: its index
    warm: WarmKernels | None = None
    settings: Mapping[str, str | None] = field(default_factory=dict)
    start_timeout: float = 120.0
    current: int | None = None  # the index of the cell that was started last
    notebook: dict[str, Any] = field(default_factory=dict)
    group: int | None = None
    process: Any = None

    @property
    def log(self) -> Path:
        """What the kernel itself wrote to its terminal."""
        return self.scratch / "kernel.log"


class _Manager(PromptManager):
    session_: Session

    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]  # the asynchronous twin
        session = self.session_
        if session.warm is not None:
            kernel = session.warm.start(wish_for(session.kernel, session.cwd, session.mark, session.settings))
            session.scratch = kernel.place
            await self.adopt(kernel)
        else:
            await self._start(session, options)
        session.group = getattr(self.provisioner, "pgid", None)
        session.process = getattr(self.provisioner, "process", None)

    async def _start(self, session: Session, options: dict[str, Any]) -> None:
        session.scratch.mkdir(parents=True, exist_ok=True)
        self.connection_file = str(session.scratch / "kernel.json")
        if sys.platform != "win32" and len(str(session.scratch)) < _LONGEST_SOCKET_PATH:
            self.transport = "ipc"
            self.ip = str(session.scratch / "k")
        environment = environment_of(session.kernel, session.mark, session.settings)
        with session.log.open("ab") as log:
            await self._async_start_kernel(**{**options, "env": environment, "stdout": log, "stderr": log})


class _Client(PapermillNotebookClient):  # type: ignore[misc]  # papermill has no types
    def __init__(self, manager: Any, session: Session, **options: Any) -> None:
        super().__init__(manager, **options)
        self._session = session
        self._kept: dict[int, int] = {}

    def create_kernel_manager(self) -> Any:
        kernel = self._session.kernel
        self.km = _Manager(kernel_name=kernel.name, config=self.config)
        self.km.session_ = self._session
        if not kernel.listed:
            self.km._kernel_spec = KernelSpec(argv=kernel.command(), display_name=kernel.name, language="python")  # noqa: SLF001
        # Without this ZeroMQ drops what we are too slow to read beyond 1,000 messages, also that the cell has ended.
        self.km.context.setsockopt(zmq.RCVHWM, 0)
        self.km.context.setsockopt(zmq.RECONNECT_IVL, _RECONNECT)  # the kernel makes its sockets while we connect
        return self.km

    def execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
        self._session.current = cell_index
        try:
            return super().execute_cell(cell, cell_index, **options)
        finally:
            if cell.cell_type == "code":
                cell.outputs = _joined(cell.get("outputs", []))
            self._session.on_cell(cell_index)

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """Keep an output, up to a limit for each cell: the record must not outgrow the memory."""
        kept = self._kept.get(cell_index, 0)
        if kept < 0 and msg["msg_type"] != "error":
            return None
        size = kept + _size(msg)
        if (size > _MOST_OUTPUT or len(outs) >= _MOST_OUTPUTS) and msg["msg_type"] != "error":
            self._kept[cell_index] = -1
            text = (
                f"\n[mvops: the rest of this cell's output is not kept, it is more than {_MOST_OUTPUT:,} characters]\n"
            )
            outs.append(_stderr(text))
            return None
        self._kept[cell_index] = size
        return super().output(outs, msg, display_id, cell_index)


class _Engine(Engine):  # type: ignore[misc]  # papermill has no types
    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
        session: Session = options["session"]
        session.notebook = nb_man.nb
        nb_man.save = lambda **_: None  # the engine's owner saves
        client = _Client(
            nb_man,
            session,
            kernel_name=kernel_name,
            startup_timeout=session.start_timeout,
            iopub_timeout=_LATE_OUTPUT,
            raise_on_iopub_timeout=False,
            resources={"metadata": {"path": str(session.cwd)}},
            extra_arguments=arguments_of(session.kernel),
        )
        client.execute()
        for cell in nb_man.nb.cells:
            _tolerate(cell)


def run(notebook: dict[str, Any], session: Session) -> BaseException | None:
    """Run the notebook in a kernel of its own; the record is in `session.notebook`. Returns what stopped it, or None.

    To be called in a thread of its own: it runs an event loop.
    """
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    papermill_engines.register(_ENGINE, _Engine)
    node = nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]
    session.notebook = node
    try:
        execute_notebook(
            node, None, engine_name=_ENGINE, kernel_name=session.kernel.name, progress_bar=False, session=session
        )
    except PapermillExecutionError:
        return None  # the record says what happened
    except Exception as error:  # noqa: BLE001  zmq, Jupyter, a missing kernel: all are told to the owner
        return error
    finally:
        _close_loop()
    return None


def explain(problem: BaseException, session: Session) -> tuple[Kind, str]:
    """What kind of failure of the kernel this is, and a line that says so."""
    log = session.log.read_text(errors="replace").split("\n") if session.log.exists() else []
    said = next((line.strip() for line in reversed(log) if line.strip()), "")
    if session.current is None:
        return "start", f"the kernel {session.kernel.name!r} does not start: {said or problem}"
    if isinstance(problem, DeadKernelError):
        return "died", f"the kernel died, {_exit(session.process)}{f': {said}' if said else ''}"
    return "died", f"the kernel cannot be reached any more: {type(problem).__name__}: {problem}"


def _exit(process: Any) -> str:
    code = process.poll() if process is not None else None
    if code is None:
        return "nobody knows how"
    if code == -signal.SIGKILL:
        return "killed by SIGKILL, perhaps because it was out of memory: the system does that when none is left"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _close_loop() -> None:
    loop = ensure_event_loop()
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    with contextlib.suppress(Exception):
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _size(message: dict[str, Any]) -> int:
    content = message["content"]
    texts = [content.get("text", ""), *content.get("data", {}).values()]
    return sum(len(text) for text in texts if isinstance(text, str))


def _tolerate(cell: Any) -> None:
    """An exception that its cell is tagged to raise is no failure; papermill alone would take it for one."""
    if "raises-exception" not in cell.metadata.get("tags", []):
        return
    for at, output in enumerate(cell.get("outputs", [])):
        if output.output_type == "error":
            text = f"{output.ename}: {output.evalue}\n"
            cell.outputs[at] = _stderr(text)


def _joined(outputs: list[Any]) -> list[Any]:
    """Pieces of one stream in one, and of a line that was written over only the last state.

    nbclient can do so too, in a time that grows with the square of a line's length.
    """
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last is not None and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    for output in joined:
        if output.output_type == "stream" and "\r" in output.text:
            lines = output.text.split("\n")
            output.text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)
    return joined


def _stderr(text: str) -> NotebookNode:
    return NotebookNode(output_type="stream", name="stderr", text=text)  # type: ignore[no-untyped-call]
