"""The base of everything that is data here: immutable, and strict about unknown keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Strict

Flag = Annotated[bool, Strict()]  # pydantic takes "yes", "off" and 1 for a bool, too


class Frozen(BaseModel):
    """Immutable; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
