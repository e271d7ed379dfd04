"""Environments: a project applied a second time, such as `staging`, with everything of its own.

What belongs to an environment lies in folders that carry its name. Both are as deep as those of the project itself, so
that what is generated finds its way back to the project's folder.
"""

from __future__ import annotations

from typing import Any

from pydantic import SerializerFunctionWrapHandler, model_serializer

from mvops.core.folders import HIDDEN, hidden_folder
from mvops.core.frozen import Frozen
from mvops.core.naming import Name

__all__ = ["HIDDEN", "hidden_folder"]
GENERATED = "deploy"


def generated_folder(environment: str | None) -> str:
    """The folder of generated files, below the project's root."""
    return f"{GENERATED}-{environment}" if environment else GENERATED


def in_environment(path: str, environment: str | None) -> str:
    """A generated file or folder as it is called in the environment: `deploy-staging/serving` for `deploy/serving`."""
    first, slash, rest = path.partition("/")
    return f"{generated_folder(environment)}{slash}{rest}" if first == GENERATED else path


def option(environment: str | None) -> tuple[str, ...]:
    """What a command line of mvops ends with, so that it works on the environment."""
    return ("--env", environment) if environment else ()


def wording(environment: str | None) -> dict[str, str]:
    """What templates call things by: mvops as it is `typed`, the two folders, and what ends a name that all share."""
    return {
        "typed": f"mvops --env {environment}" if environment else "mvops",
        "hidden": hidden_folder(environment),
        "deploy": generated_folder(environment),
        "ending": f"-{environment}" if environment else "",
    }


class OfEnvironment(Frozen):
    """Data of the project, or of one of its environments: then it says so when it is written."""

    environment: Name | None = None

    @model_serializer(mode="wrap")
    def _written(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        made: dict[str, Any] = written(self)
        if made.get("environment") is None:
            made.pop("environment", None)
        return made
