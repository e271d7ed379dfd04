"""One connection over which requests are asked, one after the other: as little as HTTP/1.1 takes, for load tests."""

from __future__ import annotations

import asyncio

import httptools


class NoAnswerError(Exception):
    """The connection could not be made, broke, or did not speak HTTP."""


class Exchange(asyncio.Protocol):
    """Made with `open`."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._gone = False

    @staticmethod
    async def open(host: str, port: int) -> Exchange:
        """Connect. Raises NoAnswerError."""
        try:
            _, made = await asyncio.get_running_loop().create_connection(Exchange, host, port)
        except OSError as error:
            raise NoAnswerError(str(error)) from error
        return made

    async def ask(self, request: bytes) -> int:
        """Send a whole request, wait for the whole answer; its status. Raises NoAnswerError."""
        if self._gone or self._transport is None:
            raise NoAnswerError("the connection was closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.close()
            self._fail(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._gone = True
        self._fail(str(exc or "the connection was closed"))

    def on_message_complete(self) -> None:
        """Called by httptools: an answer is there."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())
        self._parser = httptools.HttpResponseParser(self)

    def _fail(self, why: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(NoAnswerError(why))
