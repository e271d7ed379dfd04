"""What was predicted, as a file that grows part by part: CSV, JSON Lines or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mvops.core.signature import ColumnKind, Signature
from mvops.serving.row_files import Format

if TYPE_CHECKING:
    import pyarrow as pa

_TOGETHER = 16  # parts that become one row group
_ARROW: dict[ColumnKind, str] = {"number": "double", "integer": "int64", "boolean": "bool"}
_OF_CLASSES: dict[type, str] = {bool: "bool", int: "int64", float: "double"}


@dataclass(frozen=True)
class Shape:
    """The columns of the output, in order; `types` are those of Arrow, by name or as they are."""

    types: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(self.types)


def shape_of(signature: Signature, kept: Mapping[str, Any], *, logged: bool) -> Shape:
    """Of what is predicted by this signature, with the columns that are `kept` of the input, by their Arrow types."""
    labels = {type(label) for label in signature.classes}
    label = "double" if signature.task == "regression" or labels == {int, float} else "string"
    if len(labels) == 1:
        label = _OF_CLASSES.get(labels.pop(), label)
    classes = signature.classes if signature.probabilities else ()
    return Shape(
        {
            "row": "int64",
            **kept,
            "prediction": label,
            **{f"probability_{name}": "double" for name in classes},
            **({"prediction_id": "string"} if logged else {}),
            "model_version": "int64",
        }
    )


def arrow_of(kind: ColumnKind) -> str:
    """The type of a column of the model's that is kept from a file without types."""
    return _ARROW.get(kind, "string")


def part(kind: Format, shape: Shape, columns: Sequence[Sequence[Any]]) -> bytes:
    """Some rows, as they are kept until `join`."""
    if kind == "parquet":
        return _parquet_part(shape, columns)
    text = io.StringIO(newline="")
    if kind == "csv":
        csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in zip(*columns))  # noqa: B905 -- all of one length
    else:
        for row in zip(*columns, strict=True):
            text.write(json.dumps(dict(zip(shape.names, row, strict=True)), ensure_ascii=False, default=_plain) + "\n")
    return text.getvalue().encode()


def join(kind: Format, shape: Shape, parts: Iterable[Path], output: IO[bytes]) -> None:
    """Write the whole file, one part in memory at a time."""
    if kind == "parquet":
        _join_parquet(shape, parts, output)
        return
    if kind == "csv":
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerow(shape.names)
        output.write(text.getvalue().encode())
    for one in parts:  # one without a row is empty
        output.write(one.read_bytes())


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=_plain) if isinstance(value, dict | list) else value


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else str(value)


def _schema(shape: Shape) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415 -- an extra

    types = {"double": pa.float64(), "int64": pa.int64(), "bool": pa.bool_(), "string": pa.string()}
    return pa.schema([(name, types.get(kind, kind)) for name, kind in shape.types.items()])


def _parquet_part(shape: Shape, columns: Sequence[Sequence[Any]]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 -- the same
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = _schema(shape)
    arrays = [
        pa.array([_text(v) for v in values] if field.type == pa.string() else list(values), type=field.type)
        for field, values in zip(schema, columns, strict=True)
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), sink)
    return sink.getvalue()


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)


def _join_parquet(shape: Shape, parts: Iterable[Path], output: IO[bytes]) -> None:
    import pyarrow as pa  # noqa: PLC0415 -- the same
    import pyarrow.parquet as pq  # noqa: PLC0415

    with pq.ParquetWriter(output, _schema(shape)) as writer:
        for some in _several(one for one in parts if one.stat().st_size):
            writer.write_table(pa.concat_tables([pq.read_table(one) for one in some]))


def _several(parts: Iterable[Path]) -> Iterator[tuple[Path, ...]]:
    left = iter(parts)
    while some := tuple(islice(left, _TOGETHER)):
        yield some
