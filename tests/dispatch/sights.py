"""A studio whose targets see just what a test says; the real wires are in tests/api."""

import io
import re
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from portico.access.base import Caller
from portico.artifacts.taking import Intake
from portico.chat.aside import ticket_of
from portico.chat.messages import Modality
from portico.chat.pictures import pictures
from portico.chat.reply import Batch, Delta, Usage
from portico.dispatch.design import Design
from portico.dispatch.failover import Failover
from portico.dispatch.gateway import Gateway, House
from portico.dispatch.looking import Survey, Wish
from portico.dispatch.places import Places
from portico.ledger.base import RequestQuery, RequestRow
from portico.ledger.spool import Spool
from portico.ledger.sqlite import SQLiteLedger, open_sqlite
from portico.ledger.writer import Ledger
from portico.routing.attempts import Failure, Kind
from portico.routing.roles import Catalog, Role
from portico.routing.tiers import Target
from portico.upstreams.base import Ask, Upstream, UpstreamFailed
from portico.upstreams.standing import Standing
from portico.vision.elements import Box
from tests.vision.screens import Screen, answer

DOWN = Failure(Kind.UNAVAILABLE, "down")
REFUSED = Failure(Kind.REFUSED, "not that")

type Says = str | Failure | list[Delta]


@dataclass(frozen=True)
class Put:
    """What was put before a target: the words, how often, and the size of the picture."""

    ask: Ask

    @property
    def said(self) -> list[str]:
        return [message.text for message in self.ask.request.messages]

    @property
    def size(self) -> tuple[int, int]:
        (link,) = pictures(self.ask.request.messages).values()
        held = bytes(self.ask.request.aside[ticket_of(link.url)])
        with Image.open(io.BytesIO(b64decode(held))) as image:
            return image.size

    @property
    def region(self) -> Box | None:
        """Where on the page a tile lies, as its note says; None for what is no tile."""
        found = re.search(r"x (\d+) to (\d+), y (\d+) to (\d+)", self.said[0])
        if found is None:
            return None
        x1, x2, y1, y2 = map(int, found.groups())
        return Box(x1, y1, x2, y2)


@dataclass
class Sees:
    """An upstream that says what *says* makes of what was put before it."""

    says: Callable[[Put], Says]
    puts: list[Put] = field(default_factory=list)

    @asynccontextmanager
    async def open(self, ask: Ask) -> AsyncIterator[AsyncIterator[Batch]]:
        put = Put(ask)
        self.puts.append(put)
        said = self.says(put)
        if isinstance(said, Failure):
            raise UpstreamFailed(said)
        if isinstance(said, str):
            said = [Delta(said), Delta(finish="stop", usage=Usage(10, 5))]
        yield self._batches(said)

    async def _batches(self, said: list[Delta]) -> AsyncIterator[Batch]:
        for delta in said:
            yield [delta]

    async def models(self) -> frozenset[str] | None:
        return None


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def truth(shown: Screen, convention: str) -> Callable[[Put], str]:
    """Return what somebody says who sees all of *shown* that is put before them."""

    def says(put: Put) -> str:
        region = put.region or Box(0, 0, *shown.size)
        across = put.size[0] / region.width if put.region is None else 1.0
        scale = min(across, 1.0)
        inside = [thing for thing in shown.things if thing.bbox.inside(region) == 1]
        moved = [replace(thing, bbox=_moved(thing.bbox, region, scale)) for thing in inside]
        return answer(moved, put.size, convention)

    return says


def _moved(box: Box, region: Box, scale: float) -> Box:
    numbers = (box.x1 - region.x1, box.y1 - region.y1, box.x2 - region.x1, box.y2 - region.y1)
    return Box(*(round(number * scale) for number in numbers))


@dataclass
class Studio:
    """What a test may look at and ask."""

    design: Design
    ledger: Ledger
    store: SQLiteLedger
    gateway: Gateway
    asked: int = 0

    def survey(self, picture: bytes, model: str = "vision", **wishes: object) -> Survey:
        self.asked += 1
        wish = Wish(picture, model, **wishes)  # type: ignore[arg-type]
        return Survey(f"req_{self.asked}", wish, Caller(key="ann", owner="ann"))

    async def rows(self) -> list[RequestRow]:
        """Return the ledger's rows, oldest first, once all are written."""
        await self.ledger.flush()
        return [*reversed(await self.store.requests(RequestQuery()))]


def eye(name: str, boxes: str = "gemini", **fields: object) -> Target:
    sees = frozenset({Modality.TEXT, Modality.IMAGE})
    return Target(name, name, "m", accepts=sees, boxes=boxes, **fields)  # type: ignore[arg-type]


@asynccontextmanager
async def studio(
    folder: Path, targets: Mapping[Target, Upstream], places: Places | None = None, **role: object
) -> AsyncIterator[Studio]:
    """Open a studio of *targets*, all of the role `vision`, in their order."""
    names = {target.name: target for target in targets}
    vision = Role("vision", tuple(names), **role)  # type: ignore[arg-type]
    blind = Role("blind", tuple(names))
    catalog = Catalog(names, {"vision": vision, "blind": blind})
    house = House(catalog, {target.name: up for target, up in targets.items()})
    async with (
        open_sqlite(folder / "ledger.db") as store,
        Ledger(store, Spool(folder / "spool")) as ledger,
    ):
        gateway = Gateway(house, Failover(Standing(), places or Places()), ledger)
        intake = Intake(None, None)
        try:
            yield Studio(Design(gateway, intake), ledger, store, gateway)
        finally:
            intake.close()
