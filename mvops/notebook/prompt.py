"""Jupyter's manager and client of a kernel, without their fixed waits: each takes a fifth of a second, or a tenth."""

from __future__ import annotations

import math
import queue
import time
import uuid
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from mvops.notebook.forked import Forked

_ANSWER = 1.0  # seconds after which a kernel that is starting is asked again
_HEARD = 0.2  # seconds in which what it publishes arrives once it has answered
_POLL = 0.005  # seconds


class PromptClient(AsyncKernelClient):
    """Counts a kernel as ready once it answers and says in public that it has: nothing else is on its way then."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  Jupyter's
        """Raises RuntimeError if the kernel ends first, or does not answer within `timeout` seconds."""
        give_up = time.monotonic() + (math.inf if timeout is None else timeout)
        while not await self._answers():
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > give_up:
                raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")

    async def _answers(self) -> bool:
        self.kernel_info()
        try:
            reply = await self.shell_channel.get_msg(timeout=_ANSWER)
        except queue.Empty:
            return False
        if reply["msg_type"] != "kernel_info_reply":
            return False
        heard = False  # if not, the public channel is not connected yet
        while True:
            try:
                message = await self.iopub_channel.get_msg(timeout=_HEARD)
            except queue.Empty:
                break
            heard = True
            ours = message["parent_header"].get("msg_id") == reply["parent_header"]["msg_id"]
            if ours and message["content"].get("execution_state") == "idle":
                break
        if heard:
            self._handle_kernel_info_reply(reply)
        return heard


class _Adoption(LocalProvisioner):
    """The kernel runs already; it says itself what Jupyter would say of a child."""

    kernel: Forked

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        del cmd, options
        self.process: Any = self.kernel
        self.pid = self.pgid = self.kernel.pid or None
        self.cwd = self.kernel.wish.folder
        return self.connection_info


class PromptManager(AsyncKernelManager):
    """Sees at once that its kernel has ended."""

    def client(self, **options: Any) -> Any:
        """A client that waits for nothing else than the kernel."""
        self.client_factory = PromptClient
        return super().client(**options)

    async def adopt(self, kernel: Forked) -> None:
        """Take a kernel that was forked for one that this started."""
        self.connection_file = str(kernel.connection)
        self.load_connection_file()
        self._connection_file_written = True
        self.kernel_id = str(uuid.uuid4())
        self.provisioner = _Adoption(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
        self.provisioner.kernel = kernel
        await self._async_start_kernel()

    async def _async_wait(self, pollinterval: float = _POLL) -> None:
        await super()._async_wait(min(pollinterval, _POLL))
