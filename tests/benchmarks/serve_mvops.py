"""mvops' endpoint of a version: FOLDER KIND PORT HOW; `make` writes its project first, in a process of its own.

HOW is `durable` (as it is), `unlogged` (nothing is kept, which only a measurement wants), or `estimator`.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from mvops.core.route import Arm, Route
from mvops.serving.run import serve
from mvops.serving.runtime import Runtime


def make(folder: Path, kind: str) -> None:
    """The artefacts, the manifest, the route and the settings."""
    from serve_work import frame, load, target

    from mvops.artifacts.models import dump_model
    from mvops.artifacts.store import ArtifactStore
    from mvops.core.version import CodeState, Engine, Environment, Version
    from mvops.lifecycle.signature import describe
    from mvops.serving.compiling.attempt import compile_model

    root = folder / f"mvops-{kind}"
    model, rows = load(folder, kind), frame()
    signature = describe(rows, target(rows), model, "classification")
    store = ArtifactStore("artifacts", root)
    graph, difference, compared = compile_model(model, signature, rows, 1e-6)
    version = Version(
        model="model",
        number=1,
        created=datetime.now(UTC),
        reason="bench",
        run="run",
        artifact=store.put_bytes(*dump_model(model)),
        signature=signature,
        baseline=None,
        held_out=None,
        data={},
        code=CodeState(commit=None, dirty=False, notebook="n.ipynb", cells={}),
        environment=Environment(python="3", platform="linux", packages={}),
        parameters={},
        metrics={},
        fingerprint="",
        engine=Engine(graph=store.put_bytes(graph, "onnx"), difference=difference, rows=compared),
    )
    (root / "state").mkdir()
    (root / "state/v1.json").write_text(version.model_dump_json())
    route = Route(model="model", serial=1, arms=(Arm(arm="champion", version=1, weight=100),))
    (root / "state/route.json").write_text(route.model_dump_json())
    for engine in ("auto", "estimator"):
        told = {"model": "model", "root": ".", "state": "state", "artifacts": "artifacts", "engine": engine}
        written = json.dumps(told | {"predictions": "sqlite:///predictions.db"})
        (root / f"{engine}.json").write_text(written)


async def _kept_nowhere(*_: object) -> None:
    return


def main(folder: Path, kind: str, port: str, how: str) -> None:
    """Serve."""
    if how == "make":
        make(folder, kind)
        return
    if how == "unlogged":
        Runtime._keep = _kept_nowhere  # type: ignore[method-assign]
    name = "estimator" if how == "estimator" else "auto"
    serve(folder / f"mvops-{kind}" / f"{name}.json", "127.0.0.1", int(port))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
