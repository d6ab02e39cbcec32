"""Tables, the bucket, and the memory's server: brought up to date, or found so."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from portico.bootstrap.base import Line, Order, State, made
from portico.errors import StoreUnavailable
from portico.ledger.base import RequestQuery
from portico.settings import Settings, load_settings
from portico.stores.migrations import Steps, steps
from portico.stores.sqlite import path_of, version
from portico.traces.base import TraceQuery
from portico.wiring import open_keyring, open_serving
from portico.wiring.buckets import make_bucket

LOOKING = 5.0
"""Seconds for a server to say how far its tables are."""


async def tables(order: Order) -> list[Line]:
    """Apply the steps that a store's tables still need; the stores do it themselves when opened."""
    settings = load_settings(order.config, order.environ)
    before = await _numbers(settings, order.home)
    if not order.check:
        await _touched(settings, order)
    after = await _numbers(settings, order.home)
    lines = [_line(order, room, before[room], after[room]) for room in before]
    if settings.stores.traces.get_secret_value().startswith("mongodb"):
        lines.append(_mongodb(order))
    return lines


async def bucket(order: Order) -> list[Line]:
    """Make the bucket of the artifacts, and see that our key may write, read and delete in it."""
    settings = load_settings(order.config, order.environ)
    missing = await make_bucket(settings, order.environ, make=not order.check)
    if missing is None:
        return [Line(State.ALREADY, "artifacts are files: no bucket is needed")]
    if missing:
        return [made(order, "the bucket is made", "delete the bucket, with all that is in it")]
    return [Line(State.ALREADY, "the bucket is there, and our key may use it")]


def playing(settings: Settings) -> Settings:
    """Return *settings* with every upstream simulated: no packet leaves, no tunnel is needed."""
    upstreams = {
        name: given.model_copy(update={"simulate": True})
        for name, given in settings.upstreams.items()
    }
    pictures = settings.pictures.model_copy(update={"fetch": False})
    return settings.model_copy(update={"upstreams": upstreams, "pictures": pictures})


async def _touched(settings: Settings, order: Order) -> None:
    """Open every store as the gateway does, and read a little of each."""
    played = playing(settings)
    async with open_serving(lambda: played, order.home, exposed=False, environ={}) as serving:
        await serving.ledger.requests(RequestQuery(limit=1))
        await serving.traces.cards(TraceQuery(limit=1))
    async with open_keyring(settings, order.home) as ring:
        await ring.list()


async def _numbers(settings: Settings, home: Path) -> dict[str, tuple[int | None, Steps]]:
    """Return, by room, the number of the last step that its tables have, and all that there are."""
    ledger = settings.stores.ledger.get_secret_value()
    places = {"ledger": ledger, "traces": settings.stores.traces.get_secret_value()}
    if ledger.startswith("postgres"):
        places["access"] = ledger
    found = {}
    for room, url in places.items():
        if url.startswith("sqlite:"):
            found[room] = (_of_file(path_of(url)), steps(room, "sqlite", f"the {room}"))
        elif url.startswith("postgres"):
            known = steps(room, "postgres", f"the {room}")
            found[room] = (await _of_server(url, known), known)
    return found


def _of_file(path: Path) -> int | None:
    if not path.exists():
        return None
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return version(connection)


async def _of_server(url: str, known: Steps) -> int | None:
    from portico.stores.postgres import Connection, open_postgres  # takes memory

    async def ask(connection: Connection) -> int | None:
        if await connection.fetchval("SELECT to_regclass('portico.schema_version')") is None:
            return None
        query = "SELECT max(number) FROM portico.schema_version WHERE store = $1"
        have: int | None = await connection.fetchval(query, known.room)
        return have

    try:
        async with open_postgres(url, known.what, 1) as server, asyncio.timeout(LOOKING):
            return await server.read(ask)
    except TimeoutError:
        raise StoreUnavailable(f"{known.what} did not answer in time") from None


def _line(
    order: Order, room: str, before: tuple[int | None, Steps], after: tuple[int | None, Steps]
) -> Line:
    have, known = after
    if before[0] == known.newest:
        return Line(State.ALREADY, f"{room}: its tables are at step {known.newest}")
    if order.check or have == known.newest:
        told = f"{room}: its tables are brought from step {before[0] or 0} to {known.newest}"
        return made(order, told, "restore the backup from before: tables are never taken back")
    return Line(State.FAILED, f"{room}: its tables are at step {have} of {known.newest}")


def _mongodb(order: Order) -> Line:
    if order.check:
        return Line(State.SKIPPED, "traces: MongoDB is asked without --check only")
    return Line(State.ALREADY, "traces: MongoDB answers, and makes its indexes as they are needed")
