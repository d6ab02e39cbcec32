"""What a gateway holds of somebody who was forgotten elsewhere: it hears of it, and drops it."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from portico.access.base import Bound, Deed, Roster, Terms
from portico.access.forgetting import FORGOTTEN, marks_of
from portico.access.limits import Cost, Limits
from portico.access.sqlite import SQLiteAccess
from portico.dispatch.dropping import Dropping, Held, dropped
from portico.dispatch.errands import Errands
from portico.dispatch.idempotency import Claim, Finished, Shelf
from portico.dispatch.streams import Bounds, Head, Stream, Streams
from portico.errors import NotFound
from portico.stores.whom import Whom
from tests.access.keys import SECRET, key, roster, text

pytestmark = pytest.mark.anyio

ANSWER = Finished(200, (), b"an answer")
ANNA = Whom(frozenset({"anna"}), frozenset({"key_a"}))


class Gateway:
    """A shelf, streams and budgets of three callers, and the keys as it last read them."""

    def __init__(self, folder: Path, errands: Errands) -> None:
        self.store = SQLiteAccess(folder / "access.db")
        self.shelf, self.streams = Shelf(60, 1_000_000), Streams(Bounds(), errands)
        self.limits, self.cleared = Limits(), 0
        self.roster: Roster | None = None
        held = Held((self.shelf,), self.streams, self.limits, (self.clear,))
        self.broken = False
        self.dropping = Dropping(self.store, self.known, held)

    def known(self) -> Roster | None:
        if self.broken:
            raise RuntimeError("something unforeseen")
        return self.roster

    def clear(self) -> None:
        self.cleared += 1

    async def fill(self) -> None:
        for who in (None, "anna", "key_a", "bert"):
            self.shelf.keep(Claim(who, b"k", b"d"), ANSWER)
            await self.streams.begin(f"req_{who}", who, ended).errand.result()
            await asyncio.sleep(0)
        for account in ("person:anna", "key:key_a", "person:bert"):
            bound = Bound(account, "theirs", Terms(usd_per_day=Decimal(1)))
            self.limits.settle(self.limits.reserve((bound,), Cost(5), 1e9), Cost(5), 1e9)

    def kept(self) -> set[str | None]:
        """Return whose answers can be had again."""
        return {
            who
            for who in (None, "anna", "key_a", "bert")
            if self.shelf.find(Claim(who, b"k", b"d")) and there(self.streams, who)
        }

    async def read(self) -> None:
        """Read the keys anew, as the gate does when they have changed."""
        self.roster = roster((text(), key()))

    async def deed(self, what: str, marks: list[str] | None) -> None:
        after = None if marks is None else {"marks": marks}
        await self.store.note(Deed(at=1e9, by="ops", what=what, about="x", after=after))


async def ended(stream: Stream) -> None:
    stream.begin(Head(200, ()))
    stream.add(b"event")


def there(streams: Streams, who: str | None) -> bool:
    try:
        streams.find(f"req_{who}", who)
    except NotFound:
        return False
    return True


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with Errands() as errands:
        made = Gateway(tmp_path, errands)
        await made.fill()
        yield made


async def test_of_somebody_forgotten_nothing_is_held_and_of_others_everything(
    gateway: Gateway,
) -> None:
    everybody = {None, "anna", "key_a", "bert"}
    await gateway.dropping.look()  # no keys were read yet
    await gateway.read()
    await gateway.deed("key.created", None)
    await gateway.deed(FORGOTTEN, None)
    await gateway.dropping.look()
    assert (gateway.kept(), gateway.cleared) == (everybody, 0)
    await gateway.deed(FORGOTTEN, sorted(marks_of(ANNA, SECRET).values()))
    await gateway.dropping.look()
    assert gateway.kept() == everybody, "it looks when the keys have changed"
    await gateway.read()
    await gateway.dropping.look()
    assert (gateway.kept(), gateway.cleared) == ({None, "bert"}, 1)
    assert list(gateway.limits.accounts()) == ["person:bert"]
    await gateway.read()
    await gateway.dropping.look()
    assert gateway.cleared == 1, "once"


async def test_a_store_that_is_away_is_asked_again(gateway: Gateway, tmp_path: Path) -> None:
    await gateway.deed(FORGOTTEN, sorted(marks_of(ANNA, SECRET).values()))
    await gateway.read()
    file = tmp_path / "access.db"
    file.rename(tmp_path / "elsewhere.db")
    await gateway.dropping.look()
    assert gateway.cleared == 0
    (tmp_path / "elsewhere.db").rename(file)
    await gateway.dropping.look()
    assert gateway.cleared == 1


async def test_a_look_that_stumbles_does_not_end_looking(gateway: Gateway) -> None:
    await gateway.deed(FORGOTTEN, sorted(marks_of(ANNA, SECRET).values()))
    await gateway.read()
    gateway.broken = True
    async with dropped(gateway.dropping, 0.01):
        await asyncio.sleep(0.03)
        gateway.broken = False
        async with asyncio.timeout(10):
            while not gateway.cleared:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
