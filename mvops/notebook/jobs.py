"""From a model's YAML to the execution that it asks for."""

from __future__ import annotations

from pathlib import Path

from mvops.core.config.model import Pipeline
from mvops.notebook.kernels import Asked
from mvops.notebook.results import PipelineJob


def pipeline_job(root: Path, model: str, pipeline: Pipeline) -> PipelineJob:
    """The job of a model's pipeline: as the YAML says, everything that can be taken from the cache."""
    return PipelineJob(
        notebook=root / pipeline.books[0],
        later=tuple(root / book for book in pipeline.books[1:]),
        root=root,
        parameters=pipeline.parameters,
        inputs=pipeline.inputs,
        outputs=pipeline.outputs.model_dump(exclude_none=True),
        timeout=pipeline.timeout.total_seconds(),
        memory=pipeline.memory,
        yaml_key=f"models.{model}.pipeline.inputs",
        asked=Asked.of(root, pipeline.kernel, pipeline.python),
    )
