"""Which keys each section of the spec has, read off the models that validate it."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from mvops.core.config.project import Project
from mvops.loading.problems import KeyPath


def section_at(path: KeyPath) -> type[BaseModel] | None:
    """The section at `path` of the spec; None when there is a value, a free mapping, or nothing."""
    annotation: Any = Project
    for part in path:
        section = _section(annotation)
        if section is not None:
            annotation = section.model_fields[str(part)].annotation if part in section.model_fields else None
        else:
            annotation = _item(annotation)
    return _section(annotation)


def keys_at(path: KeyPath) -> list[str]:
    """The keys that may stand at `path`, in their order; empty where any key may, or none."""
    section = section_at(path)
    return [field.alias or name for name, field in section.model_fields.items()] if section else []


def _section(annotation: Any) -> type[BaseModel] | None:
    if get_origin(annotation) in {Union, UnionType, Annotated}:
        return next((found for member in get_args(annotation) if (found := _section(member))), None)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _item(annotation: Any) -> Any:
    members = get_args(annotation)
    if not members:
        return None
    return members[1] if get_origin(annotation) is dict else members[0]
