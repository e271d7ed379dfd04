"""A process that has imported what a notebook needs, and forks kernels from itself; runs beside the kernel.

Like `handover`, this file stands alone (Python 3.9 or later, standard library and ipykernel) and is run by its path:

    python kernel_template.py HANDLE MODULE...     import the modules, then fork a kernel for each request

HANDLE is that of a listening Unix socket which is inherited. A request is a JSON object with two files, the kernel's
output; it is answered by two lines, the kernel's process id and later how it ended.

It only imports before it forks: a library that has computed in the parent may hang in the child. The server ends, and
its kernels with it, when its standard input is closed: that is when its owner is gone.
"""

import sys

if __name__ == "__main__":
    del sys.path[0]  # this folder; its files must not stand in for modules of the same name

import atexit
import builtins
import contextlib
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import threading
import types
import warnings
from typing import Any

_LARGEST = 1 << 22
_BUFFERED = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
_KERNEL = (  # what a kernel imports before its first cell, in releases that have it
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.extensions.storemagic",
    "faulthandler",
    "psutil",
    "sqlite3",
    "tornado.platform.asyncio",
    "traitlets.config.argcomplete_config",
)


def serve(handle: int, modules: list[str]) -> "list[str]":
    """Fork a kernel for each request on the listening socket; in a kernel, return its command line."""
    listener = socket.socket(fileno=handle)
    before = dict(os.environ)
    gc.disable()  # to look for what is left over takes a fifth of the time, and imports leave next to nothing
    _import_all([*modules, *_KERNEL])
    imported = {name: value for name, value in os.environ.items() if before.get(name) != value}  # sklearn sets some
    gc.enable()
    gc.freeze()  # and never thawed: a kernel that looked through it all when it ends would copy each page of it
    wake, woken = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    clients: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([listener, woken, sys.stdin], [], [])
        if sys.stdin in ready:
            for kernel in clients:
                _kill(kernel)
            os._exit(0)  # to take all that was imported down in order takes longer than a step's bookkeeping
        if woken in ready:
            woken.recv(4096)
        _report_ended(clients)
        if listener in ready:
            client, _ = listener.accept()
            message, files, _, _ = socket.recv_fds(client, _LARGEST, 2)
            kernel = os.fork()
            if kernel == 0:
                for each in (listener, wake, woken, client, *clients.values()):
                    each.close()
                return _become_kernel(json.loads(message), files, imported)
            for file in files:
                os.close(file)
            clients[kernel] = client
            with contextlib.suppress(OSError):  # it is not waited for any more
                client.sendall(f"{kernel}\n".encode())


def _import_all(modules: list[str]) -> None:
    # pandas looks for a kernel when it is imported, and shows tables in another way without one.
    builtins.get_ipython = lambda: types.SimpleNamespace(kernel=None)  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in modules:
            with contextlib.suppress(BaseException):  # the notebook will say what is wrong with it
                importlib.import_module(module)
    del builtins.get_ipython  # type: ignore[attr-defined]


def _report_ended(clients: "dict[int, socket.socket]") -> None:
    for kernel in list(clients):
        ended, status = os.waitpid(kernel, os.WNOHANG)
        if ended:
            client = clients.pop(kernel)
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            with contextlib.suppress(OSError):
                client.sendall(f"{code}\n".encode())
            client.close()


def _become_kernel(request: "dict[str, Any]", files: "list[int]", imported: "dict[str, str]") -> "list[str]":
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    parent = os.getppid()
    os.setsid()
    os.environ.clear()
    os.environ.update({**imported, **request["environment"]}, JPY_PARENT_PID=str(parent))
    os.chdir(request["folder"])
    for target, file in enumerate(files, start=1):
        os.dup2(file, target)
        os.close(file)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()  # Python's own generator does so itself; all kernels would draw the same
    return [*request["arguments"], f"--IPKernelApp.parent_handle={parent}"]


def _kill(kernel: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(kernel, signal.SIGKILL)


def _end(close: Any) -> None:
    """End as Python does, but leave standing what was imported: to take it down copies each page of it.

    What is open is written out, before and after threads are waited for and what is registered for the end is done, by
    which IPython lets go of all that the notebook made: who takes too long at that is killed.
    """
    _write_out()
    atexit.unregister(close)  # it joins threads that at times wait for each other
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  as Python itself does
    atexit._run_exitfuncs()  # noqa: SLF001
    gc.collect()
    _write_out()
    os._exit(0)


def _write_out() -> None:
    for each in (*gc.get_objects(), sys.__stdout__, sys.__stderr__):
        if issubclass(type(each), _BUFFERED):  # a kernel's own streams may wait for a thread that ends
            with contextlib.suppress(Exception):  # closed, or cannot be written
                each.flush()


if __name__ == "__main__":
    sys.argv = ["ipykernel_launcher", *serve(int(sys.argv[1]), sys.argv[2:])]
    application = importlib.import_module("ipykernel.kernelapp").IPKernelApp
    application.launch_instance()
    _end(application.instance().close)
