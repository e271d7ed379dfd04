"""The files that an endpoint watches: `route.json` and one `v<N>.json` for each version.

A file is never seen half-written: it is written beside its place, flushed to the disk, renamed, and the folder is
flushed. The serial of the route only grows, so that whoever wakes late cannot put an older route back.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from mvops.atomic import sync_folder, write_atomically
from mvops.core.route import Route
from mvops.core.version import Version
from mvops.errors import ConflictError, ServingError, Where

ROUTE = "route.json"


def write_route(state_dir: Path, route: Route) -> None:
    """Make `route` the one that the endpoint follows; writing the same route again changes nothing.

    Raises ConflictError if the route there has the same serial or a later one, belongs to another model, or if the
    file of a version that gets traffic is missing. A damaged route is replaced: traffic must always find a way back.
    """
    with _writing(state_dir):
        for arm in (*route.arms, *([route.shadow] if route.shadow else [])):
            if not version_path(state_dir, arm.version).is_file():
                raise ConflictError(
                    f"Version {arm.version} of {route.model} has no file for the endpoint yet.",
                    hint="Write the version before the route that leads to it.",
                    where=Where(version_path(state_dir, arm.version)),
                )
        there = _readable_route(state_dir)
        if there == route:
            return
        if there is not None and there.model != route.model:
            raise ConflictError(f"This folder serves {there.model}, not {route.model}.", where=Where(state_dir))
        if there is not None and there.serial >= route.serial:
            raise ConflictError(
                f"The route of {route.model} has moved on to serial {there.serial}; serial {route.serial} is too late.",
                hint="Read the current route and decide again.",
                where=Where(state_dir / ROUTE),
            )
        write_atomically(state_dir / ROUTE, route.text())


def read_route(state_dir: Path) -> Route | None:
    """The route in force; None if there is none yet. Raises ServingError if the file is damaged."""
    text = _read(state_dir / ROUTE)
    if text is None:
        return None
    try:
        return Route.model_validate_json(text)
    except ValidationError as error:
        raise _damaged(state_dir / ROUTE) from error


def next_serial(state_dir: Path) -> int:
    """The serial for the next route.

    What a damaged file held is not known. The seconds since 1970 are then taken: no count of changes comes near them.
    """
    try:
        there = read_route(state_dir)
    except ServingError:
        return int(time.time())
    return 1 if there is None else there.serial + 1


def write_version(state_dir: Path, version: Version) -> None:
    """Write `v<N>.json`; a version never changes, so another one with its number is a ConflictError."""
    path = version_path(state_dir, version.number)
    with _writing(state_dir):
        there = None
        with contextlib.suppress(ServingError):
            there = read_version(state_dir, version.number)
        if there == version:
            return
        if there is not None:
            raise ConflictError(
                f"Another version {version.number} of {there.model} is here already, from run {there.run}.",
                hint="Do two projects share this folder? If the registry was begun anew, delete the folder and apply.",
                where=Where(path),
            )
        write_atomically(path, f"{version.model_dump_json(indent=2)}\n".encode())


def files_of(state_dir: Path) -> list[Path]:
    """The route and the versions that are there, the route first."""
    return [path for path in (state_dir / ROUTE, *sorted(state_dir.glob("v*.json"))) if path.is_file()]


def told_of(state_dir: Path) -> list[tuple[int, str]]:
    """Number and run of each version that is there and can be read."""
    numbers = [int(path.stem[1:]) for path in files_of(state_dir) if path.stem[1:].isdigit()]
    found: list[tuple[int, str]] = []
    for number in numbers:
        with contextlib.suppress(ServingError):
            version = read_version(state_dir, number)
            found += [(number, version.run)] if version is not None else []
    return found


def put_aside(state_dir: Path) -> Path | None:
    """Move the route and the versions into a folder of their own, which is returned; None where there are none.

    Nobody may be answering by them. What a killed process left is moved the next time.
    """
    files = files_of(state_dir)
    if not files:
        return None
    with _writing(state_dir):
        aside = state_dir / f"former-{time.time_ns()}"
        aside.mkdir()
        for path in files:
            path.rename(aside / path.name)
        sync_folder(state_dir)
    return aside


def read_version(state_dir: Path, number: int) -> Version | None:
    """What the endpoint is told of a version; None if it was never written. Raises ServingError if it is damaged."""
    text = _read(version_path(state_dir, number))
    if text is None:
        return None
    try:
        return Version.model_validate_json(text)
    except ValidationError as error:
        raise _damaged(version_path(state_dir, number)) from error


def version_path(state_dir: Path, number: int) -> Path:
    """Where version `number` is described."""
    return state_dir / f"v{number}.json"


def _readable_route(state_dir: Path) -> Route | None:
    try:
        return read_route(state_dir)
    except ServingError:
        return None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ServingError(f"The file cannot be read: {error.strerror}.", where=Where(path)) from error


def _damaged(path: Path) -> ServingError:
    return ServingError(
        "The file is damaged; the endpoint keeps what it last read.",
        hint="Type: mvops apply",
        where=Where(path),
    )


@contextlib.contextmanager
def _writing(state_dir: Path) -> Iterator[None]:
    """One writer at a time: reading the serial and replacing the file belong together."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        with (state_dir / ".writing").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise ServingError(f"The serving state cannot be written: {error.strerror}.", where=Where(state_dir)) from error
