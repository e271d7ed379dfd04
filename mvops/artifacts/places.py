"""A store's place: the file system behind its URL, and why it cannot be used when it cannot."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mvops.core.config.places import check_artifacts
from mvops.errors import ArtifactError, BackendError, MissingExtraError, MvopsError

# Without these, a server that takes connections and never answers holds a command for more than two minutes.
_S3_LIMITS = {"connect_timeout": 4, "read_timeout": 15, "retries": {"mode": "standard", "total_max_attempts": 3}}
_S3_HINT = "Check AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what this key may do there."
_LOCAL_HINT = "Is that folder there, and may you read and write it? `artifacts` in configs/project.yaml names it."


class Here:
    """This machine's files, as a store asks for them; fsspec takes longer to import than a step to record."""

    protocol = "file"

    @staticmethod
    def cat_file(path: str) -> bytes:
        """The content."""
        return Path(path).read_bytes()

    @staticmethod
    def info(path: str) -> dict[str, str]:
        """Whether it is a file; raises FileNotFoundError."""
        return {"type": "file" if stat.S_ISREG(Path(path).stat().st_mode) else "other"}


def connect(url: str) -> tuple[Any, str]:
    """The file system of `url` and the folder on it, before any request. Raises ArtifactError, BackendError."""
    scheme = url.partition("://")[0]
    options: dict[str, Any] = {"skip_instance_cache": True}  # so that it holds what the environment says now
    if scheme == "s3":
        options |= {"use_listings_cache": False, "config_kwargs": _S3_LIMITS}
    try:
        check_artifacts(url)
        if "://" not in url:
            return Here(), url.rstrip("/")
        import fsspec  # noqa: PLC0415 -- see above

        fs, path = fsspec.url_to_fs(url, **options)
    except ImportError as error:
        if scheme == "s3":
            raise MissingExtraError("An artefact store on S3", "s3") from error
        raise BackendError(
            f"The artefact store {scheme}://... needs a library that is not installed: {error}",
            hint="Install what the message names.",
        ) from error
    except ValueError as error:
        raise ArtifactError(
            f"The artefact store {scheme}://... cannot be used: {error}",
            hint="Write a folder, or a URL such as s3://bucket/folder, under `artifacts` in configs/project.yaml.",
        ) from error
    if scheme == "s3":
        fs.retries = 1  # on top of those above
    return fs, str(path).rstrip("/")


@contextmanager
def explained(fs: Any, root: str, what: str, done: str) -> Iterator[None]:
    """Turn whatever a file system raises into one ArtifactError: `what` could not be `done`."""
    try:
        yield
    except MvopsError:
        raise
    except FileNotFoundError as error:
        require_bucket(fs, root)
        raise ArtifactError(
            f"The artefact {what} is missing from the store {_shown(fs, root)}.",
            hint="Was it deleted, or does `artifacts` in project.yaml name another store?",
        ) from error
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        hint = _S3_HINT if _is_s3(fs) else _LOCAL_HINT
        raise ArtifactError(
            _unusable(fs, root, what, done, error.strerror or error),
            hint="Free some space, then run it again." if full else hint,
        ) from error
    except Exception as error:
        if not _is_s3(fs):
            raise
        # What the library raises when nobody answers, or without credentials, derives from nothing of Python's.
        hint = f"{_S3_HINT} Then run the same command again."
        raise ArtifactError(_unusable(fs, root, what, done, error), hint=hint) from error


def require_bucket(fs: Any, root: str) -> None:
    """Raise ArtifactError if the store's bucket does not exist: nothing can be said about what would be in it."""
    if not _is_s3(fs):
        return
    bucket = root.partition("/")[0]
    try:
        fs.info(bucket)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"The bucket {bucket} of the artefact store s3://{root} does not exist.",
            hint="Make it, or name another one under `artifacts` in configs/project.yaml. mvops makes no buckets.",
        ) from error
    except PermissionError:
        return  # a key may be kept from asking for the bucket


def is_local(fs: Any) -> bool:
    """Are these files of this machine."""
    return "file" in _protocols(fs)


def _is_s3(fs: Any) -> bool:
    return "s3" in _protocols(fs)


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _unusable(fs: Any, root: str, what: str, done: str, why: object) -> str:
    """The store first: it is what does not work, and no file or artefact of the user's."""
    return f"The artefact store {_shown(fs, root)} cannot be used: {what} cannot be {done}: {why}"


def _shown(fs: Any, root: str) -> str:
    return root if is_local(fs) else str(fs.unstrip_protocol(root))
