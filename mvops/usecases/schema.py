"""JSON Schemas of the YAML, for editors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from mvops.atomic import write_atomically
from mvops.errors import UsageError, or_elsewhere
from mvops.loading.schema import json_schemas


def schema_text(what: str) -> str:
    """The schema of `project`, `model`, `features` or `env` as JSON. Raises UsageError for anything else."""
    schemas = json_schemas()
    if what not in schemas:
        raise UsageError(f"there is no schema {what!r}", hint=f"Schemas: {', '.join(sorted(schemas))}")
    return json.dumps(schemas[what], indent=2)


def write_schemas(folder: Path) -> Iterator[tuple[Path, str]]:
    """Write every schema into `folder`; yields each file with the line that makes an editor use it."""
    for what in sorted(json_schemas()):
        path = folder / f"{what}.schema.json"
        with or_elsewhere():
            write_atomically(path, schema_text(what).encode())
        yield path, f"# yaml-language-server: $schema={path.resolve().as_uri()}"
