"""Whether requests should come to an endpoint, and what troubles it: the answer of /health/ready."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mvops.serving.flusher import Flusher
from mvops.serving.router import Router, Table
from mvops.serving.settings import ServiceSettings
from mvops.serving.shadow_counts import ShadowTally
from mvops.serving.spool import Spool


def readiness(
    settings: ServiceSettings,
    router: Router,
    spool: Spool,
    flusher: Flusher,
    shadow: ShadowTally | None,
    *,
    draining: bool,
) -> tuple[bool, dict[str, Any]]:
    """Ready or not, and the details for people. Not where nothing could be predicted, or nothing logged."""
    table = router.table
    lacking, dying = list(_lacking(table)), list(_dying(table))
    ready = spool.trouble is None and not lacking and not dying and not draining
    return ready, {
        "ready": ready,
        "model": settings.model,
        "draining": draining,
        "route": {"serial": table.route.serial, "trouble": router.trouble},
        "versions": [arm.model_dump() | table.served[arm.version].told() for arm in table.route.arms],
        "spool": {
            "trouble": spool.trouble,
            "backlog_bytes": spool.backlog,
            "recovered": spool.recovered.records,
            "damaged": spool.recovered.damaged,
        },
        "log": {"trouble": flusher.trouble, "lag_seconds": round(flusher.lag, 3)},
        **({"shadow": _beside(shadow)} if table.route.shadow else {}),
        **({"features": {"trouble": "; ".join(lacking)}} if lacking else {}),
        **({"predicting": {"trouble": "; ".join(dying)}} if dying else {}),
    }


def _beside(shadow: ShadowTally | None) -> dict[str, Any]:
    return {} if shadow is None else {"version": shadow.version, "trouble": shadow.trouble}


def _dying(table: Table) -> Iterator[str]:
    """Versions whose model ends again and again, where all requests may need one."""
    for number, served in sorted(table.served.items()):
        if served.process is not None and served.process.trouble is not None:
            yield f"version {number}: {served.process.trouble}"


def _lacking(table: Table) -> Iterator[str]:
    """Views that were looked for and not found: nothing that needs them can be answered."""
    for number, served in sorted(table.served.items()):
        if served.lookup is not None and served.lookup.gone:
            views = " and ".join(served.lookup.gone)
            yield f"the feature store has no view {views}, which version {number} looks up"
