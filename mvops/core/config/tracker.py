"""What a user writes under `tracker`: where runs and versions are told, beside mvops' own registry."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from mvops.core.config.backend import Family
from mvops.core.frozen import Frozen
from mvops.core.naming import Name


class Tracker(Frozen):
    """A backend's name and its options; `local` is mvops' own registry, which is always written."""

    backend: Annotated[Name, Family("trackers")] = "local"
    options: dict[str, JsonValue] = Field(default_factory=dict)
