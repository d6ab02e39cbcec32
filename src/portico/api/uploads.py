"""A file that is sent: as the whole body, or as one part of a form."""

from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.requests import Request

from portico.api.body import read_body
from portico.api.forms import FORM, parsed
from portico.errors import MalformedRequest


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
    headers = request.headers
    declared = headers.get("content-length", "").encode("latin-1") or None
    body = await read_body(request.receive, declared, limit)
    if body is None:
        raise MalformedRequest("The body did not come.")  # whoever left reads none of this
    if not headers.get("content-type", "").lower().startswith(FORM):
        return Upload(body)
    form = await parsed(headers, body)
    try:
        file = form.get(part)
        if not isinstance(file, UploadFile):
            raise MalformedRequest("The form has no such file.", param=part)
        return Upload(await file.read(), file.filename or "")
    finally:
        await form.close()
