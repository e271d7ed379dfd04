"""What had nothing to do, remembered: as long as all is as it was, the next one says the same, and quickly.

The list of what was looked at (`mvops/witness.py`) is kept in a file of `.mvops/cache`. Where each look finds what it
found then, and the YAML, the overrides, the environment and the code are the same, so is the answer. Each look is made
anew: files are read, the registry is asked. The file may be deleted at any time; one that cannot be read, or that
another mvops wrote, is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mvops.atomic import content_at, write_atomically
from mvops.core.canonical import digest
from mvops.core.folders import hidden_folder
from mvops.errors import MvopsError
from mvops.kinds.memory import code_state
from mvops.loading.files import fingerprint, gather
from mvops.loading.find import find_project
from mvops.notebook.digests import input_files, stamp_of
from mvops.registry.database import Registry, digest_of, open_registry
from mvops.witness import Witness, matching, what_is

if TYPE_CHECKING:
    from mvops.core.plan import Plan
    from mvops.workspace import Workspace

_FORMAT = 2
_MISSHAPEN = (ValueError, LookupError, TypeError, AttributeError, RecursionError)  # somebody wrote into the cache
_PLACES = (  # variables that say where Jupyter's kernels and installed packages are
    *("APPDATA", "CONDA_DEFAULT_ENV", "CONDA_PREFIX", "HOME", "PROGRAMDATA", "VIRTUAL_ENV", "XDG_DATA_HOME"),
    *("JUPYTER_DATA_DIR", "JUPYTER_PATH", "JUPYTER_PLATFORM_DIRS", "JUPYTER_PREFER_ENV_PATH"),
    *("PYTHONNOUSERSITE", "PYTHONUSERBASE"),
)

Line = tuple[str, str]
_Found = TypeVar("_Found")


class Quiet:
    """What is remembered in `file` below the cache, by a command in `start` that was `asked` so in this environment."""

    def __init__(
        self, start: Path, file: str, *, asked: Sequence[str], overrides: Sequence[str], environment: str | None
    ) -> None:
        self._start, self._name, self._asked = start, file, list(asked)
        self._overrides, self._environment = tuple(overrides), environment
        self._made_of = ""

    def recall(self, use: Callable[[Any, Registry, Path], _Found]) -> _Found | None:
        """What `use` makes of it, of the registry and the project's folder, if nothing has changed since.

        None: look again. Raises nothing but what `use` does.
        """
        with ExitStack() as opened, suppress(*_MISSHAPEN):
            said = None
            with suppress(MvopsError, OSError):  # whoever looks again says what is wrong
                root = find_project(self._start)
                self._made_of = self._key(root)
                kept = json.loads(self._file(root).read_bytes())
                if kept["format_version"] != _FORMAT or kept["made_of"] != self._made_of:
                    return None
                there = open_registry(kept["registry"], root, create=False, environment=self._environment)
                registry = opened.enter_context(there)
                if all(_again(kind, where, registry) == found for kind, where, found in kept["looks"]):
                    said = kept["said"]
            if said is not None:
                return use(said, registry, root)
        return None

    def remember(self, workspace: Workspace, said: Any, witness: Witness) -> None:
        """Keep what was said, as JSON, and all that was looked at; not where that is not on the list."""
        if witness.spoiled or workspace.remarks or self._made_of != self._key(workspace.root):
            return
        kept = {
            "format_version": _FORMAT,
            "made_of": self._made_of,
            "registry": workspace.project.registry,
            "looks": [[kind, where, found] for (kind, where), found in witness.found.items()],
            "said": said,
        }
        with suppress(OSError, ValueError, TypeError):
            content = json.dumps(kept, allow_nan=False).encode()
            write_atomically(self._file(workspace.root), content, mode=0o600, lasting=False)

    def _file(self, root: Path) -> Path:
        return root / hidden_folder(self._environment) / "cache" / self._name

    def _key(self, root: Path) -> str:
        """Names all that decides which looks are made."""
        spec = fingerprint(gather(root), self._overrides, self._environment)
        places = {name: os.environ.get(name) for name in _PLACES}
        found = [(folder, _changed(folder)) for folder in sys.path]
        return digest([str(root), spec, code_state(), sys.prefix, sys.executable, places, found, self._asked])


class QuietPlan:
    """What `mvops plan` in `start` may remember, with these overrides and in this environment."""

    def __init__(self, start: Path, overrides: Sequence[str], environment: str | None) -> None:
        self._quiet = Quiet(start, "quiet.json", asked=["plan"], overrides=overrides, environment=environment)

    def still(self) -> list[Line] | None:
        """The lines of the last plan, if nothing has changed since; None: make one."""
        return self._quiet.recall(lambda lines, *_: [(str(text), str(style)) for text, style in lines])

    def remember(self, workspace: Workspace, made: Plan, lines: Iterable[Line], witness: Witness) -> None:
        """Keep a plan that has nothing to do, and all that it looked at; no other."""
        if not (made.pending() or made.unseen or made.objections):
            self._quiet.remember(workspace, list(lines), witness)


def _again(kind: str, where: str, registry: Registry) -> Any:  # noqa: PLR0911 -- one return for each kind
    """What a look finds now."""
    path = Path(where)
    match kind:
        case "rows":
            query, values = json.loads(where)
            if not query.startswith("SELECT "):
                raise LookupError(query)
            return digest_of(registry.rows(query, **values))
        case "content":
            content = content_at(path)
            return None if content is None else hashlib.sha256(content).hexdigest()
        case "what":
            return what_is(path)
        case "leads":
            return os.fspath(path.resolve())
        case "files":
            return [str(file) for file in input_files(path, "")]
        case "matching":
            folder, pattern = json.loads(where)
            return [os.fspath(file) for file in matching(Path(folder), pattern)]
        case "stamp":
            return list(stamp_of(path.stat()))
    raise LookupError(kind)


def _changed(folder: str) -> int:
    with suppress(OSError):
        return Path(folder or ".").stat().st_mtime_ns
    return 0
