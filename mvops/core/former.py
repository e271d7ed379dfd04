"""Former states of a project: what an apply left, so that there is a way back to it."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from mvops.core.frozen import Frozen


class Applied(Frozen):
    """What an apply left that did all of its plan. `serial` is the state's after it, which names it.

    `files` maps each YAML file to the sha256 of its content in the artefact store, `notebooks` that of each pipeline;
    `outputs` are those of the records of pipelines and models; `overrides` those that the YAML was read with.
    """

    serial: int
    files: dict[str, str]
    notebooks: dict[str, str]
    outputs: dict[str, dict[str, str]]
    overrides: tuple[str, ...] = ()


class Former(Frozen):
    """A state and how it came about; `champions` are the versions that served when it was left: model -> number."""

    applied: Applied
    time: datetime
    command: str
    champions: dict[str, int] = Field(default_factory=dict)

    def contents(self) -> dict[str, str]:
        """Each file and notebook with the sha256 of its content."""
        return {**self.applied.files, **self.applied.notebooks}


class Back(Frozen):
    """What a resource goes back to: what its record had left then, and for a model the version that served."""

    state: int
    outputs: dict[str, str]
    champion: int | None = None
