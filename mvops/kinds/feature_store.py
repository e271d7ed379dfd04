"""The feature store: the repository's own files; its views and services are resources of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mvops.core.action import Action, Verb
from mvops.core.address import Address
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import RemoveFeature, Step
from mvops.kinds.feature_files import file_digests, file_texts
from mvops.kinds.feature_users import staying_entities
from mvops.kinds.generated import file_steps, seen
from mvops.kinds.kind import Look


class FeatureStoreSpec(Spec):
    """`settings` are the YAML's; `entities` those of its views, and of views that may not go yet, with their types."""

    kind: ClassVar[str] = "feature_store"
    settings: dict[str, Any]
    entities: dict[str, str]
    files: dict[str, str]


class FeatureStoreKind:
    """One for a project that has feature views, or had one that may not go yet."""

    name = "feature_store"
    after: tuple[str, ...] = ()

    def desired(self, look: Look) -> Iterator[FeatureStoreSpec]:
        """Named as the project."""
        project = look.workspace.project
        staying = look.once(staying_entities)
        if project.features or staying:
            wanted = {name: kind for view in project.features.values() for name, kind in view.entities.items()}
            yield FeatureStoreSpec(
                name=project.project,
                settings=project.feature_store.model_dump(mode="json"),
                entities=staying | wanted,
                files=file_digests(look, ""),
            )

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """The files as they are."""
        there = seen(look.workspace.root, look.wanted(self).get(where), record)
        return None if there is None else Observed(facts={"files": there})

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """Write the files; at the end, remove them and what the store keeps beside the project's state."""
        if action.verb is Verb.DELETE:
            yield RemoveFeature(part="store", name=look.workspace.project.project)
            yield from file_steps(action, {})
            return
        yield from file_steps(action, self.texts(action.address, action.after or {}, look))

    def texts(self, where: Address, spec: Mapping[str, Any], look: Look) -> dict[str, str]:
        """The files."""
        del where, spec
        return file_texts(look, "")

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """Where the values are; which entities go."""
        del look
        for change in action.changes if action.after else ():
            if change.field.startswith("entities.") and change.after is None:
                yield f"no view has the entity {change.field.removeprefix('entities.')} any more"
        if action.verb is Verb.CREATE:
            settings = (action.after or {})["settings"]
            stores = [settings[part]["url"] or settings[part]["store"] for part in ("offline", "online")]
            yield f"{settings['backend']}: history in {stores[0]}, online values in {stores[1]}"

    def seconds(self, action: Action, look: Look) -> float:
        """No time."""
        del action, look
        return 0.0
