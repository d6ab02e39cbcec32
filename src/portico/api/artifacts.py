"""POST, GET and DELETE /v1/artifacts: pictures, put here once and given back to whoever may."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from msgspec import Struct
from starlette.responses import Response

from portico.api.answers import (
    JSON,
    PLACE,
    Documented,
    Numbered,
    gated,
    id_of,
    operated,
    problems,
)
from portico.api.deps import Caller, Here, Operator
from portico.api.people import noted
from portico.api.problems import problem
from portico.api.uploads import uploaded
from portico.artifacts.archive import LONGEST_NAME, Archive
from portico.artifacts.base import Span
from portico.artifacts.index import Artifact
from portico.errors import MalformedRequest

router = APIRouter(prefix="/v1/artifacts", tags=["artifacts"], route_class=Numbered)
operator = APIRouter(prefix="/api/artifacts", tags=["operator"], route_class=Numbered)

SHOWN = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/avif", "image/heic"}
)
"""Kinds that a browser may show; the others are programs or nearly so, and are downloaded."""

_ENDS = {"image/svg+xml": "svg", "application/pdf": "pdf", "image/jpeg": "jpg"}
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII | re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?("[^"]*")')
_ERROR = {"application/json": {"schema": {"$ref": PLACE + "Error"}}}
_BYTES = {"*/*": {"schema": {"type": "string", "format": "binary"}}}


class SweptTold(Struct, frozen=True):
    """What went, or in a dry run would go: uses of old chats, files, what models saw, bytes."""

    dry_run: bool
    uses: int
    blobs: int
    derived: int
    bytes: int


class ArtifactTold(Struct, frozen=True, kw_only=True):
    """
    An artifact. `sha256` is of the bytes that `url` gives, `bytes` their number, `kind` their type.

    `pixels_sha256` is the same for every file with the same pixels; null where there are several
    pages.
    """

    id: str
    object: str = "artifact"
    kind: str
    bytes: int
    width: int
    height: int
    sha256: str
    pixels_sha256: str | None
    name: str
    created_at: str
    url: str


async def archive(request: Request) -> Archive:
    """Return the archive that is open."""
    found: Archive = request.app.state.lobby.serving.archive
    return found


@dataclass(frozen=True, slots=True)
class Conditions:
    """What of a file somebody wants, who may have it already (RFC 9110 §13 and §14)."""

    if_none_match: str | None
    if_range: str | None
    range: str | None

    def has(self, tag: str) -> bool:
        """Say whether the caller has what *tag* names; weak tags count too."""
        given = self.if_none_match
        return given is not None and (given.strip() == "*" or tag in _TAG.findall(given))

    def span(self, tag: str, size: int) -> Span | None:
        """Return the one range that is asked for, empty if nothing is there; None for all."""
        match = _RANGE.fullmatch((self.range or "").strip())
        if match is None or self.if_range not in (None, tag) or not (match[1] or match[2]):
            return None  # several, or none that we know: it is ours then to give everything
        if not match[1]:
            return (max(0, size - int(match[2])), size)
        first, last = int(match[1]), int(match[2] or size)
        return None if last < first and match[2] else (first, min(last + 1, size))


async def conditions(
    if_none_match: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
    range: Annotated[str | None, Header(description="One range of bytes")] = None,
) -> Conditions:
    """Read them from the request's headers."""
    return Conditions(if_none_match, if_range, range)


def _nothing_there(size: int, rid: str) -> Response:
    error = MalformedRequest(f"There are {size} bytes.", param="Range")
    error.status = 416
    return problem(error, rid, (b"content-range", f"bytes */{size}".encode()))


Wanted = Annotated[Conditions, Depends(conditions)]
Kept = Annotated[Archive, Depends(archive)]
Ident = Annotated[str, Path(description="`art_…`")]
To = Annotated[str, Path(description="The id of their key", max_length=64)]

_SENT: dict[str, Any] = {
    "required": True,
    "content": {
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        },
    },
}

_TAKEN: Documented = {
    201: {**gated(ArtifactTold)[200], "description": "Kept, under this id"},
    **problems(400, 401, 413, 503),
}

_GIVEN: Documented = {
    200: {"description": "The bytes", "content": _BYTES},
    206: {"description": "The part of them that was asked for", "content": _BYTES},
    304: {"description": "What the caller has is what there is"},
    **problems(400, 401, 404, 503),
    416: {"description": "There are not that many bytes", "content": _ERROR},
}

_GRANTED: Documented = {
    204: {"description": "They may see it from now on"},
    **problems(400, 401, 404, 503),
}

_DELETED: Documented = {
    204: {"description": "It is gone"},
    **problems(400, 401, 404, 503),
}


@router.post(
    "",
    status_code=201,
    responses=_TAKEN,
    openapi_extra={"requestBody": _SENT},
)
async def create_artifact(
    request: Request,
    here: Here,
    kept: Kept,
    caller: Caller,
    name: Annotated[str, Query(max_length=LONGEST_NAME, description="What to call it")] = "",
) -> Response:
    """Keep a picture: the body itself, or a form's `file`. Its type is what its bytes say."""
    sent = await uploaded(request, "file", here.max_body)
    artifact = await kept.add(sent.data, caller.owner, name or sent.name)
    told = _told(artifact)
    return JSON(told, 201, headers={"location": told.url})


@router.get("/{ident}", response_class=Response, responses=_GIVEN)
async def get_artifact(
    ident: Ident, request: Request, kept: Kept, caller: Caller, wanted: Wanted
) -> Response:
    """The bytes as they came, or a part of them; they never change."""
    artifact = await kept.find(ident, caller.owner)
    headers = _headers(artifact)
    if wanted.has(headers["etag"]):
        return Response(status_code=304, headers=headers)
    span = wanted.span(headers["etag"], artifact.size)
    if span is None:
        return Response(await kept.read(artifact), 200, headers, artifact.kind)
    first, end = span
    if first >= end:
        return _nothing_there(artifact.size, id_of(request.scope))
    data = await kept.read(artifact, span)
    headers["content-range"] = f"bytes {first}-{end - 1}/{artifact.size}"
    return Response(data, 206, headers, artifact.kind)


@router.get("/{ident}/info", responses=gated(ArtifactTold, 404))
async def get_artifact_info(ident: Ident, kept: Kept, caller: Caller) -> Response:
    """What is known of an artifact."""
    return JSON(_told(await kept.find(ident, caller.owner)))


@router.put("/{ident}/grants/{to}", status_code=204, response_class=Response, responses=_GRANTED)
async def grant_artifact(ident: Ident, to: To, here: Here, kept: Kept, caller: Caller) -> Response:
    """Let the caller with another key see an artifact of one's own."""
    await kept.grant(ident, caller.owner, to)
    await here.recalling.remembering.shared(ident, to, seen=True)
    return Response(status_code=204)


@router.delete("/{ident}", status_code=204, response_class=Response, responses=_DELETED)
async def delete_artifact(ident: Ident, here: Here, kept: Kept, caller: Caller) -> Response:
    """Forget an artifact at once; its bytes go when nothing refers to them any more."""
    whose = (await kept.find(ident, caller.owner)).owner
    await kept.delete(ident, caller.owner)
    remembering = here.recalling.remembering
    if whose in (None, caller.owner):
        await remembering.forget(ident)
    elif caller.owner is not None:
        await remembering.shared(ident, caller.owner, seen=False)
    return Response(status_code=204)


def _told(artifact: Artifact) -> ArtifactTold:
    return ArtifactTold(
        id=artifact.id,
        kind=artifact.kind,
        bytes=artifact.size,
        width=artifact.width,
        height=artifact.height,
        sha256=artifact.sha256,
        pixels_sha256=artifact.pixels,
        name=artifact.name,
        created_at=datetime.fromtimestamp(artifact.created, UTC).isoformat(timespec="seconds"),
        url=f"/v1/artifacts/{artifact.id}",
    )


def _headers(artifact: Artifact) -> dict[str, str]:
    return {
        "etag": f'"{artifact.sha256}"',
        "cache-control": "private, immutable, max-age=31536000",
        "accept-ranges": "bytes",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
        "content-disposition": _disposition(artifact),
    }


def _disposition(artifact: Artifact) -> str:
    """RFC 6266: a name in plain ASCII for those who take no other, and the name itself."""
    way = "inline" if artifact.kind in SHOWN else "attachment"
    end = _ENDS.get(artifact.kind) or artifact.kind.rpartition("/")[2]
    name = artifact.name or f"{artifact.id}.{end}"
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", name)
    return f"{way}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


@operator.post("/sweep", responses=operated(SweptTold))
async def sweep_artifacts(
    here: Here,
    caller: Operator,
    dry_run: Annotated[bool, Query(description="Only say what would go")] = True,
) -> Response:
    """Delete what nothing refers to any more; it happens daily by itself."""
    swept = await here.sweep(dry_run)
    if not dry_run:
        await noted(here, caller, "artifacts.swept", f"{swept.blobs} blobs")
    return JSON(SweptTold(dry_run, swept.uses, swept.blobs, swept.derived, swept.bytes))
