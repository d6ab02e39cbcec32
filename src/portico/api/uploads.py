"""A file that is sent: as the whole body, or as one part of a form."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from portico.api.body import read_body
from portico.errors import MalformedRequest

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FORM = b"multipart/form-data"
_NAME = b"content-disposition"


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes, and what their sender calls them."""

    data: bytes = field(repr=False)
    name: str = ""


async def uploaded(request: Request, part: str, limit: int) -> Upload:
    """
    Return the file that *request* sends: the *part* of its form, or else its whole body.

    Raises:
        MalformedRequest: half a body, or a form that is none or has no file called *part*.
        RequestTooLarge: over *limit* bytes.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    declared = request.headers.get("content-length")
    body = await read_body(request.receive, declared.encode() if declared else None, limit)
    if body is None:
        raise MalformedRequest("The body did not come.")  # whoever left reads none of this
    if kind != FORM:
        return Upload(body)
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise MalformedRequest("The form's content-type names no boundary.")
    # In a thread: a form made for it takes a parser in Python long.
    return await asyncio.to_thread(_from_form, body, boundary, part)


def _from_form(body: bytes, boundary: bytes, part: str) -> Upload:
    form = _Form(part.encode())
    try:
        parser = MultipartParser(boundary, form.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise MalformedRequest("This is not a form, or it is cut off.") from None
    if not form.found:
        raise MalformedRequest("The form has no such file.", param=part)
    return Upload(b"".join(form.pieces), form.filename.decode("utf-8", "replace"))


class _Form:
    """Takes the first part of a name out of a form."""

    def __init__(self, wanted: bytes) -> None:
        self.found = False
        self.filename = b""
        self.pieces: list[bytes] = []
        self._wanted = wanted
        self._taking = False
        self._field = self._value = b""

    def callbacks(self) -> "MultipartCallbacks":
        """Return what the parser calls."""
        return {
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header,
            "on_part_data": self._on_data,
            "on_part_end": self._on_end,
        }

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        name, value = self._field.lower(), self._value
        self._field = self._value = b""
        if name != _NAME or self.found:
            return
        _, options = parse_options_header(value)
        if options.get(b"name") == self._wanted:
            self.found = self._taking = True
            self.filename = options.get(b"filename", b"")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._taking:
            self.pieces.append(data[start:end])

    def _on_end(self) -> None:
        self._taking = False
