"""What is generated to run an endpoint elsewhere is what Compose, systemd and Kubernetes take."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mvops import backends
from mvops.contracts.feature_stores import ServedFeatures
from mvops.contracts.servers import Service
from mvops.core.config.features import FeatureStore
from mvops.serving.deploying import label_of
from mvops.serving.settings import ServiceSettings

ALL = ("docker", "compose", "systemd", "kubernetes")
SHARED = {"predictions": "postgresql+psycopg://me@db/log", "extras": ("postgres", "s3")}
FEATURES = ServedFeatures(
    backend="feast",
    project="shops",
    settings=FeatureStore.model_validate({"online": {"store": "redis", "url": "redis://c:6379", "password_env": "PW"}}),
    missing="refuse",
)
KEYS = {"keys": [{"secret": "CHURN_KEY"}, {"secret": "OLD_KEY"}]}
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "shared": SHARED | {"features": FEATURES},
    "staging": {"environment": "staging", "model": "a_" + "b" * 60, "host": "0.0.0.0", "port": 80, "auth": KEYS},
    "named": {"host": "ml1.example", "model_python": "3.9"},
}
LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


def made(server: str = "fastapi", **changes: Any) -> dict[str, str]:
    plain = {
        "model": "churn",
        "description": "Will they leave?",
        "host": "127.0.0.1",
        "port": 8123,
        "max_rows": 50,
        "state": ".mvops/serving/churn",
        "artifacts": ".mvops/artifacts",
        "predictions": "sqlite:///.mvops/predictions.db",
        "python": "3.11",
        "requirements": ("scikit-learn==1.6.1",),
        "targets": ALL,
    }
    return dict(backends.load("servers", server).files(Service.model_validate(plain | changes)))


def loaded(files: dict[str, str]) -> dict[str, Any]:
    return {path: yaml.safe_load(text) for path, text in files.items() if path.endswith(".yaml")}


def deployment(**changes: Any) -> Any:
    return loaded(made(**changes))["kubernetes/deployment.yaml"]["spec"]


def container(**changes: Any) -> Any:
    (found,) = deployment(**changes)["template"]["spec"]["containers"]
    return found


@pytest.mark.parametrize(
    ("targets", "more"),
    [
        ((), set()),
        (("docker",), {"Dockerfile", "Dockerfile.dockerignore"}),
        (("compose",), {"Dockerfile", "Dockerfile.dockerignore", "compose.yaml"}),
        (("systemd",), {"systemd.service"}),
        (
            ("kubernetes",),
            {"Dockerfile", "Dockerfile.dockerignore"}
            | {f"kubernetes/{name}.yaml" for name in ("deployment", "service", "volume")},
        ),
    ],
)
@pytest.mark.parametrize("server", ["fastapi", "bentoml"])
def test_there_are_the_files_of_what_was_asked_for(server: str, targets: tuple[str, ...], more: set[str]) -> None:
    bare = set(made(server, targets=()))
    assert not bare & {"Dockerfile", "compose.yaml"}
    assert set(made(server, targets=targets)) == bare | more
    assert ("docker compose" in made(server, targets=targets)["README.md"]) == ("compose" in targets)


def test_an_end_has_the_time_that_an_orderly_one_takes() -> None:
    settings = ServiceSettings(model="churn", root=Path("/"), state="s", artifacts="a", predictions="p")
    takes = settings.drain_delay + settings.drain_timeout + settings.flush_timeout
    files = made()
    pod = deployment()["template"]["spec"]
    sleeps = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert sleeps > 0
    assert pod["terminationGracePeriodSeconds"] > sleeps + takes
    assert int(loaded(files)["compose.yaml"]["services"]["endpoint"]["stop_grace_period"].rstrip("s")) > takes
    assert int(unit(files)["Service"]["TimeoutStopSec"]) > takes


def test_only_a_log_that_pods_can_share_has_several() -> None:
    assert (deployment()["replicas"], deployment()["strategy"]) == (1, {"type": "Recreate"})
    assert "kubernetes/autoscaler.yaml" not in made()
    found = loaded(made(**SHARED))
    assert "replicas" not in found["kubernetes/deployment.yaml"]["spec"], "the autoscaler's to say"
    assert found["kubernetes/autoscaler.yaml"]["spec"]["minReplicas"] == 2
    assert found["kubernetes/volume.yaml"]["spec"]["accessModes"] == ["ReadWriteMany"]


def test_nobody_is_root_and_nothing_but_the_state_is_written() -> None:
    inside, pod = container()["securityContext"], deployment()["template"]["spec"]
    assert inside == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    assert {mount["mountPath"] for mount in container()["volumeMounts"]} == {"/project/.mvops", "/tmp"}
    composed = loaded(made())["compose.yaml"]["services"]["endpoint"]
    assert (composed["read_only"], composed["cap_drop"], composed["tmpfs"]) == (True, ["ALL"], ["/tmp"])
    assert composed["user"] == "${MVOPS_UID:-1000}:${MVOPS_GID:-1000}"


def test_secrets_are_named_and_have_no_value() -> None:
    names = [
        "CHURN_KEY",
        "OLD_KEY",
        "PGPASSWORD",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "PW",
    ]
    files = made(**SHARED, features=FEATURES, auth=KEYS)
    assert loaded(files)["compose.yaml"]["services"]["endpoint"]["environment"] == ["HOME=/tmp", *names]
    for path in ("kubernetes/deployment.yaml", "systemd.service"):
        assert f"({', '.join(names)})" in files[path]
    assert container()["envFrom"] == [{"secretRef": {"name": "churn", "optional": True}}]
    assert unit(files)["Service"]["EnvironmentFile"] == "-/etc/mvops/churn.env"


def test_this_machine_alone_is_answered_where_the_yaml_says_so() -> None:
    hosts = {"127.0.0.1": "127.0.0.1", "0.0.0.0": "0.0.0.0", "::1": "::1", "ml1.example": "127.0.0.1"}
    for host, published in hosts.items():
        (port,) = loaded(made(host=host))["compose.yaml"]["services"]["endpoint"]["ports"]
        assert port == {"target": 8123, "published": "8123", "host_ip": published}


NAME = st.from_regex(r"[a-z][a-z0-9_]{0,62}", fullmatch=True)


@given(st.lists(st.tuples(NAME, st.none() | NAME), min_size=2, max_size=2, unique=True))
def test_names_are_labels_and_no_two_are_the_same(names: list[tuple[str, str | None]]) -> None:
    labels = [label_of(*name) for name in names]
    assert all(LABEL.fullmatch(label) for label in labels)
    assert labels[0] != labels[1]


def test_names_that_look_alike_stay_apart() -> None:
    alike = [("a", "b"), ("a_b", None), ("a__b", None), ("a_", "b"), ("a_", None), ("a", None), ("b" * 63, None)]
    assert len({label_of(*name) for name in alike}) == len(alike)


def unit(files: dict[str, str]) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    found.optionxform = str  # type: ignore[assignment, method-assign]
    found.read_string(files["systemd.service"])
    return found


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("server", ["fastapi", "bentoml"])
def test_systemd_takes_the_unit(server: str, case: str, tmp_path: Path) -> None:
    files = made(server, **CASES[case])
    assert unit(files).sections() == ["Unit", "Service", "Install"]
    (command,) = re.findall(r"^#   (sed .*) \\$", files["systemd.service"], re.MULTILINE)
    project = tmp_path / "our project"
    template = project / command.split('" ')[1]
    template.parent.mkdir(parents=True)
    template.write_text(files["systemd.service"])
    found = subprocess.run(
        ["sh", "-c", command],
        cwd=project,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PWD": str(project)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "@" not in re.sub(r"^#.*", "", found, flags=re.MULTILINE)
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    assert flaws_of(found, tmp_path) == []
    assert flaws_of(found.replace("Restart=always", "Restart=allways"), tmp_path) != []


def flaws_of(text: str, folder: Path) -> list[str]:
    """What systemd finds in a unit; of the machine's own units it says more."""
    path = folder / "endpoint.service"
    path.write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if path.name in line]


@pytest.mark.system
@pytest.mark.real(
    "servers", "fastapi", "manifests by the schemas of Kubernetes 1.25 to 1.37, Compose's, systemd-analyze"
)
@pytest.mark.parametrize("version", ["1.25", "1.37"])
def test_kubernetes_takes_the_manifests(outside: Callable[[str], Path], version: str, tmp_path: Path) -> None:
    paths = []
    for case, changes in CASES.items():
        for path, text in made(**changes).items():
            if path.startswith("kubernetes/"):
                target = tmp_path / case / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
                paths.append(target)
    assert len(paths) == 3 * 3 + 4
    command = [str(outside("deploying") / "kubernetes-validate"), "--strict", "-k", version]
    done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    paths[0].write_text(paths[0].read_text().replace("livenessProbe", "livelinessProbe"))
    broken = subprocess.run([*command, str(paths[0])], capture_output=True, text=True, check=False)
    assert broken.returncode != 0
    assert "livelinessProbe" in broken.stdout + broken.stderr


@pytest.mark.system
@pytest.mark.parametrize("case", CASES)
def test_compose_takes_its_file(outside: Callable[[str], Path], case: str) -> None:
    schema = json.loads((outside("compose") / "node_modules/dclint/schemas/compose.schema.json").read_text())
    found = loaded(made(**CASES[case]))["compose.yaml"]
    validator = jsonschema.Draft7Validator(schema)
    validator.validate(found)
    found["services"]["endpoint"]["read_onyl"] = True
    with pytest.raises(jsonschema.ValidationError, match="read_onyl"):
        validator.validate(found)
