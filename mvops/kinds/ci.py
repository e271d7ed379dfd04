"""The CI: the files that make it plan each pull request and apply the plan once it is merged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mvops.contracts.ci_systems import CiSystem, Review
from mvops.core.action import Action, Verb
from mvops.core.address import Address
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import Step
from mvops.kinds.generated import digests, file_steps, made_of_files
from mvops.kinds.kind import Look
from mvops.kinds.machines import as_checked_out, machine


class CiSpec(Spec):
    """`review` is what is done with a pull request, `files` the generated files with the digests of their text."""

    kind: ClassVar[str] = "ci"
    backend: str
    review: dict[str, Any]
    files: dict[str, str]


class CiKind:
    """One for a project that names a CI system, done by writing files for it."""

    name = "ci"
    after: tuple[str, ...] = ("model",)

    def desired(self, look: Look) -> Iterator[CiSpec]:
        """Named as the project."""
        project = look.workspace.project
        if project.ci is None:
            return
        secrets = tuple(dict.fromkeys((*project.scheduler.secrets, *project.ci.secrets)))
        review = Review(
            project=project.project,
            branch=project.ci.branch,
            approval=project.ci.approval,
            environment=project.environment,
            signed=project.plan.signers is not None,
            machine=machine(look, sorted(project.models), secrets),
        )
        system: CiSystem = look.backend("ci_systems", project.ci.backend)
        yield CiSpec(
            name=project.project,
            backend=project.ci.backend,
            review=review.model_dump(mode="json", exclude=None if review.signed else {"signed"}),
            files=digests(look.workspace.generated(system.folder()), system.files(review)),
        )

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """The files as they are."""
        return made_of_files(look.workspace.root, look.wanted(self).get(where), record)

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """Write or remove the files."""
        deleted = action.verb is Verb.DELETE
        yield from file_steps(action, {} if deleted else self.texts(action.address, action.after or {}, look))

    def texts(self, where: Address, spec: Mapping[str, Any], look: Look) -> dict[str, str]:
        """The files."""
        del where
        system: CiSystem = look.backend("ci_systems", spec["backend"])
        files = system.files(Review.model_validate(spec["review"]))
        folder = look.workspace.generated(system.folder())
        return {f"{folder}/{path}": text for path, text in files.items()}

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """What is still to be done, and what the CI does not do."""
        if action.verb in {Verb.CREATE, Verb.UPDATE}:
            wanted = action.after or {}
            system: CiSystem = look.backend("ci_systems", wanted["backend"])
            review = Review.model_validate(wanted["review"])
            review = review.model_copy(update={"machine": as_checked_out(review.machine, look)})
            yield from (f"{wanted['backend']}: {sentence}" for sentence in system.limits(review))

    def seconds(self, action: Action, look: Look) -> float:
        """No time."""
        del action, look
        return 0.0
