"""P28: overlays over the project and its models; an environment never works on what is another's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mvops.errors import SpecError, UsageError
from mvops.loading.load import explain, load, load_project
from mvops.loading.problems import show_path

PORT = "models: {flight_delay: {endpoint: {port: 8100}}}\n"


def staged(build: Any, overlay: str = PORT, **files: str) -> Path:
    root: Path = build({"configs/env/staging.yaml": overlay, **files})
    return root


def test_p28_an_overlay_lies_over_project_and_models_key_by_key(build: Any) -> None:
    overlay = """\
notifiers: {ops: {backend: console}, night: {backend: console}}
model_defaults: {monitor: {min_rows: 7}}
models:
  flight_delay:
    pipeline: {parameters: {n_estimators: 10}}
    endpoint: {port: 8100}
    monitor: {every: 6h}
"""
    root = staged(build, overlay)
    plain, model = load_project(root), load_project(root, (), "staging").models["flight_delay"]
    assert model.pipeline.parameters == {"n_estimators": 10}
    assert model.pipeline.notebook == plain.models["flight_delay"].pipeline.notebook
    assert model.monitor is not None
    assert (model.monitor.every.total_seconds(), model.monitor.min_rows) == (6 * 3600, 7)
    assert plain.models["flight_delay"].endpoint is not None
    assert plain.models["flight_delay"].endpoint.port == 8000
    assert plain.environment is None
    assert list(plain.notifiers) == ["ops"]
    overridden = load_project(root, ["models.flight_delay.endpoint.port=9000"], "staging").models["flight_delay"]
    assert overridden.endpoint is not None
    assert overridden.endpoint.port == 9000, "the command line wins"


def test_p28_what_is_kept_is_its_own_without_saying_so(build: Any) -> None:
    root = staged(build, PORT + "tracker: {backend: mlflow}\n", **{
        "configs/project.yaml": build.project + "tracker: {options: {uri: 'sqlite:///.mvops/mlflow/mlflow.db'}}\n"
    })  # fmt: skip
    project = load_project(root, (), "staging")
    assert (project.project, project.environment) == ("flights_staging", "staging")
    assert project.registry == "sqlite:///.mvops/env/staging/registry.db"
    assert project.predictions == "sqlite:///.mvops/env/staging/predictions.db"
    assert project.artifacts == ".mvops/env/staging/artifacts"
    assert project.tracker.options == {"uri": "sqlite:///.mvops/env/staging/mlflow/mlflow.db"}
    notes = {show_path(each.path): each.note for each in explain(root, (), "staging") if each.note}
    assert set(notes) == {"project", "registry", "predictions", "artifacts", "tracker.options.uri"}


@pytest.mark.parametrize(
    ("overlay", "overrides", "tracker"),
    [
        ("tracker: {backend: wandb}\n", [], ("wandb", {})),
        ("tracker: {backend: wandb, options: {entity: us}}\n", [], ("wandb", {"entity": "us"})),
        ("defaults: [/trackers/wandb]\n", [], ("wandb", {"directory": ".mvops/wandb"})),
        ("defaults: [/trackers/mlflow, _self_]\ntracker: {backend: wandb}\n", [], ("wandb", {})),
        ("tracker: {backend: wandb, options: {entity: us}}\n", ["tracker.backend=mlflow"], ("mlflow", {"uri": "MINE"})),
        ("tracker: {options: {experiment: e}}\n", [], ("mlflow", {"uri": "MINE", "experiment": "e"})),
    ],
)
def test_p28_another_backend_has_its_own_options(
    build: Any, overlay: str, overrides: list[str], tracker: tuple[str, dict[str, str]]
) -> None:
    mlflow = "sqlite:///.mvops/env/staging/mlflow/mlflow.db"
    root = staged(build, PORT + overlay, **{"configs/project.yaml": build.project.replace("small", "medium")})
    found = load_project(root, overrides, "staging").tracker
    expected = {key: value.replace("MINE", mlflow) for key, value in tracker[1].items()}
    assert (found.backend, found.options) == (tracker[0], expected)
    assert load_project(root).tracker.options == {"uri": mlflow.replace("env/staging/", "")}


@pytest.mark.parametrize(
    ("base", "overlay", "said"),
    [
        ("", "registry: sqlite:///.mvops/registry.db\n", ":1:11: registry is that of the project without"),
        ("", "registry: sqlite:///./.mvops/x/../registry.db\n", ":1:11: registry is that of the project"),
        ("registry: postgresql://db/mvops\n", "", "project.yaml:5:11: registry is that of the project without"),
        ("registry: postgresql://db/mvops\n", "registry: postgresql+psycopg://me@db/mvops/\n", ":1:11: registry is"),
        ("predictions: sqlite:////srv/log.db\n", "", "project.yaml:5:14: predictions is that of the project"),
        ("artifacts: s3://bucket/models\n", "", "project.yaml:5:12: artifacts is that of the project"),
        ("", "project: flights\n", ":1:10: project is that of the project without an environment too"),
    ],
)
def test_p28_the_place_of_another_is_refused(build: Any, base: str, overlay: str, said: str) -> None:
    root = staged(build, overlay + PORT, **{"configs/project.yaml": build.project + base})
    load_project(root)
    with pytest.raises(SpecError) as error:
        load_project(root, (), "staging")
    assert said in str(error.value)
    assert "configs/env/staging.yaml" in str(error.value)


def test_p28_the_port_of_another_is_told_with_its_line(build: Any) -> None:
    root = staged(build, "{}\n", **{"configs/env/dev.yaml": PORT})
    for _ in range(2):  # composed, then from the cache
        (clash,) = load(root, (), "staging").clashes
        assert clash.why == "port 8000 is that of models.flight_delay in the project without an environment too"
        assert clash.place.startswith("configs/models/flight_delay.yaml:")
        free = "{flight_delay: {endpoint: {port: 8101}}}"
        assert clash.remedy == f"Say another in configs/env/staging.yaml, such as models: {free}"
    assert not load(root).clashes
    assert not load(root, (), "dev").clashes
    notes = {show_path(each.path): each.note for each in explain(root, (), "staging")}
    assert notes["models.flight_delay.endpoint.port"] == clash.why


def test_p28_two_environments_share_nothing_either(build: Any) -> None:
    shared = PORT + "registry: postgresql://db/tests\n"
    root = staged(build, shared, **{"configs/env/dev.yaml": shared})
    with pytest.raises(SpecError) as error:
        load_project(root, (), "staging")
    assert "registry is that of the environment dev too" in str(error.value)
    (root / "configs/env/dev.yaml").write_text(PORT)
    (clash,) = load(root, (), "staging").clashes
    assert clash.why == "port 8100 is that of models.flight_delay in the environment dev too"


def test_p28_a_reference_to_the_environment_makes_places_differ(build: Any) -> None:
    base = build.project + "registry: postgresql://db/flights_${environment}\n"
    root = staged(build, PORT, **{"configs/project.yaml": base})
    assert load_project(root, (), "staging").registry == "postgresql://db/flights_staging"
    with pytest.raises(SpecError, match=r"\$\{environment\} names nothing"):
        load_project(root)


def test_p28_an_overlay_may_build_on_another(build: Any) -> None:
    root = staged(build, "defaults: [shared, _self_]\nmodel_defaults: {monitor: {every: 2h}}\n" + PORT, **{
        "configs/env/shared.yaml": "model_defaults: {monitor: {every: 3h, min_rows: 9}}\n",
    })  # fmt: skip
    monitor = load_project(root, (), "staging").models["flight_delay"].monitor
    assert monitor is not None
    assert (monitor.every.total_seconds(), monitor.min_rows) == (7200, 9)
    sources = {show_path(each.path): each.source for each in explain(root, (), "staging")}
    assert sources["models.flight_delay.monitor.every"] == "configs/env/staging.yaml"
    assert sources["models.flight_delay.monitor.min_rows"] == "configs/env/shared.yaml"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"configs/env/staging.yaml": "models: {flight_dealy: {endpoint: {port: 1}}}"}, "did you mean 'flight_delay'"),
        ({"configs/env/staging.yaml": PORT + "registri: x\n"}, "staging.yaml:2:1: unknown key 'registri'; did you"),
        ({"configs/env/staging.yaml": "preset: small/day_60\n"}, "staging.yaml:1:1: the preset is named in"),
        ({"configs/env/staging.yaml": "environment: prod\n"}, "staging.yaml:1:1: the environment is chosen on"),
        ({"configs/env/staging.yaml": "hydra: {}\n"}, "staging.yaml:1:1: Hydra's own settings"),
        ({"configs/env/staging.yaml": "owner: !!python/object:os.x\n"}, "staging.yaml:1:8: tags such as"),
        ({"configs/env/Pre-Prod.yaml": ""}, "configs/env/Pre-Prod.yaml: the file's name is that of an environment"),
        ({"configs/env/staging.yml": ""}, "an environment's file ends in .yaml"),
        ({"configs/env/a/staging.yaml": ""}, "an environment's file lies directly in configs/env"),
    ],
)
def test_a_mistake_in_an_overlay_has_its_file_and_line(build: Any, files: dict[str, str], said: str) -> None:
    root = build(files)
    with pytest.raises(SpecError) as error:
        load_project(root, (), "staging")
    assert said in str(error.value)


def test_a_broken_overlay_does_not_stop_another(build: Any) -> None:
    root = staged(build, PORT, **{"configs/env/dev.yaml": "models: {flight_delay: {endpoint: {port: many}}}\n"})
    assert load_project(root, (), "staging").environment == "staging"
    assert load_project(root).environment is None


def test_an_unknown_environment_names_the_nearest(build: Any) -> None:
    root = staged(build)
    with pytest.raises(UsageError, match="no environment 'stagin'; did you mean 'staging'") as error:
        load_project(root, (), "stagin")
    assert error.value.hint == "Environments: staging"
    (root / "configs/env/staging.yaml").unlink()
    with pytest.raises(UsageError, match="no environment 'staging'") as error:
        load_project(root, (), "staging")
    assert "configs/env/NAME.yaml" in str(error.value.hint)


@pytest.mark.parametrize("text", ["env=staging", "+env=staging", "environment=staging", "++environment=staging"])
def test_an_override_chooses_no_environment(build: Any, text: str) -> None:
    with pytest.raises(SpecError, match="chosen with --env"):
        load_project(staged(build), [text])


def test_the_defaults_list_chooses_no_environment(build: Any) -> None:
    root = staged(build, PORT, **{"configs/project.yaml": "defaults: [{env: staging}, _self_]\nproject: flights\n"})
    with pytest.raises(SpecError, match="an environment does not stand in the defaults list"):
        load_project(root)
