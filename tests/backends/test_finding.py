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


@pytest.mark.parametrize(("family", "name"), [(f, n) for f in backends.families() for n in backends.names(f)])
def test_every_backend_loads_as_an_object_made_without_arguments(family: str, name: str) -> None:
    backend = backends.load(family, name)
    assert type(backend).__module__ == f"mvops.backends.{family}.{name}"
    assert type(backend).__doc__


@pytest.mark.parametrize("family", [f for f in backends.families() if f != "examples"])
def test_every_backend_has_its_defaults_beside_it(family: str) -> None:
    configs = {path.stem for path in (assets.configs() / family).glob("*.yaml")}
    assert configs == set(backends.names(family))


@pytest.mark.parametrize("family", ["schedulers", "servers"])
def test_every_backend_that_generates_has_a_folder_of_templates(family: str) -> None:
    templates = {path.name for path in (assets.templates() / family).iterdir()}
    assert templates == set(backends.names(family))


def test_an_unknown_name_meets_the_nearest_one() -> None:
    with pytest.raises(BackendError) as refused:
        backends.load("servers", "fastapy")
    assert refused.value.message == "there is no backend 'fastapy' in servers. Did you mean 'fastapi'?"
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
print([name for name in sys.modules if name.startswith("mvops.backends.")])
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_somebody_elses_backend_enters_by_its_entry_point(tmp_path: Path) -> None:
    (tmp_path / "their_pigeon.py").write_text(
        "class Pigeon:\n    def send(self, message, options):\n        print('coo', message, options)\n"
    )
    info = tmp_path / "their_pigeon-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-pigeon\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mvops.notifiers]\npigeon = their_pigeon:Pigeon\n")
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from mvops import backends
print(backends.names("notifiers"))
backends.load("notifiers", "pigeon").send("hi", {{}})
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    names, sent = found.stdout.splitlines()
    assert "'pigeon'" in names
    assert "'console'" in names
    assert sent == "coo hi {}"
