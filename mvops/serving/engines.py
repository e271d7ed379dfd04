"""Which of two answers for a version: its ONNX graph, or the estimator; and why, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mvops.core.version import Version
from mvops.errors import ArtifactError
from mvops.serving.example import example_of
from mvops.serving.settings import ServiceSettings

if TYPE_CHECKING:
    from mvops.artifacts.store import ArtifactStore
    from mvops.serving.compiled import Ask

MISSING = "ONNX Runtime is not installed: pip install 'mvops[serve]'"


@dataclass(frozen=True)
class Answering:
    """What answers; `reason` is why it is the estimator."""

    ask: Ask
    engine: Literal["onnx", "estimator"]
    reason: str = ""

    def told(self) -> dict[str, str]:
        """For `/health/ready`."""
        return {"engine": self.engine} | ({"reason": self.reason} if self.reason else {})


def answering(version: Version, settings: ServiceSettings, store: ArtifactStore, estimator: Ask) -> Answering:
    """The graph where there is one, it may be used, and it says of the signature's example what the estimator says."""
    reason = _unused(version, settings)
    if reason:
        return Answering(estimator, "estimator", reason)
    assert version.engine is not None
    assert version.engine.graph is not None
    try:
        from mvops.serving.compiled import Compiled  # noqa: PLC0415 -- ONNX Runtime may not be here
        from mvops.serving.parity import DifferentError, compared  # noqa: PLC0415
    except ModuleNotFoundError:
        return Answering(estimator, "estimator", MISSING)
    try:
        compiled = Compiled(store.read_bytes(version.engine.graph), version.signature, estimator, settings.tolerance)
        compared(estimator, compiled, example_of(version.signature), settings.tolerance)
    except (ArtifactError, DifferentError) as error:
        return Answering(estimator, "estimator", str(error))
    return Answering(compiled, "onnx")


def _unused(version: Version, settings: ServiceSettings) -> str:
    engine = version.engine
    if settings.engine == "estimator":
        return "endpoint.engine says so"
    if engine is None:
        return "the version was registered before there were ONNX graphs"
    if engine.graph is None:
        return engine.reason
    if engine.difference > settings.tolerance:
        return f"the ONNX graph differs by {engine.difference:.2g}, endpoint.tolerance is {settings.tolerance:g}"
    return ""
