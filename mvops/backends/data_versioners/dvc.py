"""Data tracked with DVC (https://dvc.org): the `.dvc` files go to Git, the content to DVC's remote."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvops.backends.data_versioners._dvc_calls import pull, run_dvc
from mvops.backends.data_versioners._dvc_content import unchanged
from mvops.backends.data_versioners._dvc_files import Out, find_repository, remotes, tracked
from mvops.contracts.data_versioners import Dataset, Kept, Place, Revision
from mvops.core.canonical import digest
from mvops.errors import BackendError, MissingExtraError
from mvops.witness import spoil

# Looked up, not imported: DVC takes seconds to import, and a plan needs only to read its files.
if importlib.util.find_spec("dvc") is None:
    raise MissingExtraError("The data versioner 'dvc'", "dvc")

_PATIENCE = 10  # seconds for a question to Git
_SHOWN = 3


@dataclass(frozen=True)
class _Tracking:
    """How a dataset stands with DVC: what to `dvc add`, the entries that are right, and those only DVC may change."""

    add: tuple[str, ...]
    right: tuple[Out, ...]
    made: tuple[Out, ...]


class Dvc:
    """Options: `remote`, the name of one of DVC's remotes (else its default one); `push: false` keeps content here."""

    def where(self, options: Mapping[str, Any]) -> str:
        """DVC, with the remote if one is named."""
        remote, push = options.get("remote"), options.get("push", True)
        if set(options) - {"remote", "push"} or not isinstance(remote, str | None) or not isinstance(push, bool):
            raise BackendError(
                "data versioner 'dvc' takes the options remote (a remote's name) and push (true or false)"
            )
        return "dvc" + (f", remote {remote}" if remote else "") + ("" if push else ", not pushed")

    def ready(self, place: Place) -> None:
        """The project has to be in a DVC repository."""
        find_repository(place.root)

    def reach(self, place: Place, before: Revision | None, options: Mapping[str, Any]) -> None:
        """Is it a DVC repository, and its remote known and, where that is a folder, still there."""
        _remote(find_repository(place.root), before, options)

    def holds(self, place: Place, revision: Revision, options: Mapping[str, Any]) -> bool:
        """Do the `.dvc` files still say what they said, and is it in a remote, once there is one."""
        try:
            repository = find_repository(place.root)
            found = tracked(repository, [_absolute(place.root, name) for name in revision.files])
            default, urls = remotes(repository)
        except BackendError:
            return False
        to_push = options.get("push", True) and (options.get("remote") or default)
        if to_push and revision.own.get("remote") not in urls:
            return False
        outs = {_relative(out.path, place.root): out.hash for out in found.values() if out is not None}
        return all(out is not None for out in found.values()) and outs == _hashes(revision)

    def stays_here(self, place: Place, options: Mapping[str, Any]) -> bool:
        """It does without a remote, and in one that is a folder."""
        try:
            default, urls = remotes(find_repository(place.root))
        except BackendError:
            return False  # not set up yet, or broken: that is told by itself
        url = urls.get(options.get("remote") or default or "", "")
        return not options.get("push", True) or "://" not in url or url.startswith("file:")

    def preview(self, place: Place, dataset: Dataset, options: Mapping[str, Any]) -> Iterator[str]:
        """What is tracked anew, where it goes, and what is then for the team to commit."""
        spoil("DVC's cache was looked at")
        try:
            repository = find_repository(place.root)
            default, urls = remotes(repository)
            tracking = _assess(place, dataset, repository)
        except BackendError as error:
            yield f"DVC: {error.message}; apply will stop here. {error.hint or ''}".rstrip()
            return
        if tracking.made:
            yield f"{_made(tracking.made[0], place.root)}; apply will stop here. Run: dvc repro"
            return
        known = f"{len(tracking.right)} tracked by DVC already" if tracking.right else ""
        new = f"dvc add {_few(tracking.add)}" if tracking.add else ""
        yield f"track: {', '.join(part for part in (new, known) if part)}"
        remote = options.get("remote") or default
        if not options.get("push", True):
            yield "not pushed: kept in DVC's cache on this machine only"
        elif remote is None:
            yield "DVC has no default remote: kept in its cache on this machine only (dvc remote add -d NAME URL)"
        elif remote in urls:
            yield f"dvc push to the remote {remote}"
        else:
            yield f"DVC has no remote {remote!r}; apply will stop here. Add it: dvc remote add {remote} URL"

    def keep(self, place: Place, dataset: Dataset, before: Revision | None, options: Mapping[str, Any]) -> Kept:
        """Track what is not tracked or has changed, and push all of it."""
        repository = find_repository(place.root)
        tracking = _assess(place, dataset, repository)
        if tracking.made:
            raise BackendError(
                _made(tracking.made[0], place.root),
                hint="Only DVC may say that it has changed: dvc repro (or dvc commit), then: mvops apply",
            )
        calls = [["add", *tracking.add]] if tracking.add else []
        remote = _remote(repository, before, options)
        if remote is not None:
            names = [*tracking.add, *(_relative(out.path, place.root) for out in tracking.right)]
            calls.append(["push", "--remote", remote, *names])
        if calls:
            run_dvc(calls, place.root)
        outs = _outs(place, dataset, repository)
        own = [{**out.document, "path": _relative(out.path, place.root)} for out in outs]
        revision = Revision(backend="dvc", id=_id(own), files=dataset.files, own={"outs": own, "remote": remote})
        return Kept(revision, _uncommitted(place.root, {_relative(out.file, place.root) for out in outs}))

    def restore(self, place: Place, revision: Revision, target: Path, options: Mapping[str, Any]) -> None:
        """Pull by content, whatever the `.dvc` files say today."""
        repository = find_repository(place.root)
        scratch = target.parent / f"dvc-{revision.id[:8]}"
        scratch.mkdir(parents=True)
        sources: dict[str, str] = {}  # where a file lies in the scratch repository -> below the project
        outs: list[dict[str, Any]] = []
        listed: Any = revision.own["outs"]
        for number, out in enumerate(listed):
            outs.append({**out, "path": str(number)})
            sources |= {
                f"{number}{name.removeprefix(out['path'])}": name
                for name in revision.files
                if name == out["path"] or name.startswith(f"{out['path']}/")
            }
        remote = options.get("remote") or (revision.own.get("remote") if options.get("push", True) else None)
        asked = {"project": str(repository), "scratch": str(scratch), "remote": remote, "outs": outs}
        try:
            pull({**asked, "targets": sorted(sources)}, scratch)
        except BackendError as error:
            raise _not_restored(revision, error) from error
        for source, name in sources.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(scratch / source, target / name)
        shutil.rmtree(scratch)


def _not_restored(revision: Revision, error: BackendError) -> BackendError:
    gone = error.message.startswith("DVC: Checkout failed")  # it names what only the scratch repository knows
    why = "it is neither in DVC's cache nor, as it was, in the remote" if gone else error.message
    return BackendError(f"DVC cannot bring back {_few(revision.files)} ({revision.id}): {why}", hint=error.hint)


def _assess(place: Place, dataset: Dataset, repository: Path) -> _Tracking:
    found = tracked(repository, [_absolute(place.root, name) for name in dataset.files])
    add: set[str] = set()
    right: dict[Path, Out] = {}
    made: dict[Path, Out] = {}
    same = unchanged([out for out in found.values() if out is not None], place.cache)
    for file, out in found.items():
        if out is None:
            add.add(_relative(file, place.root))
            continue
        if out.path in same:
            right[out.path] = out
        elif out.made:
            made[out.path] = out
        else:
            add.add(_relative(out.path, place.root))
    if all(out is None for out in found.values()) and (place.root / dataset.pattern).is_dir():
        add = {_relative(_absolute(place.root, dataset.pattern), place.root)}
    return _Tracking(tuple(sorted(add)), tuple(right.values()), tuple(made.values()))


def _outs(place: Place, dataset: Dataset, repository: Path) -> list[Out]:
    """What DVC tracks of the dataset now; raises BackendError if that is not all of it."""
    found = tracked(repository, [_absolute(place.root, name) for name in dataset.files])
    same = unchanged([out for out in found.values() if out is not None], place.cache)
    for file, out in found.items():
        if out is None or not (out.is_folder or out.path in same):
            raise BackendError(
                f"DVC does not track {_relative(file, place.root)} as it is", hint="Did it change? Then: mvops apply"
            )
    return sorted({out.path: out for out in found.values() if out is not None}.values(), key=lambda out: out.path)


def _remote(repository: Path, before: Revision | None, options: Mapping[str, Any]) -> str | None:
    """The remote to push to. DVC would make a local one anew that is gone, and what is in it would not be missed."""
    if not options.get("push", True):
        return None
    default, urls = remotes(repository)
    remote: str | None = options.get("remote") or default
    if remote is not None and remote not in urls:
        raise BackendError(
            f"DVC has no remote {remote!r}", hint=f"Add it: dvc remote add {remote} URL, then: mvops apply"
        )
    url = urls[remote] if remote else "://"
    if before is not None and before.own.get("remote") == remote and "://" not in url and not Path(url).is_dir():
        raise BackendError(
            f"DVC's remote {remote!r} is gone: there is no folder {url}",
            hint="Bring it back (is a disk not mounted?), or name another: dvc remote modify; then: mvops apply",
        )
    return remote


def _id(outs: list[dict[str, Any]]) -> str:
    if len(outs) == 1:
        return str(outs[0]["md5"])
    return digest([[out["path"], out["md5"]] for out in outs])[:32]


def _hashes(revision: Revision) -> dict[str, str]:
    outs: Any = revision.own["outs"]
    return {out["path"]: out["md5"] for out in outs}


def _uncommitted(root: Path, files: set[str]) -> tuple[str, ...]:
    """Those of DVC's files, and of the .gitignore files beside them, that Git does not have as they are."""
    git = shutil.which("git")
    if git is None:
        return ()
    beside = {(Path(file).parent / ".gitignore").as_posix() for file in files}
    command = [git, "--literal-pathspecs", "-C", str(root), "ls-files", "--modified", "--others", "-z"]
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell, and paths come after --
            [*command, "--exclude-standard", "--", *sorted(files | beside)],
            capture_output=True,
            check=True,
            timeout=_PATIENCE,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(sorted(set(filter(None, done.stdout.decode(errors="replace").split("\0")))))


def _made(out: Out, root: Path) -> str:
    return f"{_relative(out.path, root)} is made by DVC ({_relative(out.file, root)}) and is not as it was made"


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return " ".join(listed[:_SHOWN]) + more


def _absolute(root: Path, name: str) -> Path:
    return Path(os.path.abspath(root / name))  # noqa: PTH100  a link keeps its own name, as in DVC


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root.absolute())).as_posix()
