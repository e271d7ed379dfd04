"""A pipeline of DVC: the stage that trains as the model's pipeline, and of every other stage what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mvops.core.naming import suggest_name
from mvops.core.outside import Accepted
from mvops.errors import ConflictError, NotebookError, UsageError
from mvops.notebook.promotion import Promotion, promote
from mvops.sources.command_lines import Runs
from mvops.sources.dvc_stages import Stage, stages_of
from mvops.sources.notebook import promoted_files
from mvops.sources.scripts import as_notebook
from mvops.sources.source import Asked, Taken, below, checked_name, file_of, shown
from mvops.workspace import Workspace

_FILE = "dvc.yaml"


class DvcPipelineSource:
    """Read as text: DVC is not started, and no stage is run."""

    looks_like = "dvc.yaml, with params.yaml beside it"

    def recognises(self, asked: Asked, workspace: Workspace) -> bool:
        """By its name."""
        path = file_of(asked, workspace)
        return path is not None and path.name == _FILE

    def take(self, asked: Asked, workspace: Workspace) -> Taken:
        """Promote the notebook or script of the stage that trains, with the stage's inputs and parameters."""
        path = file_of(asked, workspace)
        assert path is not None
        if not path.is_relative_to(workspace.root):
            raise UsageError(
                f"{path} is outside of the project, and so is what its stages read",
                hint=f"Make the project where the pipeline is: cd {path.parent} && mvops init",
            )
        stages = stages_of(path, workspace.root)
        training = _training(stages, asked, workspace)
        pipeline = _pipeline(training, workspace)
        name, stage = training.name, training.stage
        there = workspace.project.models.get(name)
        values = () if there is None else tuple(_values(training, pipeline, workspace))
        typed = shown(path, workspace)
        return Taken(
            name,
            f"the stage {stage.name} of {typed}",
            f"the stage {stage.name} of {typed} is the pipeline of {name}",
            files=promoted_files(training.found, workspace) if there is None else {},
            draft=training.found.config | {"pipeline": pipeline} if there is None else None,
            values=values,
            notes=(*_notes(stages, training, pipeline, workspace), *_of_the_code(training)),
            after=("mvops plan", "mvops apply"),
            missing=training.found.missing if there is None else (),
            already=there is not None and not values,
        )


@dataclass(frozen=True)
class _Training:
    """The stage that trains, what it runs, and what was found in that."""

    stage: Stage
    run: Runs
    found: Promotion
    name: str


def _training(stages: Sequence[Stage], asked: Asked, workspace: Workspace) -> _Training:
    """Raises UsageError where it is not one stage, NotebookError for a chosen one that cannot be a pipeline."""
    if asked.entry is not None:
        chosen = [stage for n, stage in enumerate(stages, 1) if asked.entry in {stage.name, str(n)}]
        if not chosen:
            raise UsageError(f"--entry {asked.entry}: there is no such stage", hint=_listed(stages))
        stages = chosen
    found: list[_Training] = []
    refused: list[NotebookError] = []
    for stage in stages:
        for run in stage.runs:
            try:
                found.append(_read(stage, run, asked, workspace))
            except NotebookError as error:
                refused.append(error)
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{len(found)} stages train: {', '.join(each.stage.name for each in found)}",
            hint="A model has one pipeline. Import each as a model of its own: --entry STAGE --name NAME",
        )
    if len(refused) == 1:
        raise refused[0]
    whys = "".join(f"\n{error.message}" for error in refused)
    raise UsageError(
        "no stage of this pipeline trains a model in a notebook or a script that can be read",
        hint=f"{_listed(stages)}{whys}\nPut the training into a notebook: mvops promote NOTEBOOK",
    )


def _read(stage: Stage, run: Runs, asked: Asked, workspace: Workspace) -> _Training:
    path = Path(stage.folder, run.target)
    name = checked_name(asked.name) if asked.name else suggest_name(path.stem)
    script = path.suffix == ".py" and path.is_file()
    content = as_notebook(path) if script else None
    # nbconvert runs a notebook in the notebook's own folder, papermill and Python in that of the stage
    folder = path.parent if run.tool == "nbconvert" else stage.folder
    found = promote(path, root=workspace.root, name=name, folder=folder, content=content)
    return _Training(stage, run, found, name)


def _pipeline(training: _Training, workspace: Workspace) -> dict[str, Any]:
    """The draft's pipeline, with the values that the stage gives to parameters and inputs."""
    pipeline = dict(training.found.config["pipeline"])
    inputs, parameters = dict(pipeline.get("inputs", {})), dict(pipeline.get("parameters", {}))
    known = {parameter.name: parameter.role for parameter in training.found.parameters}
    for name, value in _given(training, known).items():
        path = below(str(value), training.stage.folder, workspace.root)
        if known[name] == "knob" or Path(path).is_absolute():
            parameters[name] = value
        else:
            inputs[name] = path
    return pipeline | ({"inputs": inputs} if inputs else {}) | ({"parameters": parameters} if parameters else {})


def _given(training: _Training, known: Collection[str]) -> dict[str, Any]:
    """Parameter -> what the stage says it is: params.yaml by its last word or all of them, then papermill's own."""
    given: dict[str, Any] = {}
    for dotted, value in training.stage.params.items():
        for name in (dotted.rpartition(".")[2], dotted.replace(".", "_")):
            if name in known:
                given[name] = value
    for name, text in training.run.parameters.items():
        if name in known:
            given[name] = _plain(text)
    return given


def _plain(text: str) -> Any:
    """As papermill reads what it is given."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if isinstance(value, (str, int, float, bool)) else text


def _values(training: _Training, pipeline: Mapping[str, Any], workspace: Workspace) -> Iterator[Accepted]:
    """What the YAML of a model that is there says otherwise."""
    name = training.name
    there = workspace.project.models[name].pipeline
    if list(there.books) != [pipeline["notebook"]]:
        raise ConflictError(
            f"there is a model {name} already, with the pipeline {', '.join(there.books)}",
            hint="Another name: --name NAME",
        )
    for section, said in (("inputs", there.inputs), ("parameters", there.parameters)):
        for key, value in pipeline.get(section, {}).items():
            if key not in said or said[key] != value:
                yield Accepted(path=("models", name, "pipeline", section, key), value=value)


def _notes(
    stages: Sequence[Stage], training: _Training, pipeline: Mapping[str, Any], workspace: Workspace
) -> Iterator[str]:
    """For each stage what the YAML does not say of it."""
    inputs = set(pipeline.get("inputs", {}).values())
    for stage in stages:
        yield from (f"stage {stage.name}: {sentence}" for sentence in stage.unsaid)
        if stage.name == training.stage.name:
            yield from _of_training(training, inputs)
            continue
        made = sorted(inputs & set(stage.outs))
        if made:
            yield (
                f"stage {stage.name} stays DVC's: it makes the input {', '.join(made)}; `dvc repro {stage.name}` before"
                " the model is trained"
            )
        elif stage.command:
            yield f"stage {stage.name} stays DVC's: nothing that it makes is an input of the model"
    if workspace.project.data.backend != "dvc":
        yield "inputs that DVC tracks are kept by DVC with `data: {backend: dvc}` in configs/project.yaml"


def _of_training(training: _Training, inputs: set[str]) -> Iterator[str]:
    stage = training.stage
    known = {parameter.name for parameter in training.found.parameters}
    data = [dep for dep in stage.deps if not dep.endswith((".py", ".ipynb", ".yaml"))]
    for dep in data:
        if dep not in inputs and not any(path.startswith(f"{dep}/") for path in inputs):
            yield f"stage {stage.name}: it depends on {dep}, which its code names nowhere as a literal: no input"
    for dotted in stage.params:
        if not {dotted.rpartition(".")[2], dotted.replace(".", "_")} & known:
            yield f"stage {stage.name}: {dotted} is no parameter of its code: no key of the YAML"
    lost = [name for name in training.run.parameters if name not in known]
    yield from (f"stage {stage.name}: {name} is no parameter of its code: no key of the YAML" for name in lost)
    if stage.outs:
        yield (
            f"stage {stage.name}: {', '.join(stage.outs)} is what DVC keeps of it; a version keeps the model, its"
            " metrics and the executed notebook"
        )


def _of_the_code(training: _Training) -> Iterator[str]:
    """What promotion found, but for files that papermill is told in place of those in the code."""
    told = [
        re.compile(rf"(the parameter {name}, and not hashed|the input {name})\b") for name in training.run.parameters
    ]
    yield from (note for note in training.found.notes if not any(pattern.search(note) for pattern in told))


def _listed(stages: Sequence[Stage]) -> str:
    return "\n".join(f"{number}  {stage.name}: {stage.command}" for number, stage in enumerate(stages, start=1))
