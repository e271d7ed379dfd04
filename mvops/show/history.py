"""What happened, as text."""

from __future__ import annotations

from mvops.registry.events import Event
from mvops.registry.glance import names_in


def event_line(event: Event) -> str:
    """When, what, to what; of an apply also who said yes, and how."""
    kind, message = _in_the_plans_words(event)
    return f"{event.time:%Y-%m-%d %H:%M:%S}  {kind:<8} {event.subject:<16} {message}{approved(event)}"


def _in_the_plans_words(event: Event) -> tuple[str, str]:
    if event.kind != "rename":
        return event.kind, event.message
    old, new = names_in(event.message)
    return "move", f"model.{old} has moved to model.{new}"


def approved(event: Event) -> str:
    """How somebody said yes to an apply, and who signed its plan, in brackets; empty for anything else."""
    approval, signed_by = event.details.get("approval"), event.details.get("signed_by")
    said = [str(approval)] if approval else []
    return f" ({', '.join([*said, *([f'signed by {signed_by}'] if signed_by else [])])})" if approval else ""
