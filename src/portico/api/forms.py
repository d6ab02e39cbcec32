"""Bodies that bring pictures: JSON, or a form with files; either way the same typed fields."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from fastapi import Request
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from portico.api.body import read_body
from portico.api.refusals import refusal
from portico.artifacts.taking import QUICK, Intake
from portico.errors import GatewayError, MalformedRequest

MOST_VALUES = 100_000
"""Far more than is asked for here; to decode more would keep everybody waiting."""
MOST_FIELDS = 16
FORM = "multipart/form-data"
FILE = "file"
_PIECE = 64 * 1024  # bytes of a form that are parsed at a time: the parser is Python


@dataclass(frozen=True, slots=True)
class Taken[T]:
    """What was asked, and the files that were sent for some of its fields."""

    body: T
    files: Mapping[str, bytes] = field(repr=False)


async def take[T](request: Request, kind: type[T], limit: int, intake: Intake) -> Taken[T]:
    """
    Return the body of *request*, of at most *limit* bytes, as a *kind*.

    In a form every field is text, lists are JSON, and a file stands for the field of its name;
    one named `file` for `image`.

    Raises:
        RequestTooLarge: over *limit*.
        MalformedRequest: `param` names the field.
    """
    headers = request.headers
    declared = headers.get("content-length", "").encode("latin-1") or None
    body = await read_body(request.receive, declared, limit)
    if body is None:
        raise MalformedRequest("The body did not come.")
    if headers.get("content-type", "").lower().startswith(FORM):
        return await _form(headers, body, kind)
    if len(body) <= QUICK:
        return Taken(decoded(body, kind), {})
    return Taken(await intake.work(partial(decoded, body, kind)), {})


def decoded[T](body: bytes, kind: type[T]) -> T:
    """
    Return JSON as a *kind*.

    Raises:
        MalformedRequest: it is none; `param` names the field.
    """
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MOST_VALUES:
        raise MalformedRequest(f"The body holds over {MOST_VALUES} values.")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as exc:
        raise refusal(exc) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise MalformedRequest("The body is not JSON.") from None
    except RecursionError:
        raise MalformedRequest("The body is nested too deeply.") from None


async def _form[T](headers: Headers, body: bytes, kind: type[T]) -> Taken[T]:
    form = await parsed(headers, body)
    try:
        fields: dict[str, Any] = {}
        files: dict[str, bytes] = {}
        for name, value in form.multi_items():
            at = "image" if name == FILE else name
            if at in fields:
                raise MalformedRequest(f"`{at[:100]}` is given twice.", param=at[:100])
            if isinstance(value, UploadFile):
                files[at] = await value.read()
            fields[at] = "" if isinstance(value, UploadFile) else _value(at, value)
        return Taken(msgspec.convert(fields, kind, strict=False), files)
    except msgspec.ValidationError as exc:
        raise refusal(exc) from None
    finally:
        await form.close()


async def parsed(headers: Headers, body: bytes) -> FormData:
    """
    Return the form that *body* is; whoever asks closes it.

    Raises:
        MalformedRequest: it is none, is cut off, or has too many fields.
    """

    async def pieces() -> AsyncGenerator[bytes, None]:
        for begin in range(0, len(body), _PIECE):
            yield body[begin : begin + _PIECE]
            await asyncio.sleep(0)  # somebody else's turn

    parser = MultiPartParser(
        headers, pieces(), max_files=MOST_FIELDS, max_fields=MOST_FIELDS, max_part_size=len(body)
    )
    parser.spool_max_size = len(body) + 1  # it is in memory already: nothing goes to disk
    try:
        return await parser.parse()
    except (MultiPartException, FormParserError, KeyError):  # KeyError: without a boundary
        raise MalformedRequest("The body is not a form as its content-type says.") from None


def _value(name: str, text: str) -> Any:
    """Lists stand in a form as JSON."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise MalformedRequest(f"`{name[:100]}` is not JSON.", param=name[:100]) from None


async def picture_of(taken: Taken[Any], name: str, intake: Intake, caller: str | None) -> bytes:
    """
    Return the picture of the field *name*: its file's bytes, or what its link leads to.

    Raises:
        GatewayError: as `Intake.bytes_of` does; `param` is *name*.
    """
    if name in taken.files:
        return taken.files[name]
    try:
        return await intake.bytes_of(getattr(taken.body, name), caller)
    except GatewayError as exc:
        exc.param = exc.param or name
        raise
