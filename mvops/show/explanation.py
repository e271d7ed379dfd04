"""A prediction and its lineage, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mvops.show.versions import commit_words
from mvops.usecases.explain import Explanation


def explanation_lines(found: Explanation) -> Iterator[str]:
    """What went in, what came out, what was made of what."""
    prediction, version = found.prediction, found.version
    yield f"prediction   {prediction.id}"
    yield f"  time       {prediction.time:%Y-%m-%d %H:%M:%S} UTC, answered in {prediction.latency_ms:.1f} ms"
    probability = "" if prediction.probability is None else f"  probabilities {_numbers(prediction.probability)}"
    yield f"  answer     {prediction.prediction}{probability}"
    outcome = "not known yet" if found.outcome is None else f"{found.outcome.outcome}"
    yield f"  outcome    {outcome}"
    width = max((len(name) for name in prediction.inputs), default=0)
    yield "  inputs"
    yield from (f"    {name:<{width}}  {value}" for name, value in prediction.inputs.items())
    yield from (f"  surprise   {surprise}" for surprise in found.surprises)
    if version is None:
        yield f"  version    {prediction.model} version {prediction.version}, which the registry does not know"
        return
    yield f"  version    {version.model} version {version.number} ({prediction.arm}), {version.reason}"
    yield f"  trained    {version.created:%Y-%m-%d %H:%M:%S} UTC by run {version.run}"
    yield f"  code       {', '.join(version.code.notebooks)}, {commit_words(version.code)}"
    yield from (f"  data       {name}  {digest[:16]}" for name, digest in sorted(version.data.items()))
    yield f"  artefact   sha256 {version.artifact.sha256}"
    if found.run is not None:
        yield from (
            f"  notebook   {step.step}: .mvops/artifacts/{step.notebook[:2]}/{step.notebook[2:]}"
            for step in found.run.steps
            if step.notebook
        )


def explanation_json(found: Explanation) -> dict[str, Any]:
    """The same, whole."""
    return {
        "prediction": found.prediction.model_dump(mode="json"),
        "outcome": found.outcome.model_dump(mode="json") if found.outcome else None,
        "surprises": list(found.surprises),
        "version": found.version.model_dump(mode="json") if found.version else None,
        "run": found.run.model_dump(mode="json", exclude={"runner"}) if found.run else None,
    }


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)
