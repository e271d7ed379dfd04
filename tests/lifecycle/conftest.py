from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mvops.core.signature import Column, Signature
from mvops.core.version import Artifact, CodeState, Environment, Version


@pytest.fixture
def make_version() -> Callable[..., Version]:
    def make(number: int = 1, **changes) -> Version:
        version = Version(
            model="m",
            number=number,
            created=datetime(2013, 4, 1, tzinfo=UTC),
            reason="first",
            run="r1",
            artifact=Artifact(sha256="0" * 64, format="skops", size=1),
            signature=Signature(columns=(Column(name="x", kind="number"),), task="regression"),
            baseline=None,
            held_out=None,
            data={},
            code=CodeState(commit=None, dirty=False, notebook="p.ipynb", cells={}),
            environment=Environment(python="3.11", platform="linux", packages={}),
            parameters={},
            metrics={"mae": 1.0},
            fingerprint="f",
        )
        return version.model_copy(update=changes)

    return make
