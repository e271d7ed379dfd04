"""The generated app: what the templates say, and that it runs; settings; the extra that may be missing."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from serving_support import LATE, MODEL, ROOT, send

from mvops import __version__, backends
from mvops.contracts.servers import Service
from mvops.errors import MissingExtraError, ServingError
from mvops.serving.app import create_app, missing
from mvops.serving.client import EndpointClient
from mvops.serving.settings import ServiceSettings

pytestmark = pytest.mark.real("servers", "fastapi", "uvicorn over HTTP")

PLAIN = {
    "model": MODEL,
    "description": "Will it be late?\nSecond line {{ 7 * 7 }}",
    "host": "127.0.0.1",
    "port": 8123,
    "max_rows": 50,
    "state": f".mvops/serving/{MODEL}",
    "artifacts": ".mvops/artifacts",
    "predictions": "sqlite:///.mvops/predictions.db",
    "python": "3.11",
    "requirements": ["scikit-learn==1.6.1", "pandas==2.2.3"],
}


def write(project, **changes) -> Path:
    folder = project.root / "deploy/serving" / MODEL
    server = backends.load("servers", "fastapi")
    for name, text in server.files(Service.model_validate(PLAIN | changes)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_generated_files_say_what_the_context_says(project):
    folder = write(project)
    assert sorted(path.name for path in folder.iterdir()) == [
        "Dockerfile",
        "Dockerfile.dockerignore",
        "README.md",
        "app.py",
        "loadtest.py",
        "requirements.txt",
        "service.json",
    ]
    settings = ServiceSettings.load(folder / "service.json")
    assert (settings.model, settings.max_rows, settings.root) == (MODEL, 50, project.root.resolve())
    assert settings.spool_folder == project.root.resolve() / ".mvops/serving" / MODEL / "spool"
    assert ServiceSettings.load(write(project, bad_rows="skip") / "service.json").bad_rows == "skip"
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert lines[1:] == [f"mvops[serve]=={__version__}", "scikit-learn==1.6.1", "pandas==2.2.3"]
    docker = (folder / "Dockerfile").read_text()
    assert 'CMD ["python", "app.py", "--host", "0.0.0.0", "--port", "8123"]' in docker
    assert "FROM python:3.11-slim" in docker
    assert "Will it be late? Second line {{ 7 * 7 }}" in (folder / "README.md").read_text()


def test_values_stay_values_whatever_they_hold(project):
    nasty = "a\"; import os#\n{{ 7*7 }} ' </script>"
    folder = write(project, state=nasty, artifacts=nasty, predictions=nasty, description=nasty, host=nasty)
    ast.parse((folder / "app.py").read_text())
    written = json.loads((folder / "service.json").read_text())
    assert (written["state"], written["artifacts"], written["predictions"]) == (nasty, nasty, nasty)


@pytest.mark.slow
def test_the_generated_app_runs_by_python_and_by_uvicorn(project):
    folder = write(project, targets=["kubernetes"])
    (pod,) = yaml.safe_load((folder / "kubernetes/deployment.yaml").read_text())["spec"]["template"]["spec"][
        "containers"
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "app.py", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        client = EndpointClient(process.stdout.readline().strip())
        reply = client.predict([LATE])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert send(urlsplit(client.url).port, "GET", pod[probe]["httpGet"]["path"])[0].status == 200
        process.terminate()
        assert process.wait(30) == 0
    assert project.logged_ids() == list(reply.prediction_ids)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot read the endpoint's settings"),
        ("{", "cannot read the endpoint's settings"),
        ("[]", "valid dictionary"),
        ('{"model": "delay"}', "root: Field required"),
        ('{"model": "a b", "root": ".", "state": "s", "artifacts": "a", "predictions": "p"}', "is not a name"),
        ('{"model": "a", "root": ".", "state": "s", "artifacts": "a", "predictions": "p", "x": 1}', "x: Extra"),
    ],
)
def test_settings_that_cannot_be_used_are_said_with_their_file(tmp_path, text, said):
    path = tmp_path / "service.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ServingError, match=said) as caught:
        ServiceSettings.load(path)
    assert caught.value.where.file == path
    assert "mvops apply" in caught.value.hint


_WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None  # as if it were not installed
from pathlib import Path
from mvops.errors import MissingExtraError
from mvops.serving.run import serve
try:
    serve(Path(sys.argv[2]), "127.0.0.1", 0)
except MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize("library", ["fastapi", "uvicorn", "orjson", "prometheus_client"])
def test_a_missing_extra_is_named(project, library):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _WITHOUT, library, str(project.service())]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert "pip install 'mvops[serve]'" in done.stdout


def test_another_missing_module_is_not_blamed_on_the_extra():
    error = ModuleNotFoundError(name="elsewhere")
    assert missing(error) is error
    assert isinstance(missing(ModuleNotFoundError(name="orjson.sub")), MissingExtraError)


def test_the_document_is_yaml_too_and_the_app_can_be_made_twice(project):
    settings = ServiceSettings.load(project.service())
    assert yaml.safe_load(project.service().read_text())["model"] == settings.model
    assert create_app(settings) is not create_app(settings)
