"""A model that fails on a category of which the training had none: the caller is told which value it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from serving_support import LATE, ON_TIME, POISON, Local, Project, send


def test_a_category_that_the_model_cannot_take_is_named(
    tmp_path: Path, dumped: Callable[[str], bytes], local: Callable[[Project], Local]
) -> None:
    project = Project(tmp_path, dumped)
    project.version(1, "strict")
    project.route(1, champion=1)
    server = local(project)
    new = LATE | {"carrier": "ZZ"}
    response, text = send(server.port, "POST", "/predict", json.dumps({"rows": [ON_TIME, new]}).encode())
    assert response.status == 422
    told = json.loads(text)
    assert [(flaw["row"], flaw["column"]) for flaw in told["errors"]] == [(1, "carrier")]
    assert "never seen in training" in told["detail"]
    assert "ZZ" not in text.decode()
    assert server.client.predict([LATE, ON_TIME]).predictions == (1, 0)
    response, _ = send(server.port, "POST", "/predict", json.dumps({"rows": [POISON]}).encode())
    assert response.status == 500
