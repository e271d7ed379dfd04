"""What a user writes under `dashboard`: where the models are looked at."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from mvops.core.config.backend import Family
from mvops.core.frozen import Frozen
from mvops.core.naming import Name


class Dashboard(Frozen):
    """A backend's name and its options; `builtin` is mvops' own page, which `mvops dashboard` serves in any case."""

    backend: Annotated[Name, Family("dashboards")] = "builtin"
    options: dict[str, JsonValue] = Field(default_factory=dict)
