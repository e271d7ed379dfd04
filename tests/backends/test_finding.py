"""Backends are found by name, listing them imports nothing, and a name that is wrong meets the nearest one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mvops import assets, backends
from mvops.errors import BackendError


def test_the_families_are_the_folders() -> None:
    folder = Path(backends.__file__).parent
    assert list(backends.families()) == sorted(p.parent.name for p in folder.glob("*/__init__.py"))
    assert {"notifiers", "schedulers", "servers"} <= set(backends.families())


def test_the_names_are_the_files() -> None:
    assert {"apprise", "console"} <= set(backends.names("notifiers"))
    assert backends.names("gardens") == ()


@pytest.mark.parametrize(("family", "name"), [(f, n) for f in backends.families() for n in backends.own_names(f)])
def test_every_backend_loads_as_an_object_made_without_arguments(family: str, name: str) -> None:
    backend = backends.load(family, name)
    assert type(backend).__module__ == f"mvops.backends.{family}.{name}"
    assert type(backend).__doc__


@pytest.mark.parametrize("family", [f for f in backends.families() if f != "examples"])
def test_every_backend_has_its_defaults_beside_it(family: str) -> None:
    configs = {path.stem for path in (assets.configs() / family).glob("*.yaml")}
    assert configs == set(backends.own_names(family))


@pytest.mark.parametrize("family", ["dashboards", "schedulers", "servers"])
def test_every_backend_that_generates_has_a_folder_of_templates(family: str) -> None:
    templates = {path.name for path in (assets.templates() / family).iterdir()}
    assert templates == set(backends.own_names(family))


def test_an_unknown_name_meets_the_nearest_one() -> None:
    with pytest.raises(BackendError) as refused:
        backends.load("servers", "fastapy")
    assert refused.value.message == "there is no backend 'fastapy' in servers; did you mean 'fastapi'?"
    assert refused.value.hint == f"Known servers: {', '.join(backends.names('servers'))}"


def test_an_unknown_family_has_none() -> None:
    with pytest.raises(BackendError, match="there is no backend 'rake' in gardens") as refused:
        backends.load("gardens", "rake")
    assert refused.value.hint == "Known gardens: none"


def test_listing_names_imports_no_backend() -> None:
    script = """
import sys
from mvops import backends
for family in backends.families():
    backends.names(family)
print([name for name in sys.modules if name.startswith("mvops.backends.") and name != "mvops.backends.door"])
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def load_theirs(folder: Path, name: str, code: str, then: str = "") -> tuple[int, str]:
    """Install a package with the notifier `name`, class Theirs of `code`, load it and go on with `then`.

    Returns 0 and what was printed, or 1 and the error.
    """
    package = f"their_{name}_{len(list(folder.iterdir()))}"
    (folder / f"{package}.py").write_text(code)
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[mvops.notifiers]\n{name} = {package}:Theirs\n")
    script = f"""
import sys
sys.path.insert(0, {str(folder)!r})
from mvops import backends
from mvops.errors import MvopsError
try:
    theirs = backends.load("notifiers", {name!r})
    {then}
except MvopsError as error:
    sys.exit(str(error))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    return done.returncode, (done.stderr if done.returncode else done.stdout).strip()


def test_somebody_elses_backend_enters_by_its_entry_point(tmp_path: Path) -> None:
    code = "class Theirs:\n    def send(self, message, options):\n        print('coo', message, options)\n"
    then = 'print(backends.names("notifiers")); theirs.send("hi", {})'
    failed, said = load_theirs(tmp_path, "pigeon", code, then)
    names, sent = said.splitlines()
    assert not failed
    assert "'pigeon'" in names
    assert "'console'" in names
    assert sent == "coo hi {}"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("class Theirs:\n    pass", "  send(message, options) is missing"),
        ("class Theirs:\n    send = 'hi'", "  send(message, options) is missing"),
        (
            "class Theirs:\n    def send(self, message): ...",
            "  send(message) should be send(message, options)",
        ),
        (
            "class Theirs:\n    def send(self, text, options): ...",
            "  send(text, options) should be send(message, options)",
        ),
        (
            "class Theirs:\n    def send(self, message, options, loudness): ...",
            "  send(message, options, loudness) should be send(message, options)",
        ),
    ],
)
def test_somebody_elses_backend_that_does_not_fit_is_told_both_sides(tmp_path: Path, code: str, told: str) -> None:
    failed, said = load_theirs(tmp_path, "pigeon", code)
    first, second, hint = said.splitlines()
    assert failed
    assert first == (
        "the backend 'pigeon' in notifiers (their_pigeon_0.Theirs, from their_pigeon_0 1.0) "
        "does not fit mvops.contracts.notifiers.Notifier:"
    )
    assert second == told
    assert "one made for this release of mvops" in hint


@pytest.mark.parametrize(
    "code",
    [
        "class Theirs:\n    def send(self, message, options, loudness=1): ...",
        "class Theirs:\n    def send(self, *args, **kwargs): ...",
    ],
)
def test_more_than_the_protocol_asks_for_fits(tmp_path: Path, code: str) -> None:
    assert load_theirs(tmp_path, "pigeon", code) == (0, "")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("class Other: ...", "AttributeError: module 'their_pigeon_0' has no attribute 'Theirs'"),
        ("class Theirs:\n    def __init__(self, url): ...", "missing 1 required positional argument: 'url'"),
    ],
)
def test_somebody_elses_backend_that_cannot_be_loaded_is_named(tmp_path: Path, code: str, told: str) -> None:
    failed, said = load_theirs(tmp_path, "pigeon", code)
    assert failed
    assert "'pigeon' in notifiers (their_pigeon_0:Theirs, from their_pigeon_0 1.0) cannot be loaded" in said
    assert told in said
    assert "Traceback" not in said


def test_a_name_that_two_packages_claim_is_nobodys(tmp_path: Path) -> None:
    code = "class Theirs:\n    def send(self, message, options): ..."
    failed, said = load_theirs(tmp_path, "console", code)
    assert failed
    assert "'console' in notifiers is claimed by mvops and by their_console_0 1.0" in said
