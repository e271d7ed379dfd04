"""What a client is told when a request is refused: RFC 9457 problem details, at most 1 KiB, never the input itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from mvops.core.frozen import Frozen
from mvops.serving.request_ids import current

MEDIA_TYPE = "application/problem+json"
_LIMIT = 1024  # bytes of a body
_SHOWN = 10  # flaws, at most
_NAME_LIMIT = 80  # characters of a column's name


class Flaw(Frozen):
    """What is wrong with one value: its row (0-based) and column (None for the row as a whole)."""

    row: int
    column: str | None
    message: str

    def __str__(self) -> str:
        place = f"row {self.row}" if self.column is None else f"row {self.row}, column {json.dumps(self.column)}"
        return f"{place}: {self.message}"

    def short(self) -> Flaw:
        """With the beginning of a name that is too long to be told."""
        return self.model_copy(update={"column": _short(self.column)})


class Problem(Exception):  # noqa: N818 -- it is named as in RFC 9457
    """A request that is not answered with 200."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        flaws: Sequence[Flaw] = (),
        error_id: str | None = None,
        retry_after: int | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.flaws = flaws
        self.error_id = error_id
        self.retry_after = retry_after
        self._more = more or {}  # headers

    @staticmethod
    def of_rows(flaws: Sequence[Flaw]) -> Problem:
        """The refusal of a whole request because of `flaws`, of which there is at least one."""
        more = f" (and {len(flaws) - 1} more)" if len(flaws) > 1 else ""
        return Problem(422, f"{flaws[0].short()}{more}", flaws=flaws)

    def headers(self) -> dict[str, str]:
        """The headers that go with the body."""
        wait = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        return {**wait, **self._more}

    def body(self) -> bytes:
        """The body; flaws that would take it over the limit are left out."""
        told: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail[:480],
        }
        if request := current.get():
            told["request_id"] = request
        if self.error_id:
            told["error_id"] = self.error_id
        if not self.flaws:
            return json.dumps(told).encode()
        shown = [flaw.short().model_dump() for flaw in self.flaws[:_SHOWN]]
        while True:
            body = json.dumps({**told, "errors": shown}).encode()
            if len(body) <= _LIMIT or not shown:
                return body
            shown.pop()


def _short(name: str | None) -> str | None:
    if name is None or len(json.dumps(name)) <= _NAME_LIMIT:
        return name
    return f"{name[: _NAME_LIMIT // 8]}..."
