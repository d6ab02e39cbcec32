"""What every KeyStore promises. A further backend is one more line in BACKENDS."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from portico.access.base import KeyStore
from portico.access.sqlite import SQLiteKeys

from .keys import kept

pytestmark = pytest.mark.anyio

BACKENDS: dict[str, Callable[[Path], KeyStore]] = {
    "sqlite": lambda folder: SQLiteKeys(folder / "access.db"),
}


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> KeyStore:
    return BACKENDS[request.param](tmp_path)


async def test_a_store_is_empty_before_the_first_key(store: KeyStore) -> None:
    assert list(await store.all()) == []


async def test_keys_come_back_as_they_were_kept_oldest_first(store: KeyStore) -> None:
    young, old = kept(created=2e9, expires=3e9, revoked=2.5e9), kept("Ж'; DROP TABLE keys; --")
    await store.add(young)
    await store.add(old)
    assert list(await store.all()) == [old, young]


async def test_a_revoked_key_stays_on_record_with_the_time_it_was_revoked_first(
    store: KeyStore,
) -> None:
    one, other = kept(), kept()
    await store.add(one)
    await store.add(other)
    await store.revoke(one.key.id, 5e9)
    await store.revoke(one.key.id, 6e9)
    found = {each.key.id: each.key.revoked for each in await store.all()}
    assert found == {one.key.id: 5e9, other.key.id: None}


async def test_revoking_what_nobody_has_changes_nothing(store: KeyStore) -> None:
    one = kept()
    await store.add(one)
    await store.revoke("key_none", 5e9)
    assert list(await store.all()) == [one]


async def test_many_may_be_added_at_the_same_time(store: KeyStore) -> None:
    made = [kept(created=float(number)) for number in range(20)]
    await asyncio.gather(*(store.add(one) for one in made))
    assert list(await store.all()) == made
