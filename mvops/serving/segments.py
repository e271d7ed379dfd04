"""Segments of the spool: files to which whole records are only ever appended.

A segment starts with MAGIC. A record is MARK, the length of the payload and a CRC-32 (both four bytes, little-endian),
then the payload. The CRC covers the length too. MARK begins with bytes that UTF-8 never contains, so that after damage
the next whole record can be found again.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"mvspool\x01"
MARK = b"\xff\xfemv"
_HEAD = struct.Struct("<4sII")
MAX_PAYLOAD = 64 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole record, and where in the file the next one begins. `damaged`: something before it could not be read."""

    payload: bytes
    end: int
    damaged: bool


@dataclass(frozen=True, slots=True)
class Health:
    """What a segment holds: whole records, and stretches that are damaged (of which a cut tail is one)."""

    records: int
    damages: int


def framed(payload: bytes) -> bytes:
    """The payload as a record."""
    length = len(payload)
    return _HEAD.pack(MARK, length, _checksum(length, payload)) + payload


def _checksum(length: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(length.to_bytes(4, "little")))


def frames(data: bytes, start: int) -> Iterator[Frame]:
    """The whole records in a segment's bytes from `start` on; what is damaged is stepped over."""
    position = start
    while (position := data.find(MARK, position)) >= 0:
        payload = _payload(data, position)
        if payload is None:
            position += 1
            continue
        end = position + _HEAD.size + len(payload)
        yield Frame(payload, end, damaged=position != start)
        start = position = end


def _payload(data: bytes, position: int) -> bytes | None:
    if position + _HEAD.size > len(data):
        return None
    _, length, checksum = _HEAD.unpack_from(data, position)
    begin = position + _HEAD.size
    if not 0 < length <= MAX_PAYLOAD or begin + length > len(data):
        return None
    payload = data[begin : begin + length]
    return payload if _checksum(length, payload) == checksum else None


def examine(path: Path) -> Health:
    """Read a whole segment and say how it is."""
    data = path.read_bytes()
    records, damages, end = 0, 0 if data.startswith(MAGIC) or not data else 1, len(MAGIC)
    for frame in frames(data, len(MAGIC)):
        records += 1
        damages += frame.damaged
        end = frame.end
    return Health(records, damages + (end < len(data)))
