"""Designs: what has been shown to models here, and what changed between two of it?"""

import io
from functools import partial

from PIL import Image
from starlette.responses import Response

from portico.artifacts.index import Artifact
from portico.console.asked import picture
from portico.console.visit import Visit
from portico.dispatch.journey import new_id
from portico.dispatch.measuring import MOST_COMPARED
from portico.dispatch.recalling import Question, Recollection
from portico.errors import GatewayError, MalformedRequest
from portico.vision.elements import Elements

PAGE = 24
"""Pictures on one page."""
LONGEST = 2000
"""Characters of what is looked for."""
NOTHING = {"text": "", "like": ""}
SIDE = 360
"""Pixels of a thumbnail's longer side."""


async def show(visit: Visit) -> Response:
    """Show the latest pictures, a page at a time, or those that are looked for."""
    given = visit.request.query_params
    text, like = given.get("text", "").strip()[:LONGEST], given.get("like", "")
    if not text and not like:
        return await _page(visit)
    try:
        recalled = await _recalled(visit, text, like)
    except GatewayError as exc:
        return await _page(visit, exc.status, str(exc))
    return await _page(visit, recalled=recalled, text=text, like=like)


async def _recalled(visit: Visit, text: str, like: str) -> Recollection:
    """Look for what was shown, as far as whoever asks may see it."""
    archive, picture = visit.here.archive, None
    if like:
        picture = await archive.read(await archive.known(like))
    ident = new_id()
    return await visit.here.recalling.find(Question(ident, visit.caller, text, picture, PAGE))


async def _page(
    visit: Visit,
    code: int = 200,
    why: str = "",
    recalled: Recollection | None = None,
    **looked: str,
) -> Response:
    before = visit.request.query_params.get("before") or None
    if recalled is not None:
        return visit.page(
            "designs", code, recalled=recalled, found=[], why="", **{**NOTHING, **looked}
        )
    found = await visit.here.archive.latest(before, PAGE)
    return visit.page(
        "designs",
        code,
        found=found,
        older=found[-1].id if len(found) == PAGE else None,
        paged=before is not None,
        names=_owners(visit),
        why=why,
        recalled=None,
        **NOTHING,
    )


def _owners(visit: Visit) -> dict[str, str]:
    roster = visit.here.gate.roster
    return {key.id: key.name for key in roster.keys.values()} if roster else {}


async def thumbnail(visit: Visit) -> Response:
    """Return a picture small, drawn anew: whatever else its file holds stays there."""
    archive, intake = visit.here.archive, visit.here.design.intake
    artifact = await archive.known(visit.request.path_params["ident"])
    opened = await intake.opened(await archive.read(artifact))
    small = await intake.work(partial(_small, opened.sheets[0].image))
    return picture(small, "image/webp")


async def whole(visit: Visit) -> Response:
    """Return a picture as it is kept."""
    archive = visit.here.archive
    artifact = await archive.known(visit.request.path_params["ident"])
    return picture(await archive.read(artifact), artifact.kind)


def _small(image: Image.Image) -> bytes:
    drawn = image.convert("RGB")
    drawn.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    drawn.save(out, "WEBP", quality=80)
    return out.getvalue()


async def compare(visit: Visit) -> Response:
    """Show what changed between two pictures. Asks no model."""
    chosen = visit.request.query_params.getlist("pick")
    try:
        if len(chosen) != 2:
            raise MalformedRequest("Choose two pictures to compare.")
        known = [await visit.here.archive.known(ident) for ident in chosen]
        before, after = sorted(known, key=lambda one: one.created)
        changes = await _compared(visit, before, after)
    except GatewayError as exc:
        return await _page(visit, exc.status, str(exc))
    return visit.page("diff", before=before, after=after, changes=changes)


async def _compared(visit: Visit, before: Artifact, after: Artifact) -> Elements:
    design, archive = visit.here.design, visit.here.archive
    one = await design.shown(await archive.read(before), None, MOST_COMPARED)
    other = await design.shown(await archive.read(after), None, MOST_COMPARED)
    return (await design.compared(one, other, (), heat=False)).changes
