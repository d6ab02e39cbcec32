"""From a link to something a model may be sent: what can be said without decoding it."""

import base64
import binascii
import re
from collections.abc import Callable

_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+=[\w.+-]+)*)(;base64)?,", re.ASCII)
_ARTIFACT = re.compile(r"(?:artifact:|(?:https?://[^?#]*)?/v1/artifacts/)?(art_[\w-]{1,100})", re.A)
_PEEK = 64  # characters of base64: enough for every signature below

_HEIF = frozenset(b"heic heix heim heis hevc hevx mif1 msf1 avif avis".split())
"""Brands of the one container that holds HEIC, HEIF and AVIF; a film's are others."""
_AVIF = frozenset({b"avif", b"avis"})

SIGNATURES: dict[str, Callable[[bytes], bool]] = {
    "image/png": lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": lambda head: head.startswith(b"\xff\xd8\xff"),
    "image/gif": lambda head: head.startswith((b"GIF87a", b"GIF89a")),
    "image/webp": lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP",
    "image/bmp": lambda head: head.startswith(b"BM"),
    "image/tiff": lambda head: head.startswith((b"II*\0", b"MM\0*")),
    "image/heic": lambda head: head[4:8] == b"ftyp" and head[8:12] in _HEIF,
    "image/svg+xml": lambda head: head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"),
    "application/pdf": lambda head: head.startswith(b"%PDF-"),
}
"""Type by content; the claimed type is not believed."""
APART = frozenset({"image/svg+xml", "application/pdf", "image/tiff"})
"""What is drawn in a process of its own."""


def kind_of(data: bytes) -> str | None:
    """Return the type of *data* by its content, or None where we know none."""
    head = data[:64]
    if head[4:8] == b"ftyp" and head[8:12] in _AVIF:
        return "image/avif"
    return next((kind for kind, signed in SIGNATURES.items() if signed(head)), None)


def artifact_in(link: str) -> str | None:
    """
    Return the id of the artifact that *link* names, if it names one.

    That is the id (`art_…`), `artifact:` and the id, or a path or an address that ends in
    `/v1/artifacts/` and the id.
    """
    named = _ARTIFACT.fullmatch(link)
    return named[1] if named else None


def fault(link: str) -> str | None:
    """Return what is wrong with a picture's *link*, or None: only its first bytes are decoded."""
    if artifact_in(link):
        return None
    if link.startswith(("http://", "https://")):
        return None if len(link) <= 8192 else "the address is over 8192 characters"
    if not link.startswith("data:"):
        return "a picture is a data: URI, an http(s) URL or an artifact's id"
    match = _DATA.match(link, 0, 256)
    if match is None or match[3] is None:
        return "the data: URI is not base64"
    head = link[match.end() : match.end() + _PEEK]
    if not head:
        return "the picture is empty"
    try:
        content = base64.b64decode(head[: len(head) // 4 * 4] or head, validate=True)
    except (binascii.Error, ValueError):
        return "the picture is not base64"
    if not any(signed(content) for signed in SIGNATURES.values()):
        return "this is not a picture of a kind we know"
    return None
