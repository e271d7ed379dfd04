"""Follows the route: loads the versions that it names, then swaps, so that no request ever waits for a model.

A route or a version that cannot be read changes nothing: those that answer go on answering, the trouble is told in
/health/ready and counted, and we try again. Where the route is gone there is no rollout: the champion alone answers.
A version that is no longer routed goes when its last request is done.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from pydantic import ValidationError

from mvops.core.route import Arm, Route
from mvops.core.version import Version
from mvops.errors import MvopsError, ServingError
from mvops.serving.served import Served
from mvops.serving.spread import Bins

_PATIENCE = 5.0  # seconds until a route that failed is tried again although it did not change
_log = logging.getLogger("mvops.serving")
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Table:
    """A route whose versions are loaded."""

    route: Route
    served: dict[int, Served]

    @property
    def champion(self) -> Served:
        """The version that answers when nothing else is said."""
        return self.served[self._arm("champion").version]

    def choose(self, key: str | None) -> tuple[Arm, Served]:
        """The arm for a request. Requests with the same key stay with an arm for as long as the rollout lasts.

        A key that is with the challenger stays there when the challenger's share grows.
        """
        arms = self.route.arms
        if len(arms) == 1:
            return arms[0], self.served[arms[0].version]
        challenger = self._arm("challenger")
        point = random.random() if key is None else _point(f"{self.route.model}:{challenger.version}:{key}")  # noqa: S311
        arm = challenger if point * 100 < challenger.weight else self._arm("champion")
        return arm, self.served[arm.version]

    @cached_property
    def bins(self) -> Bins:
        """Those of the champion's predictions."""
        return Bins(self.champion.version, self.champion.edges)

    @property
    def compares(self) -> bool:
        """Is another version beside the champion."""
        return len(self.route.arms) > 1 or self.route.shadow is not None

    def without_challenger(self) -> Table:
        """The same with all traffic to the champion."""
        if len(self.route.arms) == 1:
            return self
        champion = self._arm("champion").model_copy(update={"weight": 100})
        return Table(
            self.route.model_copy(update={"arms": (champion,)}), {champion.version: self.served[champion.version]}
        )

    def _arm(self, name: str) -> Arm:
        return next((arm for arm in self.route.arms if arm.arm == name), self.route.arms[0])


def _point(key: str) -> float:
    """A number in [0, 1) that depends on nothing but the key: the same in every process."""
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=6).digest()) / 2**48


class Router:
    """Keeps a table up to date from `folder`/route.json, in a thread of its own."""

    def __init__(
        self,
        folder: Path,
        model: Callable[[], str],
        load: Callable[[Version], Served],
        failed: Callable[[], None],
    ) -> None:
        """`model` says what it is called now."""
        self._folder = folder
        self._model = model
        self._load = load
        self._failed = failed
        self._stamp: Stamp | None = None
        self._retry_at = 0.0
        self._stop = threading.Event()
        self._table: Table | None = None
        self.trouble: str | None = None

    @property
    def table(self) -> Table:
        """The table now; a request takes it once and stays with it."""
        if self._table is None:
            raise ServingError("the endpoint has not started")
        return self._table

    def start(self) -> None:
        """Load the route. Raises ServingError."""
        path = self._folder / "route.json"
        if not path.is_file():
            raise ServingError(f"{self._model()} has no version to serve yet", hint="Make one with: mvops apply")
        try:
            self._stamp = _stamp(path)
            self._adopt()
        except MvopsError as error:
            raise ServingError(f"{self._model()} cannot be served: {error.message}", hint=error.hint) from error

    def follow(self, every: float, tick: Callable[[], None]) -> None:
        """Look for changes every so many seconds, and call `tick` as often."""
        threading.Thread(target=self._follow, args=(every, tick), name="router", daemon=True).start()

    def stop(self) -> None:
        """Look for no more changes."""
        self._stop.set()

    def _follow(self, every: float, tick: Callable[[], None]) -> None:
        while not self._stop.wait(every):
            self._look()
            tick()

    def _look(self) -> None:
        try:
            stamp = _stamp(self._folder / "route.json")
        except OSError as error:
            self.trouble = f"route.json cannot be read: {error.strerror}"
            if isinstance(error, FileNotFoundError):
                self._table = self.table.without_challenger()
            return
        if stamp == self._stamp and (self.trouble is None or time.monotonic() < self._retry_at):
            return
        self._stamp = stamp
        try:
            self._adopt()
        except Exception as error:  # noqa: BLE001 -- a model may raise anything; the old route goes on
            # Messages may hold paths, and /health/ready is for everybody: those go to the log.
            self.trouble = f"the new route cannot be served ({type(error).__name__}): see the endpoint's log"
            self._retry_at = time.monotonic() + _PATIENCE
            self._failed()
            _log.warning("%s goes on as before: %s", self._model(), error)

    def _adopt(self) -> None:
        """Read the route, load what it needs that is not loaded, and swap."""
        route = self._read_route()
        known = self._table.served if self._table else {}
        served = {
            number: known.get(number) or self._load(self.version(number))
            for number in sorted({arm.version for arm in route.arms})
        }
        self._table = Table(route, served)
        self.trouble = None

    def _read_route(self) -> Route:
        try:
            route = Route.model_validate_json((self._folder / "route.json").read_bytes())
        except (OSError, ValidationError) as error:
            raise ServingError("route.json cannot be read", hint="Write it anew with: mvops apply") from error
        if route.model != self._model():
            raise ServingError(f"route.json is that of {route.model}, not of {self._model()}")
        return route

    def version(self, number: int) -> Version:
        """What the project says of a version. Raises ServingError."""
        try:
            version = Version.model_validate_json((self._folder / f"v{number}.json").read_bytes())
        except (OSError, ValidationError) as error:
            message = f"the manifest of version {number} cannot be read"
            raise ServingError(message, hint="Write it anew with: mvops apply") from error
        if (version.model, version.number) != (self._model(), number):
            raise ServingError(f"v{number}.json describes {version.model} version {version.number}")
        return version


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_mtime_ns, status.st_ino, status.st_size
