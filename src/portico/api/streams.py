"""GET /v1/streams/{request_id}: a stream that was asked for as resumable, taken up again."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from pydantic import Field
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from portico.api.answers import REQUEST_ID, Documented, problems
from portico.api.deps import Caller, Here
from portico.api.returning import Relay
from portico.errors import MalformedRequest

router = APIRouter(tags=["chat"])

EventId = Annotated[int, Field(ge=0, le=10**15)]

_ANSWERS: Documented = {
    200: {
        "description": "The events after the one named, and those that follow, to the end",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    204: {"description": "The stream has ended, and there is nothing after the event named"},
    **problems(400, 401, 404, 410, 503),
}


class Followed(Response):
    """A relayed stream, under its first answer's headers: the request id is the stream's."""

    media_type = "text/event-stream"

    def __init__(self, relay: Relay) -> None:
        super().__init__()
        self._relay = relay

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI's promise."""
        await self._relay.respond(receive, send)


@router.get(
    "/v1/streams/{request_id}", status_code=200, response_class=Followed, responses=_ANSWERS
)
async def follow_stream(
    request_id: str,
    here: Here,
    caller: Caller,
    last_event_id: Annotated[EventId, Header(description="The last event received")] = 0,
    after: Annotated[EventId, Query(description="The same; the later of both counts")] = 0,
) -> Response:
    """A stream asked for with `x-portico-resumable: true`, from after an event on, to its end."""
    stream = here.streams.find(request_id, caller.owner)
    number = max(after, last_event_id)
    if stream.ended and number >= stream.last:
        return Response(status_code=204, headers={REQUEST_ID: request_id})
    if number > stream.last:
        place = "after" if number > last_event_id else "Last-Event-ID"
        raise MalformedRequest(f"There is no event {number} yet.", param=place)
    stream.since(number)  # raises before the answer begins
    return Followed(Relay(stream, number, request_id))
