"""One look at a store of the configuration, which changes nothing: what `portico check` says."""

import sqlite3
from contextlib import closing
from pathlib import Path

from portico.errors import ConfigError, Problem, StoreUnavailable
from portico.settings import Settings
from portico.stores.migrations import steps
from portico.stores.sqlite import path_of, translated, version

LOOKING = 5.0
"""Seconds for a look at a server."""

_MEANWHILE = "start it or mend the address; until then {} in the spool"


async def ledger_trouble(settings: Settings) -> Problem | None:
    """Return what keeps the ledger from being used, or None."""
    url = settings.stores.ledger.get_secret_value()
    return await _trouble(url, "ledger", "the ledger", "rows wait")


async def traces_trouble(settings: Settings) -> Problem | None:
    """Return what keeps the traces from being used, or None."""
    url = settings.stores.traces.get_secret_value()
    return await _trouble(url, "traces", "the traces", "traces wait")


async def _trouble(url: str, room: str, what: str, waits: str) -> Problem | None:
    key = f"stores.{room}"
    try:
        if url.startswith("sqlite:"):
            _look_into(path_of(url), room, what)
        elif url.startswith("mongodb"):
            await _look_at_mongo(url)
        else:
            await _look_at_postgres(url, room, what)
    except ConfigError as exc:
        (problem, *_) = exc.problems
        return Problem(problem.message, key=problem.key or key, remedy=problem.remedy)
    except StoreUnavailable as exc:
        return Problem(str(exc), key=key, remedy=_MEANWHILE.format(waits))
    return None


def _look_into(path: Path, room: str, what: str) -> None:
    if not path.exists():
        return
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with translated(what), closing(sqlite3.connect(uri, uri=True)) as connection:
        steps(room, "sqlite", what).after(version(connection))


async def _look_at_postgres(url: str, room: str, what: str) -> None:
    from portico.stores.tables import open_tables  # takes memory: only where configured

    async with open_tables(url, steps(room, "postgres", what), size=1) as tables:
        await tables.look(LOOKING)


async def _look_at_mongo(url: str) -> None:
    from portico.traces.mongo import open_mongo

    async with open_mongo(url) as store:
        await store.look()
