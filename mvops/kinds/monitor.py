"""A monitor: what is watched for a model. It is kept in the registry and acted upon by `mvops monitor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from mvops.core.action import Action, Verb
from mvops.core.address import Address, address
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import Step
from mvops.kinds.kind import Look


class MonitorSpec(Spec):
    """The YAML's monitor section."""

    kind: ClassVar[str] = "monitor"
    settings: dict[str, Any]


class MonitorKind:
    """Done by writing it down: the baseline comes with the model's version."""

    name = "monitor"
    after: tuple[str, ...] = ("model",)

    def desired(self, look: Look) -> Iterator[MonitorSpec]:
        """One for each model that has a monitor."""
        project = look.workspace.project
        for name, model in sorted(project.models.items()):
            if model.monitor is not None and project.capabilities.monitoring:
                yield MonitorSpec(
                    name=name, needs=(address("model", name),), settings=model.monitor.model_dump(mode="json")
                )

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """It has no place but the registry's own record."""
        del where, look
        return None if record is None else Observed(facts={})

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """None: the record is the thing."""
        del action, look
        yield from ()

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """How often it looks, and whom it tells."""
        del look
        if action.verb is Verb.CREATE:
            settings = (action.after or {})["settings"]
            told = ", ".join(settings["alerts"]) or "nobody: name a notifier in monitor.alerts"
            yield f"every {settings['every']}, at most {settings['false_alarms']} false alarms; tells {told}"

    def seconds(self, action: Action, look: Look) -> float:
        """No time."""
        del action, look
        return 0.0
