"""Writes the ONNX graph of a version that is registered, where one says the same as the estimator."""

from __future__ import annotations

from mvops.artifacts.store import ArtifactStore
from mvops.core.config.model import Model
from mvops.core.signature import Signature
from mvops.core.version import Engine
from mvops.lifecycle.held_out import HeldOut

_NOT_HERE = "ONNX was not installed where the version was registered: pip install 'mvops[serve]'"


def engine_of(store: ArtifactStore, model: Model, held_out: HeldOut, signature: Signature) -> Engine:
    """What may answer for it; nothing that keeps a version from being registered."""
    if model.endpoint is None or model.endpoint.engine == "estimator":
        return Engine(reason="nothing asked for an ONNX graph when the version was registered")
    if held_out.environment is not None and held_out.environment.interpreter:
        return Engine(reason="the model runs in a Python of its own")
    try:
        from mvops.serving.compiling.attempt import compile_model  # noqa: PLC0415 -- an optional extra
        from mvops.serving.compiling.columns import NotCompiledError  # noqa: PLC0415
    except ModuleNotFoundError:
        return Engine(reason=_NOT_HERE)
    try:
        data, difference, rows = compile_model(
            held_out.estimator, signature, held_out.features, model.endpoint.tolerance
        )
    except NotCompiledError as error:
        return Engine(reason=str(error))
    return Engine(graph=store.put_bytes(data, "onnx"), difference=difference, rows=rows)
