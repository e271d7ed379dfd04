"""What a user writes under `plan`: what a plan has to be before it is applied."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator

from mvops.core.frozen import Frozen


def _check_file(path: str) -> str:
    pure = PurePosixPath(path)
    if not path.isprintable() or not pure.name or pure.is_absolute() or ".." in pure.parts:
        raise ValueError("write the path of a file of the project, such as configs/allowed_signers")
    return path


class Plans(Frozen):
    """`signers` is a file of the project that says who may sign a plan, in the format of OpenSSH's `allowed_signers`.

    Where it is named, nothing is applied but saved plans that one of them has signed.
    """

    signers: Annotated[str, AfterValidator(_check_file)] | None = None
