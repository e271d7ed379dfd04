"""One writer at a time: a row with a token, an owner and a lease that a thread renews."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, delete, select, update

from mvops.core.frozen import Frozen
from mvops.errors import LockedError, RegistryError
from mvops.registry.database import Registry
from mvops.registry.owner import Owner, boot, is_alive, is_gone, this_process
from mvops.registry.statements import insert_missing
from mvops.registry.tables import Base, LockRow
from mvops.registry.values import as_utc, utc_now

LEASE = 60.0  # seconds that a silent holder keeps the lock
_POLL = 0.1
_PATIENT = {"apply", "destroy", "retrain"}  # the commands that take --lock-timeout
_TABLE = Base.metadata.tables["mvops_lock"]


class LockInfo(Frozen):
    """Who holds the lock; `gone` where that process is certainly not there any more, `alive` where it is seen there."""

    token: str
    username: str
    host: str
    pid: int
    command: str
    since: datetime
    gone: bool = False
    alive: bool = False


class Hold:
    """The lock, held. A write that must not come from a holder that lost it calls `check` or `confirm` first."""

    def __init__(self, registry: Registry, token: str) -> None:
        self.token = token
        self._registry = registry

    def check(self) -> None:
        """Raise LockedError if the lock is no longer ours."""
        with self._registry.reading() as session:
            self._compare(session.exec(select(LockRow)).first())

    def confirm(self, session: Session) -> None:
        """The same in the caller's transaction: until that ends, nobody can take the lock over."""
        self._compare(session.exec(select(LockRow).with_for_update(read=True)).first())

    def _compare(self, row: LockRow | None) -> None:
        if row is None or row.token != self.token:
            by = f"taken over by {_who(row)}" if row else "released by somebody else"
            raise LockedError(
                f"This command lost the project's lock; it was {by}.", hint="See what has changed: mvops plan"
            )


@contextmanager
def hold_lock(registry: Registry, command: str, wait: float = 0.0, lease: float = LEASE) -> Iterator[Hold]:
    """Hold the project's lock; `wait` and `lease` are seconds. `command` tells others what is going on.

    Raises LockedError if somebody else holds it. A holder that is certainly dead is replaced at once, one that
    does not renew its lease when that has run out.
    """
    hold = Hold(registry, _acquire(registry, command, wait, lease))
    stop = threading.Event()
    renewer = threading.Thread(target=_renew, args=(registry, hold.token, lease, stop), daemon=True, name="lock-lease")
    renewer.start()
    try:
        yield hold
    finally:
        stop.set()
        renewer.join()
        # A lock that cannot be released now is taken over from a dead process later.
        with suppress(RegistryError), registry.session() as session:
            session.exec(delete(LockRow).where(col(LockRow.token) == hold.token))


def wait_until_free(registry: Registry, command: str, wait: float) -> None:
    """Wait at most `wait` seconds for the project's lock and leave it; raises LockedError if it was held all along."""
    with hold_lock(registry, command, wait):
        pass


def current_lock(registry: Registry) -> LockInfo | None:
    """Who holds the lock, dead or alive."""
    with registry.reading() as session:
        row = session.exec(select(LockRow)).first()
    return None if row is None else _info(row)


def break_lock(registry: Registry, token: str) -> LockInfo:
    """Take the lock from whoever holds it under `token`; raises RegistryError if nobody does."""
    with registry.session() as session:
        row = session.exec(select(LockRow).with_for_update()).first()
        if row is None:
            raise RegistryError("The project is not locked.")
        if row.token != token:
            said = f"The lock is not {token}, but {row.token}: {_who(row)}"
            if is_gone(_owner(row)):
                raise RegistryError(
                    f"{said}, which is dead.",
                    hint="Nothing to release: the next command takes the lock over by itself.",
                )
            raise RegistryError(f"{said}.", hint=f"Release it: mvops unlock {row.token}")
        session.delete(row)
        return _info(row)


def _acquire(registry: Registry, command: str, wait: float, lease: float) -> str:
    deadline = time.monotonic() + wait
    token = secrets.token_hex(4)
    while True:
        holder = _try(registry, token, command, lease)
        if holder is None:
            return token
        if time.monotonic() >= deadline:
            how = ", as with --lock-timeout 10m" if command.partition(" ")[0] in _PATIENT else ""
            raise LockedError(
                f"The project is locked by {_who(holder)}.",
                hint=f"Wait for it{how}. If it is sure to be dead: mvops unlock {holder.token}",
            )
        time.sleep(min(_POLL, max(0.0, deadline - time.monotonic())))


def _try(registry: Registry, token: str, command: str, lease: float) -> LockRow | None:
    """Take the lock, or return who has it."""
    with registry.session() as session:
        now = _now(session)
        ours = {
            "token": token,
            "command": command,
            "since": now,
            **asdict(this_process()),
            **_lease(now, lease),
        }
        insert = insert_missing(registry.dialect, _TABLE).returning(_TABLE.c.id)
        if session.exec(insert.values(id=1, **ours)).first() is not None:
            return None
        row = session.exec(select(LockRow).with_for_update()).first()
        if row is None:  # released between the two statements
            return _try(registry, token, command, lease)
        if not (is_gone(_owner(row)) or _expired(row, now)):
            return row
        session.exec(update(LockRow).values(**ours))
        return None


def _renew(registry: Registry, token: str, lease: float, stop: threading.Event) -> None:
    while not stop.wait(lease / 12):
        # A database that is away or busy is asked again; the lease is what counts.
        with suppress(RegistryError), registry.session() as session:
            values = _lease(_now(session), lease)
            session.exec(update(LockRow).where(col(LockRow.token) == token).values(**values))


def _lease(now: datetime, lease: float) -> dict[str, Any]:
    return {"lease_until": now + timedelta(seconds=lease), "lease_clock": time.monotonic() + lease}


def _expired(row: LockRow, now: datetime) -> bool:
    if row.boot and row.boot == boot():  # the monotonic clock is one for the whole machine, and is never set
        return time.monotonic() > row.lease_clock
    return now > row.lease_until


def _now(session: Session) -> datetime:
    """The database server's time where there is one, so that clocks of several machines do not matter."""
    if session.get_bind().dialect.name == "sqlite":
        return utc_now()
    return as_utc(session.exec(select(func.clock_timestamp())).one())


def _owner(row: LockRow) -> Owner:
    return Owner(**{field.name: getattr(row, field.name) for field in fields(Owner)})


def _info(row: LockRow) -> LockInfo:
    found = {"gone": is_gone(_owner(row)), "alive": is_alive(_owner(row))}
    return LockInfo.model_validate(row.model_dump(include=set(LockInfo.model_fields)) | found)


def _who(row: LockRow) -> str:
    return f"{row.username}@{row.host} (process {row.pid}) since {row.since:%Y-%m-%d %H:%M:%S} UTC with `{row.command}`"
