"""A process that has imported what a notebook needs, and forks kernels from itself; runs beside the kernel.

Like `handover`, this file stands alone (Python 3.9 or later, standard library and ipykernel) and is run by its path:

    python kernel_template.py serve HANDLE MODULE...     import the modules, then fork a kernel for each request
    python kernel_template.py launch PATH ARGUMENT...    ask for a kernel, and stay until it ends, as if it were it

HANDLE is that of a listening Unix socket which is inherited, PATH where that is bound.

It only imports before it forks: a library that has computed in the parent may hang in the child. The server ends, and
its kernels with it, when its standard input is closed: that is when its owner is gone.
"""

import sys

if __name__ == "__main__":
    del sys.path[0]  # this folder; its files must not stand in for modules of the same name

import builtins
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import types
import warnings
from typing import Any

_LARGEST = 1 << 22


def serve(handle: int, modules: list[str]) -> "list[str] | None":
    """Fork a kernel for each request on the listening socket; in a kernel, return its command line."""
    listener = socket.socket(fileno=handle)
    before = dict(os.environ)
    _import_all(["ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger", *modules])
    imported = {name: value for name, value in os.environ.items() if before.get(name) != value}  # sklearn sets some
    gc.collect()
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
            return None
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
            client.sendall(f"{kernel}\n".encode())


def launch(path: str, arguments: list[str]) -> None:
    """Have a kernel forked with our environment, folder and output; end as it ends."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        request = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109  starts in 10 ms
        socket.send_fds(server, [json.dumps(request).encode()], [1, 2])
        answers = server.makefile()
        kernel = int(answers.readline())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda got, _: os.kill(kernel, got))
        code = int(answers.readline() or 1)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    sys.exit(code)


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


if __name__ == "__main__":
    if sys.argv[1] == "launch":
        launch(sys.argv[2], sys.argv[3:])
    asked = serve(int(sys.argv[2]), sys.argv[3:])
    if asked is not None:
        sys.argv = ["ipykernel_launcher", *asked]
        importlib.import_module("ipykernel.kernelapp").launch_new_instance()
