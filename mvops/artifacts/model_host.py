"""Runs in the Python that made a model, where mvops' own cannot load it: holds the model, and answers for it.

This file stands alone (Python 3.8 or later, and what the model needs) and is run by its path:

    python model_host.py TABLES      with the path of `tables.py`

Each message, on standard input and output, is the length of a header, the header as JSON, and bytes. The first one
brings the model, and the releases that it wants; the answer says what the model is, and where it is. Then each one asks
a method with a table.
"""

import sys

if __name__ == "__main__":
    del sys.path[0]  # this folder; its files must not stand in for modules of the same name

import contextlib
import importlib
import io
import json
import os
import pickle
import platform
import runpy
import struct
import sysconfig
from importlib import metadata
from typing import Any

METHODS = ("predict", "predict_proba", "decision_function")
_SIZE = struct.Struct(">QQ")
_RECORDS = ("top_level.txt", "RECORD")


def send(stream: Any, header: Any, body: bytes = b"") -> None:
    """Write a message."""
    text = json.dumps(header).encode()
    stream.write(_SIZE.pack(len(text), len(body)) + text)
    stream.write(body)
    stream.flush()


def receive(stream: Any) -> "tuple[dict[str, Any], bytes] | None":
    """Read a message; None at the end."""
    sizes = stream.read(_SIZE.size)
    if len(sizes) < _SIZE.size:
        return None
    header, body = (stream.read(size) for size in _SIZE.unpack(sizes))
    return json.loads(header), body


def main(tables: str) -> None:
    """Answer until nobody asks any more."""
    answers, asked = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)  # what the model prints is no answer
    first = receive(asked)
    if first is None:
        return
    try:
        other = _other(first[0].get("wanted", {}))
        if other:
            send(answers, {"other": other})
            return
        read_table = runpy.run_path(tables)["read_table"]
        with contextlib.suppress(ImportError):
            importlib.import_module("pandas")  # what a table becomes
        model = _load(first[0]["format"], first[1])
        send(answers, _about(model))
    except BaseException as error:  # noqa: BLE001  any library may raise anything here
        send(answers, {"error": _told(error)})
        return
    while True:
        message = receive(asked)
        if message is None:
            return
        try:
            found = getattr(model, message[0]["method"])(read_table(message[1]))
            header, body = _array(found)
        except Exception as error:  # noqa: BLE001  any model may raise anything here
            header, body = {"error": _told(error)}, b""
        send(answers, header, body)


def _other(wanted: "dict[str, str]") -> "list[str]":
    """What is installed in another release than is wanted."""
    there = {}
    for name in wanted:
        with contextlib.suppress(metadata.PackageNotFoundError):
            there[name] = metadata.version(name)
    return [
        "{} {}, not {}".format(name, there.get(name, "(none)"), release)
        for name, release in wanted.items()
        if there.get(name) != release
    ]


def _load(kind: str, data: bytes) -> Any:
    if kind == "skops":
        skops = importlib.import_module("skops.io")
        return skops.loads(data, trusted=skops.get_untrusted_types(data=data))
    return pickle.loads(data)  # noqa: S301  of the project's own making: it was sealed


def _about(model: Any) -> "dict[str, Any]":
    parameters = model.get_params(deep=True) if hasattr(model, "get_params") else {}
    alone = [name for name, value in parameters.items() if name.split("__")[-1] == "n_jobs" and value not in (None, 1)]
    if alone:  # small batches are slower on several threads than on one; results are the same
        model.set_params(**dict.fromkeys(alone, 1))
    classes: Any = getattr(model, "classes_", None)
    names = getattr(model, "feature_names_in_", None)
    return {
        "type": type(model).__name__,
        "methods": [name for name in METHODS if hasattr(model, name)],
        "classes": None if getattr(classes, "ndim", 0) != 1 else classes.tolist(),
        "names": None if names is None else [str(name) for name in names],
        "python": platform.python_version(),
        "platform": sysconfig.get_platform(),
        "packages": _packages({name.partition(".")[0] for name in sys.modules}),
    }


def _packages(modules: "set[str]") -> "dict[str, str]":
    """The releases of everything that was imported to load the model."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        record = next((text for name in _RECORDS for text in [distribution.read_text(name)] if text), "")
        provided = {line.partition(",")[0].partition("/")[0].strip() for line in record.splitlines()}
        name = distribution.metadata["Name"]
        if name and {each.removesuffix(".py") for each in provided} & modules:
            found.setdefault(name.lower().replace("_", "-"), distribution.version)
    return found


def _array(found: Any) -> "tuple[dict[str, Any], bytes]":
    numpy = importlib.import_module("numpy")
    array = numpy.asarray(found)
    if array.dtype.hasobject:
        return {"shape": list(array.shape), "objects": [_plain(each) for each in array.ravel().tolist()]}, b""
    buffer = io.BytesIO()
    numpy.save(buffer, array, allow_pickle=False)
    return {}, buffer.getvalue()


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _told(error: BaseException) -> str:
    return "{}: {}".format(type(error).__name__, (str(error).strip().splitlines() or [""])[0][:500])


if __name__ == "__main__":
    main(sys.argv[1])
