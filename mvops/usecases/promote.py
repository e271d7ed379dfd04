"""From a notebook to a pipeline and a model's YAML, and the proof that both give the same numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import nbformat

from mvops.atomic import write_atomically
from mvops.core.naming import check_name, suggest_name
from mvops.core.progress import Progress, Tell, silent
from mvops.errors import MvopsError, NotebookError, UsageError
from mvops.loading.write import write_model_yaml
from mvops.monitoring.performance import LOWER_IS_BETTER
from mvops.notebook.kernels import OWN, Asked, choose_kernel
from mvops.notebook.promotion import Promotion
from mvops.notebook.promotion import promote as read_and_promote
from mvops.notebook.results import PipelineJob, StepProgress
from mvops.notebook.shown import TOLERANCE
from mvops.notebook.stages import Split
from mvops.notebook.verify import Verification
from mvops.notebook.verify import verify as compare
from mvops.registry.events import record_event
from mvops.workspace import Workspace

_SPLITS: tuple[Split, ...] = ("auto", "none", "headings")


@dataclass(frozen=True)
class Promoted:
    """What was written, and what was found on the way. Paths are relative to the project."""

    name: str
    original: Path
    notebook: str
    config: str
    found: Promotion
    replaced: bool = False  # files of an earlier promote

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "model": self.name,
            "notebook": self.notebook,
            "config": self.config,
            "steps": self.found.steps,
            "parameters": [{**asdict(p), "owners": sorted(p.owners)} for p in self.found.parameters],
            "inputs": self.found.config["pipeline"].get("inputs", {}),
            "outputs": self.found.config["pipeline"]["outputs"],
            "metrics": [asdict(metric) for metric in self.found.metrics],
            "missing": list(self.found.missing),
            "notes": self.found.notes,
        }


def promote(
    workspace: Workspace,
    notebook: Path,
    *,
    name: str | None = None,
    split: str = "auto",
    force: bool = False,
    asked: Asked = OWN,
) -> Promoted:
    """Write `pipelines/<name>.ipynb` and `configs/models/<name>.yaml`; the notebook itself is only read.

    `asked` is the kernel to run it in, if not its own; it is written into the YAML. A relative path is looked for from
    where the user stands, then in the project.

    Raises NotebookError for what cannot be promoted, or not be run so, UsageError for a name or a split that is none
    and for a model that is there already (unless `force`).
    """
    way = split_of(split)
    path = find_notebook(workspace, notebook)
    model = _checked(name) if name else suggest_name(path.stem)
    config_path = workspace.root / "configs" / "models" / f"{model}.yaml"
    if config_path.exists() and not force:
        raise UsageError(
            f"there is a model {model} already ({config_path.relative_to(workspace.root)})",
            hint="Give this one another name with --name, or replace that one with --force.",
        )
    replaced = config_path.exists()
    with as_typed(path, notebook):
        found = read_and_promote(path, root=workspace.root, name=model, split=way)
        found = _run_in(workspace, path, found, asked)
    target = workspace.root / found.config["pipeline"]["notebook"]
    _check_place(workspace, model, target, path, force=force)
    write_atomically(target, str(nbformat.writes(found.notebook)).encode())  # type: ignore[no-untyped-call]
    write_model_yaml(config_path, with_defaults(workspace, model, found.config), overwrite=force)
    record_event(workspace.registry, "promote", model, f"promoted {path.name} in {len(found.steps)} steps")
    return Promoted(
        name=model,
        original=path,
        notebook=target.relative_to(workspace.root).as_posix(),
        config=config_path.relative_to(workspace.root).as_posix(),
        found=found,
        replaced=replaced,
    )


def _check_place(workspace: Workspace, model: str, target: Path, original: Path, *, force: bool) -> None:
    """Raise UsageError where the promoted notebook would be written over what is somebody else's."""
    shown = target.relative_to(workspace.root).as_posix()
    others = [name for name, spec in workspace.project.models.items() if name != model]
    books = {workspace.root / book: each for each in others for book in workspace.project.models[each].pipeline.books}
    owner = books.get(target)
    if target.resolve() == original:
        raise UsageError(f"{shown} would be written over by itself", hint="Give the model another name with --name.")
    if owner is not None:
        raise UsageError(f"{shown} is the pipeline of {owner}", hint="Give this one another name with --name.")
    if target.exists() and not force:
        hint = "Give this one another name with --name, or replace that one with --force."
        raise UsageError(f"there is a {shown} already", hint=hint)


def verify(workspace: Workspace, made: Promoted, *, tolerance: float = TOLERANCE, tell: Tell = silent) -> Verification:
    """Run the original and the promoted pipeline on the same inputs and compare every number that they show.

    Numbers and predictions may differ by the relative `tolerance`; UsageError if it is none. When one of them does not
    run, what `promote` has just written for the first time is taken away again, and the error is raised.
    """
    check_tolerance(tolerance)
    pipeline = made.found.config["pipeline"]
    job = PipelineJob(
        notebook=workspace.root / made.notebook,
        root=workspace.root,
        parameters=pipeline.get("parameters", {}),
        inputs=pipeline.get("inputs", {}),
        outputs=pipeline["outputs"],
        yaml_key=f"models.{made.name}.pipeline.inputs",
        asked=Asked.of(workspace.root, pipeline.get("kernel"), pipeline.get("python")),
    )

    def on_progress(progress: StepProgress) -> None:
        share = progress.cells_done / progress.cells if progress.cells else 0.0
        tell(Progress(what=f"verify: {progress.step}", done=progress.index + share, total=progress.total))

    try:
        proof = compare(
            made.original,
            job,
            store=workspace.store,
            cache_dir=workspace.cache,
            work_dir=workspace.work,
            on_progress=on_progress,
            tolerance=tolerance,
        )
    except MvopsError:
        if not made.replaced:
            for written in (made.notebook, made.config):
                (workspace.root / written).unlink(missing_ok=True)
            workspace.remarks.append(f"{made.notebook} and {made.config} were taken away again")
        raise
    record_event(workspace.registry, "promote", made.name, f"verified: {proof.verdict.replace('_', ' ')}")
    return proof


def check_tolerance(tolerance: float) -> None:
    """Raise UsageError for what is no relative difference that may be."""
    if not 0 <= tolerance < 1:
        raise UsageError(
            f"the tolerance {tolerance:g} is no relative difference: it lies between 0 and 1",
            hint=f"Such as 1e-6, a millionth of the number. Without it: {TOLERANCE:g}",
        )


def keep_report(workspace: Workspace, made: Promoted, proof: Verification, page: str) -> str:
    """Keep the page, and the same as JSON beside it; returns the page's path below the project."""
    place = workspace.hidden / "reports" / f"promotion-{made.name}.html"
    write_atomically(place, page.encode())
    found = json.dumps(made.as_json() | {"verification": proof.as_json()}, indent=2, default=str)
    write_atomically(place.with_suffix(".json"), f"{found}\n".encode())
    return place.relative_to(workspace.root).as_posix()


def find_notebook(workspace: Workspace, notebook: Path) -> Path:
    """As typed: from where the user stands, or from the project's folder."""
    for path in (notebook, workspace.root / notebook):
        if path.is_file():
            return path.resolve()
    near = sorted((workspace.root / "notebooks").glob("*.ipynb"))
    known = ", ".join(str(path.relative_to(workspace.root)) for path in near[:5])
    raise NotebookError(
        f"there is no notebook {notebook}", hint=f"Notebooks here: {known}" if known else "Put one into notebooks/"
    )


def _run_in(workspace: Workspace, path: Path, found: Promotion, asked: Asked) -> Promotion:
    """The same with the kernel in its YAML, a path in the project as seen from there; NotebookError if it is none."""
    if not asked:
        return found
    if asked.python is None:
        said = {"kernel": asked.kernel}
    else:
        near, root = Path(os.path.abspath(asked.python.expanduser())), workspace.root  # noqa: PTH100  links stay
        python = near if near.exists() else Path(os.path.abspath(root / asked.python))  # noqa: PTH100
        asked = Asked(python=python)
        inside = python.is_relative_to(root)
        said = {"python": python.relative_to(root).as_posix() if inside else python.as_posix()}
    choose_kernel(found.notebook.metadata, path, asked)
    pipeline = found.config["pipeline"]
    return replace(found, config={**found.config, "pipeline": {**pipeline, **said}})


@contextmanager
def as_typed(path: Path, notebook: Path) -> Iterator[None]:
    """Errors about the file name it as somebody typed it."""
    try:
        yield
    except NotebookError as error:
        if error.where is not None and error.where.file == path:
            error.where = replace(error.where, file=notebook)
        raise


def _checked(name: str) -> str:
    try:
        return check_name(name)
    except ValueError as error:
        raise UsageError(f"--name: {error}", hint=f"Such as --name {suggest_name(name)}") from error


def split_of(text: str) -> Split:
    """A way to split; raises UsageError for what is none."""
    found = next((split for split in _SPLITS if split == text), None)
    if found is None:
        raise UsageError(f"--split {text}: there is no such way", hint=f"Choose from {', '.join(_SPLITS)}")
    return found


def with_defaults(workspace: Workspace, name: str, draft: dict[str, Any]) -> dict[str, Any]:
    """The draft with a gate against the champion, and a port of its own when others have models' endpoints."""
    config = dict(draft)
    metrics = draft["evaluate"]["metrics"]
    if metrics:
        lower = metrics[0] in LOWER_IS_BETTER
        config["gate"] = [f"{metrics[0]} <= champion * 1.01" if lower else f"{metrics[0]} >= champion - 0.005"]
    others = [m.endpoint.port for n, m in workspace.project.models.items() if m.endpoint is not None and n != name]
    if others and workspace.project.capabilities.serving:
        config["endpoint"] = {"port": max(others) + 1}
    return config
