"""Which Python an endpoint runs in, and with what: as of the version that serves, or of the one that is to come."""

from __future__ import annotations

import platform
from typing import Any

from mvops.core.address import address
from mvops.core.spec import UNKNOWN
from mvops.core.version import OWN, Environment
from mvops.errors import NotebookError
from mvops.kinds.kind import Look
from mvops.kinds.model import ModelKind, starts_afresh
from mvops.kinds.pipeline import PipelineKind
from mvops.kinds.pipeline_spec import PipelineSpec, step_plans
from mvops.kinds.standing import standing
from mvops.lifecycle.pins import is_installed, required_packages, requirements
from mvops.notebook.document import read_document
from mvops.notebook.kernels import NATIVE, Asked, Kernel, choose_kernel, environment
from mvops.notebook.reading import imported_modules
from mvops.registry.glance import Champion
from mvops.workspace import Workspace


def pythons_of(found: Environment) -> dict[str, Any]:
    """Those of a version that was made in this environment, as `Service` names them."""
    pins = tuple(requirements(found))
    if found.interpreter not in {"", OWN}:
        ours = _minor(platform.python_version())
        return {"python": ours, "requirements": (), "model_python": _minor(found.python), "model_requirements": pins}
    return {"python": _minor(found.python), "requirements": pins}


def pythons_to_come(look: Look, name: str, serving: Champion | None) -> dict[str, Any]:
    """Those of the version that will serve once the plan is done: UNKNOWN where only its training can tell."""
    if serving is None:
        return _unknown(look.workspace, name)
    if not (_is_trained(look, name) and _serves_at_once(look, name)):
        return pythons_of(serving.environment)
    pipeline = look.wanted(PipelineKind())[address("pipeline", name)]
    if not _has_kernel_as_before(look, pipeline):
        return _unknown(look.workspace, name)
    file = look.workspace.project.models[name].pipeline.requirements
    if file is not None:
        python = pipeline.environment.get("python", platform.python_version())
        pins = required_packages(look.workspace.root, name, file, python)
        return pythons_of(serving.environment.model_copy(update={"pinned": pins, "python": python}))
    known = not serving.environment.pinned and _is_as_it_was(look, name, serving, pipeline)
    return pythons_of(serving.environment) if known else _unknown(look.workspace, name)


def _is_trained(look: Look, name: str) -> bool:
    where = address("model", name)
    record = look.records.get(where)
    if record is None:
        return True
    return record.spec.get("training") != look.wanted(ModelKind())[where].training and name not in look.once(standing)


def _serves_at_once(look: Look, name: str) -> bool:
    return starts_afresh(look, name) or not look.workspace.project.by_canary(name)


def _has_kernel_as_before(look: Look, pipeline: PipelineSpec) -> bool:
    """Is the kernel the one of the last run, with its packages; what the team's own file pins is another question."""
    record = look.records.get(pipeline.address)
    before = None if record is None else record.spec.get("environment", {})
    return before is not None and {**before, "requirements": ""} == {**pipeline.environment, "requirements": ""}


def _is_as_it_was(look: Look, name: str, serving: Champion, pipeline: PipelineSpec) -> bool:
    """Is all installed that made the version that serves, and does the code import nothing that it did not then."""
    if "python" in pipeline.environment:
        return True
    here = _minor(serving.environment.python) == _minor(platform.python_version())
    if not (here and is_installed(serving.environment.packages)):
        return False
    plans = step_plans(look, name, ask=False)
    modules = imported_modules(cell.source for plan in plans for cell in plan.cells)
    _, packages = environment(Kernel(NATIVE, None), frozenset(module.partition(".")[0] for module in modules))
    return packages.keys() <= serving.imported


def _unknown(workspace: Workspace, name: str) -> dict[str, Any]:
    """Whether the model can be loaded here is known once it is made."""
    other = UNKNOWN if _has_its_own_kernel(workspace, name) else ""
    return {
        "python": other or _minor(platform.python_version()),
        "requirements": (UNKNOWN,),
        "model_python": other,
        "model_requirements": (UNKNOWN,) if other else (),
    }


def _has_its_own_kernel(workspace: Workspace, name: str) -> bool:
    """Does another Python than ours run the notebook; whether it can is the pipeline's to say."""
    pipeline = workspace.project.models[name].pipeline
    path = workspace.source(pipeline.books[0])
    asked = Asked.of(workspace.root, pipeline.kernel, pipeline.python)
    try:
        return choose_kernel(read_document(path, workspace.root).metadata, path, asked).python is not None
    except NotebookError:
        return False


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])
