"""The content-addressed store: a file's name is the sha256 of its bytes."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from itertools import compress
from pathlib import Path
from typing import IO, Any

from mvops.artifacts.places import connect, explained, is_local, require_bucket
from mvops.atomic import sync_folder
from mvops.core.version import Artifact
from mvops.errors import ArtifactError
from mvops.witness import note, note_content, spoil

_ADDRESS = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1 << 20
_AT_A_TIME = 10  # requests, which is as many connections as a client of S3 keeps


class ArtifactStore:
    """Artefacts below one folder, at `<root>/ab/cdef...`, on this machine or wherever fsspec reaches.

    What is put is complete or not there at all; what is read has the hash that it is named after.
    """

    def __init__(self, url: str, root: Path) -> None:
        """Use the folder at `url`, such as `s3://bucket/models`; without a scheme it is local, relative to `root`."""
        self._url = url if "://" in url else str(root.absolute() / url)

    def __getstate__(self) -> dict[str, str]:
        """In another process the connection is made anew, by what is said there of whom to ask and by which key."""
        return {"_url": self._url}

    @cached_property
    def _place(self) -> tuple[Any, str]:
        """Not before it is needed: a library that reaches S3 takes a second to import."""
        return connect(self._url)

    @property
    def _fs(self) -> Any:
        return self._place[0]

    @property
    def _root(self) -> str:
        return self._place[1]

    @property
    def _local(self) -> bool:
        return is_local(self._fs)

    def put_bytes(self, data: bytes, format: str) -> Artifact:  # noqa: A002  the field's name in Artifact
        """Keep `data`. Putting the same twice is one artefact; a damaged one is replaced."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not self._is_sound(sha256):
            with self._explained(sha256, "written"):
                if self._local:
                    self._write_local(lambda stream: _pour(data, stream))
                else:
                    self._fs.pipe_file(self._path(sha256), data)
        return Artifact(sha256=sha256, format=format, size=len(data))

    def put_file(self, path: Path, format: str) -> Artifact:  # noqa: A002
        """Keep the content of the file at `path`, which may be larger than the memory."""
        try:
            source = path.open("rb")
        except OSError as error:
            raise ArtifactError(f"{path} cannot be read: {error.strerror}") from error
        with source, self._explained(str(path), "copied"):
            if self._local:
                sha256, size = self._write_local(lambda stream: _copy(source, stream))
            else:
                sha256, size = self._upload(source)
        return Artifact(sha256=sha256, format=format, size=size)

    def read_bytes(self, artifact: Artifact | str) -> bytes:
        """The content; `artifact` may be its sha256.

        Raises ArtifactError if it is missing, or if the very bytes that were read have another hash.
        """
        sha256 = _address(artifact)
        with self._explained(sha256, "read"):
            data: bytes = self._fs.cat_file(self._path(sha256))
        if "://" in self._url:
            spoil("the artefact store was read")
        note_content(Path(self._url, sha256[:2], sha256[2:]), data)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ArtifactError(
                f"The artefact {sha256} is damaged: its content has another hash.",
                hint="Restore it from a backup, or make it again; mvops does not use it.",
            )
        return data

    def has(self, sha256: str) -> bool:
        """Is there an artefact of this name; whether it is sound shows when it is read.

        Raises ArtifactError when that cannot be told: a store that is down has not lost anything.
        """
        address = _address(sha256)
        if "://" not in self._url:  # fsspec takes longer to import than a plan to make
            with suppress(OSError):
                found = stat.S_ISREG(Path(self._url, address[:2], address[2:]).stat().st_mode)
                note("what", Path(self._url, address[:2], address[2:]), "file" if found else "folder")
                return found
        spoil("the artefact store was asked")
        path = self._path(address)
        with self._explained(sha256, "looked for"):
            try:
                return bool(self._fs.info(path)["type"] == "file")
            except FileNotFoundError:
                require_bucket(self._fs, self._root)
                return False

    def present(self, several: Iterable[str]) -> frozenset[str]:
        """Those that it has; where each is a request, they are asked for at the same time. Raises as `has`."""
        asked = sorted(set(several))
        if "://" not in self._url or len(asked) < 2:
            return frozenset(filter(self.has, asked))
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 -- a plan needs none of it

        first = self.has(asked[0])  # the connection is made by one alone
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            return frozenset(compress(asked, [first, *pool.map(self.has, asked[1:])]))

    def _path(self, sha256: str) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256[2:]}"

    def _is_sound(self, sha256: str) -> bool:
        if self._local and not Path(self._path(sha256)).exists():  # what is new is the rule; an error takes longer
            return False
        try:
            self.read_bytes(sha256)
        except ArtifactError:
            return False
        return True

    @cached_property
    def _prepared(self) -> Path:
        """The root with all folders that artefacts can lie in, on the disk: to sync it for each takes as long again."""
        root = Path(self._root)
        root.mkdir(parents=True, exist_ok=True)
        for name in {f"{number:02x}" for number in range(256)} - {path.name for path in root.iterdir()}:
            (root / name).mkdir(exist_ok=True)
        sync_folder(root)
        return root

    def _write_local(self, fill: Callable[[IO[bytes]], tuple[str, int]]) -> tuple[str, int]:
        if "_prepared" in self.__dict__ and not self._prepared.is_dir():
            del self._prepared  # somebody took the whole store away
        root = self._prepared
        draft = root / f".{secrets.token_hex(8)}.part"
        try:
            # Not a private temporary file: a colleague or the server's user may read what the folder lets them.
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
            with os.fdopen(handle, "wb") as stream:
                sha256, size = fill(stream)
                stream.flush()
                os.fsync(stream.fileno())
            final = Path(self._path(sha256))
            draft.replace(final)
            sync_folder(final.parent)
        finally:
            draft.unlink(missing_ok=True)
        return sha256, size

    def _upload(self, source: IO[bytes]) -> tuple[str, int]:
        # The name must be known before the upload, and the file may change while it is read twice: so copy it.
        with tempfile.TemporaryDirectory(prefix="mvops-") as folder:
            copy = Path(folder) / "artifact"
            with copy.open("wb") as stream:
                sha256, size = _copy(source, stream)
            self._fs.put_file(str(copy), self._path(sha256))
        return sha256, size

    def _explained(self, what: str, done: str) -> AbstractContextManager[None]:
        return explained(self._fs, self._root, what, done)


def _address(artifact: Artifact | str) -> str:
    sha256 = artifact if isinstance(artifact, str) else artifact.sha256
    if not _ADDRESS.fullmatch(sha256):
        raise ArtifactError(f"{sha256!r} is not the address of an artefact: those are 64 hexadecimal digits.")
    return sha256


def _pour(data: bytes, stream: IO[bytes]) -> tuple[str, int]:
    stream.write(data)
    return hashlib.sha256(data).hexdigest(), len(data)


def _copy(source: IO[bytes], stream: IO[bytes]) -> tuple[str, int]:
    """Copy, and hash what was copied."""
    found, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK):
        found.update(block)
        size += stream.write(block)
    return found.hexdigest(), size
