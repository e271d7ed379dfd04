"""Steps on a Dask cluster: one that is there, or one on this machine for the time of a run."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from typing import Any

from pydantic import Field, model_validator

from mvops.backends.options import checked
from mvops.contracts.executors import Hands, Report, Work
from mvops.core.frozen import Frozen
from mvops.errors import BackendError, MissingExtraError, MvopsError

try:
    from distributed import Client, LocalCluster, Security, get_worker
    from distributed.comm.core import connect
except ImportError as error:
    raise MissingExtraError("The executor 'dask'", "dask") from error

_CONNECT = 10  # seconds to wait for the scheduler
_ALONE = 20.0  # seconds without any worker, at the start or later, after which a run is given up
_LOOK = 1.0  # seconds between two looks for workers
_LAST = 20.0  # seconds that work may take to notice that its run is over
_AGAIN = "Steps that are done are kept: run the same command again when it is back."


class _Options(Frozen):
    address: str | None = Field(default=None, pattern=r"^[a-z]+://[^\s@]+$")
    workers: int | None = Field(default=None, ge=1, le=256)

    @model_validator(mode="after")
    def _one_of_both(self) -> _Options:
        if self.address is not None and self.workers is not None:
            raise ValueError("give an address, whose cluster has its workers, or a number of workers for one made here")
        return self


class Dask:
    """Options: `address` of a scheduler, or `workers` (2) of a cluster on this machine."""

    def open(self, options: Mapping[str, Any]) -> AbstractContextManager[Hands]:
        """Connect; TLS and the like are Dask's own configuration."""
        return _opened(checked(_Options, "executor.options", "dask", options))


@contextmanager
def _opened(options: _Options) -> Iterator[Hands]:
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        name = options.address or "of this run"
        try:
            if options.address is not None:
                _knock(options.address)
            where: Any = options.address or _own_cluster(stack, options.workers or 2)
            client = Client(where, timeout=_CONNECT, set_as_default=False, name="mvops")
            stack.callback(_close, client)
        except (OSError, ValueError, ImportError, RuntimeError) as error:
            raise _unreachable(name, f"{error.__cause__ or error}") from error
        try:
            client.wait_for_workers(1, timeout=_ALONE)
        except TimeoutError as error:
            raise _unreachable(name, f"it has had no worker for {_ALONE:g} seconds") from error
        except OSError as error:
            raise _unreachable(name, str(error)) from error
        hands = _DaskHands(client, name)
        stack.callback(hands.finish)
        yield hands


def _knock(address: str) -> None:
    """Raise OSError unless a scheduler answers in time: Dask's own client waits for ever for an answer."""

    async def knock() -> None:
        security = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect(address, timeout=_CONNECT, **security), 2 * _CONNECT)
        comm.abort()

    with ThreadPoolExecutor(1) as pool:  # this thread may have an event loop that runs: a notebook has one
        try:
            pool.submit(asyncio.run, knock()).result()
        except TimeoutError as error:
            raise OSError(f"nobody there answers within {2 * _CONNECT} seconds as a scheduler does") from error
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {error}") from error


def _own_cluster(stack: ExitStack, workers: int) -> LocalCluster:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mvops-dask-", ignore_cleanup_errors=True))
    with _deaf_children():
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=None,
            host="127.0.0.1",
            local_directory=folder,
            silence_logs=logging.CRITICAL,
        )
    stack.callback(cluster.close, timeout=_LAST)
    return cluster


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes that are started meanwhile do not hear Ctrl-C: we do, and end them. It reaches us afterwards."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # started later, it would have Ctrl-C heard again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _DaskHands:
    """A client that makes lost work an error within seconds."""

    at_once: int | None = None  # Dask queues what its workers cannot take yet
    remote = True

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name
        self._open: set[Future[Any]] = set()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="mvops-dask", daemon=True).start()

    def submit(self, work: Work, report: Report) -> Future[Any]:
        """As a task that is not shared with another of the same content."""
        topic = f"mvops-{uuid.uuid4().hex}"
        ours: Future[Any] = Future()
        self._open.add(ours)
        ours.add_done_callback(self._open.discard)
        try:
            self._client.subscribe_topic(topic, lambda event: report(*event[1]))
            theirs = self._client.submit(_do, work, topic, key=topic, pure=False)
        except Exception as error:  # noqa: BLE001  a client whose scheduler is gone raises many things
            _fail(ours, self._lost(f"it takes no work: {error}"))
            return ours
        theirs.add_done_callback(partial(self._settle, ours))
        return ours

    def everywhere(self, ask: Callable[[], str]) -> Mapping[str, str]:
        """Asked beside what the workers do, so that a busy one answers too."""
        try:
            answers = self._client.run(ask, on_error="return")
        except Exception as error:
            raise self._lost(f"its workers cannot be asked ({type(error).__name__}: {error})") from error
        return {
            worker: f"it cannot run mvops ({type(answer).__name__}: {answer})"
            if isinstance(answer, Exception)
            else answer
            for worker, answer in answers.items()
        }

    def finish(self) -> None:
        """Wait for work that notices now that its run is over."""
        with suppress(RuntimeError):
            wait(set(self._open), timeout=_LAST)
        self._closed.set()

    def _settle(self, ours: Future[Any], theirs: Any) -> None:
        if theirs.status == "finished":
            try:
                result = theirs.result(timeout=_CONNECT)
            except Exception as error:  # noqa: BLE001  the worker that had it died just now
                _fail(ours, self._lost(f"a result was lost: {error}"))
            else:
                with suppress(Exception):
                    ours.set_result(result)
        elif theirs.status == "cancelled":
            _fail(ours, self._lost("the connection to its scheduler was lost"))
        else:
            raised = theirs.exception()
            _fail(ours, raised if isinstance(raised, MvopsError) else self._lost(f"{type(raised).__name__}: {raised}"))

    def _watch(self) -> None:
        """Dask waits for workers for ever; a run does not."""
        seen = time.monotonic()
        while not self._closed.wait(_LOOK):
            with suppress(Exception):
                if self._client.scheduler_info(n_workers=1)["workers"]:
                    seen = time.monotonic()
            if time.monotonic() - seen > _ALONE:
                for future in set(self._open):
                    _fail(future, self._lost(f"it has had no worker for {_ALONE:g} seconds"))

    def _lost(self, why: str) -> BackendError:
        return BackendError(f"The Dask cluster {self._name} did not do its work: {why}.", hint=_AGAIN)


def _do(work: Work, topic: str) -> Any:
    worker = get_worker()
    return work(lambda done, cells: worker.log_event(topic, (done, cells)))


def _fail(future: Future[Any], error: BaseException) -> None:
    with suppress(Exception):  # it has ended in another way meanwhile
        future.set_exception(error)


def _unreachable(name: str, why: str) -> BackendError:
    return BackendError(
        f"The Dask cluster {name} cannot be used: {why}.",
        hint="Start it (dask scheduler; dask worker ADDRESS), or correct executor.options in configs/project.yaml; "
        "then run the same command again.",
    )


def _close(client: Client) -> None:
    with suppress(Exception):
        client.close(timeout=_CONNECT)


@contextmanager
def _quiet() -> Iterator[None]:
    """What goes wrong is told by our errors, once."""
    families = {"distributed", "tornado", "asyncio"}  # Dask sets the levels of some loggers below them, too
    names = [*families, *(each for each in logging.root.manager.loggerDict if each.partition(".")[0] in families)]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
