"""From the version before to this one, with rows that are there, in both kinds of database."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from portico.ledger.base import By, LedgerStore, RequestQuery, RequestRow, UsageQuery, UsageRow
from portico.ledger.columns import ATTEMPT, REQUEST, attempt_values, request_values
from portico.ledger.postgres import open_postgres
from portico.ledger.rows import row_of
from portico.ledger.sqlite import open_sqlite
from portico.routing.attempts import Abandoned
from portico.stores.migrations import Steps, steps
from portico.stores.sqlite import migrate, open_session
from portico.stores.tables import open_tables
from tests.ledger.entries import GEMINI, LIMITED, PRETEND, QWEN, attempt, entry

pytestmark = pytest.mark.anyio

BEFORE = 3
"""The step at which the version before was: it added usage up from the rows."""


def five(number: int) -> list[RequestRow]:
    started = 1_790_000_000.0 + number * 7000
    return [
        row_of(entry(*attempts, **{"started": started + len(attempts) * 1700, **more}))
        for attempts, more in [
            ([attempt(QWEN, LIMITED), attempt(GEMINI)], {"caller": "ann"}),
            ([attempt(PRETEND)], {"person": "bob", "team": "red"}),
            ([attempt(GEMINI, Abandoned()), attempt(GEMINI)], {"task": "title", "caller": "'; --"}),
            ([], {"role": None, "caller": None}),
            ([attempt(QWEN), attempt(QWEN)], {"caller": "", "person": "bob"}),
        ]
    ]


ROWS = [row for number in range(5) for row in five(number)]


def older(kind: str) -> Steps:
    known = steps("ledger", kind, "the ledger")
    assert known.newest > BEFORE
    return replace(known, all=known.all[:BEFORE])


def insert(table: str, columns: Sequence[str], mark: str) -> str:
    marks = ", ".join(mark.format(number) for number in range(1, len(columns) + 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"


async def told(store: LedgerStore) -> tuple[dict[By, list[UsageRow]], list[RequestRow]]:
    usage = {by: await store.usage(UsageQuery(by)) for by in By}
    return usage, await store.requests(RequestQuery(limit=200))


async def expected(folder: Path) -> tuple[dict[By, list[UsageRow]], list[RequestRow]]:
    async with open_sqlite(folder / "expected.db") as store:
        await store.append(ROWS)
        return await told(store)


async def test_sqlite_brings_old_rows_along(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with open_session(path, "the ledger") as session:
        await session.run(lambda connection: migrate(connection, older("sqlite")))
        attempts = [values for row in ROWS for values in attempt_values(row)]
        for table, columns, values in (
            ("requests", REQUEST, [request_values(row) for row in ROWS]),
            ("attempts", ATTEMPT, attempts),
        ):
            sql = insert(table, tuple(columns), "?")
            await session.run(lambda one, sql=sql, values=values: one.executemany(sql, values))
    async with open_sqlite(path) as store:
        assert await told(store) == await expected(tmp_path)


async def test_postgres_brings_old_rows_along(tmp_path: Path, database: str) -> None:
    async with open_tables(database, older("postgres")) as tables:
        await tables.read(lambda connection: connection.fetchval("SELECT 1"), 10)
    connection = await asyncpg.connect(database)
    attempts = [values for row in ROWS for values in attempt_values(row)]
    sql = insert("portico.requests", tuple(REQUEST), "${}")
    await connection.executemany(sql, [request_values(row) for row in ROWS])
    await connection.executemany(insert("portico.attempts", tuple(ATTEMPT), "${}"), attempts)
    await connection.close()
    async with open_postgres(database) as store:
        assert await told(store) == await expected(tmp_path)


def test_both_kinds_have_the_same_numbers_and_names() -> None:
    one, other = (steps("ledger", kind, "").all for kind in ("sqlite", "postgres"))
    assert [(step.number, step.name) for step in one] == [
        (step.number, step.name) for step in other
    ]
