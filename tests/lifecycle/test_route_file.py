from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from mvops.core.route import Arm, Route
from mvops.errors import ConflictError, ServingError
from mvops.lifecycle.route_file import next_serial, read_route, read_version, version_path, write_route, write_version


def route(serial: int, version: int = 1, model: str = "m") -> Route:
    return Route(model=model, serial=serial, arms=(Arm(arm="champion", version=version, weight=100),))


@pytest.fixture
def folder(tmp_path: Path, make_version) -> Path:
    for number in (1, 2):
        write_version(tmp_path / "state", make_version(number))
    return tmp_path / "state"


def test_what_is_written_is_read(folder, make_version):
    assert read_route(folder) is None
    assert read_version(folder, 9) is None
    write_route(folder, route(1))
    assert read_route(folder) == route(1)
    assert read_version(folder, 2) == make_version(2)
    assert json.loads((folder / "route.json").read_text())["serial"] == 1
    assert sorted(path.name for path in folder.iterdir()) == [".writing", "route.json", "v1.json", "v2.json"]


def test_a_shadow_stands_beside_and_an_older_endpoint_reads_a_route_without(folder):
    write_route(folder, route(1))
    assert "shadow" not in json.loads((folder / "route.json").read_text())
    shadowed = route(2).model_copy(update={"shadow": Arm(arm="shadow", version=2, weight=10)})
    write_route(folder, shadowed)
    assert read_route(folder) == shadowed
    lost = route(3).model_copy(update={"shadow": Arm(arm="shadow", version=9, weight=10)})
    with pytest.raises(ConflictError, match="Version 9 of m has no file"):
        write_route(folder, lost)
    with pytest.raises(ValueError, match="what answers in the shadow"):
        Route(model="m", serial=1, arms=(Arm(arm="shadow", version=1, weight=100),))


def test_the_serial_only_grows(folder):
    write_route(folder, route(5))
    write_route(folder, route(5))  # a resumed apply writes the same again
    for late in (route(5, version=2), route(4)):
        with pytest.raises(ConflictError, match="moved on to serial 5"):
            write_route(folder, late)
    assert read_route(folder) == route(5)
    write_route(folder, route(6, version=2))
    assert read_route(folder) == route(6, version=2)


def test_a_route_to_a_version_that_is_not_there_is_refused(folder):
    with pytest.raises(ConflictError, match="Version 9 of m has no file"):
        write_route(folder, route(1, version=9))
    assert read_route(folder) is None


def test_another_models_folder_is_left_alone(folder):
    write_route(folder, route(1))
    with pytest.raises(ConflictError, match="serves m, not other"):
        write_route(folder, route(2, model="other"))


def test_a_version_never_changes(folder, make_version):
    write_version(folder, make_version(1))
    with pytest.raises(ConflictError, match="Another version 1 of m is here already, from run r1"):
        write_version(folder, make_version(1, run="r2"))
    assert read_version(folder, 1) == make_version(1)


@pytest.mark.parametrize("damage", ["", "{", '{"serial": 1}', "\x00\xff"])
def test_a_damaged_file_is_said_and_can_be_replaced(folder, make_version, damage):
    write_route(folder, route(5))
    (folder / "route.json").write_text(damage)
    version_path(folder, 1).write_text(damage)
    with pytest.raises(ServingError, match="damaged") as refused:
        read_route(folder)
    assert refused.value.where.file == folder / "route.json"
    with pytest.raises(ServingError, match="damaged"):
        read_version(folder, 1)
    write_version(folder, make_version(1))
    write_route(folder, route(6))
    assert read_route(folder) == route(6)


def test_the_next_serial_is_greater_than_any_before_even_after_damage(folder):
    assert next_serial(folder) == 1
    write_route(folder, route(7))
    assert next_serial(folder) == 8
    (folder / "route.json").write_text("{")
    serial = next_serial(folder)
    assert serial > 1_700_000_000
    write_route(folder, route(serial))
    assert next_serial(folder) == serial + 1


def test_a_folder_that_cannot_be_written_or_read(tmp_path, make_version):
    (tmp_path / "file").write_text("")
    with pytest.raises(ServingError, match="cannot be written"):
        write_version(tmp_path / "file", make_version())
    (tmp_path / "route.json").mkdir()
    with pytest.raises(ServingError, match="cannot be read"):
        read_route(tmp_path)


def test_a_killed_write_leaves_the_old_route(folder, monkeypatch):
    write_route(folder, route(1))

    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)  # killed before the file is safe on the disk
        with pytest.raises(KeyboardInterrupt):
            write_route(folder, route(2))
    assert read_route(folder) == route(1)
    write_route(folder, route(2))
    assert read_route(folder) == route(2)
    assert not (folder / ".route.json.new").exists()


def test_the_file_is_flushed_before_it_is_renamed_and_the_folder_after(folder, monkeypatch):
    done = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append(Path(f"/proc/self/fd/{fd}").is_dir()), fsync(fd)))
    monkeypatch.setattr(Path, "replace", lambda *paths: (done.append("rename"), replace(*paths)))
    write_route(folder, route(1))
    assert done == [False, "rename", True]


def test_writers_at_once_never_tear_a_read_and_the_greatest_serial_wins(folder):
    torn, late = [], []

    def write(start: int) -> None:
        for serial in range(start, 120, 4):
            try:
                write_route(folder, route(serial))
            except ConflictError:
                late.append(serial)

    def read() -> None:
        last = 0
        while any(writer.is_alive() for writer in writers):
            found = read_route(folder)
            if found is not None:
                torn.extend([found.serial] if found.serial < last else [])
                last = found.serial

    writers = [threading.Thread(target=write, args=(start,)) for start in (1, 2, 3, 4)]
    for thread in writers:
        thread.start()
    read()
    for thread in writers:
        thread.join()
    assert torn == []
    assert read_route(folder).serial == 119
