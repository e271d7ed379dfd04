"""What the YAML wants of a pipeline: all that decides the values that it makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from mvops.core.address import Address, address
from mvops.core.canonical import digest
from mvops.core.config.model import Model
from mvops.core.spec import Spec
from mvops.features.joined import job_of
from mvops.kinds.comments import as_recorded
from mvops.kinds.dataset import dataset_addresses
from mvops.kinds.kind import Look
from mvops.kinds.pins import pins_digest
from mvops.notebook.results import StepPlan
from mvops.notebook.step_plans import describe_steps

_SELDOM = {"sources", "environment", "later"}


class PipelineSpec(Spec):
    """What decides the pipeline's values.

    `steps` maps each step to the digest of its code, `parameters` each parameter that a step reads to its value,
    `inputs` each input that a step reads to the digest of its files, `sources` each file of the project that the code
    is made of, or reads by a name that is spelt out, to its digest, `environment` is the kernel with its Python and
    packages, where that is not ours, `later` the notebooks that go on after `notebook`. Where code changed since the
    run on record in comments and layout alone, its digests are those on record.
    """

    kind: ClassVar[str] = "pipeline"
    notebook: str
    steps: dict[str, str]
    parameters: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]
    sources: dict[str, str]
    environment: dict[str, str] = Field(default_factory=dict)
    later: tuple[str, ...] = ()

    def fields(self) -> dict[str, Any]:
        """Without `sources` and `later` where the notebook stands alone, and `environment` where it is ours."""
        return {field: value for field, value in super().fields().items() if value or field not in _SELDOM}


class Pipelines:
    """One for each model; what its kind wants, for what the kind itself rests on."""

    def desired(self, look: Look) -> Iterator[PipelineSpec]:
        """In the order of the models' names."""
        for name in sorted(look.workspace.project.models):
            yield pipeline_spec(look, name)


def pipeline_spec(look: Look, name: str) -> PipelineSpec:
    """What the YAML wants of a model's pipeline."""
    model = look.workspace.project.models[name]
    plans = step_plans(look, name, ask=False)
    inputs = {parameter: found for plan in plans for parameter, found in plan.inputs.items()}
    read = {parameter: value for plan in plans for parameter, value in plan.parameters.items()}
    sources = {path: found for plan in plans for path, found in plan.sources.items()}
    there = plans[0].environment if plans else {}
    code = as_recorded(look, name, {plan.name: plan.digest for plan in plans}, dict(sorted(sources.items())))
    return PipelineSpec(
        name=name,
        needs=(*dataset_addresses(look, name), *_features(name, model)),
        notebook=model.pipeline.books[0],
        later=model.pipeline.books[1:],
        steps=code.steps,
        parameters={parameter: read[parameter] for parameter in sorted(read.keys() - inputs.keys())},
        inputs=dict(sorted(inputs.items())),
        outputs=model.pipeline.outputs.model_dump(exclude_none=True),
        sources=code.sources,
        environment={**there, **pins_digest(look, name, there.get("python", ""))},
    )


def training_digest(pipeline: PipelineSpec, task: str) -> str:
    """Equal digests mean equal training: same code, parameters, inputs, outputs and task."""
    return digest([pipeline.fields(), task])


def step_plans(look: Look, name: str, *, ask: bool = True) -> list[StepPlan]:
    """The steps of a model's pipeline as they would run now.

    Whether what is cached is still in the store is a question to it for each step, which not everybody has to `ask`.
    """
    workspace = look.workspace
    job, store = job_of(workspace, name), workspace.store if ask else None
    return describe_steps(job, cache_dir=workspace.cache, store=store, memory=look.memory)


def _features(name: str, model: Model) -> tuple[Address, ...]:
    return () if model.pipeline.features is None else (address("feature_service", name),)
