"""How far along the project is, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mvops.usecases.maturity import Capability, Evidence, Maturity

Line = tuple[str, str]


def maturity_lines(found: Maturity) -> Iterator[Line]:
    """A block for each capability; what has not been seen says what to type."""
    now = [capability for capability in found.capabilities if capability.now]
    shown = sum(capability.shown for capability in now)
    yield (
        f"project {found.project} · {found.cell} · {shown} of {len(now)} capabilities have shown that they work",
        "bold",
    )
    for capability in now:
        yield from _capability(capability)
    later = [capability for capability in found.capabilities if not capability.now]
    if found.following is None:
        return
    yield "", ""
    yield f"Next: {found.following} (`mvops maturity --next` shows its plan)", "bold"
    if not later:
        yield "  the same capabilities, with other settings", ""
    for capability in later:
        yield from _capability(capability)


def maturity_json(found: Maturity) -> dict[str, Any]:
    """The same for scripts."""
    return {
        "project": found.project,
        "cell": found.cell,
        "next": found.following,
        "capabilities": [
            {
                "name": capability.name,
                "cell": found.cell if capability.now else found.following,
                "shown": capability.shown,
                "evidence": [
                    {
                        "what": evidence.what,
                        "seen": evidence.seen.isoformat() if evidence.seen else None,
                        "missing": list(evidence.missing),
                        "how": evidence.how,
                    }
                    for evidence in capability.evidence
                ],
            }
            for capability in found.capabilities
        ],
    }


def _capability(capability: Capability) -> Iterator[Line]:
    yield f"  {capability.name}", "green" if capability.shown else "yellow"
    for evidence in capability.evidence:
        yield f"    {_evidence(evidence, 'To see it' if capability.now else 'To see it there')}", ""


def _evidence(evidence: Evidence, to_see: str) -> str:
    if evidence.seen is not None:
        return f"+ {evidence.what}: {evidence.seen:%Y-%m-%d}"
    example = evidence.missing[0] if evidence.missing else "MODEL"
    where = f" ({', '.join(evidence.missing)})" if evidence.missing else ""
    return f"- {evidence.what}: not seen yet{where}. {to_see}: {evidence.how.replace('MODEL', example)}"
