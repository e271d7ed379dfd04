"""What is on record, as text."""

from __future__ import annotations

import json
from collections.abc import Iterator

from mvops.core.state import Record


def record_line(record: Record) -> str:
    """A resource and what its last action left."""
    left = ", ".join(f"{key} {value}" for key, value in sorted(record.outputs.items()) if len(value) < 40)
    return f"{record.address:<32} {left}".rstrip()


def record_lines(record: Record) -> Iterator[str]:
    """Every field that was made, then what was left."""
    yield record.address
    for title, fields in (("made", record.spec), ("left", record.outputs)):
        if fields:
            yield f"  {title}"
        for key, value in sorted(fields.items()):
            yield f"    {key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
