"""A7: whatever people and crashes do in whatever order, the promises of plan and apply hold.

A Hypothesis machine edits the YAML, plans, applies, is killed, edits and deletes generated files, goes back to a former
version and destroys. MVOPS_TEST_DEPTH=nightly makes the histories many and long, and others each time.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crashes import NIGHTLY, Crash, crashes
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from toy_project import YAML, cached, copy, edit, mvops, query

pytestmark = [pytest.mark.system, pytest.mark.long(minutes=2)]
# What may be edited: nothing of it needs a kernel, as both trainings are in the cache.
CHOICES: dict[str, tuple[str, ...]] = {
    "C": ("C: 1.0", "C: 2.0"),
    "every": ("every: 1d", "every: 1h"),
    "rows": ("", "endpoint: {max_rows: 50}\n"),
    "owner": ("", "owner: ana\n"),
    "schedule": ("retrain: {cooldown: 1s}", "retrain: {cooldown: 1s, schedule: '0 3 * * 1'}"),
    "dashboard": ("", "capabilities: {dashboards: true}\n"),
    "ci": ("", "ci: {backend: github_actions}\n"),
}
IN_THE_PROJECT = ("dashboard", "ci")
THEIRS = ("configs", "pipelines", "data", "README.md", ".gitignore", "notebooks")


@pytest.fixture(scope="module")
def crash() -> Iterator[Crash]:
    with crashes() as run:
        yield run


@pytest.fixture(scope="module")
def ready(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """After its first apply, with what another training made in the cache too. Only to be copied."""
    root = copy(applied, tmp_path_factory.mktemp("ready") / "toy")
    edit(root / "configs/models/toy.yaml", "C: 1.0", "C: 2.0")
    mvops(root, "apply", "--yes").ok()
    edit(root / "configs/models/toy.yaml", "C: 2.0", "C: 1.0")
    root = cached(root, root.with_name("cached"))
    mvops(root, "apply", "--yes").ok()
    return root


def test_a7_random_histories(crash: Crash, ready: Path) -> None:
    class Histories(History):
        source, kill = ready, staticmethod(crash)

    few: dict[str, Any] = {"max_examples": 4, "stateful_step_count": 10, "derandomize": True}
    many = {"max_examples": 150, "stateful_step_count": 40}
    phases = (Phase.generate, Phase.shrink) if NIGHTLY else (Phase.generate,)
    deep = settings(
        **(many if NIGHTLY else few),
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(Histories, settings=deep)


class History(RuleBasedStateMachine):
    """One project, and what its people did to it."""

    source: Path
    kill: Crash

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="mvops-history-"))
        self.root = copy(self.source, self.folder / "toy")
        self.project = (self.root / "configs/project.yaml").read_text()
        self.chosen = dict.fromkeys(CHOICES, 0)
        self.hands: dict[Path, str] = {}
        self.notes: set[Path] = set()
        self.theirs: dict[str, str] = {}
        self.wrote: dict[tuple[str, str], dict[str, int]] = {}
        self.write()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(key=st.sampled_from(sorted(CHOICES)), to=st.integers(0, 1))
    def edit(self, key: str, to: int) -> None:
        self.chosen[key] = to
        self.write()

    def write(self) -> None:
        text, project = YAML, self.project
        for key, to in self.chosen.items():
            old, new = CHOICES[key][0], CHOICES[key][to]
            if key in IN_THE_PROJECT:
                project += new
            else:
                text = text.replace(old, new) if old else text + new
        (self.root / "configs/models/toy.yaml").write_text(text)
        (self.root / "configs/project.yaml").write_text(project)
        self.wrote[self.read()] = dict(self.chosen)
        self.theirs = self.files(of_ours=False)

    def read(self) -> tuple[str, str]:
        """The YAML as it is."""
        return (self.root / "configs/models/toy.yaml").read_text(), (self.root / "configs/project.yaml").read_text()

    @rule(arguments=st.sampled_from([(), ("--json",), ("--offline",), ("models.toy.monitor.every=2h",)]))
    def plan(self, arguments: tuple[str, ...]) -> None:
        """It writes nothing, and says the same twice."""
        before = self.everything()
        first, second = (mvops(self.root, "plan", *arguments).ok() for _ in range(2))
        assert first.out == second.out
        assert self.everything() == before

    @rule()
    def apply(self) -> None:
        """Afterwards there is nothing to do, and doing it again does nothing."""
        done = mvops(self.root, "apply", "--yes")
        if done.code:
            self.make_way(done.refused().err)
            mvops(self.root, "apply", "--yes").ok()
        mvops(self.root, "plan", "--detailed-exitcode").ok(0)
        before, serial = self.everything(), query(self.root, "SELECT serial FROM mvops_registry")
        again = mvops(self.root, "apply", "--json", "--yes").ok().json()
        assert again["actions"] == []
        assert (self.everything(), query(self.root, "SELECT serial FROM mvops_registry")) == (before, serial)

    def make_way(self, refused: str) -> None:
        """An apply is refused only because of a file that somebody edited; here they give way."""
        meant = [path for path in self.hands if str(path.relative_to(self.root)) in refused or path.parent.exists()]
        assert "conflict" in refused or "in the way" in refused or "not ours" in refused, refused
        assert meant, refused
        for path in list(self.hands):
            path.unlink(missing_ok=True)
            del self.hands[path]

    @rule(command=st.sampled_from(["apply", "destroy"]), point=st.integers(1, 50))
    def killed(self, command: str, point: int) -> None:
        """Past the last point it has ended, or was refused."""
        assert self.kill(self.root, command, "--yes", point=point)["code"] in {-9, 0, 1}

    @rule(number=st.integers(0, 100), at=st.integers(0, 1000), over=st.booleans())
    def edit_by_hand(self, number: int, at: int, over: bool) -> None:
        """A line more somewhere in a file, or one instead of another."""
        if ours := self.generated():
            path = ours[number % len(ours)]
            self.hands[path] = self.hands.get(path) or f"# by hand {number}"
            lines = path.read_text().splitlines()
            start = at % (len(lines) + 1)
            path.write_text("\n".join([*lines[:start], self.hands[path], *lines[start + int(over) :]]) + "\n")

    @rule(number=st.integers(0, 100))
    def delete_by_hand(self, number: int) -> None:
        if ours := self.generated():
            path = ours[number % len(ours)]
            path.unlink()
            self.hands.pop(path, None)

    @rule(number=st.integers(0, 100))
    def add_a_file(self, number: int) -> None:
        if ours := self.generated():
            path = ours[number % len(ours)].with_name("note.txt")
            path.write_text("mine\n")
            self.notes.add(path)

    @precondition(lambda self: self.versions() > 1)
    @rule()
    def roll_back(self) -> None:
        """It changes the traffic, and what there is to plan stays as it was."""
        before = mvops(self.root, "plan", "--detailed-exitcode")
        gone = mvops(self.root, "rollback", "toy")
        if gone.code:
            gone.refused("no champion came before")
        assert mvops(self.root, "plan", "--detailed-exitcode").code == before.code

    @rule(point=st.integers(0, 20))
    def go_back(self, point: int) -> None:
        """The whole project to the state before, here and there after it was killed on the way; or nothing happens."""
        back = ("rollback", "--project", "--yes")
        before = self.everything()
        killed = point > 8 and self.kill(self.root, *back, point=point - 8)["code"] == -9
        gone = mvops(self.root, *back)
        if gone.code == 0:
            mvops(self.root, "plan", "--detailed-exitcode").ok(0)
        else:
            gone.refused()
            assert killed or self.everything() == before, gone
        self.chosen = dict(self.wrote[self.read()])
        self.theirs = self.files(of_ours=False)

    @rule(key=st.sampled_from(sorted(CHOICES)), point=st.integers(0, 20))
    def there_and_back(self, key: str, point: int) -> None:
        """From one applied state to another, and back."""
        self.apply()
        self.edit(key, 1 - self.chosen[key])
        self.apply()
        self.go_back(point)

    @rule()
    def destroy(self) -> None:
        """What people edited is theirs now; here they throw it away."""
        mvops(self.root, "destroy", "--yes").ok()
        assert mvops(self.root, "state", "list", "--json").ok().json()["resources"] == []
        assert set(self.generated()) <= set(self.hands)
        for path in [*self.hands, *(p.with_name(f"{p.name}.new") for p in self.hands)]:
            path.unlink(missing_ok=True)
        self.hands.clear()

    @invariant()
    def what_people_made_is_there(self) -> None:
        assert self.files(of_ours=False) == self.theirs
        assert all(path.read_text() == "mine\n" for path in self.notes)
        assert all(line in path.read_text() for path, line in self.hands.items())

    def versions(self) -> int:
        rows = query(self.root, "SELECT count(*) FROM mvops_versions")
        return int(rows[0][0]) if rows else 0

    def generated(self) -> list[Path]:
        paths = [self.root / name for name in self.files(of_ours=True)]
        return [path for path in paths if path not in self.notes]

    def everything(self) -> dict[str, str]:
        """Each file but what is a cache; of the registry its content, as reading leaves traces beside it."""
        found = self.files(of_ours=True) | self.files(of_ours=False)
        kept = (p for p in (self.root / ".mvops").rglob("*") if p.is_file() and "registry.db" not in p.name)
        found |= {str(p): digest(p) for p in kept if (self.root / ".mvops/cache") not in p.parents}
        tables = ("records", "journal", "versions", "champions", "rollouts", "events", "texts", "lock", "runs")
        return found | {name: str(query(self.root, f"SELECT * FROM mvops_{name}")) for name in tables}

    def files(self, *, of_ours: bool) -> dict[str, str]:
        paths = sorted(p for p in self.root.rglob("*") if p.is_file() and ".mvops" not in p.parts)
        names = {p.relative_to(self.root).as_posix(): p for p in paths}
        return {name: digest(path) for name, path in names.items() if name.startswith(THEIRS) is not of_ours}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
