"""Frames and series as bytes that another pandas reads: parquet, or a table of NumPy's arrays where that will not do.

This file stands alone (Python 3.8 or later, pandas and NumPy of 2021 or later): a kernel without mvops runs it by path.

Parquet is used if pyarrow is there and what is read back is the same in every respect. A table is a mark, the length
of a header, the header as JSON, which says what the arrays are, and their bytes, none of which are Python objects. A
pickle would do too, but only in the pandas that made it.
"""

from __future__ import annotations

import importlib
import io
import json
import struct
import sys
from typing import Any

_PLAIN = (str, int, float, bool, type(None))
_ARRAYS = "biufcmM"  # kinds of NumPy's types that hold no Python objects
_SERIES = b"mvops_series"
_MARK = b"mvops table 1\n"
_SIZE = struct.Struct(">Q")


def dump(value: Any) -> tuple[str, bytes] | None:
    """The format's name and the bytes; None for what is no frame or series, or would come back changed."""
    pandas = sys.modules.get("pandas")
    if pandas is None or type(value) not in (pandas.DataFrame, pandas.Series):
        return None
    for kind, write, read in (("parquet", dump_parquet, read_parquet), ("table", dump_table, read_table)):
        try:
            data = write(value)
            if same(value, read(data)):
                return kind, data
        except Exception:  # noqa: BLE001, S112  whatever a format cannot take is left to the next one
            continue
    return None


def dump_parquet(value: Any) -> bytes:
    """Parquet bytes of a frame or series."""
    pandas, pyarrow = importlib.import_module("pandas"), importlib.import_module("pyarrow")
    parquet = importlib.import_module("pyarrow.parquet")
    frame = value if type(value) is pandas.DataFrame else value.to_frame("value")
    table = pyarrow.Table.from_pandas(frame)
    if type(value) is pandas.Series:
        note = json.dumps({"name": value.name}).encode()
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), _SERIES: note})
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def read_parquet(data: bytes) -> Any:
    """The frame or series in parquet bytes."""
    table = importlib.import_module("pyarrow.parquet").read_table(io.BytesIO(data))
    note = (table.schema.metadata or {}).get(_SERIES)
    frame = table.to_pandas()
    return frame if note is None else frame["value"].rename(json.loads(note)["name"])


def dump_table(value: Any) -> bytes:
    """The bytes of a table; TypeError for values that no plain array or JSON holds."""
    numpy = importlib.import_module("numpy")
    arrays: list[Any] = []
    parts = [value] if value.ndim == 1 else [value.iloc[:, place] for place in range(value.shape[1])]
    header: dict[str, Any] = {
        "index": _index(value.index, arrays),
        "columns": {"series": _label(value.name)} if value.ndim == 1 else _index(value.columns, arrays),
        "parts": [_values(part, arrays) for part in parts],
    }
    header["arrays"] = [[array.dtype.str, len(array)] for array in arrays]
    text = json.dumps(header).encode()
    return b"".join([_MARK, _SIZE.pack(len(text)), text, *(numpy.ascontiguousarray(each).tobytes() for each in arrays)])


def read_table(data: bytes) -> Any:
    """The frame or series in a table's bytes. Runs no code that these hold."""
    numpy, pandas = importlib.import_module("numpy"), importlib.import_module("pandas")
    start = len(_MARK) + _SIZE.size
    if not data.startswith(_MARK):
        raise ValueError("these bytes are no table")
    at = start + _SIZE.unpack(data[len(_MARK) : start])[0]
    header = json.loads(data[start:at])
    arrays = []
    for kind, count in header["arrays"]:
        array = numpy.frombuffer(data, numpy.dtype(kind), count, at).copy() if count else numpy.empty(0, kind)
        arrays.append(array)
        at += array.nbytes
    index = _read_index(header["index"], arrays)
    parts = [_read_values(part, arrays) for part in header["parts"]]
    columns = header["columns"]
    if "series" in columns:
        return pandas.Series(parts[0], index=index, name=columns["series"])
    frame = pandas.DataFrame(dict(enumerate(parts)), index=index)
    frame.columns = _read_index(columns, arrays)
    return frame


def same(left: Any, right: Any) -> bool:
    """Are two frames or series equal in values, types, index, labels, and in what stands for a missing value?"""
    if left.ndim == 1:
        if type(left.name) is not type(right.name) or left.name != right.name:
            return False
        left, right = left.to_frame("value"), right.to_frame("value")
    return bool(
        left.shape == right.shape
        and _same_index(left.index, right.index)
        and _same_index(left.columns, right.columns)
        and list(left.dtypes) == list(right.dtypes)
        and left.attrs == right.attrs
        and left.equals(right)
        and all(_same_objects(left.iloc[:, i], right.iloc[:, i]) for i in range(left.shape[1]))
    )


def _same_index(left: Any, right: Any) -> bool:
    return (
        type(left) is type(right)
        and left.equals(right)
        and list(left.names) == list(right.names)
        and left.dtype == right.dtype
        and getattr(left, "freq", None) == getattr(right, "freq", None)
        and (left.nlevels > 1 or _same_objects(left, right))
    )


def _same_objects(left: Any, right: Any) -> bool:
    # `equals` takes None for NaN, and 1 for True; an encoder does not.
    return left.dtype != object or list(map(type, left)) == list(map(type, right))


def _index(index: Any, arrays: list[Any]) -> dict[str, Any]:
    pandas = importlib.import_module("pandas")
    name = _label(index.name)
    if type(index) is pandas.RangeIndex:
        return {"range": [index.start, index.stop, index.step], "name": name}
    if index.nlevels > 1:
        raise TypeError("an index of several levels")
    return {**_values(index, arrays), "name": name, "freq": getattr(index, "freqstr", None)}


def _read_index(said: dict[str, Any], arrays: Any) -> Any:
    pandas = importlib.import_module("pandas")
    if "range" in said:
        return pandas.RangeIndex(*said["range"], name=said["name"])
    index = pandas.Index(_read_values(said, arrays), name=said["name"])
    return pandas.DatetimeIndex(index, freq=said["freq"]) if said["freq"] else index


def _values(values: Any, arrays: list[Any]) -> dict[str, Any]:
    """What says how to make the values again, from arrays that are added."""
    numpy, pandas = importlib.import_module("numpy"), importlib.import_module("pandas")
    dtype = values.dtype
    if values.dtype == object:
        plain = list(values)
        if not all(type(each) in _PLAIN for each in plain):
            raise TypeError("objects that JSON does not hold")
        return _added(numpy.frombuffer(json.dumps(plain).encode(), dtype="uint8"), "objects", arrays)
    if isinstance(dtype, pandas.CategoricalDtype):
        found = pandas.Categorical(values)
        categories = _index(found.categories, arrays)
        return {**_added(found.codes, "codes", arrays), "categories": categories, "ordered": bool(found.ordered)}
    if isinstance(dtype, pandas.DatetimeTZDtype):
        times = pandas.DatetimeIndex(values).tz_convert("UTC").tz_localize(None)
        return {**_added(times.to_numpy(), "times", arrays), "zone": str(dtype.tz)}
    if not isinstance(dtype, numpy.dtype) or dtype.kind not in _ARRAYS:
        raise TypeError(f"values of the type {dtype}")
    return _added(values.to_numpy(), "array", arrays)


def _read_values(said: dict[str, Any], arrays: Any) -> Any:
    numpy, pandas = importlib.import_module("numpy"), importlib.import_module("pandas")
    array = arrays[said["at"]]
    if said["kind"] == "objects":
        plain = json.loads(array.tobytes())
        objects = numpy.empty(len(plain), dtype=object)
        objects[:] = plain
        return objects
    if said["kind"] == "codes":
        return pandas.Categorical.from_codes(array, _read_index(said["categories"], arrays), ordered=said["ordered"])
    if said["kind"] == "times":
        return pandas.DatetimeIndex(array).tz_localize("UTC").tz_convert(said["zone"])
    return array


def _added(array: Any, kind: str, arrays: list[Any]) -> dict[str, Any]:
    arrays.append(array)
    return {"kind": kind, "at": len(arrays) - 1}


def _label(label: Any) -> Any:
    if type(label) not in _PLAIN:
        raise TypeError(f"the label {label!r}")
    return label
