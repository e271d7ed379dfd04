"""Bringing back what a version was made of: its code and its data, into a folder of their own."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from mvops.contracts.data_versioners import DataVersioner, Revision
from mvops.core.version import Recipe, Version
from mvops.errors import DataError, NotebookError
from mvops.features.joined import job_of, joined_content, joined_file, make_joined
from mvops.lifecycle.code import write_commit
from mvops.notebook.digests import input_contents, input_digest, input_files
from mvops.notebook.keys import prepare
from mvops.usecases.kept_data import KeptData
from mvops.workspace import Workspace, data_place


@dataclass(frozen=True)
class Restored:
    """How the version is made again, and where its data (for each input) and its code were taken from, in words."""

    recipe: Recipe
    data: dict[str, str]
    code: str


def restore(workspace: Workspace, version: Version, root: Path) -> Restored:
    """Lay the version's project out in the empty folder `root`, as it was when the version was trained.

    Raises DataError, BackendError or ArtifactError where data is gone or is not what it was, NotebookError where the
    code was not kept.
    """
    recipe = version.recipe or _recipe_of_today(workspace, version)
    code = _restore_code(workspace, version, recipe, root)
    kept = KeptData(workspace)
    data = {name: _restore_input(kept, version, name, pattern, root) for name, pattern in recipe.inputs.items()}
    return Restored(recipe, data, code)


def _recipe_of_today(workspace: Workspace, version: Version) -> Recipe:
    """For a version that was registered before there were recipes."""
    model = workspace.model(version.model)
    return Recipe(
        inputs=dict(job_of(workspace, version.model).inputs),
        parameters={name: version.parameters.get(name, value) for name, value in model.pipeline.parameters.items()},
        outputs=model.pipeline.outputs.model_dump(exclude_none=True),
        task=model.evaluate.task,
        metrics=model.evaluate.metrics,
        sources={},
        packages={},
        kernel=model.pipeline.kernel,
        python=model.pipeline.python,
    )


def _restore_code(workspace: Workspace, version: Version, recipe: Recipe, root: Path) -> str:
    commit = version.code.commit
    from_git = commit is not None and write_commit(workspace.root, commit, root)
    for name, artifact in recipe.sources.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(workspace.store.read_bytes(artifact))
    told = f"Git commit {commit[:12]}" if commit is not None and from_git else ""
    if recipe.sources:
        told = "as it was kept with the version" + (f", on {told}" if told else "")
    elif not from_git or version.code.dirty:
        told = _code_of_today(workspace, version, root)
    for notebook in version.code.notebooks:
        _make_working_folder(root, notebook)
    return told


def _code_of_today(workspace: Workspace, version: Version, root: Path) -> str:
    prepared = prepare(job_of(workspace, version.model), workspace.cache)
    if {name: key.digest for name, key in prepared.keys.items()} != version.code.cells:
        raise NotebookError(
            f"the code of {version.model}@{version.number} was not kept, and today's is another",
            hint=f"See what changed: mvops versions show {version.model} {version.number}",
        )
    for path in prepared.sources:
        if path.is_relative_to(workspace.root):
            target = root / path.relative_to(workspace.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return "as it is today, which is as it was"


def _make_working_folder(root: Path, notebook: str) -> None:
    """The folder that the notebook runs in may have held nothing else."""
    ours = json.loads((root / notebook).read_text(encoding="utf-8")).get("metadata", {}).get("mvops", {})
    (root / str(ours.get("cwd", "."))).mkdir(parents=True, exist_ok=True)


def _restore_input(kept: KeptData, version: Version, name: str, pattern: str, root: Path) -> str:
    if not (root / pattern).resolve().is_relative_to(root.parents[2].resolve()):
        raise DataError(f"{pattern} lies outside of the project, and cannot be laid out again")
    for file in input_files(root, pattern):  # what Git brought along need not be what was read
        file.unlink()
    workspace, named = kept.workspace, kept.named(version, name)
    if named is None:
        return _data_of_today(kept, version, name, pattern, root)
    revision = kept.read(named)
    versioner: DataVersioner = workspace.backend("data_versioners", named.backend)
    data = workspace.project.data
    options = data.options if data.backend == named.backend else {}
    place = data_place(workspace)
    versioner.restore(place, revision, root, options)
    _check(version, pattern, revision, root)
    return f"{named.backend} {named.id}"


def _data_of_today(kept: KeptData, version: Version, name: str, pattern: str, root: Path) -> str:
    workspace = kept.workspace
    if pattern == joined_file(workspace, version.model):
        make_joined(workspace, version.model)
        same = joined_content(workspace, version.model, version.data[name]) is not None
    else:
        there = bool(input_files(workspace.root, pattern))
        same = there and input_digest(workspace.root, pattern, workspace.cache) == version.data[name]
    if not same:
        raise DataError(
            f"the data of {version.model}@{version.number} was not kept, and {pattern} is not what it was",
            hint=_instead(kept, version),
        )
    for file in input_contents(workspace.root, pattern, workspace.cache):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(workspace.root / file, root / file)
    return "as it is today, which is as it was"


def _instead(data: KeptData, version: Version) -> str:
    """What can be made again, where this version cannot."""
    kept = data.versions(version.model)
    can = ", ".join(f"{version.model}@{number}" for number in kept)
    if not data.workspace.project.capabilities.data_versioning:
        ways = "From now on: capabilities: {data_versioning: true} in configs/project.yaml, then mvops apply"
        return f"{ways}. What can be made again: {can}" if kept else ways
    older = f"Version {version.number} was trained before its data was kept, as it is now."
    if kept:
        return f"{older} What can be made again: {can}"
    return f"{older} One that can be made again: mvops apply, then mvops retrain {version.model} --force"


def _check(version: Version, pattern: str, revision: Revision, root: Path) -> None:
    there = input_contents(root, pattern) if input_files(root, pattern) else {}
    if there == revision.files:
        return
    wrong = [file for file, sha256 in revision.files.items() if there.get(file) != sha256]
    raise DataError(
        f"what {revision.backend} gives for {', '.join(wrong[:3]) or pattern} is not what "
        f"{version.model}@{version.number} was trained on",
        hint="It was changed where it is kept, or in a cache on the way: bring it back from a backup.",
    )
