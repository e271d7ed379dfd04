"""A version that was made with other packages than are here: refused where it matters, told where it may not."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

import pytest
from serving_support import LATE, ROOT

from mvops.core.version import Environment
from mvops.errors import ServingError
from mvops.serving.client import EndpointClient
from mvops.serving.releases import check_releases, other_releases


def made_with(packages=None, **more) -> Environment:
    return Environment(python="3.11", platform="linux", packages=packages or {}, **more)


@pytest.fixture
def here(monkeypatch, tmp_path):
    """An environment that has these in front of all else."""
    there = {"scikit-learn": "1.7.2", "numpy": "2.3.1", "torch": "2.1+cpu", "joblib": "1.5.0"}
    for name, release in there.items():
        folder = tmp_path / f"{name.replace('-', '_')}-{release}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("package", "wanted", "decides"),
    [
        ("scikit-learn", "1.7.2", None),
        ("scikit-learn", "1.7.0", False),
        ("scikit-learn", "1.6.1", True),
        ("scikit-learn", "2.7.2", True),
        ("numpy", "2.3.0", False),
        ("numpy", "2.1.0", False),
        ("numpy", "1.26.4", True),
        ("torch", "2.1", None),
        ("joblib", "2.0.0", False),
        ("joblib", "1.5.0", None),
        ("no-such-boosting", "4.5.0", True),
    ],
)
def test_what_decides_and_what_is_told(here, package, wanted, decides):
    deciding, harmless = other_releases(made_with({package: wanted}))
    told = [f"{package}: {wanted} wanted, "]
    assert [line[: len(told[0])] for line in deciding] == (told if decides else [])
    assert [line[: len(told[0])] for line in harmless] == (told if decides is False else [])


def test_what_the_team_pins_is_wanted(here):
    environment = made_with({"scikit-learn": "1.6.1"}, pinned={"scikit-learn": "1.7.2", "rich": "1.0"})
    assert other_releases(environment) == ([], [])


def test_a_model_of_another_python_is_that_ones_business(here):
    assert other_releases(made_with({"scikit-learn": "1.1.3"}, interpreter="/of/2022/python")) == ([], [])


def other(project, **packages):
    """Version 1, as if it had been made with other releases of these."""
    version = project.version(1)
    made = version.model_copy(update={"environment": made_with(packages)})
    project._write("v1.json", made.model_dump_json())
    project.route(1, champion=1)
    return made


def test_every_difference_is_named_with_what_to_do(project):
    made = other(project, **{"scikit-learn": "0.24.2", "numpy": "1.0.0", "pandas": metadata.version("pandas")})
    with pytest.raises(ServingError) as caught:
        check_releases(made, "refuse")
    for name, wanted in (("scikit-learn", "0.24.2"), ("numpy", "1.0.0")):
        assert f"{name}: {wanted} wanted, {metadata.version(name)} found" in caught.value.message
    assert "pandas" not in caught.value.message
    assert "requirements.txt" in caught.value.hint
    assert "environment: warn" in caught.value.hint
    check_releases(made, "warn")


@pytest.mark.slow
def test_an_endpoint_starts_only_if_it_may(project):
    other(project, **{"scikit-learn": "0.24.2"})
    told = f"scikit-learn: 0.24.2 wanted, {metadata.version('scikit-learn')} found"
    run = "import sys; from pathlib import Path; from mvops.serving.run import serve;"
    command = [sys.executable, "-c", f"{run} serve(Path(sys.argv[1]), '127.0.0.1', 0, on_ready=print)"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    refused = subprocess.run(
        [*command, str(project.service())], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert refused.returncode != 0
    assert told in refused.stderr
    project.settings["releases"] = "warn"
    with subprocess.Popen(
        [*command, str(project.service())], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        client = EndpointClient(process.stdout.readline().strip())
        assert len(client.predict([LATE]).predictions) == 1
        assert client.ready()["versions"][0]["other_releases"] == [told]
        process.terminate()
        assert process.wait(60) == 0
