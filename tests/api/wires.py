"""Raw HTTP: what no client library would send, and exactly what comes back."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httptools

ENVELOPE = {"message", "type", "param", "code", "source", "request_id", "attempts"}


@dataclass
class Answer:
    """One answer of a connection."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The envelope, which must be whole."""
        return enveloped(self.status, self.headers, json.loads(self.body))


def enveloped(status: int, headers: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Return the error of *body*, having looked that it is complete and honest."""
    error: dict[str, Any] = body["error"]
    assert set(error) - {"resting"} == ENVELOPE
    assert error["request_id"].startswith("req_")
    assert headers["x-portico-request-id"] == error["request_id"]
    assert headers["content-type"] == "application/json"
    assert error["message"]
    assert error["source"] == "client" or error["attempts"] or status >= 500
    return error


class _Reader:
    """httptools' callbacks: collects the answers of one connection."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body = b""

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._headers, self._body = {}, b""

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status != 100:
            self.answers.append(Answer(status, self._headers, self._body))


def head(method: str = "POST", path: str = "/v1/chat/completions", **headers: object) -> bytes:
    """Return a request's head; underscores in *headers* are dashes."""
    told = {"host": "portico", **{name.replace("_", "-"): v for name, v in headers.items()}}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {v}" for name, v in told.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def post(body: bytes, **headers: object) -> bytes:
    """Return a whole chat request on a connection that is not used again."""
    return head(content_length=len(body), connection="close", **headers) + body


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a bare connection to *url*."""
    place = urlsplit(url)
    return await asyncio.open_connection(place.hostname, place.port)


async def spoken(url: str, data: bytes, *, hang_up: bool = False) -> list[Answer]:
    """Return every answer to *data* until the server hangs up; *hang_up*: we say that it is all."""
    reader, writer = await connect(url)
    heard = _Reader()
    try:
        with suppress(ConnectionError):  # a server may stop listening; what it said still counts
            writer.write(data)
            await writer.drain()
            if hang_up:
                writer.write_eof()
        async with asyncio.timeout(20):
            while received := await reader.read(65_536):
                heard.feed(received)
    finally:
        writer.close()
    return heard.answers


async def asked(url: str, data: bytes) -> Answer:
    """Return the one answer to *data*."""
    (answer,) = await spoken(url, data)
    return answer
