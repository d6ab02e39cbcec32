"""Analyses of pictures that were made before: given again, or made and kept."""

from collections.abc import Callable

import msgspec
from fastapi import Request
from msgspec.structs import replace
from starlette.responses import Response

from portico.api.answers import JSON, REQUEST_ID
from portico.api.deps import Serving
from portico.dispatch.caching import KEEP, ORIGIN, Control, Question, control, told, wanted
from portico.dispatch.design import Design
from portico.dispatch.idempotency import Finished
from portico.dispatch.looking import Survey
from portico.dispatch.remembering import Found
from portico.vision.elements import Elements

PARTIAL = frozenset({"answer_cut", "no_consensus", "refused", "tile_missing"})
"""Warnings that another attempt may do without."""
BYPASS = (b"x-portico-cache", b"bypass")

type Headers = list[tuple[bytes, bytes]]


def wish_of(request: Request, *, otherwise: bool) -> Control:
    """
    Return what the caller wants of the cache.

    Raises:
        MalformedRequest: `x-portico-cache` is neither on nor off.
    """
    headers = request.headers
    asked = wanted(headers.get("x-portico-cache"), otherwise=otherwise)
    return control(headers.get("cache-control", ""), wanted=asked)


async def elements(
    here: Serving,
    studio: Design,
    survey: Survey,
    wish: Control,
    said: Callable[[], Headers],
) -> Response:
    """
    Return what is on the survey's picture, in JSON; *said* are the survey's headers.

    Raises:
        GatewayError: as `Design.elements` does.
    """
    if wish.bypass:
        response = JSON(await _looked(here, studio, survey))
        response.raw_headers += [*said(), BYPASS]
        return response
    question, raw = await _question(here, studio, survey)

    async def work() -> Finished:
        found = await _looked(here, studio, survey)
        whole = not survey.degraded and not any(found.warned(code) for code in PARTIAL)
        mark = KEEP if whole and wish.write else BYPASS
        headers = (*said(), mark, (ORIGIN, survey.id.encode()))
        return Finished(200, headers, msgspec.json.encode(found))

    given = await here.cache.answer(question, wish, work)
    headers = list(given.finished.headers)
    body = given.finished.body
    if given.hit:
        headers = [one for one in headers if one[0] not in (KEEP[0], REQUEST_ID.encode())]
        headers += told(given)
        found = msgspec.json.decode(body, type=Elements)
        body = msgspec.json.encode(replace(found, image=replace(found.image, sha256=raw)))
        target = dict(headers).get(b"x-portico-target", b"").decode("latin-1")
        here.gateway.given_again(survey.again(), target)
    answer = Response(body, media_type="application/json")
    answer.raw_headers += headers
    return answer


async def _question(here: Serving, studio: Design, survey: Survey) -> tuple[Question, str]:
    wish = survey.wish
    opened = await studio.intake.opened(wish.picture)
    pixels = tuple(sheet.pixels for sheet in opened.sheets)
    fields = {"consensus": wish.consensus, "detail": wish.detail, "page": wish.page}
    catalog = here.gateway.house.catalog.version
    kind = "design/elements portico.elements/1"
    return Question(kind, survey.caller, catalog, wish.model, fields, (pixels,)), opened.raw


async def _looked(here: Serving, studio: Design, survey: Survey) -> Elements:
    """Have somebody look, and remember what was found."""
    found = await studio.elements(survey)
    if here.gateway.remembering is not None:
        names = ", ".join(target.name for target in survey.answering)
        simulated = any(target.simulated for target in survey.answering)
        by = Found(survey.id, survey.caller, names, simulated)
        here.recalling.remembering.seen(survey.wish.picture, found, by)
    return found
