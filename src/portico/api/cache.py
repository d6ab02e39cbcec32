"""POST /api/cache/purge: answers that nobody shall be given again."""

from typing import Annotated

from fastapi import APIRouter, Query
from msgspec import Struct
from starlette.responses import Response

from portico.api.answers import JSON, Numbered, gated
from portico.api.deps import Here, Operator

router = APIRouter(prefix="/api/cache", tags=["operator"], route_class=Numbered)


class Purged(Struct, frozen=True):
    """How many answers were forgotten, by the process that was asked."""

    purged: int


@router.post("/purge", responses=gated(Purged))
async def purge_cache(
    here: Here,
    caller: Operator,
    request: Annotated[
        str | None, Query(max_length=64, description="Only what was first given to this request")
    ] = None,
) -> Response:
    """Forget every answer that is kept to be given again, or that of one request."""
    return JSON(Purged(here.cache.answers.purge(request)))
