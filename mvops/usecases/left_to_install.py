"""What an endpoint's generated files install, where another version serves than the one that they were written for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mvops.core.address import address
from mvops.core.environment import wording
from mvops.core.spec import has_unknown
from mvops.kinds.pythons import pythons_of
from mvops.registry.glance import champions_now
from mvops.registry.state import SqlState
from mvops.workspace import Workspace

_SOME = 3  # packages that are named


def remark_on_files(workspace: Workspace, model: str) -> None:
    """A remark where the next apply writes the files of the model's endpoint, as its champion has other packages.

    They are not written here: traffic may be moved in an emergency, and on a machine whose checkout nobody commits.
    """
    where = address("endpoint", model)
    record, serving = SqlState(workspace.registry).records().get(where), champions_now(workspace.registry, model)
    if record is None or model not in serving or has_unknown(record.spec["service"]):
        return
    written, wanted = _installed(record.spec["service"]), _installed(pythons_of(serving[model].environment))
    if written == wanted:
        return
    names = sorted({pin.partition("==")[0] for pin in written[1] ^ wanted[1]})
    told = ", ".join(names[:_SOME]) + (f" and {len(names) - _SOME} more" if len(names) > _SOME else "")
    typed = wording(workspace.project.environment)["typed"]
    workspace.remarks.append(
        f"version {serving[model].number} has other packages than the generated files of {where} install"
        f"{f' ({told})' if told else ''}: the next `{typed} apply` writes them anew"
    )


def _installed(service: Mapping[str, Any]) -> tuple[tuple[str, str], frozenset[str]]:
    """Both Pythons, and all pins."""
    pins = frozenset({*service["requirements"], *service.get("model_requirements", ())})
    return (service["python"], service.get("model_python", "")), pins
