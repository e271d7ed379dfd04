"""What a user writes under `data` in `configs/project.yaml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from mvops.core.config.backend import Family
from mvops.core.frozen import Frozen
from mvops.core.naming import Name


class Data(Frozen):
    """Who keeps the content of the pipelines' inputs, so that a version can be made again on the data it had.

    A data versioner's name and its options; acted upon with the capability `data_versioning`. `otherwise` names
    another, without options, that keeps it for as long as the first has not been set up in this project.
    """

    backend: Annotated[Name, Family("data_versioners")] = "local"
    options: dict[str, JsonValue] = Field(default_factory=dict)
    otherwise: Name | None = None
