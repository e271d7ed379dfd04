from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mvops.errors import DataError
from mvops.notebook.digests import input_digest


def fill(root: Path) -> None:
    (root / "data").mkdir()
    for name in ("a.csv", "b.csv"):
        (root / "data" / name).write_text(name)


def test_a_file_a_folder_and_a_glob_have_digests_of_names_and_contents(tmp_path: Path) -> None:
    fill(tmp_path)
    assert input_digest(tmp_path, "data") == input_digest(tmp_path, "data/*.csv") == input_digest(tmp_path, "**/*.csv")
    before = input_digest(tmp_path, "data/a.csv"), input_digest(tmp_path, "data")
    (tmp_path / "data/.hidden").write_text("x")
    assert input_digest(tmp_path, "data") == before[1]
    (tmp_path / "data/b.csv").write_text("changed")
    assert input_digest(tmp_path, "data/a.csv") == before[0]
    assert input_digest(tmp_path, "data") != before[1]
    (tmp_path / "data/b.csv").write_text("b.csv")
    assert input_digest(tmp_path, "data") == before[1]
    (tmp_path / "data/b.csv").rename(tmp_path / "data/c.csv")
    assert input_digest(tmp_path, "data") != before[1]


def test_a_digest_does_not_depend_on_where_the_project_is(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name)
    assert input_digest(tmp_path / "one", "data") == input_digest(tmp_path / "two", "data")


@pytest.mark.parametrize("pattern", ["gone.csv", "data/*.parquet", "empty"])
def test_no_data_is_an_error_that_names_the_path(tmp_path: Path, pattern: str) -> None:
    fill(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no data at") as caught:
        input_digest(tmp_path, pattern)
    assert pattern in caught.value.message


def test_a_file_is_read_once_while_its_size_time_and_inode_stay(tmp_path: Path) -> None:
    fill(tmp_path)
    file, cache = tmp_path / "data/a.csv", tmp_path / "cache"
    os.utime(file, (1_000_000_000, 1_000_000_000))
    before = input_digest(tmp_path, "data/a.csv", cache)
    known = json.loads((cache / "inputs.json").read_text())
    known[str(file)][-1] = "0" * 64
    (cache / "inputs.json").write_text(json.dumps(known))
    assert input_digest(tmp_path, "data/a.csv", cache) != before  # what is remembered is believed
    os.utime(file, (1_000_000_001, 1_000_000_001))
    assert input_digest(tmp_path, "data/a.csv", cache) == before


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path: Path) -> None:
    fill(tmp_path)
    input_digest(tmp_path, "data/a.csv", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_damaged_memory_is_no_obstacle(tmp_path: Path) -> None:
    fill(tmp_path)
    os.utime(tmp_path / "data/a.csv", (1_000_000_000, 1_000_000_000))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/inputs.json").write_text("[")
    assert input_digest(tmp_path, "data/a.csv", tmp_path / "cache") == input_digest(tmp_path, "data/a.csv")
