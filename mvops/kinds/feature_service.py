"""A feature service: the features that one model reads, in the feature store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mvops.core.action import Action, Verb
from mvops.core.address import Address, address, name_of
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import PutFeature, RemoveFeature, Step
from mvops.features.catalog import catalog_of
from mvops.kinds.feature_files import file_digests, file_texts, known
from mvops.kinds.generated import file_steps, on_disk
from mvops.kinds.kind import Look


class FeatureServiceSpec(Spec):
    """`reads` maps each view to the fields that are read."""

    kind: ClassVar[str] = "feature_service"
    reads: dict[str, list[str]]
    files: dict[str, str]


class FeatureServiceKind:
    """Named as the model."""

    name = "feature_service"
    after: tuple[str, ...] = ("feature_view",)

    def desired(self, look: Look) -> Iterator[FeatureServiceSpec]:
        """One for each model whose pipeline reads features."""
        for name, reads in sorted(catalog_of(look.workspace.project).services.items()):
            yield FeatureServiceSpec(
                name=name,
                needs=tuple(address("feature_view", view) for view in sorted(reads)),
                reads={view: list(fields) for view, fields in reads.items()},
                files=file_digests(look, f"services/{name}"),
            )

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """What the store says, and the files; None when the store does not know it."""
        workspace, name = look.workspace, name_of(where)
        catalog = catalog_of(workspace.project)
        there = look.once(known).services.get(name)
        if there is None:
            return None
        facts: dict[str, object] = {"reads": there}
        if name in catalog.services:
            recorded = record.spec["files"] if record else {}
            files = on_disk(workspace.root, {**file_digests(look, f"services/{name}"), **recorded})
            facts["files"] = {
                path: recorded.get(path, found) if found != "absent" else found for path, found in files.items()
            }
        return Observed(facts=facts)

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """Files and the store."""
        name = name_of(action.address)
        if action.verb is Verb.DELETE:
            yield RemoveFeature(part="service", name=name)
            yield from file_steps(action, {})
            return
        yield PutFeature(part="service", name=name)
        yield from file_steps(action, self.texts(action.address, action.after or {}, look))

    def texts(self, where: Address, spec: Mapping[str, Any], look: Look) -> dict[str, str]:
        """The files."""
        del spec
        return file_texts(look, f"services/{name_of(where)}")

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """What is read."""
        del look
        if action.verb is Verb.CREATE:
            yield from (
                f"{view}: {', '.join(fields)}" for view, fields in sorted((action.after or {})["reads"].items())
            )

    def seconds(self, action: Action, look: Look) -> float:
        """Unknown."""
        del action, look
        return 0.0
