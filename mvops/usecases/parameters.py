"""Parameters as typed on the command line: `key=value`, the value in YAML."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from mvops.errors import UsageError


def parse_parameters(texts: Iterable[str]) -> dict[str, Any]:
    """Read `max_iter=300`, `name=abc`, `columns=[a, b]`; raise UsageError for anything else."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"-p {text}: not a parameter", hint="Write it as key=value, such as -p max_iter=300")
        try:
            found[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(
                f"-p {text}: the value is not YAML", hint="Quote it, such as -p 'name=\"a: b\"'"
            ) from error
    return found
