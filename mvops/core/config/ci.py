"""What a user writes under `ci`: what plans each pull request and applies the plan once it is merged."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from mvops.core.config.backend import Family
from mvops.core.config.secrets import check_secret
from mvops.core.frozen import Frozen
from mvops.core.naming import Name


class Ci(Frozen):
    """`branch` is what is merged into. `secrets` names environment variables that the CI takes from its own secrets.

    `approval` is where the CI asks somebody before it applies, as it calls it: on GitHub, an environment.
    """

    backend: Annotated[Name, Family("ci_systems")] = "github_actions"
    branch: str = Field(default="main", pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$")
    approval: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._ -]{0,99}$")
    secrets: tuple[Annotated[str, AfterValidator(check_secret)], ...] = ()
