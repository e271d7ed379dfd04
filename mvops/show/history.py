"""What happened, as text."""

from __future__ import annotations

from mvops.registry.events import Event


def event_line(event: Event) -> str:
    """When, what, to what; of an apply also who said yes, and how."""
    said = approved(event)
    return f"{event.time:%Y-%m-%d %H:%M:%S}  {event.kind:<8} {event.subject:<16} {event.message}{said}"


def approved(event: Event) -> str:
    """How somebody said yes to an apply, and who signed its plan, in brackets; empty for anything else."""
    approval, signed_by = event.details.get("approval"), event.details.get("signed_by")
    said = [str(approval)] if approval else []
    return f" ({', '.join([*said, *([f'signed by {signed_by}'] if signed_by else [])])})" if approval else ""
