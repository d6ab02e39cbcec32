"""Keys in one SQLite file: made late, private, shared, and away in many ways."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from portico.access.sqlite import SQLiteKeys
from portico.errors import ConfigError, StoreUnavailable
from portico.stores.migrations import steps

from .keys import kept

pytestmark = pytest.mark.anyio


async def test_looking_makes_no_file_and_the_first_key_a_private_one(tmp_path: Path) -> None:
    path = tmp_path / "home" / "access.db"
    store = SQLiteKeys(path)
    assert await store.all() == []
    assert not path.parent.exists()
    await store.add(kept())
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_what_one_process_adds_another_sees_that_looked_before(tmp_path: Path) -> None:
    serving, command = SQLiteKeys(tmp_path / "access.db"), SQLiteKeys(tmp_path / "access.db")
    assert await serving.all() == []
    one = kept()
    await command.add(one)
    assert await serving.all() == [one]
    await command.revoke(one.key.id, 5e9)
    assert (await serving.all())[0].key.revoked == 5e9


async def test_several_processes_may_make_the_file_at_the_same_time(tmp_path: Path) -> None:
    await asyncio.gather(*(SQLiteKeys(tmp_path / "access.db").add(kept()) for _ in range(10)))
    assert len(await SQLiteKeys(tmp_path / "access.db").all()) == 10


async def test_a_file_that_was_there_and_is_gone_is_away_and_not_empty(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    store = SQLiteKeys(path)
    await store.add(kept())
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable, match="SQLITE_CANTOPEN"):
        await store.all()
    assert not path.exists()
    (tmp_path / "elsewhere").rename(path)
    assert len(await store.all()) == 1


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    path.write_text("this is a shopping list, and rather a long one\n" * 100)
    with pytest.raises(StoreUnavailable, match="SQLITE_NOTADB"):
        await SQLiteKeys(path).all()
    assert path.read_text().startswith("this is a shopping list")


async def test_a_locked_file_is_away_and_then_back(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    store = SQLiteKeys(path)
    await store.add(kept())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="SQLITE_BUSY") as caught:
            await store.all()
        assert caught.value.retry_after
    assert len(await store.all()) == 1


async def test_a_place_nobody_can_make_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable):
        await SQLiteKeys(tmp_path / "file" / "access.db").add(kept())


async def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    await SQLiteKeys(path).add(kept())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("INSERT INTO schema_version VALUES (99, 'later', 'tomorrow')")
    with pytest.raises(ConfigError, match="schema 99"):
        await SQLiteKeys(path).all()


async def test_every_step_is_recorded_once(tmp_path: Path) -> None:
    path = tmp_path / "access.db"
    for _ in range(3):
        await SQLiteKeys(path).add(kept())
    with closing(sqlite3.connect(path)) as other:
        found = other.execute("SELECT number, name FROM schema_version ORDER BY number").fetchall()
    assert found == [(step.number, step.name) for step in steps("access", "sqlite", "").all]
