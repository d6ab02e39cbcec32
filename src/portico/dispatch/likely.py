"""Answers that might have served a question in other words: observed beside the real answer."""

import hashlib
import logging
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import sumprod

import msgspec

from portico.access.base import Caller
from portico.dispatch.errands import Errands
from portico.dispatch.journey import Journey
from portico.dispatch.meaning import Meaning
from portico.errors import GatewayError
from portico.memory.base import Vector
from portico.memory.gate import Pair, Report, alone, judged, passes

log = logging.getLogger(__name__)

LEAST = 0.95
"""Cosine under which two questions are not taken for the same."""
KEPT, ROOMS = 64, 256
"""Questions of one room, and rooms, that are remembered; a room is whatever has to be equal."""
PATIENCE = 30.0
"""Seconds that an observation may take; nobody waits for it."""
_json = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class _Asked:
    request: str
    text: str
    vector: Vector


class Likely:
    """
    Watches chats that use the cache; serves nobody.

    What would have been given again is logged with both requests' ids and the cosine, and
    counted: `seen` questions, `alike` by their vectors, `passed` by the gate as well.
    """

    def __init__(self, meaning: Meaning, errands: Errands, least: float = LEAST) -> None:
        self.seen = self.alike = self.passed = 0
        self._meaning = meaning
        self._errands = errands
        self._least = least
        self._rooms: OrderedDict[bytes, deque[_Asked]] = OrderedDict()

    def observe(self, journey: Journey, catalog: str) -> None:
        """Note what the journey asked, once it was answered. Sync, never waits, never raises."""
        text = alone(journey.request)
        if text is not None and text.strip():
            work = self._observe(journey, _room(journey, catalog), text)
            self._errands.send(work, PATIENCE)

    def clear(self) -> None:
        """Forget every question."""
        self._rooms.clear()

    async def _observe(self, journey: Journey, room: bytes, text: str) -> None:
        try:
            (vector,) = await self._meaning.vectors([text], journey.caller, f"{journey.id}-s")
        except GatewayError as exc:
            log.info("a question could not be compared: %s", exc)
            return
        self.seen += 1
        known = self._rooms.setdefault(room, deque(maxlen=KEPT))
        self._rooms.move_to_end(room)
        near = [(cosine(vector, one.vector), one) for one in known]
        for likeness, one in sorted(near, key=lambda pair: -pair[0])[:1]:
            self._tell(journey, text, one, likeness)
        known.append(_Asked(journey.id, text, vector))
        if len(self._rooms) > ROOMS:
            self._rooms.popitem(last=False)

    def _tell(self, journey: Journey, text: str, one: _Asked, likeness: float) -> None:
        if likeness < self._least:
            return
        self.alike += 1
        passed = passes(one.text, text)
        self.passed += passed
        log.info(
            "%s would %shave been answered as %s was (cosine %.3f)",
            journey.id,
            "" if passed else "not ",
            one.request,
            likeness,
        )


def _room(journey: Journey, catalog: str) -> bytes:
    """A hash of everything but the last words: only questions of one room are compared."""
    request, caller = journey.request, journey.caller
    fields = {name: msgspec.json.decode(value) for name, value in request.fields.items() if value}
    fields["messages"] = fields["messages"][:-1]
    whose = (caller.owner, caller.key, caller.team)
    return hashlib.sha256(_json((whose, catalog, fields))).digest()


def cosine(one: Vector, other: Vector) -> float:
    """Return the cosine of two vectors of any length but none."""
    lengths = sumprod(one, one) * sumprod(other, other)
    return float(sumprod(one, other) / lengths**0.5) if lengths else 0.0


async def measured(pairs: Sequence[Pair], meaning: Meaning, least: float) -> Report:
    """
    Return what the gate makes of labelled *pairs*, with the vectors of the memory's model.

    Raises:
        GatewayError: nobody makes vectors.
    """
    texts = [text for pair in pairs for text in (pair.one, pair.other)]
    made = await meaning.vectors(texts, Caller(), "report")
    cosines = [cosine(made[at], made[at + 1]) for at in range(0, len(made), 2)]
    return judged(pairs, cosines, meaning.space.made_by, least)
