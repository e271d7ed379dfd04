"""What a user writes under `executor`: where the steps of a pipeline run, and how many at a time."""

from __future__ import annotations

from pydantic import Field, JsonValue

from mvops.core.frozen import Frozen
from mvops.core.naming import Name


class Executor(Frozen):
    """A backend's name and its options; `local` runs them in this process, one after the other."""

    backend: Name = "local"
    options: dict[str, JsonValue] = Field(default_factory=dict)
