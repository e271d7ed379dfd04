"""What a backend's file may ask of the options that the YAML gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mvops.errors import SpecError

Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], key: str, backend: str, options: Mapping[str, Any]) -> Model:
    """The options under `key` of configs/project.yaml, validated. Raises SpecError that names the option."""
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join([key, *(str(part) for part in first["loc"])])
        said = first["msg"].removeprefix("Value error, ")
        raise SpecError(
            f"configs/project.yaml: {place}: {said}", hint=f"{backend!r} takes: {', '.join(model.model_fields)}"
        ) from None  # pydantic's own text repeats the value
