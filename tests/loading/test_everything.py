"""All that is wrong, over all files, in one run: with file, line, caret and the nearest key."""

from __future__ import annotations

from typing import Any

import pytest

from mvops.errors import SpecError
from mvops.loading.load import load_project

LEADING = "defaults:\n  - preset: small/day_30\n  - _self_\nproject: flights\n"


def told(root: Any, *overrides: str, environment: str | None = None) -> str:
    with pytest.raises(SpecError) as error:
        load_project(root, overrides, environment)
    return str(error.value)


def test_a_file_that_cannot_be_read_hides_nothing_of_the_others(build: Any) -> None:
    root = build(
        {
            "configs/project.yaml": LEADING + "registri: x\ncapabilities: {servin: true}\n",
            "configs/models/a.yaml": build.model + "gaet: []\nmonitor: {every: soon}\n",
            "configs/models/b.yaml": "pipeline: {notebook: [\n",
            "configs/models/flight_delay.yaml": build.model + "endpoint: {port: 0}\nrollout: {steps: [5, 3]}\n",
            "configs/features/v.yaml": "entites: {a: string}\n",
        }
    )
    said = told(root)
    for problem in (
        "configs/project.yaml:5:1: unknown key 'registri'; did you mean 'registry'?",
        "configs/project.yaml:6:16: unknown key 'servin' in capabilities; did you mean 'serving'?",
        "configs/models/a.yaml:7:1: unknown key 'gaet' in models.a; did you mean 'gate'?",
        "configs/models/a.yaml:8:18: models.a.monitor.every: 'soon' is not a duration",
        "configs/models/b.yaml:1:22: not YAML",
        "configs/models/flight_delay.yaml:7:18: models.flight_delay.endpoint.port: must be greater",
        "configs/models/flight_delay.yaml:8:18: models.flight_delay.rollout.steps: steps must rise",
        "configs/features/v.yaml:1:1: unknown key 'entites' in features.v; did you mean 'entities'?",
    ):
        assert problem in said
    assert said.startswith("8 problems in the YAML")
    assert said.count("^") == 8
    assert "missing" not in said, "what another file may say is not asked for"


def test_what_is_refused_outright_hides_nothing_of_the_same_file(build: Any) -> None:
    model = build.model + "owner: ${oc.env:HOME}\n_target_: os.system\ngaet: []\nretrain: {schedule: weekly}\n"
    said = told(build({"configs/models/flight_delay.yaml": model}))
    assert said.startswith("4 problems")
    for problem in (":7:8: owner: only plain", ":8:1: the key '_target_'", ":9:1: unknown key 'gaet'", ":10:21: "):
        assert f"configs/models/flight_delay.yaml{problem}" in said


def test_a_preset_that_is_not_there_hides_nothing(build: Any) -> None:
    project = LEADING.replace("day_30", "day_3") + "notifiers: {Ops: {}}\n"
    said = told(build({"configs/project.yaml": project, "configs/models/a.yaml": build.model + "gaet: []\n"}))
    assert said.startswith("3 problems")
    assert "configs/project.yaml:2:5: there is no 'preset/small/day_3'; did you mean 'preset/small/day_30'?" in said
    assert "configs/project.yaml:5:13: notifiers.Ops: 'Ops' is not a name" in said
    assert "configs/models/a.yaml:7:1: unknown key 'gaet'" in said


def test_every_reference_that_leads_nowhere_is_told(build: Any) -> None:
    one = build.model + "owner: ${nobody}\ndescription: ${.owner}\n"
    said = told(
        build({"configs/models/a.yaml": one, "configs/models/flight_delay.yaml": build.model + "gate: ['${.x}']\n"})
    )
    assert "configs/models/a.yaml:7:8: ${nobody} names nothing" in said
    assert "configs/models/flight_delay.yaml:7:8: ${.x} names nothing" in said


def test_what_does_not_fit_together_is_told_beside_what_is_wrong(build: Any) -> None:
    files = {"configs/models/a.yaml": build.model + "gaet: []\n", "configs/models/b.yaml": build.model}
    said = told(build(files))
    assert "unknown key 'gaet'" in said
    assert "port 8000 is that of models.b already" in said


def test_files_that_may_not_be_read_are_told_together(build: Any) -> None:
    root = build(
        {
            "configs/models/A.yaml": "",
            "configs/models/b.yml": "",
            "configs/env/x/y.yaml": "",
            "configs/project.yaml": LEADING + "x: 1\n",
        }
    )
    said = told(root)
    assert said.startswith("4 problems")
    assert "configs/models/A.yaml: the file's name is that of a model" in said
    assert "configs/models/b.yml: a model's file ends in .yaml" in said
    assert "configs/env/x/y.yaml: an environment's file lies directly in configs/env" in said
    assert "configs/project.yaml:5:1: unknown key 'x'" in said


def test_an_overlay_is_looked_at_with_the_rest(build: Any) -> None:
    overlay = "registri: x\nmodel_defaults: {monitor: {evry: 1h}}\n"
    root = build({"configs/env/staging.yaml": overlay, "configs/models/a.yaml": "gaet: ["})
    said = told(root, environment="staging")
    assert said.startswith("3 problems")
    assert "configs/env/staging.yaml:1:1: unknown key 'registri'; did you mean 'registry'?" in said
    assert "configs/env/staging.yaml:2:28: unknown key 'evry' in model_defaults.monitor; did you mean 'every'?" in said


def test_a_single_mistake_is_told_as_before(build: Any) -> None:
    said = told(build({"configs/models/flight_delay.yaml": build.model + "gaet: []\n"}))
    assert said.startswith("configs/models/flight_delay.yaml:7:1: unknown key 'gaet'")
