"""
Pictures laid aside: while a body is worked on as JSON, tickets stand for their base64.

Nobody in between reads megabytes that mean nothing to JSON; they are put back in one piece when the
body is sent. A ticket cannot be told by a caller: it holds a number that was drawn after the body
had come.
"""

import re
from collections.abc import Mapping

type Piece = bytes | memoryview

type Aside = Mapping[str, Piece]
"""What tickets stand for: base64 as it goes into a JSON string."""

LONG = 1024
"""Bytes of a data URI from which on laying it aside is worth its while."""

PICTURED = b'"data:image/'
"""What a body without it has no pictures to lay aside."""

_HEAD = 128  # bytes in which a data URI gets to its comma
_PIECE = 256 * 1024  # bytes: the second look at them finds them in the processor's cache
_TICKET = re.compile(rb"portico-[0-9a-f]{32}\.\d+")


def lay_aside(body: bytes, mark: str) -> tuple[bytes, dict[str, memoryview]]:
    """
    Return *body* with tickets in place of pictures, and what they stand for.

    *mark* is 32 hexadecimal digits that the body's author cannot know. Only a whole string after a
    colon is taken, and only without escapes: so strings end where they did, and no key is touched.
    What is taken is not looked into.
    """
    at = body.find(PICTURED)
    whole = memoryview(body)
    kept: list[Piece] = []
    aside: dict[str, memoryview] = {}
    begin = 0
    while at >= 0:
        end = _end(body, at + len(PICTURED))
        comma = body.find(b",", at, at + _HEAD)
        if end - at > LONG and comma > 0 and _value(body, at):
            ticket = ticketed(mark, len(aside))
            aside[ticket] = whole[comma + 1 : end]
            kept += (whole[begin : comma + 1], ticket.encode())
            begin = end
        at = body.find(PICTURED, max(end, at + 1))
    return b"".join([*kept, whole[begin:]]), aside


def _value(body: bytes, at: int) -> bool:
    """Whether the string that begins at *at* is the value of a key."""
    return body[max(at - 2, 0) : at].endswith((b":", b": "))


def _end(body: bytes, within: int) -> int:
    """Return where the string around *within* ends; -1 if it does not, or holds an escape."""
    for begin in range(within, len(body), _PIECE):
        end = body.find(b'"', begin, begin + _PIECE)
        if body.find(b"\\", begin, end if end >= 0 else begin + _PIECE) >= 0:
            return -1
        if end >= 0:
            return end
    return -1


def ticketed(mark: str, number: int) -> str:
    """Return the ticket *number* of the request that *mark* belongs to."""
    return f"portico-{mark}.{number}"


def put_back(body: bytes, aside: Aside) -> bytes:
    """Return *body* with what its tickets stand for."""
    return b"".join(pieces(body, aside)) if aside else body


def whole(body: bytes, aside: Aside) -> bytes | tuple[Piece, ...]:
    """Return *body* as it is to be sent: in pieces, if there is anything to put back."""
    return pieces(body, aside) if aside else body


def pieces(body: bytes, aside: Aside) -> tuple[Piece, ...]:
    """Return *body* with what its tickets stand for, in pieces: nothing is copied."""
    kept: list[Piece] = []
    begin = 0
    whole = memoryview(body)
    for found in _TICKET.finditer(body):
        held = aside.get(found[0].decode())
        if held is not None:
            kept += (whole[begin : found.start()], held)
            begin = found.end()
    return (*kept, whole[begin:])


def ticket_of(url: str) -> str:
    """Return the ticket that a data URI holds; it may be none, and stand for nothing."""
    return url.partition(",")[2] if url.startswith("data:") else ""


def peek(url: str, aside: Aside, most: int = 64) -> str:
    """Return *url* with the first *most* characters of what was laid aside of it."""
    held = aside.get(ticket_of(url))
    if held is None:
        return url
    return f"{url.partition(',')[0]},{bytes(memoryview(held)[:most]).decode('latin-1')}"
