"""What is known of artifacts, in SQLite: opening, sharing, failing, and who may delete what."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portico.artifacts.base import blob_key, content_hash, derived_key
from portico.artifacts.index import CONDEMNED, ID, Artifact, Claim, Held, Met, Theirs, Use, new_id
from portico.artifacts.sqlite import SQLiteIndex, open_sqlite
from portico.errors import ConfigError, StoreUnavailable

pytestmark = pytest.mark.anyio

HASH = "ab" * 32
KEY = blob_key(HASH)
NOW = 1_790_000_000.0


def artifact(ident: str | None = None, owner: str | None = "ann", **more: object) -> Artifact:
    fields: dict[str, object] = {"raw": HASH, "key": KEY, "pixels": "cd" * 32, "name": "Ж'; --"}
    told = {"kind": "image/png", "size": 7, "width": 2, "height": 3, "created": NOW}
    return Artifact(id=ident or new_id(), owner=owner, **(fields | told | more))  # type: ignore[arg-type]  # as above


def use(of: Artifact, request: str = "req_1", number: int = 0, seen: float = NOW) -> Use:
    derived = derived_key("cd" * 32, f"recipe {number}", "image/png")
    told = ("tile", 0, 10, 20, "image/png", f"recipe {number}", derived)
    return Use(request, "messages[0]", "qwen-vl", number, of.id, seen, *told)


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[SQLiteIndex]:
    async with open_sqlite(tmp_path / "new" / "artifacts.db") as opened:
        yield opened


def test_ids_are_random_and_look_alike() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(ID.fullmatch(ident) for ident in ids)


@pytest.mark.parametrize("raw", ["", "ab", "AB" * 32, "../" * 21 + "a", "ab" * 32 + "\n"])
def test_only_a_hash_makes_a_key(raw: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        blob_key(raw)
    with pytest.raises(ValueError, match="SHA-256"):
        derived_key(raw, "recipe", "image/png")


def test_keys_are_as_they_are_documented() -> None:
    assert blob_key(HASH) == f"blobs/sha256/ab/ab/{HASH}"
    assert content_hash(KEY) == HASH
    made = derived_key(HASH, "portico/1 box=0,0,1,1", "image/jpeg")
    assert made.startswith(f"derived/{HASH}/")
    assert made.endswith(".jpg")
    assert made != derived_key(HASH, "portico/1 box=0,0,1,2", "image/jpeg")


async def test_an_artifact_comes_back_as_it_was_added(index: SQLiteIndex) -> None:
    for made in (artifact(), artifact(owner=None, pixels=None, bare=True, uploaded=False)):
        await index.add(made)
        assert await index.find(made.id) == Held(made)
    assert await index.find("nobody") is None


async def test_the_oldest_of_the_same_owner_stands_for_the_others(index: SQLiteIndex) -> None:
    young, old = artifact(created=NOW + 1, bare=True), artifact(bare=True)
    full = artifact(created=NOW - 9)
    nobodys, others = artifact(owner=None, bare=True), artifact(owner="bob", bare=True)
    for made in (young, old, full, nobodys, others):
        await index.add(made)
    assert await index.carried("ann", HASH) == full
    assert await index.alike("ann", "cd" * 32) == old
    assert await index.alike(None, "cd" * 32) == nobodys
    assert await index.carried("eve", HASH) is None
    assert await index.alike("ann", "ef" * 32) is None


async def test_uses_come_back_in_order_and_once(index: SQLiteIndex) -> None:
    made = artifact()
    await index.add(made)
    uses = [use(made, number=number) for number in range(12)]
    await index.note(uses[::-1])
    await index.note(uses)
    assert await index.uses("req_1") == uses
    assert await index.uses("req_2") == []


async def test_a_use_of_what_is_gone_is_left_out(index: SQLiteIndex) -> None:
    made = artifact()
    await index.note([use(made)])
    await index.grant(made.id, "bob")
    assert await index.uses("req_1") == []


async def test_removing_takes_grants_and_uses_along(index: SQLiteIndex) -> None:
    made = artifact()
    await index.add(made)
    await index.grant(made.id, "bob")
    await index.note([use(made)])
    assert await index.find(made.id) == Held(made, frozenset({"bob"}))
    await index.remove(made.id)
    assert await index.find(made.id) is None
    assert await index.uses("req_1") == []
    await index.add(made)
    assert await index.find(made.id) == Held(made)


async def test_what_is_claimed_is_new_until_it_is_stored(index: SQLiteIndex) -> None:
    assert await index.claim(KEY, NOW) is Claim.NEW
    assert await index.claim(KEY, NOW) is Claim.NEW
    await index.stored([KEY])
    assert await index.claim(KEY, NOW) is Claim.KNOWN
    await index.lost(KEY)
    assert await index.claim(KEY, NOW) is Claim.NEW


async def test_meeting_a_picture_tells_what_there_is_and_claims_where_it_has_to_lie(
    index: SQLiteIndex,
) -> None:
    view = derived_key("cd" * 32, "recipe", "image/png")
    assert await index.meet("ann", HASH, [view], NOW) == Met(
        None, {view: Claim.NEW, KEY: Claim.NEW}
    )
    made = artifact()
    assert await index.settle([view, KEY], made, [use(made)]) == set()
    assert await index.meet("ann", HASH, [view], NOW) == Met(
        made, {view: Claim.KNOWN, KEY: Claim.KNOWN}
    )
    assert await index.meet("bob", HASH, [], NOW) == Met(None, {KEY: Claim.KNOWN})
    assert await index.uses("req_1") == [use(made)]


async def test_bytes_that_lie_elsewhere_are_not_claimed_unless_they_are_gone(
    index: SQLiteIndex,
) -> None:
    twin = blob_key("12" * 32)
    made = artifact(key=twin)
    await index.add(made)
    await index.claim(twin, NOW)
    assert await index.meet("ann", HASH, [], NOW) == Met(made, {twin: Claim.NEW, KEY: Claim.NEW})
    await index.stored([twin])
    assert await index.meet("ann", HASH, [], NOW) == Met(made, {twin: Claim.KNOWN})


async def test_settling_is_all_or_nothing_and_names_what_is_gone(index: SQLiteIndex) -> None:
    made, gone = artifact(), artifact()
    assert await index.settle((), made, [use(made), use(gone, number=1)]) == {gone.id}
    assert await index.uses("req_1") == [use(made)]
    await index.claim(KEY, NOW)
    with pytest.raises(StoreUnavailable):
        await index.settle([KEY], made, [use(made, "req_2")])  # it is there already
    assert await index.uses("req_2") == []
    assert await index.claim(KEY, NOW) is Claim.NEW


async def test_what_is_referred_to_or_was_just_claimed_is_not_condemned(
    index: SQLiteIndex,
) -> None:
    made = artifact()
    shown = use(made)
    await index.add(made)
    await index.note([shown])
    assert not await index.condemn(made.key, NOW, NOW)
    assert not await index.condemn(shown.derived, NOW, NOW)
    await index.claim(made.key, NOW)
    await index.remove(made.id)
    assert not await index.condemn(made.key, NOW, NOW - 10)
    assert await index.condemn(made.key, NOW, NOW + 10)
    assert await index.condemn(shown.derived, NOW, NOW)


async def test_whoever_claims_what_is_being_deleted_waits_and_then_puts_it(
    index: SQLiteIndex,
) -> None:
    await index.claim(KEY, NOW)
    await index.stored([KEY])
    assert await index.condemn(KEY, NOW + 100, NOW + 50)
    assert await index.claim(KEY, NOW + 100) is Claim.GOING
    await index.stored([KEY])
    assert await index.claim(KEY, NOW + 101) is Claim.GOING
    await index.forget(KEY)
    assert await index.claim(KEY, NOW + 102) is Claim.NEW


async def test_a_sweep_that_died_holds_nobody_up_for_long(index: SQLiteIndex) -> None:
    await index.condemn(KEY, NOW, NOW)
    assert await index.claim(KEY, NOW + CONDEMNED - 1) is Claim.GOING
    assert await index.claim(KEY, NOW + CONDEMNED + 1) is Claim.NEW


async def test_what_only_old_chats_carried_expires(index: SQLiteIndex) -> None:
    uploaded = artifact(created=NOW - 99)
    carried = artifact(created=NOW - 99, uploaded=False, key=blob_key("12" * 32))
    again = artifact(created=NOW - 99, uploaded=False, key=blob_key("34" * 32))
    for made in (uploaded, carried, again):
        await index.add(made)
        await index.note([use(made, f"req {made.id}", seen=NOW - 50)])
    await index.note([use(again, "req_later", number=1, seen=NOW)])
    keys = [uploaded.key, carried.key, again.key]
    derived = [use(carried).derived, use(carried, number=1).derived]
    assert await index.referred([*keys, *derived], NOW - 60) == {*keys, *derived}
    left = {uploaded.key, again.key, derived[1]}
    assert await index.referred([*keys, *derived], NOW - 10) == left
    assert await index.expired(NOW - 10) == 3
    assert await index.expire(NOW - 10) == 3
    assert await index.referred([*keys, *derived], NOW - 10) == left
    assert await index.find(carried.id) is None
    assert await index.find(uploaded.id) is not None


def hex_key(two: str) -> str:
    return blob_key(two * 32)


async def test_what_is_somebodys_is_disowned_and_what_others_have_stays(index: SQLiteIndex) -> None:
    own, shared = artifact(key=hex_key("01")), artifact(key=hex_key("02"))
    twin = artifact(owner="bert", key=hex_key("02"))
    theirs = artifact(owner="bert", key=hex_key("03"))
    nobodys = artifact(owner=None, key=hex_key("04"), uploaded=False)
    everybodys = artifact(owner=None, key=hex_key("05"), uploaded=False)
    for made in (own, shared, twin, theirs, nobodys, everybodys):
        await index.claim(made.key, NOW)
        await index.stored([made.key])
        await index.add(made)
    for made, request, number in (
        (own, "req_a", 1),
        (theirs, "req_a", 2),
        (theirs, "req_b", 3),
        (nobodys, "req_a", 4),
        (everybodys, "req_a", 5),
        (everybodys, "req_b", 5),
    ):
        await index.note([use(made, request, number)])
    await index.grant(theirs.id, "ann")
    await index.grant(own.id, "bert")
    derived = {number: use(own, number=number).derived for number in range(1, 6)}
    looked = await index.theirs({"ann"}, {"req_a"})
    assert looked.artifacts == {own.id, shared.id, nobodys.id}
    assert await index.find(own.id) is not None, "looking changes nothing"
    gone = await index.disown({"ann"}, {"req_a"})
    assert gone.artifacts == looked.artifacts
    assert gone.shown == {(theirs.id, "req_a"), (everybodys.id, "req_a")}
    assert gone.given == {(theirs.id, "ann")}
    went = {own.key, nobodys.key, derived[1], derived[2], derived[4]}
    assert gone.keys == went, "bytes that others speak of stay"
    assert await index.disown({"ann"}, {"req_a"}) == Theirs(keys=frozenset(went))
    assert await index.find(own.id) is None
    assert [one.request for one in await index.uses("req_a")] == []
    assert len(await index.uses("req_b")) == 2
    for made in (twin, theirs, everybodys):
        assert await index.find(made.id) == Held(made), "no grant is left either"
    assert not await index.condemn(shared.key, NOW + 1, 0)
    assert await index.claim(own.key, NOW + 2) is Claim.KNOWN
    assert not await index.condemn(own.key, NOW + 3, 0), "somebody needs it again"
    assert (await index.theirs({"ann"}, set())).keys == went - {own.key}
    for key in went - {own.key}:
        assert await index.condemn(key, NOW + 3, 0)
        await index.forget(key)
    assert await index.disown({"ann"}, {"req_a"}) == Theirs()


async def test_the_file_does_not_hold_what_was_disowned(index: SQLiteIndex, tmp_path: Path) -> None:
    await index.add(artifact(name="Secret plan.png"))
    await index.add(artifact(owner="bert", name="Another.png"))
    await index.disown({"ann"}, set())
    left = everything_in(tmp_path)
    assert b"Secret plan" not in left
    assert b"Another" in left


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


TURNS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "stored", "condemn", "forget", "add", "remove"]),
        st.integers(0, 200),
    ),
    max_size=30,
)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example has a key
)
@given(turns=TURNS, key=st.binary(min_size=32, max_size=32))
async def test_nothing_is_condemned_that_anybody_counts_on(
    index: SQLiteIndex, turns: list[tuple[str, int]], key: bytes
) -> None:
    """Whoever was told KNOWN or NEW within the grace, or refers to a key, finds it afterwards."""
    turn = Turns(index, blob_key(key.hex()))
    await turn.forget()
    for action, wait in turns:
        turn.now += wait
        await getattr(turn, action)()
    while turn.held:
        await turn.remove()


class Turns:
    """Does to one key what may be done to it, and knows who counts on it."""

    GRACE = 100.0

    def __init__(self, index: SQLiteIndex, key: str) -> None:
        self.now = NOW
        self.held: list[str] = []
        self._claimed = float("-inf")
        self._index, self._key = index, key

    async def claim(self) -> None:
        if await self._index.claim(self._key, self.now) is not Claim.GOING:
            self._claimed = self.now

    async def stored(self) -> None:
        await self._index.stored([self._key])

    async def condemn(self) -> None:
        if await self._index.condemn(self._key, self.now, self.now - self.GRACE):
            assert not self.held
            assert self._claimed <= self.now - self.GRACE

    async def forget(self) -> None:
        await self._index.forget(self._key)
        self._claimed = float("-inf")

    async def add(self) -> None:
        made = artifact(key=self._key)
        await self._index.add(made)
        self.held.append(made.id)

    async def remove(self) -> None:
        if self.held:
            await self._index.remove(self.held.pop())


async def test_several_processes_may_share_the_file(tmp_path: Path) -> None:
    path = tmp_path / "artifacts.db"

    async def worker() -> list[Claim]:
        async with open_sqlite(path) as index:
            claims = []
            for number in range(20):
                await index.add(artifact())
                claims.append(await index.claim(f"blobs/{number}", NOW))
                await index.stored([f"blobs/{number}"])
            return claims

    await asyncio.gather(worker(), worker(), worker())
    async with open_sqlite(path) as index:
        assert {await index.claim(f"blobs/{number}", NOW) for number in range(20)} == {Claim.KNOWN}


async def test_a_newer_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "artifacts.db"
    async with open_sqlite(path):
        pass
    with sqlite3.connect(path) as other:
        other.execute("INSERT INTO schema_version VALUES (999, 'later', 'now')")
    other.close()
    with pytest.raises(ConfigError, match="run the newer version"):
        async with open_sqlite(path):
            pass


async def test_what_is_no_database_is_a_store_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"certainly no database" * 100)
    with pytest.raises(StoreUnavailable, match="SQLITE_NOTADB"):
        async with open_sqlite(tmp_path / "a.db"):
            pass


async def test_a_locked_file_is_a_store_that_is_away_and_then_back(tmp_path: Path) -> None:
    path, made = tmp_path / "artifacts.db", artifact()
    async with open_sqlite(path) as index:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="SQLITE_BUSY") as caught:
            await index.add(made)
        assert made.name not in str(caught.value)
        other.execute("ROLLBACK")
        other.close()
        await index.add(made)
        assert await index.find(made.id) == Held(made)


async def test_a_closed_index_says_so(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "a.db") as index:
        pass
    with pytest.raises(StoreUnavailable, match="closed"):
        await index.find("art_x")
