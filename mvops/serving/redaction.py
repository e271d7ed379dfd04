"""What is taken out of the inputs before they are written anywhere."""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mvops.artifacts.seals import project_key
from mvops.core.config.log import LogRules
from mvops.core.prediction import HASHED
from mvops.errors import ServingError

Row = dict[str, Any]
_DIGITS = 32  # of the digest, in base 16


class Redaction:
    """Rows as the log may have them. Raises ServingError where the project's key is missing and cannot be made."""

    def __init__(self, rules: LogRules | None, root: Path) -> None:
        self._exclude = frozenset(rules.exclude) if rules else frozenset()
        self._hash = rules.hash if rules else ()
        self._key = _key(root) if self._hash else b""

    def __call__(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The same rows where nothing is to be taken out; those that are given are not changed."""
        if not self._exclude and not self._hash:
            return rows
        return [self._redacted(row) for row in rows]

    def _redacted(self, row: Row) -> Row:
        kept = {name: value for name, value in row.items() if name not in self._exclude}
        for name in self._hash:
            if kept.get(name) is not None:
                kept[name] = HASHED + hmac.digest(self._key, _text(kept[name]), "sha256").hex()[:_DIGITS]
        return kept


def _key(root: Path) -> bytes:
    """Another one than seals are made with, which it does not tell."""
    try:
        return hmac.digest(project_key(root).encode(), b"prediction log", "sha256")
    except OSError as error:
        message = f"the log's digests are made with the project's key, which cannot be made: {error.strerror}"
        raise ServingError(message, hint="Put the key of the project into MVOPS_MODEL_KEY.") from error


def _text(value: Any) -> bytes:
    """Equal values have equal texts: 3 and 3.0 too."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value).encode()
