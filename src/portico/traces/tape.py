"""What is noted of a request while it is answered: references, for the event loop alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain, groupby

from msgspec import Struct
from msgspec.structs import replace

from portico.chat.reply import Batch, Delta
from portico.chat.request import ChatRequest
from portico.routing.attempts import Attempt
from portico.routing.routes import Route
from portico.traces.base import Capture, Card

FOLDED = 512
"""Batches after which what was said is joined: an object a token would cost fifty times as much."""

COST = 4_000
"""Bytes that a waiting take is reckoned at besides what was said."""

CHUNK = 250
"""Bytes that a delta is reckoned at."""


@dataclass(frozen=True, slots=True)
class View:
    """One picture that a target was sent; `ticket` stands for its base64 in what was sent."""

    ticket: str
    mime: str
    size: int  # bytes
    width: int
    height: int
    part: str
    sheet: int
    recipe: str
    pixels: str


@dataclass(frozen=True, slots=True)
class Sight:
    """
    What *target* was shown of the picture at *place*, whose bytes have the SHA-256 *raw*.

    Without views it went as it came.
    """

    place: str
    target: str
    raw: str
    views: tuple[View, ...] = ()


@dataclass(slots=True)
class Tape:
    """
    One request's: what came, what was sent for it, what came back.

    `sent` holds, for each attempt in the ledger's order, the body that was sent; its pictures are
    tickets. `lying` has the bytes of base64 that each ticket of the request stands for: the
    pictures themselves are let go with the request.
    """

    request: ChatRequest
    headers: Mapping[bytes, bytes]
    capture: Capture
    lying: dict[str, int] = field(default_factory=dict)
    sent: list[bytes | None] = field(default_factory=list)
    sights: list[Sight] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)

    def hear(self, batch: Batch) -> None:
        """Note what is relayed to the caller."""
        self.batches.append(batch)
        if len(self.batches) > FOLDED:
            self.batches = [folded(self.batches)]


def begun(request: ChatRequest, headers: Mapping[bytes, bytes], capture: Capture) -> Tape:
    """Return the tape of *request*, as far as *capture* lets anything be noted on it."""
    tape = Tape(request, headers, capture)
    if request.aside:
        tape.lying = {name: memoryview(held).nbytes for name, held in request.aside.items()}
        tape.request = replace(request, aside={})
    return tape


def folded(batches: list[Batch]) -> Batch:
    """Return the same in as few deltas as tell it."""
    found: Batch = []
    for plain, run in groupby(chain.from_iterable(batches), _plain):
        deltas = list(run)
        if plain is None:
            found += deltas
            continue
        text = "".join(delta.text for delta in deltas)
        thought = "".join(delta.reasoning for delta in deltas)
        found.append(Delta(text=text, reasoning=thought, choice=plain))
    return found


def _plain(delta: Delta) -> int | None:
    """Return the choice of a delta that is nothing but text and thoughts; None for all others."""
    more = delta.tool_calls or delta.finish or delta.usage or delta.refusal or delta.logprobs
    return None if more else delta.choice


class Take(Struct, frozen=True):
    """
    A finished request, as the recorder gets it: its card, which nobody has looked through yet.

    Without a tape nothing that was said is kept.
    """

    card: Card
    attempts: tuple[Attempt, ...]
    route: Route | None
    tape: Tape | None

    @property
    def weight(self) -> int:
        """Return about how many bytes wait with it."""
        tape = self.tape
        if tape is None:
            return COST
        came = sum(memoryview(raw).nbytes for raw in tape.request.fields.values())
        sent = sum(len(body) for body in tape.sent if body)
        said = CHUNK * sum(map(len, tape.batches))
        return COST + came + sent + said
