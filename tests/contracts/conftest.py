"""Every member of a family takes the family's examination `test_<family>.py`: it is enrolled by existing.

An examination asks for `backend`, the member itself, and for what the member's own file makes ready around it:
`set_up` anew for each test, or `shared` once for the whole examination (a server that takes long to start). That file
is `<family>/<name>.py` beside this one, or below a folder that MVOPS_TEST_SET_UPS lists, for a third party's member:

    pytestmark = pytest.mark.system          # when it needs a real system; a mark or a list, may be left out

    def set_up(folder: Path, request: pytest.FixtureRequest) -> Iterator[Anything]:
        yield whatever the examination asks for; it is cleared away after the yield

It is read when tests are collected, so it imports what is heavy inside the function.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from mvops import backends
from mvops.errors import MissingExtraError

HERE = Path(__file__).parent


class Member(NamedTuple):
    """A backend by its family and name."""

    family: str
    name: str

    def file(self) -> ModuleType | None:
        """Its own file of the examination, loaded."""
        others = filter(None, os.environ.get("MVOPS_TEST_SET_UPS", "").split(os.pathsep))
        for folder in (HERE, HERE.parent / "plugin" / "contracts", *map(Path, others)):
            path = folder / self.family / f"{self.name}.py"
            if path.is_file():
                spec = importlib.util.spec_from_file_location(f"set_up_of_{self.family}_{self.name}", path)
                assert spec is not None
                assert spec.loader is not None
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
        return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One examination for each member of the family that the file is named after."""
    if "member" not in metafunc.fixturenames:
        return
    family = Path(str(metafunc.module.__file__)).stem.removeprefix("test_")
    needs_it = {"set_up", "shared"} & set(metafunc.fixturenames)
    members = []
    stores = {path.stem for path in (HERE / family).glob("*.py")}  # they are chosen by URL, not by a backend's name
    for name in backends.names(family) or sorted(stores):
        member = Member(family, name)
        marks: Any = getattr(member.file(), "pytestmark", []) if needs_it else []
        members.append(pytest.param(member, id=name, marks=marks))
    metafunc.parametrize("member", members, scope="module")


@pytest.fixture
def backend(member: Member) -> Any:
    """The member, made; skips where its library is not installed."""
    try:
        return backends.load(member.family, member.name)
    except MissingExtraError as error:
        pytest.skip(str(error))


@contextmanager
def _made_ready(member: Member, folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    file = member.file()
    if file is None:
        pytest.skip(f"nobody says how to examine it: write {member.family}/{member.name}.py with a function set_up")
    yield from file.set_up(folder, request)


@pytest.fixture
def set_up(member: Member, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """What the member's file makes ready, anew for this test."""
    with _made_ready(member, tmp_path, request) as ready:
        yield ready


@pytest.fixture(scope="module")
def shared(member: Member, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Any]:
    """What the member's file makes ready, once for the whole examination."""
    with _made_ready(member, tmp_path_factory.mktemp(member.name), request) as ready:
        yield ready
