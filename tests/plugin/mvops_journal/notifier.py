"""Appends each alert to a Markdown file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mvops.contracts.notifiers import Message
from mvops.errors import BackendError
from mvops.rendering import render_folder


class Journal:
    """Options: `path`, the journal's file; it is made when it is missing, its folder is not."""

    def send(self, message: Message, options: Mapping[str, Any]) -> None:
        """Append one entry and see it on disk; raise BackendError when that cannot be."""
        path = options.get("path")
        if set(options) != {"path"} or not isinstance(path, str) or not path:
            raise BackendError("notifier 'journal' takes one option, path: the file to append to")
        context = {**message.model_dump(), "time": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"}
        entry = render_folder("notifiers/journal", context)["entry.md"]
        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(entry)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BackendError(
                f"notifier 'journal' cannot write to {path}: {error.strerror}",
                hint="Make its folder, or give another path under notifiers in configs/project.yaml.",
            ) from error
