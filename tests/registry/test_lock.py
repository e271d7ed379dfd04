from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import update

from mvops.core.state import Record
from mvops.errors import LockedError, RegistryError
from mvops.registry.events import events
from mvops.registry.journal import SqlJournal
from mvops.registry.lock import break_lock, current_lock, hold_lock
from mvops.registry.owner import Owner, is_gone, this_process
from mvops.registry.state import SqlState
from mvops.registry.tables import LockRow

pytestmark = [
    pytest.mark.real("registry", "sqlite", "the lock"),
    pytest.mark.real("registry", "postgresql", "the lock"),
]

HOLDER = """
import sys, time
from pathlib import Path
from mvops.core.state import Record
from mvops.errors import MvopsError
from mvops.registry.database import open_registry
from mvops.registry.journal import SqlJournal
from mvops.registry.lock import hold_lock
from mvops.registry.state import SqlState

url, root, lease = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
record = Record(address="model.zombie", spec={}, outputs={})
with open_registry(url, root) as registry, hold_lock(registry, "mvops apply", lease=lease) as hold:
    print(hold.token, flush=True)
    sys.stdin.readline()
    for write in (
        hold.check,
        lambda: SqlState(registry, hold).put(record),
        lambda: SqlState(registry, hold).forget("model.live"),
        lambda: SqlJournal(registry, hold).started("p", {}),
    ):
        try:
            write()
        except MvopsError as error:
            print(type(error).__name__, flush=True)
        else:
            print("written", flush=True)
"""


@pytest.fixture
def holder(registry, url, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts processes that hold the lock until a line comes, or until they are killed."""
    processes = []

    def start(lease: float = 60.0) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, url, str(tmp_path), str(lease)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        process.token = process.stdout.readline().strip()
        assert process.token
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def go_on(process: subprocess.Popen[str]) -> None:
    process.stdin.write("go\n")
    process.stdin.flush()


def test_the_lock_is_held_and_released(registry):
    assert current_lock(registry) is None
    with hold_lock(registry, "mvops apply") as hold:
        hold.check()
        info = current_lock(registry)
        assert (info.token, info.pid, info.command) == (hold.token, os.getpid(), "mvops apply")
        assert abs(info.since - datetime.now(UTC)) < timedelta(seconds=60)
    assert current_lock(registry) is None
    with hold_lock(registry, "mvops apply"):
        pass


def test_an_error_in_the_work_releases_the_lock(registry):
    with pytest.raises(ZeroDivisionError), hold_lock(registry, "mvops apply"):
        raise ZeroDivisionError
    assert current_lock(registry) is None


def test_a_second_holder_is_told_who_has_it_since_when_and_how_to_break_it(registry, holder):
    other = holder()
    with pytest.raises(LockedError) as caught, hold_lock(registry, "mvops retrain"):
        pass
    host = this_process().host
    assert f"@{host} (process {other.pid}) since 20" in caught.value.message
    assert "UTC with `mvops apply`" in caught.value.message
    assert f"mvops unlock {other.token}" in caught.value.hint


def test_the_same_process_cannot_hold_it_twice(registry):
    with (
        hold_lock(registry, "mvops apply"),
        pytest.raises(LockedError, match=f"process {os.getpid()}"),
        hold_lock(registry, "mvops retrain"),
    ):
        pass


def test_waiting_until_the_other_has_finished(registry):
    held, release = threading.Event(), threading.Event()

    def other() -> None:
        with hold_lock(registry, "mvops apply"):
            held.set()
            release.wait(30)

    thread = threading.Thread(target=other)
    thread.start()
    held.wait(30)
    threading.Timer(0.3, release.set).start()
    with hold_lock(registry, "mvops retrain", wait=30.0) as hold:
        assert release.is_set()
        hold.check()
    thread.join()


def test_waiting_ends(registry):
    with hold_lock(registry, "mvops apply"):
        began = time.monotonic()
        with pytest.raises(LockedError), hold_lock(registry, "mvops retrain", wait=0.4):
            pass
        assert 0.4 <= time.monotonic() - began < 10


def test_p23_a5_a_killed_holder_is_replaced_at_once(registry, holder):
    other = holder()
    os.kill(other.pid, signal.SIGKILL)
    # Not waited for: to the system it is there still, as a zombie.
    while "Z" not in Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[:1]:
        time.sleep(0.01)
    with hold_lock(registry, "mvops apply") as hold:
        assert hold.token != other.token
    other.wait()


def test_a_holder_that_is_gone_without_a_trace_is_replaced_at_once(registry, holder):
    other = holder()
    other.kill()
    other.wait()
    with hold_lock(registry, "mvops apply"):
        pass


def test_p23_a5_a_frozen_holder_keeps_the_lock_until_its_lease_ends_and_can_write_no_more(registry, holder):
    SqlState(registry).put(Record(address="model.live", spec={}, outputs={}))
    other = holder(lease=3.0)
    os.kill(other.pid, signal.SIGSTOP)
    with pytest.raises(LockedError), hold_lock(registry, "mvops apply"):
        pass
    with hold_lock(registry, "mvops apply", wait=30.0):
        os.kill(other.pid, signal.SIGCONT)
        go_on(other)
        assert [other.stdout.readline().strip() for _ in range(4)] == ["LockedError"] * 4
        assert list(SqlState(registry).records()) == ["model.live"]
        other.wait()
        assert current_lock(registry) is not None  # its end did not release what is not its own


def test_a_live_holder_renews_its_lease(registry, holder):
    other = holder(lease=2.0)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        assert current_lock(registry).token == other.token
        with pytest.raises(LockedError), hold_lock(registry, "mvops apply"):
            pass
        time.sleep(0.1)


COMPETING = """
import sys, time
from contextlib import nullcontext
from pathlib import Path
from mvops.registry.database import open_registry
from mvops.registry.events import record_event
from mvops.registry.lock import hold_lock
url, root, name, broken = sys.argv[1:]
with open_registry(url, Path(root)) as registry:
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(5):
        with nullcontext() if broken else hold_lock(registry, "mvops apply", wait=60.0):
            record_event(registry, "in", name, "")
            time.sleep(0.05)
            record_event(registry, "out", name, "")
"""


@pytest.mark.parametrize("broken", [False, True])
def test_a4_of_competing_processes_one_after_the_other_gets_it(registry, url, tmp_path, broken):
    """`broken` goes without the lock, and is seen to."""
    command = [sys.executable, "-c", COMPETING, url, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([*command, str(n), "broken" * broken], **pipes) for n in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    seen = [(e.kind, e.subject) for e in reversed(events(registry))]
    assert len(seen) == 20
    pairs = list(zip(seen[::2], seen[1::2], strict=True))
    in_turn = all((entered[0], left[0], entered[1]) == ("in", "out", left[1]) for entered, left in pairs)
    assert in_turn is not broken


def test_breaking_the_lock_takes_it_from_its_holder(registry):
    with hold_lock(registry, "mvops apply") as first:
        with pytest.raises(RegistryError, match=first.token):
            break_lock(registry, "0000")
        assert break_lock(registry, first.token).pid == os.getpid()
        assert current_lock(registry) is None
        with hold_lock(registry, "mvops retrain") as second:
            second.check()
            with pytest.raises(LockedError, match="taken over by"):
                first.check()


def test_breaking_what_is_not_locked_is_an_error(registry):
    with pytest.raises(RegistryError, match="not locked"):
        break_lock(registry, "0000")


def test_a_lost_lock_refuses_every_write(registry):
    with hold_lock(registry, "mvops apply") as hold:
        state, journal = SqlState(registry, hold), SqlJournal(registry, hold)
        entry = journal.started("p", {})
        break_lock(registry, hold.token)
        record = Record(address="model.a", spec={}, outputs={})
        for write in (
            hold.check,
            lambda: state.put(record),
            lambda: state.forget("model.a"),
            lambda: journal.started("p", {}),
            lambda: journal.finished(entry, {}, record=record),
            lambda: journal.failed(entry, "why"),
        ):
            with pytest.raises(LockedError, match="released by somebody else"):
                write()
    assert state.records() == {}
    assert [e["entry"] for e in journal.unfinished()] == [entry]


def as_if(registry, **columns: object) -> None:
    """Change what the lock says about its holder."""
    with registry.session() as session:
        session.exec(update(LockRow).values(**columns))


@pytest.mark.parametrize(
    ("columns", "taken"),
    [
        ({"process_start": "1"}, True),  # the number was given to another process
        ({"boot": "before", "machine": this_process().machine}, True),
        ({"boot": "before", "machine": "another"}, False),  # a namesake
        ({"boot": "before", "host": "elsewhere"}, False),
        ({"host": "elsewhere", "process_start": "1"}, False),
        ({"pid_namespace": "pid:[1]", "process_start": "1"}, False),  # a container of this machine
    ],
)
def test_a_holder_is_replaced_only_if_it_is_certainly_dead(registry, columns, taken):
    if not this_process().boot or (columns.get("machine") == "" and taken):
        pytest.skip("this system does not tell its boot or machine")
    with hold_lock(registry, "first") as first:
        as_if(registry, **columns)
        assert not current_lock(registry).alive
        if taken:
            with pytest.raises(RegistryError, match="which is dead"):
                break_lock(registry, "0000")
            with hold_lock(registry, "second") as second:
                second.check()
                with pytest.raises(LockedError, match="taken over by"):
                    first.check()
        else:
            with pytest.raises(LockedError), hold_lock(registry, "second"):
                pass
            first.check()


def test_another_machines_lease_is_judged_by_the_time_of_day(registry):
    with hold_lock(registry, "first"):
        as_if(registry, boot="other", host="elsewhere", lease_until=datetime.now(UTC) - timedelta(seconds=1))
        with hold_lock(registry, "second"):
            pass


def test_a_clock_that_is_set_forward_does_not_end_a_lease_on_this_machine(registry):
    with hold_lock(registry, "first"):
        as_if(registry, lease_until=datetime(2020, 1, 1, tzinfo=UTC))
        with pytest.raises(LockedError), hold_lock(registry, "second"):
            pass


def test_this_process_is_not_gone():
    here = this_process()
    assert not is_gone(here)
    assert here.pid == os.getpid()
    unknown = Owner("u", here.host, "", "", "", 1, "")
    assert not is_gone(unknown)
