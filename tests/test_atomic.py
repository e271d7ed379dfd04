"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Thread

import pytest

from mvops.atomic import sync_folder, whole_file, write_atomically


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_there_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.bin"
    write_atomically(path, b"\x00\r\n\xff")
    assert path.read_bytes() == b"\x00\r\n\xff"
    write_atomically(path, b"again")
    assert path.read_bytes() == b"again"
    assert names(path.parent) == ["file.bin"]


def test_only_what_is_to_last_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr(os, "fsync", waited.append)
    write_atomically(tmp_path / "kept", b"a")
    assert len(waited) == 2, "the file, and the folder that has its name"
    write_atomically(tmp_path / "cached", b"b", lasting=False)
    assert len(waited) == 2
    assert (tmp_path / "cached").read_bytes() == b"b"
    assert names(tmp_path) == ["cached", "kept"]


def test_a_text_keeps_its_line_ends_and_its_letters(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with whole_file(path) as file:
        file.write("é\n")
        file.write("b\r\n")
    assert path.read_bytes() == "é\nb\r\n".encode()


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_an_error_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write() -> None:
        with whole_file(path) as file:
            file.write("half")
            file.flush()
            raise error

    with pytest.raises(type(error)):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_text_that_cannot_be_encoded_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError), whole_file(tmp_path / "file.txt") as file:
        file.write("\ud800")
    assert names(tmp_path) == []


def test_a_folder_in_the_way_is_an_error_that_leaves_it(tmp_path: Path) -> None:
    (tmp_path / "there" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match=r"[Dd]irectory"):
        write_atomically(tmp_path / "there", b"x")
    assert names(tmp_path) == ["there"]


def test_nobody_sees_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_atomically(path, b"0" * 5000)

    def write() -> None:
        for turn in range(1, 30):
            write_atomically(path, str(turn % 10).encode() * 5000)

    writers = [Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        read = path.read_bytes()
        assert len(read) == 5000
        assert len(set(read)) == 1
    assert names(tmp_path) == ["file.txt"]


def test_permissions_follow_the_umask_or_the_file_that_is_replaced(tmp_path: Path) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    umask = os.umask(0)
    os.umask(umask)
    new, private, kept = tmp_path / "new", tmp_path / "private", tmp_path / "kept"
    write_atomically(new, b"")
    assert mode(new) == 0o666 & ~umask
    write_atomically(private, b"", mode=0o600)
    assert mode(private) == 0o600
    kept.write_text("")
    kept.chmod(0o640)
    write_atomically(kept, b"x")
    assert mode(kept) == 0o640


def test_a_folder_that_cannot_be_synced_is_no_reason_to_stop(tmp_path: Path) -> None:
    sync_folder(tmp_path / "not there")
    sync_folder(tmp_path)
