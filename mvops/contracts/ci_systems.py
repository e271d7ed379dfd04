"""What a CI system is: something that plans a pull request and, once it is merged, applies the same plan.

Every CI system does the same with a pull request into the branch:

- It makes a plan (`mvops plan --out`), shows it to the reviewers where they talk, and keeps the file.
- Exit codes 0, 2 and 3 of the plan are answers; any other fails the check.
- Once it is merged, it applies the kept file, and nothing else: a plan that is stale by then is refused. Somebody is
  asked before, where `approval` says so.
- Where plans have to be signed, it signs them with a key of its own, and keeps the signature with the plan.
- What apply has generated is committed to the branch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from mvops.contracts.schedulers import Machine
from mvops.core.environment import OfEnvironment
from mvops.core.naming import Name


class Review(OfEnvironment):
    """All that a CI system's templates may know: nothing of this machine, so that a team can share what is made.

    `approval` is where the CI system asks somebody before it applies, as it calls it; `environment` is mvops' own.
    `signed` is whether a plan has to be signed.
    """

    project: Name
    branch: str
    approval: str | None
    machine: Machine
    signed: bool = False


class CiSystem(Protocol):
    """A backend of the family `ci_systems`: a class that is made without arguments."""

    def folder(self) -> str:
        """Where the generated files go, below the project's root, posix."""
        ...

    def files(self, review: Review) -> Mapping[str, str]:
        """The generated files: path below `folder` -> text. Pure."""
        ...

    def limits(self, review: Review) -> Iterable[str]:
        """What has to be done for it to work, and what it does not do, a sentence each."""
        ...
