"""mvops' registry on SQLite and its artefact store, for `bench_registry.py`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import registry_work
from registry_model import fitted

from mvops.artifacts.models import dump_model
from mvops.artifacts.store import ArtifactStore
from mvops.core.signature import Column, Signature
from mvops.core.version import Artifact, CodeState, Draft, Environment
from mvops.registry.database import open_registry
from mvops.registry.versions import champion, register, set_champion, versions


class Mvops:
    def __init__(self, folder: Path) -> None:
        self._registry = open_registry("sqlite:///registry.db", folder)
        self._store = ArtifactStore("artifacts", folder)
        self.train()
        self._artifact = self._keep()

    def fill(self, name: str, versions: int) -> None:
        for _ in range(versions):
            register(self._registry, self._draft(name, self._artifact))
        set_champion(self._registry, name, 1, "first")

    def train(self) -> None:
        self._model = fitted()

    def log_and_register(self) -> None:
        register(self._registry, self._draft("logged", self._keep()))

    def register(self) -> None:
        register(self._registry, self._draft("registered", self._artifact))

    def move(self, number: int) -> None:
        set_champion(self._registry, "long", number, "moved")

    def resolve(self) -> int:
        found = champion(self._registry, "long")
        assert found is not None
        return found.number

    def listed(self, name: str) -> int:
        # As much as MLflow's answer holds; the documents, with metrics and all, are read when they are asked for.
        return sum(bool(each.number and each.created and each.run) for each in versions(self._registry, name))

    def _keep(self) -> Artifact:
        return self._store.put_bytes(*dump_model(self._model))

    def _draft(self, name: str, artifact: Artifact) -> Draft:
        return Draft(
            model=name,
            created=datetime.now(UTC),
            reason="new",
            run="20260301T120000000000-abcdef",
            artifact=artifact,
            signature=Signature(
                columns=tuple(Column(name=f"column_{n}", kind="number", low=0.0, high=1.0) for n in range(12)),
                task="classification",
                classes=(0, 1),
                probabilities=True,
            ),
            baseline=artifact,
            held_out=artifact,
            data={"rows_path": "0" * 64},
            code=CodeState(commit="0" * 40, dirty=False, notebook="pipelines/x.ipynb", cells={"train": "0" * 64}),
            environment=Environment(
                python="3.11.7", platform="linux-x86_64", packages={"numpy": "2.4.6", "scikit-learn": "1.9.1"}
            ),
            parameters={"C": 1.0, "max_iter": 200},
            metrics={"accuracy": 0.9, "roc_auc": 0.95},
            fingerprint="0" * 64,
        )


registry_work.work(Mvops)
