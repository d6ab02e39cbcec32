"""Keys in one SQLite file: made late, private, shared, and away in many ways."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from portico.access.base import Deed, Kept, Key
from portico.access.sqlite import SQLiteAccess
from portico.errors import ConfigError, StoreUnavailable
from portico.stores.migrations import Steps, steps
from portico.stores.sqlite import connect, migrate

from .keys import kept

pytestmark = pytest.mark.anyio

DEED = Deed(at=1e9, by="ops", what="key.created", about="key_1")


async def all_of(store: SQLiteAccess) -> list[Kept]:
    return list((await store.register()).keys)


async def test_keys_of_the_version_before_come_along_as_operators(tmp_path: Path) -> None:
    path, first = tmp_path / "access.db", steps("access", "sqlite", "").all[0]
    with closing(connect(path)) as old:
        migrate(old, Steps("access", "", (first,)))
        old.execute("INSERT INTO keys VALUES ('key_1', 'anna', 1, NULL, NULL, 'wxyz', x'00', 's')")
    (found,) = await all_of(SQLiteAccess(path))
    assert found.key == Key("key_1", "anna", 1.0, None, None, "wxyz", admin=True)


async def test_looking_makes_no_file_and_the_first_key_a_private_one(tmp_path: Path) -> None:
    path = tmp_path / "home" / "access.db"
    store = SQLiteAccess(path)
    assert await all_of(store) == []
    assert not path.parent.exists()
    await store.keep(kept(), DEED)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_what_one_process_adds_another_sees_that_looked_before(tmp_path: Path) -> None:
    serving, command = SQLiteAccess(tmp_path / "access.db"), SQLiteAccess(tmp_path / "access.db")
    assert await all_of(serving) == []
    one = kept()
    await command.keep(one, DEED)
    assert await all_of(serving) == [one]
    await command.keep(replace(one, key=replace(one.key, revoked=5e9)), DEED)
    assert (await all_of(serving))[0].key.revoked == 5e9


async def test_several_processes_may_make_the_file_at_the_same_time(tmp_path: Path) -> None:
    await asyncio.gather(
        *(SQLiteAccess(tmp_path / "access.db").keep(kept(), DEED) for _ in range(10))
    )
    assert len(await all_of(SQLiteAccess(tmp_path / "access.db"))) == 10


async def test_a_file_that_was_there_and_is_gone_is_away_and_not_empty(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    store = SQLiteAccess(path)
    await store.keep(kept(), DEED)
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable, match="SQLITE_CANTOPEN"):
        await all_of(store)
    assert not path.exists()
    (tmp_path / "elsewhere").rename(path)
    assert len(await all_of(store)) == 1


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    path.write_text("this is a shopping list, and rather a long one\n" * 100)
    with pytest.raises(StoreUnavailable, match="SQLITE_NOTADB"):
        await all_of(SQLiteAccess(path))
    assert path.read_text().startswith("this is a shopping list")


async def test_a_locked_file_is_away_and_then_back(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    store = SQLiteAccess(path)
    await store.keep(kept(), DEED)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="SQLITE_BUSY") as caught:
            await all_of(store)
        assert caught.value.retry_after
    assert len(await all_of(store)) == 1


async def test_a_place_nobody_can_make_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable):
        await SQLiteAccess(tmp_path / "file" / "access.db").keep(kept(), DEED)


async def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    await SQLiteAccess(path).keep(kept(), DEED)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("INSERT INTO schema_version VALUES (99, 'later', 'tomorrow')")
    with pytest.raises(ConfigError, match="schema 99"):
        await all_of(SQLiteAccess(path))


async def test_every_step_is_recorded_once(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    for _ in range(3):
        await SQLiteAccess(path).keep(kept(), DEED)
    with closing(sqlite3.connect(path)) as other:
        found = other.execute("SELECT number, name FROM schema_version ORDER BY number").fetchall()
    assert found == [(step.number, step.name) for step in steps("access", "sqlite", "").all]
