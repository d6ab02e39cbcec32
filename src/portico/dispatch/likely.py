"""Answers to the same question in other words: observed beside the real one, or given."""

import asyncio
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
WITHIN = 1.0
"""Seconds that a caller waits to have their question compared; then a model is asked."""
PATIENCE = 30.0
"""Seconds that an observation may take; nobody waits for it."""
_json = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class _Asked:
    request: str
    text: str
    vector: Vector
    key: bytes  # of its answer in the cache


class Likely:
    """
    Watches chats that use the cache; with *serving* it also says whose answer will do.

    What would have been given again is logged with both requests' ids and the cosine, and
    counted: `seen` questions, `alike` by their vectors, `passed` by the gate as well. Whoever lets
    it serve has seen a report that allows it (`memory.gate.against`).
    """

    def __init__(
        self, meaning: Meaning, errands: Errands, least: float = LEAST, *, serving: bool = False
    ) -> None:
        self.serving = serving
        self.seen = self.alike = self.passed = self.given = 0
        self._meaning = meaning
        self._errands = errands
        self._least = least
        self._rooms: OrderedDict[bytes, deque[_Asked]] = OrderedDict()

    def observe(self, journey: Journey, catalog: str, key: bytes) -> None:
        """
        Note what the journey asked, once it was answered, and the *key* of that answer.

        Sync, never waits, never raises.
        """
        text = alone(journey.request)
        if text is not None and text.strip():
            work = self._observe(journey, _room(journey, catalog), text, key)
            self._errands.send(work, PATIENCE)

    async def find(self, journey: Journey, catalog: str) -> bytes | None:
        """
        Return the key of an answer that will do for the journey's question, or None; never raises.

        Only where the gate lets one pass is a vector made, and waited for, for WITHIN seconds.
        """
        text = alone(journey.request) if self.serving else None
        known = self._rooms.get(_room(journey, catalog), ()) if text else ()
        passed = [one for one in known if passes(one.text, text or "")]
        if not text or not passed:
            return None
        try:
            async with asyncio.timeout(WITHIN):
                (vector,) = await self._meaning.vectors([text], journey.caller, f"{journey.id}-s")
        except (GatewayError, TimeoutError) as exc:
            log.info("a question could not be compared: %s", exc or "no vector in time")
            return None
        likeness, one = max(
            ((cosine(vector, one.vector), one) for one in passed), key=lambda pair: pair[0]
        )
        if likeness < self._least:
            return None
        self.given += 1
        log.info("%s is answered as %s was (cosine %.3f)", journey.id, one.request, likeness)
        return one.key

    def clear(self) -> None:
        """Forget every question."""
        self._rooms.clear()

    async def _observe(self, journey: Journey, room: bytes, text: str, key: bytes) -> None:
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
        known.append(_Asked(journey.id, text, vector, key))
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
    whose = (caller.owner, caller.key, caller.team, _named(caller.roles), _named(caller.targets))
    return hashlib.sha256(_json((whose, catalog, fields))).digest()


def _named(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


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
    return judged(pairs, cosines, meaning.space, least)
