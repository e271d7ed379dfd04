"""Where artefacts are kept: a folder, or a URL that says a place and nothing else."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_=+.-]+)*/?")


def check_artifacts(place: str) -> str:
    """`place` itself, or ValueError.

    Whom to ask and by which key is the operator's to say, in the environment; a project that comes from somebody else
    must not send this machine's credentials anywhere, nor carry its own.
    """
    scheme, separator, rest = place.partition("://")
    if "::" in place:
        raise ValueError("a store is one place: URLs cannot be chained with '::'")
    if not separator:
        return place
    if any(character in rest for character in "?#") or re.match(r"[^/@]*:[^/@]*@", rest):
        raise ValueError("a URL here names a place only: no credentials, '?' or '#'; those belong to the environment")
    if ".." in rest.split("/"):
        raise ValueError("a URL here cannot contain '..'")
    if scheme == "s3" and not _S3.fullmatch(place):
        raise ValueError("write s3://BUCKET/FOLDER; letters, digits and _=+.- in each part")
    return place


Artifacts = Annotated[str, AfterValidator(check_artifacts)]
