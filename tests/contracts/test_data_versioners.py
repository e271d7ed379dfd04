"""The examination of the family `data_versioners`: what is kept comes back as it was, and what is gone is told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mvops.contracts.data_versioners import Dataset, DataVersioner, Place
from mvops.errors import BackendError, MvopsError
from mvops.notebook.digests import input_contents


@dataclass(frozen=True)
class Ground:
    """What a member's file makes ready: a project, the options, and a way to lose all that is kept."""

    place: Place
    options: Mapping[str, Any]
    lose: Callable[[], None]


def dataset(ground: Ground, pattern: str) -> Dataset:
    root = ground.place.root
    return Dataset(pattern=pattern, files=input_contents(root, pattern, ground.place.cache))


def write(ground: Ground, **files: str) -> None:
    for name, text in files.items():
        path = ground.place.root / "data" / f"{name.replace('__', '/')}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def contents(folder: Path) -> dict[str, str]:
    """Everything that people see of a project, by path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    shown = {path.relative_to(folder): path for path in files}
    return {
        name.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in shown.items()
        if name.parts[0] not in {".dvc", ".git", "cache", "artifacts"}
    }


def test_files_folders_and_globs_come_back_as_they_were(backend: DataVersioner, set_up: Ground, tmp_path: Path) -> None:
    write(set_up, one="1", part_a="a", part_b="b", folder__x="x", folder__deep__y="y")
    for number, pattern in enumerate(("data/one.csv", "data/part_*.csv", "data/folder")):
        given = dataset(set_up, pattern)
        revision = backend.keep(set_up.place, given, None, set_up.options).revision
        assert (revision.files, revision.digest) == (given.files, given.digest)
        target = tmp_path / f"again-{number}" / "project"
        target.mkdir(parents=True)
        backend.restore(set_up.place, revision, target, set_up.options)
        assert input_contents(target, pattern) == given.files
        assert [path for path in target.parent.iterdir() if path != target] == []


def test_old_content_comes_back_and_nothing_of_the_projects_is_touched(
    backend: DataVersioner, set_up: Ground, tmp_path: Path
) -> None:
    write(set_up, one="old")
    old = backend.keep(set_up.place, dataset(set_up, "data/one.csv"), None, set_up.options).revision
    assert backend.holds(set_up.place, old, set_up.options)
    write(set_up, one="new")
    new = backend.keep(set_up.place, dataset(set_up, "data/one.csv"), old, set_up.options).revision
    assert new.id != old.id
    before = contents(set_up.place.root)
    for revision, text in ((old, "old"), (new, "new")):
        target = tmp_path / text / "project"
        target.mkdir(parents=True)
        backend.restore(set_up.place, revision, target, set_up.options)
        assert (target / "data/one.csv").read_text() == text
    assert contents(set_up.place.root) == before


def test_keeping_twice_is_keeping_once_and_a_preview_writes_nothing(backend: DataVersioner, set_up: Ground) -> None:
    write(set_up, one="1")
    given, before = dataset(set_up, "data/one.csv"), contents(set_up.place.root)
    assert list(backend.preview(set_up.place, given, set_up.options)) != []
    assert contents(set_up.place.root) == before
    first = backend.keep(set_up.place, given, None, set_up.options).revision
    after = contents(set_up.place.root)
    assert backend.keep(set_up.place, given, first, set_up.options).revision == first
    assert contents(set_up.place.root) == after
    assert list(backend.preview(set_up.place, given, set_up.options)) != []


def test_content_that_is_gone_is_an_error(backend: DataVersioner, set_up: Ground, tmp_path: Path) -> None:
    write(set_up, one="1")
    revision = backend.keep(set_up.place, dataset(set_up, "data/one.csv"), None, set_up.options).revision
    set_up.lose()
    (tmp_path / "again").mkdir()
    with pytest.raises(MvopsError) as refused:
        backend.restore(set_up.place, revision, tmp_path / "again", set_up.options)
    assert refused.value.hint


def test_options_that_do_not_fit_are_refused_by_the_members_name(
    backend: DataVersioner, set_up: Ground, member: Any
) -> None:
    assert backend.where(set_up.options)
    with pytest.raises(BackendError, match=member.name):
        backend.where({**set_up.options, "no_such_option": 1})
