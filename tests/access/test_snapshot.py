"""What is remembered for an outage: signed, private, and believed for a quarter of an hour."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.access.base import Person, Team, Terms
from portico.access.gate import STALE, Gate, Rule
from portico.access.postgres import open_postgres
from portico.access.snapshot import Known, packed, unpacked
from portico.access.watch import open_gate
from portico.errors import StoreUnavailable

from .keys import SECRET, bearer, kept, keyring, text

pytestmark = pytest.mark.anyio

KNOWN = Known(
    read=1e9,
    version=7,
    keys=(kept(terms=Terms(roles=frozenset({"code"}))), kept("bert", person="bert")),
    people=(Person(id="bert", team="lab"),),
    teams=(Team(id="lab"),),
    spent={"key:a": (1, 2)},
)


def test_what_is_packed_comes_back_as_it_was() -> None:
    assert unpacked(packed(KNOWN, SECRET), SECRET) == KNOWN


@given(st.integers(0, len(packed(KNOWN, SECRET)) - 1), st.integers(1, 255))
def test_a_snapshot_that_was_touched_is_none(place: int, change: int) -> None:
    data = bytearray(packed(KNOWN, SECRET))
    data[place] ^= change
    assert unpacked(bytes(data), SECRET) is None


@given(st.binary(max_size=200))
def test_whatever_lies_there_is_no_snapshot(data: bytes) -> None:
    assert unpacked(data, SECRET) is None


def test_another_installations_snapshot_is_none() -> None:
    assert unpacked(packed(KNOWN, SECRET), b"another secret") is None


async def test_a_known_key_works_across_a_restart_in_an_outage_and_nobody_is_unknown(
    tmp_path: Path,
) -> None:
    """A real Postgres driver towards a server that is not there."""
    before = keyring(tmp_path)
    made = await before.issue("anna")
    await before.roster()
    await before.remember({"key:a": (3, 4)})
    assert (tmp_path / "access.snapshot").stat().st_mode & 0o777 == 0o600
    assert made.text.encode() not in (tmp_path / "access.snapshot").read_bytes()
    async with open_postgres("postgresql://nobody:x@127.0.0.1:1/none") as store:
        after = keyring(tmp_path)
        after.store = store
        assert (await after.spent())[0] == {"key:a": (3, 4)}
        gate = Gate(Rule("auto"))
        async with open_gate(gate, after.roster, recall=after.recall):
            assert gate.admit(bearer(made.text)).key == made.key.id
            with pytest.raises(StoreUnavailable):
                gate.admit(bearer(text()))
            assert gate.needs_key


async def test_what_is_remembered_is_as_old_as_the_store_was_last_heard_of(tmp_path: Path) -> None:
    ring = keyring(tmp_path)
    made = await ring.issue("anna")
    await ring.roster()
    await ring.remember({})
    found = await keyring(tmp_path).recall()
    assert found is not None
    roster, age = found
    assert 0 <= age < 60
    old = Gate(Rule("auto"))
    old.know(roster, STALE + 1)
    with pytest.raises(StoreUnavailable):
        old.admit(bearer(made.text))


async def test_nothing_is_remembered_of_a_store_that_was_not_heard_of(tmp_path: Path) -> None:
    ring = keyring(tmp_path)
    await ring.remember({})
    assert not (tmp_path / "access.snapshot").exists()
    assert await ring.recall() is None
    await ring.issue("anna")
    await ring.remember({})  # made, and never read
    assert await ring.recall() is None


async def test_without_the_secret_nothing_is_believed(tmp_path: Path) -> None:
    ring = keyring(tmp_path)
    await ring.issue("anna")
    await ring.roster()
    await ring.remember({})
    (tmp_path / "secret").unlink()
    assert await keyring(tmp_path).recall() is None
    assert (await keyring(tmp_path).spent())[0] == {}
    assert time.time() > 0
