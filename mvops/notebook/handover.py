"""What runs inside the kernel between the user's cells: load what earlier steps made, save what later ones need.

The kernel may be another Python (3.8 or later) without mvops, so this file stands alone: it is run by its path, and
imports the standard library and what else the kernel happens to have. Each value is typed by what it is:

DataFrame, Series     parquet, if pyarrow is there and what is read back is the same in every respect; else a table
                      of plain arrays (`mvops/artifacts/tables.py`, which stands alone too), on the same condition
ndarray               npy, unless it holds Python objects
estimator             skops, if it is there and finds only types of scikit-learn, numpy and scipy
plain JSON values     json
the rest              cloudpickle (also the name for a plain pickle that needs nothing from the notebook), or
                      pickle: by reference to classes that the later step defines itself, so that `isinstance` holds

A folder of values holds `values.json`: `{"values": {name: {format, file, object, sha256, size, type, shape}}, "absent":
[]}`; two names for one object share a file and the number of the `object`, and are one object again after loading; two
objects that are only equal are two.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import io
import json
import pickle
import random
import runpy
import sys
import types
import warnings
from pathlib import Path
from typing import Any

MANIFEST = "values.json"
REQUEST = "request.json"
RANDOM = "__mvops_random__"  # under this name the state of the random generators travels
_PLAIN = (str, int, float, bool, type(None))
_TRUSTED_ROOTS = ("sklearn", "numpy", "scipy")


class HandoverError(Exception):
    """A value cannot be saved or loaded."""


def load(scope: dict[str, Any], folder: str) -> None:
    """Put the values in `folder` into `scope`, after checking that each file is what was saved."""
    entries = _json(folder, MANIFEST)["values"]
    loaded: dict[str, Any] = {}
    for name, entry in entries.items():
        known = entry.get("object", entry["file"])
        if known not in loaded:
            try:
                loaded[known] = _read(folder, entry)
            except Exception as error:  # noqa: BLE001  any library may raise anything here
                raise HandoverError(f"cannot load {name!r} ({entry['type']}): {_short(error)}") from None
        if name != RANDOM:
            scope[name] = loaded[known]
            continue
        state = loaded[known]
        random.setstate(state["random"])
        if state["numpy"] is not None:
            importlib.import_module("numpy.random").set_state(state["numpy"])


def save(scope: dict[str, Any], folder: str) -> None:
    """Write the values that `request.json` in `folder` asks for, and the manifest last.

    The request is `{"values": [...], "outputs": [...], "definitions": [...], "random": bool}`. Names that do not
    exist are listed as absent; an output that does not exist is an error. `definitions` are the names of classes and
    functions that later steps define before they load.
    """
    request = _json(folder, REQUEST)
    for name in request["outputs"]:
        if name not in scope:
            raise HandoverError(f"the output {name!r} does not exist at the end of the step")
    wanted = {name: scope[name] for name in request["values"] if name in scope}
    wanted.update((name, scope[name]) for name in request["outputs"])
    if request["random"]:
        wanted[RANDOM] = _random_state()
    by_reference = frozenset(request["definitions"])
    entries: dict[str, Any] = {}
    written: dict[Any, Any] = {}  # by identity: two names of one object share a file
    for name, value in wanted.items():
        allowed = frozenset() if name in request["outputs"] else by_reference
        if (id(value), allowed) not in written:
            written[id(value), allowed] = _write(folder, len(entries), name, value, allowed)
        entries[name] = written[id(value), allowed]
    absent = sorted(set(request["values"]) - scope.keys())
    Path(folder, MANIFEST).write_text(json.dumps({"values": entries, "absent": absent}, indent=1), encoding="utf-8")


def _json(folder: str, name: str) -> Any:
    return json.loads(Path(folder, name).read_text(encoding="utf-8"))


def _write(folder: str, number: int, name: str, value: Any, by_reference: frozenset[str]) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kind, data = _dump(value, by_reference)
    except Exception as error:  # noqa: BLE001  any library may raise anything here
        raise HandoverError(f"cannot save {name!r} ({_type(value)}): {_short(error)}") from None
    file = f"{number:03d}_{name if name.isascii() else 'value'}.{kind}"
    Path(folder, file).write_bytes(data)
    return {
        "format": kind,
        "file": file,
        "object": number,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "type": _type(value),
        "shape": _shape(value),
    }


def _dump(value: Any, by_reference: frozenset[str]) -> tuple[str, bytes]:
    for kind, dump in (("json", _dump_json), ("npy", _dump_array), ("skops", _dump_skops)):
        data = dump(value)
        if data is not None:
            return kind, data
    table: tuple[str, bytes] | None = _tables()["dump"](value)
    return table or _dump_pickle(value, by_reference)


def _read(folder: str, entry: dict[str, Any]) -> Any:
    data = Path(folder, entry["file"]).read_bytes()
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise HandoverError("the file is not what was saved")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _READERS[entry["format"]](data)


def _dump_json(value: Any) -> bytes | None:
    if not _is_plain(value, 0):
        return None
    try:
        return json.dumps(value, allow_nan=False).encode()
    except ValueError:  # not a finite number, or an integer too long to write
        return None


def _is_plain(value: Any, depth: int) -> bool:
    if type(value) in _PLAIN:
        return True
    if depth > 50:
        return False
    if type(value) is list:
        return all(_is_plain(each, depth + 1) for each in value)
    return type(value) is dict and all(type(key) is str and _is_plain(each, depth + 1) for key, each in value.items())


def _dump_array(value: Any) -> bytes | None:
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.ndarray or value.dtype.hasobject:
        return None
    buffer = io.BytesIO()
    numpy.save(buffer, value, allow_pickle=False)
    return buffer.getvalue() if _read_array(buffer.getvalue()).dtype == value.dtype else None


def _read_array(data: bytes) -> Any:
    return importlib.import_module("numpy").load(io.BytesIO(data), allow_pickle=False)


@functools.lru_cache(maxsize=None)  # noqa: UP033  Python 3.8
def _tables() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).resolve().parents[1] / "artifacts" / "tables.py"))


def _read_parquet(data: bytes) -> Any:
    return _tables()["read_parquet"](data)


def _read_table(data: bytes) -> Any:
    return _tables()["read_table"](data)


def _dump_skops(value: Any) -> bytes | None:
    base = sys.modules.get("sklearn.base")
    if base is None or not isinstance(value, base.BaseEstimator):
        return None
    try:
        data = importlib.import_module("skops.io").dumps(value)
        return data if type(_read_skops(data)) is type(value) else None
    except Exception:  # noqa: BLE001  whatever skops cannot take is pickled
        return None


def _read_skops(data: bytes) -> Any:
    skops = importlib.import_module("skops.io")
    unknown = skops.get_untrusted_types(data=data)
    for kind in unknown:
        if kind.split(".")[0] not in _TRUSTED_ROOTS:
            raise HandoverError(f"{kind} is no type of scikit-learn, numpy or scipy")
    return skops.loads(data, trusted=unknown)


class _Pickler(pickle.Pickler):
    """A pickler that notes which classes and functions of the notebook it refers to."""

    def __init__(self, file: Any) -> None:
        super().__init__(file, protocol=min(5, pickle.HIGHEST_PROTOCOL))
        self.of_notebook: set[str] = set()

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, (type, types.FunctionType)) and value.__module__ == "__main__":
            self.of_notebook.add(value.__qualname__.split(".")[0])
        return NotImplemented


def _dump_pickle(value: Any, by_reference: frozenset[str]) -> tuple[str, bytes]:
    buffer = io.BytesIO()
    pickler = _Pickler(buffer)
    problem: Exception | None = None
    try:
        pickler.dump(value)
    except Exception as error:  # noqa: BLE001  any class may raise anything here
        problem = error
    if problem is None and pickler.of_notebook <= by_reference:
        return "pickle" if pickler.of_notebook else "cloudpickle", buffer.getvalue()
    try:
        return "cloudpickle", importlib.import_module("cloudpickle").dumps(value)
    except ImportError:
        needs = f"it needs {', '.join(sorted(pickler.of_notebook))} of the notebook"
        raise problem or HandoverError(f"{needs}; install cloudpickle beside the kernel") from None


def _random_state() -> dict[str, Any]:
    numpy = sys.modules.get("numpy.random")
    return {"random": random.getstate(), "numpy": numpy.get_state() if numpy else None}


def _type(value: Any) -> str:
    kind = type(value)
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )


def _shape(value: Any) -> list[int] | None:
    shape = getattr(value, "shape", None)
    return list(shape) if type(shape) is tuple and all(type(n) is int for n in shape) else None


def _short(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


_READERS: dict[str, Any] = {
    "json": json.loads,
    "npy": _read_array,
    "parquet": _read_parquet,
    "table": _read_table,
    "skops": _read_skops,
    "pickle": pickle.loads,
    "cloudpickle": pickle.loads,
}
