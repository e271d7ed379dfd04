"""Reads an offline run of W&B: LevelDB's log format, with a protobuf record of W&B's in each entry."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_BLOCK = 32768
_HEADER = 7


@dataclass
class OfflineRun:
    """What `wandb sync` would send."""

    id: str = ""
    project: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    artifacts: list[Any] = field(default_factory=list)
    exit_code: int | None = None


def read_run(folder: Path) -> OfflineRun:
    """The run in an `offline-run-...` folder."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = folder.glob("run-*.wandb")
    found = OfflineRun()
    for data in _entries(file.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            found.id, found.project = record.run.run_id, record.run.project
            found.config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        elif kind == "config":
            found.config |= {item.key: json.loads(item.value_json) for item in record.config.update}
        elif kind == "history":
            values = {
                (item.key or ".".join(item.nested_key)): json.loads(item.value_json) for item in record.history.item
            }
            found.metrics |= {key: value for key, value in values.items() if not key.startswith("_")}
        elif kind == "files":
            found.files |= {item.path for item in record.files.files}
        elif kind == "artifact":
            found.artifacts.append(record.artifact)
        elif kind == "exit":
            found.exit_code = record.exit.exit_code
    return found


def runs_in(place: Path) -> dict[str, tuple[Path, OfflineRun]]:
    """All offline runs below a directory, by their id."""
    found = [(folder, read_run(folder)) for folder in sorted(place.glob("wandb/offline-run-*"))]
    return {run.id: (folder, run) for folder, run in found}


def _entries(data: bytes) -> Iterator[bytes]:
    assert data[:4] == b":W&B", data[:8]
    position, parts = _HEADER, []
    while position + _HEADER <= len(data):
        left = _BLOCK - position % _BLOCK
        if left < _HEADER:
            position += left
            continue
        _, length, kind = struct.unpack("<IHB", data[position : position + _HEADER])
        parts.append(data[position + _HEADER : position + _HEADER + length])
        position += _HEADER + length
        if kind in {1, 4}:  # whole, or the last part
            yield b"".join(parts)
            parts = []
