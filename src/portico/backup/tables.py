"""The tables of one store as records, from SQLite or Postgres and into either."""

import sqlite3
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import batched
from pathlib import Path
from typing import Any

import msgspec

from portico.backup.base import Put
from portico.errors import ConfigError, Problem
from portico.stores.migrations import Steps
from portico.stores.sqlite import connect, migrate, transaction, translated, version

BATCH = 500
LONGEST = 3600.0
"""Seconds that one store may take."""

type Row = tuple[str, Mapping[str, object]]


def record(table: str, values: Mapping[str, object]) -> bytes:
    """Return one row: its table and its values by column, the same from every database."""
    plain = {name: _plain(values[name]) for name in sorted(values)}
    return msgspec.json.encode([table, plain])


def row(data: bytes) -> Row:
    """Read what `record` wrote."""
    table, values = msgspec.json.decode(data, type=tuple[str, dict[str, Any]])
    return table, {name: _bare(value) for name, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, bytes):
        return {"base64": b64encode(value).decode()}
    return value


def _bare(value: Any) -> object:
    return b64decode(value["base64"]) if isinstance(value, dict) else value


def _runs(records: Iterable[bytes], known: Sequence[str]) -> Iterator[tuple[str, Sequence[Row]]]:
    """Give rows in batches of one table and one set of columns; a table's rows stand together."""
    for chunk in batched(map(row, records), BATCH):
        groups: dict[tuple[str, ...], list[Row]] = {}
        for table, values in chunk:
            if table not in known:
                raise ConfigError((Problem(f"the backup has a table {table[:50]!r} that is none"),))
            groups.setdefault((table, *values), []).append((table, values))
        for (table, *_), rows in groups.items():
            yield table, rows


def _upto(steps: Steps, schema: int, have: int | None) -> Steps:
    """Return the steps up to *schema*, which is where *have*, if there is any, has to be."""
    steps.after(schema)
    if have not in (None, schema):
        told = f"{steps.what} there has schema {have}, and the backup is of schema {schema}"
        raise ConfigError((Problem(told, remedy="restore into an empty place"),))
    return replace(steps, all=steps.all[:schema])


@dataclass(frozen=True, slots=True)
class SQLiteTables:
    """Part over the tables of one SQLite file. Reads block: a backup is a program of its own."""

    name: str
    path: Path
    steps: Steps
    keeps: bool = False

    def lasts(self, record: bytes) -> bool:
        """See Part."""
        return True

    @property
    def schema(self) -> int:
        """See Part."""
        if not self.path.exists():
            return self.steps.newest
        with translated(self.steps.what), closing(connect(self.path)) as connection:
            return version(connection) or self.steps.newest

    async def dump(self, put: Put) -> None:
        """See Part."""
        if not self.path.exists():
            return
        with translated(self.steps.what), closing(connect(self.path)) as connection:
            connection.execute("BEGIN")
            for table in self._tables(connection):
                found = connection.execute(f"SELECT * FROM {table}")
                names = [column[0] for column in found.description]
                for values in found:
                    await put(record(table, dict(zip(names, values, strict=True))))

    async def empty(self) -> bool:
        """See Part."""
        if not self.path.exists():
            return True
        with translated(self.steps.what), closing(connect(self.path)) as connection:
            counts = [
                connection.execute(f"SELECT EXISTS (SELECT 1 FROM {table})").fetchone()[0]
                for table in self._tables(connection)
            ]
            return not any(counts)

    async def load(self, records: Iterable[bytes], schema: int) -> None:
        """See Part."""
        with translated(self.steps.what), closing(connect(self.path)) as connection:
            migrate(connection, _upto(self.steps, schema, version(connection)))
            with transaction(connection):
                for table in reversed(self.steps.tables):
                    connection.execute(f"DELETE FROM {table}")
                for table, rows in _runs(records, self.steps.tables):
                    names = list(rows[0][1])
                    marks = ", ".join("?" for _ in names)
                    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
                    connection.executemany(sql, [tuple(one.values()) for _, one in rows])
            migrate(connection, self.steps)

    def _tables(self, connection: sqlite3.Connection) -> tuple[str, ...]:
        return self.steps.tables if version(connection) is not None else ()


@dataclass(frozen=True, slots=True)
class PostgresTables:
    """Part over the tables of one store in a Postgres."""

    name: str
    url: str
    steps: Steps
    keeps: bool = False

    def lasts(self, record: bytes) -> bool:
        """See Part."""
        return True

    @property
    def schema(self) -> int:
        """See Part; a dump brings the tables up to date first."""
        return self.steps.newest

    async def dump(self, put: Put) -> None:
        """See Part."""
        from portico.stores.tables import open_tables

        async def work(connection: Any) -> None:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for table in self.steps.tables:
                async for found in connection.cursor(f"SELECT * FROM portico.{table}"):
                    await put(record(table, dict(found)))

        async with open_tables(self.url, self.steps, size=1) as tables:
            await tables.write(work, LONGEST)

    async def empty(self) -> bool:
        """See Part."""
        from portico.stores.tables import open_tables

        async def work(connection: Any) -> bool:
            for table in self.steps.tables:
                there = await connection.fetchval("SELECT to_regclass($1)", f"portico.{table}")
                query = f"SELECT EXISTS (SELECT 1 FROM portico.{table})"
                if there is not None and await connection.fetchval(query):
                    return False
            return True

        async with open_tables(self.url, self.steps, size=1) as tables:
            return await tables.peek(work, LONGEST)

    async def load(self, records: Iterable[bytes], schema: int) -> None:
        """See Part."""
        from portico.stores.tables import open_tables

        async with open_tables(self.url, self.steps, size=1) as tables:
            have = await tables.version()
        upto = _upto(self.steps, schema, have)
        async with open_tables(self.url, upto, size=1) as tables:
            await tables.write(lambda one: self._load(one, records), LONGEST)
        async with open_tables(self.url, self.steps, size=1) as tables:
            await tables.read(lambda one: one.fetchval("SELECT 1"), LONGEST)

    async def _load(self, connection: Any, records: Iterable[bytes]) -> None:
        for table in reversed(self.steps.tables):
            await connection.execute(f"DELETE FROM portico.{table}")
        kinds = {table: await _kinds(connection, table) for table in self.steps.tables}
        for table, rows in _runs(records, self.steps.tables):
            names = list(rows[0][1])
            marks = ", ".join(f"${place}" for place in range(1, len(names) + 1))
            sql = f"INSERT INTO portico.{table} ({', '.join(names)}) VALUES ({marks})"
            await connection.executemany(
                sql, [[_typed(kinds[table][name], one[name]) for name in names] for _, one in rows]
            )


async def _kinds(connection: Any, table: str) -> dict[str, str]:
    query = (
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'portico' AND table_name = $1"
    )
    return dict(await connection.fetch(query, table))


def _typed(kind: str, value: object) -> object:
    """SQLite has no truth and few types: what Postgres wants is made of what it gave."""
    if kind == "boolean" and value is not None:
        return bool(value)
    if kind == "double precision" and isinstance(value, int):
        return float(value)
    return value
