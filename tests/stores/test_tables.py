"""A store's tables in a real Postgres: made late, once, and away in many ways."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from scripts.services import postgres as service

from portico.errors import ConfigError, StoreUnavailable
from portico.stores.migrations import Migration, Steps
from portico.stores.postgres import Connection, Work
from portico.stores.tables import Tables, open_tables

pytestmark = pytest.mark.anyio

FIRST = Migration(1, "fruits", ("CREATE TABLE portico.fruits (name text PRIMARY KEY)",))
SECOND = Migration(
    2,
    "colours",
    (
        "ALTER TABLE portico.fruits ADD COLUMN colour text",
        "UPDATE portico.fruits SET colour = 'green' WHERE colour IS NULL",
    ),
)
OLD = Steps("fruits", "the fruits", (FIRST,))
SCHEMAS = "SELECT count(*) FROM pg_namespace WHERE nspname = 'portico'"
APPLIED = "SELECT array_agg(number ORDER BY number) FROM portico.schema_version"
NEW = Steps("fruits", "the fruits", (FIRST, SECOND))


def adding(name: str) -> Work[None]:
    async def add(connection: Connection) -> None:
        await connection.execute("INSERT INTO portico.fruits (name) VALUES ($1)", name)

    return add


async def names(connection: Connection) -> list[str]:
    rows = await connection.fetch("SELECT name FROM portico.fruits ORDER BY name")
    return [row["name"] for row in rows]


async def asleep(connection: Connection) -> None:
    await connection.execute("SELECT pg_sleep(30)")


async def test_nothing_is_there_until_the_first_call_makes_it(database: str) -> None:
    async with open_tables(database, OLD) as tables:
        assert await asked(database, SCHEMAS) == 0
        assert await tables.read(names, 5) == []
        await tables.write(adding("pear"), 5)
        assert await tables.read(names, 5) == ["pear"]


async def test_many_processes_may_start_at_once_and_each_step_is_applied_once(
    database: str,
) -> None:
    async def start(name: str) -> None:
        async with open_tables(database, NEW, size=1) as tables:
            await tables.write(adding(name), 20)

    await asyncio.gather(*(start(f"fruit {number}") for number in range(8)))
    rows = await asked(database, APPLIED)
    assert rows == [1, 2]
    assert await asked(database, "SELECT count(*) FROM portico.fruits") == 8


async def test_a_new_version_brings_old_rows_along_and_the_old_goes_on_beside_it(
    database: str,
) -> None:
    async with open_tables(database, OLD) as old:
        await old.write(adding("pear"), 5)
        async with open_tables(database, NEW) as new:
            await new.write(adding("plum"), 5)
            await old.write(adding("quince"), 5)
            assert await new.read(names, 5) == ["pear", "plum", "quince"]
        colours = "SELECT array_agg(colour ORDER BY name) FROM portico.fruits"
        assert await asked(database, colours) == ["green", None, None]


async def test_a_newer_schema_is_refused_and_not_touched(database: str) -> None:
    async with open_tables(database, NEW) as new:
        await new.write(adding("pear"), 5)
    async with open_tables(database, OLD) as old:
        for _ in range(7):
            with pytest.raises(ConfigError, match="schema 2, this version knows 1"):
                await old.write(adding("plum"), 5)
    assert await asked(database, "SELECT count(*) FROM portico.fruits") == 1


async def test_a_step_that_fails_leaves_nothing_of_any_step(database: str) -> None:
    broken = Migration(2, "broken", ("CREATE TABLE portico.half (a int)", "SELECT 1 / 0"))
    async with open_tables(database, Steps("fruits", "the fruits", (FIRST, broken))) as tables:
        with pytest.raises(StoreUnavailable, match="the fruits did not answer"):
            await tables.read(names, 5)
    assert await asked(database, SCHEMAS) == 0
    async with open_tables(database, OLD) as tables:
        assert await tables.read(names, 5) == []


async def test_what_fails_half_way_is_not_kept(database: str) -> None:
    async def half(connection: Connection) -> None:
        await adding("pear")(connection)
        raise LookupError("on second thoughts")

    async with open_tables(database, OLD) as tables:
        with pytest.raises(LookupError):
            await tables.write(half, 5)
        assert await tables.read(names, 5) == []
        assert not tables.guard.away


async def test_a_call_that_takes_too_long_is_given_up_and_its_connection_with_it(
    database: str,
) -> None:
    async with open_tables(database, OLD, size=1) as tables:
        assert await tables.read(names, 5) == []
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="did not answer within"):
                await tables.write(asleep, 0.05)
        assert await tables.read(names, 5) == []
        assert tables.guard.late == 3


async def test_callers_who_cannot_wait_leave_and_the_tables_are_made_all_the_same(
    database: str,
) -> None:
    slow = Migration(2, "slow", ("SELECT pg_sleep(0.5)",))
    async with open_tables(database, Steps("fruits", "the fruits", (FIRST, slow))) as tables:
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="did not answer within"):
                await tables.read(names, 0.01)
        assert await tables.read(names, 10) == []


async def test_a_server_that_refuses_is_told_with_what_to_mend(database: str) -> None:
    parts = urlsplit(database)
    host = f"{parts.hostname}:{parts.port}"
    faults = {
        f"postgresql://portico:wrong@{host}{parts.path}": "does not accept our user or password",
        f"postgresql://portico:{parts.password}@{host}/nowhere": "no such database",
        "postgresql://portico:x@127.0.0.1:1/x": "is it running",
        "postgresql://portico:x@no-such-host.invalid/x": "is the address right",
        "postgresql://[": "its address cannot be read",
    }
    for url, told in faults.items():
        async with open_tables(url, OLD) as tables:
            with pytest.raises(StoreUnavailable, match=told) as caught:
                await tables.read(names, 5)
            assert parts.password not in str(caught.value)


async def test_a_user_without_rights_is_told_so(database: str) -> None:
    await asked(database, "CREATE ROLE stranger LOGIN PASSWORD 'x'", run=True)
    parts = urlsplit(database)
    url = f"postgresql://stranger:x@{parts.hostname}:{parts.port}{parts.path}"
    try:
        async with open_tables(url, OLD) as tables:
            with pytest.raises(StoreUnavailable, match="make it the owner"):
                await tables.read(names, 5)
    finally:
        await asked(database, "DROP ROLE stranger", run=True)


async def test_what_is_no_postgres_is_told_so() -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
        writer.close()

    async with await asyncio.start_server(shout, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with open_tables(f"postgresql://a:b@127.0.0.1:{port}/c", OLD) as tables:
            with pytest.raises(StoreUnavailable, match=r"is the address right|mend the address"):
                await tables.read(names, 5)


async def test_a_server_that_crashes_and_returns_is_found_again(tmp_path: Path) -> None:
    with one_of_its_own(tmp_path / "server") as url:
        async with open_tables(url, OLD) as tables:
            await tables.write(adding("pear"), 5)
            await asyncio.to_thread(service.stop, tmp_path / "server")
            for _ in range(5):
                with pytest.raises(StoreUnavailable):
                    await tables.read(names, 5)
            assert tables.guard.away
            with pytest.raises(StoreUnavailable, match="the fruits is away"):
                await tables.read(names, 5)
            await asyncio.to_thread(service.start, tmp_path / "server")
            assert await patiently(tables) == ["pear"]


async def test_tables_that_vanish_under_a_running_program_are_made_again(database: str) -> None:
    async with open_tables(database, OLD) as tables:
        await tables.write(adding("pear"), 5)
        await asked(database, "DROP SCHEMA portico CASCADE", run=True)
        with pytest.raises(StoreUnavailable, match="its tables are not there any more"):
            await tables.read(names, 5)
        assert await tables.read(names, 5) == []


async def patiently(tables: Tables) -> list[str]:
    while True:
        try:
            return await tables.read(names, 5)
        except StoreUnavailable as exc:
            await asyncio.sleep(exc.retry_after or 0.1)


@contextmanager
def one_of_its_own(folder: Path) -> Iterator[str]:
    try:
        url = service.up(folder)[service.VARIABLE]
    except service.Unavailable as exc:
        pytest.skip(f"POSTGRES IS NOT TESTED: {exc}. Run: python -m scripts.services up postgres")
    try:
        yield url
    finally:
        service.down(folder)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def asked(url: str, query: str, *, run: bool = False) -> object:
    async with connected(url) as connection:
        return await (connection.execute(query) if run else connection.fetchval(query))
