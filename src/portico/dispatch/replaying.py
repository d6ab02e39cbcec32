"""The same request again, from its trace: to whom it went, or to somebody else."""

import time
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from portico.access.base import Caller, Conversation
from portico.artifacts.archive import Archive
from portico.artifacts.intake import artifact_in
from portico.chat.request import ChatBody, ChatRequest
from portico.dispatch.gateway import Gateway
from portico.dispatch.journey import Journey, new_id
from portico.errors import MalformedRequest, NotFound
from portico.traces.base import Fidelity, Trace
from portico.traces.desk import Desk
from portico.traces.story import Story

REPLAY = "replay"
"""The task of what an operator asks again; by it the ledger and the filters keep it apart."""

WHY_NOT = {
    Fidelity.REDACTED: "something in it was masked, or was not to be kept",
    Fidelity.TRUNCATED: "it was too long to be kept whole",
    Fidelity.BLOB_MISSING: "a picture of it is not kept",
}
"""What stands against playing a request again as it was."""

_fields = msgspec.json.Decoder(dict[str, Raw])
_body = msgspec.json.Decoder(ChatBody)


def replays_of(ident: str) -> str:
    """Return the chat that replays of the request *ident* belong to."""
    return f"{REPLAY}:{ident}"


def why_not(trace: Trace | None) -> str:
    """Return why *trace* cannot be played again as it was; empty if it can."""
    if trace is None:
        return "nothing of it is kept"
    if trace.card.operation != "chat":
        return "it was no chat"
    return WHY_NOT.get(trace.card.fidelity, "")


@dataclass(frozen=True, slots=True)
class Replaying:
    """Asks again on an operator's account: nobody else's budget or limit is touched."""

    gateway: Gateway
    traces: Desk
    archive: Archive

    async def again(self, ident: str, caller: Caller, model: str | None = None) -> str:
        """
        Ask the request *ident* again, *model* or whom it asked for; return the new request's id.

        It is over when this returns, within the time that any answer has; whether it went well is
        in the ledger.

        Raises:
            NotFound: nothing of it is kept.
            MalformedRequest: it cannot be played again as it was.
            StoreUnavailable: its trace, or a picture of it, is away.
        """
        found = await self.traces.find(ident)
        if found is None:
            raise NotFound(f"Nothing of {ident[:100]!r} is kept.")
        if reason := why_not(found):
            raise MalformedRequest(f"It cannot be asked again as it was: {reason}.")
        request = request_of(found, model)
        journey = Journey(
            new_id(),
            request,
            time.time(),
            time.monotonic(),
            caller,
            conversation=Conversation(chat=replays_of(ident)),
            errand=REPLAY,
            brought=await self._pictures(request),
        )
        await self.gateway.asked(journey)
        return journey.id

    async def _pictures(self, request: ChatRequest) -> dict[str, bytes]:
        """Whoever's they are: an operator may see them, and its own target is shown them again."""
        brought: dict[str, bytes] = {}
        for message in request.messages:
            parts = message.content if isinstance(message.content, list) else []
            for link in (part.link for part in parts if part.link is not None):
                if (ident := artifact_in(link.url)) is not None:
                    artifact = await self.archive.known(ident)
                    brought[link.url] = await self.archive.read(artifact)
        return brought


def request_of(trace: Trace, model: str | None = None) -> ChatRequest:
    """Return the request of *trace*, to *model* or to whom it asked for. Pure."""
    story = msgspec.json.decode(trace.story, type=Story)
    told = dict(story.request) if isinstance(story.request, dict) else {}
    told["model"] = model or trace.card.asked
    body = msgspec.json.encode(told)
    try:
        return ChatRequest.of(_body.decode(body), _fields.decode(body))
    except msgspec.ValidationError:
        raise MalformedRequest("It cannot be asked again: it was no whole chat.") from None
