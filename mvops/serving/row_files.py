"""Rows of files of any size, a bounded number of them in memory: CSV, JSON Lines and Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, Protocol, get_args

from mvops.errors import DataError, MissingExtraError, UsageError, Where

Format = Literal["csv", "jsonl", "parquet"]
_BUFFER = 1 << 20  # bytes of a Parquet file's column that are read at once


class FileRow(NamedTuple):
    """A row as its file has it. `number` counts from 1; `wrong` says why it is none."""

    number: int
    line: int | None
    values: dict[str, Any]
    wrong: str = ""


class RowFile(Protocol):
    """An open file of rows. `columns` are None where each row names its own; `texts` says that all values are texts.

    `done` of `total`: how far it has been read, in whatever measure.
    """

    columns: tuple[str, ...] | None
    texts: bool
    total: int

    @property
    def done(self) -> int: ...

    def rows(self, after: int) -> Iterator[FileRow]:
        """The rows but the first `after`. Raises DataError where the file itself is broken."""
        ...

    def arrow_type(self, column: str) -> Any:
        """The column's type, where the file says it."""
        ...


def format_of(path: Path) -> Format:
    """By the ending. Raises UsageError."""
    ending = path.suffix.lower().removeprefix(".")
    known: dict[str, Format] = {name: name for name in get_args(Format)} | {"ndjson": "jsonl", "pq": "parquet"}
    if ending not in known:
        raise UsageError(f"{path}: the ending says the format", hint="It has to be .csv, .jsonl or .parquet.")
    return known[ending]


@contextmanager
def open_rows(path: Path, kind: Format) -> Iterator[RowFile]:
    """Open a file of rows. Raises DataError for one that is not what its ending says."""
    if not path.is_file():
        raise DataError(f"{path} is not there", hint="It has to be a file: .csv, .jsonl or .parquet.")
    with path.open("rb") as binary:
        if kind == "parquet":
            yield _Parquet(path, binary)
        else:
            yield _Csv(path, binary) if kind == "csv" else _JsonLines(path, binary)


class _Text:
    texts = False

    def __init__(self, path: Path, binary: IO[bytes]) -> None:
        self._path, self._binary = path, binary
        self.total = path.stat().st_size

    @property
    def done(self) -> int:
        return self._binary.tell()

    def arrow_type(self, column: str) -> Any:
        del column


class _Csv(_Text):
    texts = True

    def __init__(self, path: Path, binary: IO[bytes]) -> None:
        super().__init__(path, binary)
        self._lines = csv.reader(_decoded(path, self._binary), strict=True)
        self.columns: tuple[str, ...] | None = tuple(self._next() or ())
        if not self.columns:
            raise DataError(f"{path} has no header", hint="Its first line has to name the columns.")
        if twice := {name for name in self.columns if self.columns.count(name) > 1}:
            raise DataError(f"the column {min(twice)!r} stands there twice", where=Where(path, 1))

    def _next(self) -> list[str] | None:
        try:
            return next(self._lines, None)
        except (UnicodeDecodeError, csv.Error) as error:
            hint = "It has to be CSV in UTF-8, with commas between the values."
            raise DataError(f"not CSV: {error}", hint=hint, where=Where(self._path, self._lines.line_num)) from error

    def rows(self, after: int) -> Iterator[FileRow]:
        columns = self.columns or ()
        number, width = 0, len(columns)
        while (values := self._next()) is not None:
            if not values:  # an empty line
                continue
            number += 1
            if number <= after:
                continue
            wrong = "" if len(values) == width else f"has {len(values)} values, and the header {width}"
            yield FileRow(number, self._lines.line_num, dict(zip(columns, values, strict=False)), wrong)


class _JsonLines(_Text):
    columns: tuple[str, ...] | None = None

    def rows(self, after: int) -> Iterator[FileRow]:
        number = 0
        for line, text in enumerate(self._binary, start=1):
            if not text.strip():
                continue
            number += 1
            if number > after:
                values = _object(text)
                wrong = values if isinstance(values, str) else ""
                yield FileRow(number, line, {} if isinstance(values, str) else values, wrong)


class _Parquet:
    texts = False

    def __init__(self, path: Path, binary: IO[bytes]) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 -- an extra
            import pyarrow.parquet as pq  # noqa: PLC0415
        except ImportError as error:
            raise MissingExtraError("Parquet", "parquet") from error
        self._path = path
        self._broken = (pa.ArrowException, OSError)
        try:
            self._file = pq.ParquetFile(binary, buffer_size=_BUFFER, pre_buffer=False)
        except self._broken as error:
            raise self._refusal(error) from error
        self.columns: tuple[str, ...] | None = tuple(self._file.schema_arrow.names)
        self.total = self._file.metadata.num_rows
        self.done = 0

    def arrow_type(self, column: str) -> Any:
        found = self._file.schema_arrow.field(column).type
        return getattr(found, "value_type", found) if str(found).startswith("dictionary") else found

    def rows(self, after: int) -> Iterator[FileRow]:
        groups, start = _groups_after(self._file.metadata, after)
        self.done = start
        try:
            for batch in self._file.iter_batches(2048, row_groups=groups):
                names = batch.schema.names
                for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    self.done += 1
                    if self.done > after:
                        yield FileRow(self.done, None, dict(zip(names, values, strict=True)))
        except self._broken as error:
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> DataError:
        return DataError(f"{self._path} cannot be read as Parquet: {error}", hint="Write it again.")


def _groups_after(metadata: Any, after: int) -> tuple[list[int], int]:
    """The row groups that hold rows beyond the first `after`, and how many rows come before them."""
    start, groups = 0, list(range(metadata.num_row_groups))
    while groups and start + metadata.row_group(groups[0]).num_rows <= after:
        start += metadata.row_group(groups.pop(0)).num_rows
    return groups, start


def _decoded(path: Path, binary: Any) -> Iterator[str]:
    """Lines, their ends as written, without a mark of UTF-8 before the first."""
    for number, line in enumerate(binary, start=1):
        try:
            yield (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).decode()
        except UnicodeDecodeError as error:
            raise DataError(f"not UTF-8: {error}", hint="Write it as UTF-8.", where=Where(path, number)) from error


def _object(text: bytes) -> dict[str, Any] | str:
    """The object in a line, or why it is none."""
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    return found if isinstance(found, dict) else "must be an object"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")
