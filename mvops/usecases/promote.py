"""From a notebook, or several, to a pipeline and a model's YAML."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import nbformat

from mvops.atomic import all_or_none, write_atomically
from mvops.core.naming import check_name, suggest_name
from mvops.errors import NotebookError, UsageError
from mvops.loading.load import every_port
from mvops.loading.write import write_model_yaml
from mvops.monitoring.performance import LOWER_IS_BETTER
from mvops.notebook.building import PIPELINES
from mvops.notebook.finding import without_notebook
from mvops.notebook.kernels import OWN, Asked, choose_kernel
from mvops.notebook.promotion import Promotion
from mvops.notebook.promotion import promote as promote_one
from mvops.notebook.results import PipelineJob
from mvops.notebook.several import check_once, promote_several
from mvops.notebook.stages import Split
from mvops.registry.events import record_event
from mvops.workspace import Workspace

_SPLITS: tuple[Split, ...] = ("auto", "none", "headings")


@dataclass(frozen=True)
class Promoted:
    """What was written, and what was found on the way. Paths are relative to the project; notebooks in their order.

    `timeout` and `memory` are what the model's YAML allows the proof, where it is one that was there before.
    """

    name: str
    originals: tuple[Path, ...]
    notebooks: tuple[str, ...]
    config: str
    found: Promotion
    replaced: bool = False  # files of an earlier promote
    timeout: float = PipelineJob.timeout
    memory: int | None = None

    @property
    def original(self) -> Path:
        """The first of the originals, mostly the only one."""
        return self.originals[0]

    @property
    def notebook(self) -> str:
        """What the first of them became."""
        return self.notebooks[0]

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        parameters = [without_notebook({**asdict(p), "owners": sorted(p.owners)}) for p in self.found.parameters]
        several = {"notebooks": list(self.notebooks)} if len(self.notebooks) > 1 else {"notebook": self.notebook}
        return {
            "model": self.name,
            **several,
            "config": self.config,
            "steps": self.found.steps,
            "parameters": parameters,
            "inputs": self.found.config["pipeline"].get("inputs", {}),
            "outputs": self.found.config["pipeline"]["outputs"],
            "metrics": [without_notebook(asdict(metric)) for metric in self.found.metrics],
            "missing": list(self.found.missing),
            "notes": self.found.notes,
        }


def promote(
    workspace: Workspace,
    notebooks: Sequence[Path],
    *,
    name: str | None = None,
    split: str = "auto",
    force: bool = False,
    asked: Asked = OWN,
) -> Promoted:
    """Write the promoted notebooks below `pipelines/`, and `configs/models/<name>.yaml`; the originals are only read.

    Several make one pipeline, in their order. `asked` is the kernel to run it in, if not its own; it is written into
    the YAML. A relative path is looked for from where the user stands, then in the project.

    Raises NotebookError for what cannot be promoted, or not be run so, UsageError for a name or a split that is none
    and for a model that is there already (unless `force`).
    """
    way = split_of(split)
    paths = find_notebooks(workspace, notebooks)
    model = model_name(name, notebooks)
    config_path = workspace.root / "configs" / "models" / f"{model}.yaml"
    if config_path.exists() and not force:
        raise UsageError(
            f"there is a model {model} already ({config_path.relative_to(workspace.root)})",
            hint="Give this one another name with --name, or replace that one with --force.",
        )
    replaced = config_path.exists()
    with as_typed(paths, notebooks):
        found = read_and_promote(paths, root=workspace.root, name=model, split=way)
        found = _run_in(workspace, paths[0], found, asked)
    targets = [workspace.root / book for book in books_of(found.config)]
    for target in targets:
        _check_place(workspace, model, target, paths, force=force)
    with all_or_none([*targets, config_path]):
        for target, made in zip(targets, found.notebooks, strict=True):
            write_atomically(target, str(nbformat.writes(made)).encode())  # type: ignore[no-untyped-call]
        write_model_yaml(config_path, with_defaults(workspace, model, found.config), overwrite=force)
        told = ", ".join(path.name for path in paths)
        record_event(workspace.registry, "promote", model, f"promoted {told} in {len(found.steps)} steps")
    _tell_left(workspace, model, targets)
    return Promoted(
        name=model,
        originals=tuple(paths),
        notebooks=tuple(target.relative_to(workspace.root).as_posix() for target in targets),
        config=config_path.relative_to(workspace.root).as_posix(),
        found=found,
        replaced=replaced,
    )


def read_and_promote(paths: Sequence[Path], *, root: Path, name: str, split: Split) -> Promotion:
    """One, or several that make one pipeline. Nothing is written."""
    if len(paths) > 1:
        return promote_several(paths, root=root, name=name, split=split)
    return promote_one(paths[0], root=root, name=name, split=split)


def books_of(config: Mapping[str, Any]) -> list[str]:
    """The promoted notebooks that a draft names."""
    pipeline = config["pipeline"]
    return list(pipeline["notebooks"]) if "notebooks" in pipeline else [pipeline["notebook"]]


def model_name(name: str | None, notebooks: Sequence[Path]) -> str:
    """As somebody named it, or one notebook did. Raises UsageError where several make a model without a name."""
    if name:
        return _checked(name)
    if len(notebooks) > 1:
        raise UsageError(
            f"{len(notebooks)} notebooks make one model, which needs a name", hint="Give it one: --name NAME"
        )
    return suggest_name(notebooks[0].stem)


def _tell_left(workspace: Workspace, model: str, targets: Sequence[Path]) -> None:
    """Remark on the promoted notebooks that the model had, and has no more."""
    former = workspace.project.models[model].pipeline.books if model in workspace.project.models else ()
    for book in former:
        left = workspace.source(book)
        if left not in targets and left.is_file() and left.is_relative_to(workspace.root / PIPELINES):
            workspace.remarks.append(f"{book} is the pipeline of {model} no more; it stays until you delete it")


def _check_place(workspace: Workspace, model: str, target: Path, originals: Sequence[Path], *, force: bool) -> None:
    """Raise UsageError where the promoted notebook would be written over what is somebody else's."""
    shown = target.relative_to(workspace.root).as_posix()
    others = [name for name, spec in workspace.project.models.items() if name != model]
    books = {workspace.root / book: each for each in others for book in workspace.project.models[each].pipeline.books}
    owner = books.get(target)
    if target.resolve() in originals:
        raise UsageError(f"{shown} would be written over by itself", hint="Give the model another name with --name.")
    if owner is not None:
        raise UsageError(f"{shown} is the pipeline of {owner}", hint="Give this one another name with --name.")
    if target.exists() and not force:
        hint = "Give this one another name with --name, or replace that one with --force."
        raise UsageError(f"there is a {shown} already", hint=hint)


def find_notebooks(workspace: Workspace, notebooks: Sequence[Path]) -> list[Path]:
    """Each as typed. Raises UsageError where two are the same."""
    paths = [find_notebook(workspace, notebook) for notebook in notebooks]
    check_once(paths, notebooks)
    return paths


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
def as_typed(paths: Sequence[Path], notebooks: Sequence[Path]) -> Iterator[None]:
    """Errors about a file name it as somebody typed it."""
    try:
        yield
    except NotebookError as error:
        typed = dict(zip(paths, notebooks, strict=True)).get(error.where.file) if error.where is not None else None
        if error.where is not None and typed is not None:
            error.where = replace(error.where, file=typed)
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
    """The draft with a gate against the champion, and a port of its own when others have models' endpoints.

    One that no environment has either.
    """
    config = dict(draft)
    metrics = draft["evaluate"]["metrics"]
    if metrics:
        lower = metrics[0] in LOWER_IS_BETTER
        config["gate"] = [f"{metrics[0]} <= champion * 1.01" if lower else f"{metrics[0]} >= champion - 0.005"]
    ports = {n: m.endpoint.port for n, m in workspace.project.models.items() if m.endpoint is not None}
    own = ports.pop(name, None)
    if ports and workspace.project.capabilities.serving:
        taken = every_port(workspace.root) - {own}
        config["endpoint"] = {"port": next(port for port in count(max(ports.values()) + 1) if port not in taken)}
    return config
