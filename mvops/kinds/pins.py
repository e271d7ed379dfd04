"""A team's own file of pins, `pipeline.requirements`: what changes in it, and where the model is made with another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import Requirement
from packaging.version import InvalidVersion

from mvops.atomic import content_at
from mvops.core.code_change import CodeChange
from mvops.core.counts import counted
from mvops.core.diffs import file_diff
from mvops.errors import ArtifactError
from mvops.features.joined import job_of
from mvops.kinds.kind import Look
from mvops.lifecycle.pins import required_packages
from mvops.notebook.digests import file_sha256
from mvops.notebook.document import read_documents
from mvops.notebook.kernels import releases_in
from mvops.notebook.keys import kernel_of

PINS = "environment.requirements"  # field of a pipeline
_MANY = 5  # pins that are told one by one


def pins_digest(look: Look, name: str, python: str) -> dict[str, str]:
    """The digest of the file, where the YAML names one; SpecError where it is missing, or pins nothing."""
    file = _file(look, name)
    if file is None:
        return {}
    required_packages(look.workspace.root, name, file, python)
    return {"requirements": file_sha256(look.workspace.root / file)}


def changed_pins(look: Look, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[CodeChange]:
    """What differs from the file that the last version was made with; both are a pipeline's fields."""
    known, wanted = (fields.get("environment", {}).get("requirements") for fields in (before, after))
    file = _file(look, name)
    if file is None or wanted in {None, known}:
        return
    there = content_at(look.workspace.root / file) or b""
    if known is None:
        yield CodeChange(path=file, verb="add", diff=file_diff(file, b"", there))
        return
    try:
        diff = file_diff(file, look.workspace.store.read_bytes(known), there)
    except ArtifactError:  # nothing is said of what is not kept any more
        diff = ""
    yield CodeChange(path=file, verb="change", diff=diff)


def told_of_pins(look: Look, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """That there is no file any more, or what it pins in another release than the model is made with."""
    file, python = _file(look, name), after.get("environment", {}).get("python", "")
    if file is None:
        if "requirements" in before.get("environment", {}):
            yield "no file pins what an endpoint installs any more: that is what the model is made with"
        return
    pinned = required_packages(look.workspace.root, name, file, python)
    job = job_of(look.workspace, name)
    there = releases_in(kernel_of(read_documents(job.notebooks, job.root), job), pinned.keys() - {"mvops"})
    others = [package for package in sorted(there) if not _is_met(package, pinned[package], there[package])]
    for package in others[:_MANY]:
        yield f"{file} pins {package} {pinned[package]} for the endpoint, and the model is made with {there[package]}"
    if len(others) > _MANY:
        yield f"{file} has {counted(len(others) - _MANY, 'more pin')} of other releases than the model is made with"


def _is_met(package: str, pinned: str, there: str) -> bool:
    """As pip tells it: 1.0 is 1.0.0, and 2.1 is met by 2.1+cpu."""
    try:
        return Requirement(f"{package}=={pinned}").specifier.contains(there, prereleases=True)
    except InvalidVersion:
        return pinned == there


def _file(look: Look, name: str) -> str | None:
    return look.workspace.project.models[name].pipeline.requirements
