"""What is on a picture, how two differ, what pixels prove: POST /v1/design/…"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from portico.api import analysed
from portico.api.answers import JSON, PLACE, Documented, Numbered, gated, id_of, problems
from portico.api.deps import Caller, Here
from portico.api.design_shapes import AuditBody, DiffBody, ElementsBody
from portico.api.forms import FORM, Taken, picture_of, take
from portico.api.problems import Headers, problem
from portico.api.replies import while_connected
from portico.dispatch.design import Design
from portico.dispatch.looking import Survey, Wish
from portico.dispatch.measuring import MOST_AUDITED, MOST_COMPARED, Audited, Shown
from portico.errors import GatewayError, MalformedRequest
from portico.vision.elements import Box, Elements, json_schema

PNG = "image/png"
LEFT = 499
"""The status of an answer that nobody is there to read."""

router = APIRouter(prefix="/v1/design", tags=["design"], route_class=Numbered)


async def design(request: Request) -> Design:
    """Return the design use cases that are open."""
    found: Design = request.app.state.lobby.serving.design
    return found


Studio = Annotated[Design, Depends(design)]


def _asks(body: type, *files: str) -> dict[str, Any]:
    """Return what OpenAPI says of a body: JSON, or a form in which *files* may be files."""
    json = {"$ref": PLACE + body.__name__}
    binary = {name: {"type": "string", "format": "binary"} for name in files}
    form = {"type": "object", "properties": binary, "description": "Other fields as in JSON"}
    content = {"application/json": {"schema": json}, FORM: {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


def _drawn(answers: Documented, what: str) -> Documented:
    """Return *answers* where the good one may be a picture instead."""
    fine = answers[200]
    fine["description"] = f"What was asked for; {what} where it is wished for"
    fine["content"][PNG] = {"schema": {"type": "string", "format": "binary"}}
    return answers


@router.post(
    "/elements",
    responses=_drawn(
        gated(Elements, 403, 404, 413, 422, 429, 502, 504), "the picture with its boxes drawn"
    ),
    openapi_extra=_asks(ElementsBody, "file"),
)
async def find_elements(
    request: Request,
    here: Here,
    caller: Caller,
    studio: Studio,
    overlay: Annotated[bool, Query(description="Answer with a PNG: the boxes, drawn")] = False,
) -> Response:
    """What is on a picture and where, in `portico.elements/1`: a model looks at it."""
    taken = await take(request, ElementsBody, here.max_body, studio.intake)
    asked = taken.body
    picture = await picture_of(taken, "image", studio.intake, caller.owner)
    wish = Wish(picture, asked.model, asked.consensus, asked.detail, asked.page)
    trace = request.headers.get("traceparent")
    survey = Survey(id_of(request.scope), wish, caller, trace)
    using = analysed.wish_of(request, otherwise=here.cache.analyses)

    async def answer() -> Response:
        if overlay:
            found = await studio.elements(survey)
            response = _png(await studio.overlaid(found, picture, asked.page))
            response.raw_headers += [*_headers(survey), analysed.BYPASS]
            return response
        return await analysed.elements(here, studio, survey, using, lambda: _headers(survey))

    return await _told(request, survey, answer)


async def _told(
    request: Request, survey: Survey, answer: Callable[[], Awaitable[Response]]
) -> Response:
    """Answer under the survey's headers, on success and on error; stop where the client leaves."""
    async with while_connected(request.receive):
        try:
            response = await answer()
        except GatewayError as exc:
            if isinstance(exc, MalformedRequest):
                exc.param = exc.param or "image"
            return problem(exc, survey.id, *_headers(survey))
        return response
    return Response(status_code=LEFT)


def _headers(survey: Survey) -> Headers:
    """Return who answered, as which role, after how many were asked."""
    if survey.route is None:
        return []
    told = {
        "x-portico-role": survey.route.role.name,
        "x-portico-target": ",".join(target.name for target in survey.answering),
        "x-portico-attempts": str(len(survey.attempts)),
        "x-portico-simulated": "true" if any(t.simulated for t in survey.answering) else "",
        "x-portico-degraded": ", ".join(survey.degraded),
    }
    return [
        (name.encode(), value.encode("latin-1", "replace")) for name, value in told.items() if value
    ]


def _png(data: bytes) -> Response:
    return Response(data, media_type=PNG)


@router.get(
    "/elements/schema",
    responses={
        200: {
            "description": "A JSON Schema, draft 2020-12",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        **problems(400),
    },
)
async def get_elements_schema() -> Response:
    """The JSON Schema of `portico.elements/1`."""
    return JSON(json_schema())


@router.post(
    "/diff",
    responses=_drawn(gated(Elements, 404, 413), "the heat map"),
    openapi_extra=_asks(DiffBody, "before", "after"),
)
async def compare_pictures(
    request: Request,
    here: Here,
    caller: Caller,
    studio: Studio,
    heatmap: Annotated[bool, Query(description="Answer with a PNG: where what changed")] = False,
) -> Response:
    """Where two pictures of one screen differ, as elements of type `change`. Asks no model."""
    taken = await take(request, DiffBody, here.max_body, studio.intake)
    asked = taken.body
    _check(asked.ignore)
    async with while_connected(request.receive):
        before = await _shown(taken, "before", studio, caller.owner, MOST_COMPARED)
        after = await _shown(taken, "after", studio, caller.owner, MOST_COMPARED)
        drawn = heatmap or asked.heatmap
        found = await studio.compared(before, after, asked.ignore, heat=drawn)
        return _png(found.heat) if drawn else JSON(found.changes)
    return Response(status_code=LEFT)


@router.post(
    "/audit",
    responses=gated(Audited, 404, 413),
    openapi_extra=_asks(AuditBody, "file"),
)
async def audit_picture(request: Request, here: Here, caller: Caller, studio: Studio) -> Response:
    """What the pixels prove about accessibility: contrast, target sizes. Asks no model."""
    taken = await take(request, AuditBody, here.max_body, studio.intake)
    asked = taken.body
    async with while_connected(request.receive):
        shown = await _shown(taken, "image", studio, caller.owner, MOST_AUDITED)
        return JSON(await studio.audited(shown, asked.elements, asked.dpr))
    return Response(status_code=LEFT)


async def _shown(
    taken: Taken[Any], name: str, studio: Design, owner: str | None, most: int
) -> Shown:
    picture = await picture_of(taken, name, studio.intake, owner)
    try:
        return await studio.shown(picture, taken.body.page, most)
    except MalformedRequest as exc:
        exc.param = exc.param or name
        raise


def _check(boxes: list[Box]) -> None:
    for at, box in enumerate(boxes):
        if min(box.x1, box.y1) < 0 or not box.area:
            place = f"ignore[{at}]"
            raise MalformedRequest(f"`{place}` is not x1, y1, x2, y2 of a box.", param=place)
