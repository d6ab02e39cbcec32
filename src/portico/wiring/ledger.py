"""Where the ledger lies, and how it is: chosen by the scheme of `stores.ledger`."""

import sqlite3
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

from portico.errors import ConfigError, Problem, StoreUnavailable
from portico.ledger.base import LedgerStore
from portico.ledger.late import LateLedger, open_late
from portico.ledger.sqlite import open_sqlite
from portico.settings import Settings
from portico.stores.migrations import steps
from portico.stores.sqlite import path_of, translated, version

LOOKING = 5.0
"""Seconds for a look at a server."""


def ledger_store(settings: Settings) -> AbstractAsyncContextManager[LateLedger]:
    """Return the ledger of *settings*, to be opened; what keeps it away stops nothing."""
    return open_late(lambda: ledger_of(settings))


def ledger_of(settings: Settings) -> AbstractAsyncContextManager[LedgerStore]:
    """Return the ledger of *settings* as it is: one that is away does not open, or says so."""
    url = settings.stores.ledger.get_secret_value()
    if url.startswith("sqlite:"):
        return open_sqlite(path_of(url))
    from portico.ledger.postgres import open_postgres  # takes memory: only where configured

    return open_postgres(url)


async def ledger_trouble(settings: Settings) -> Problem | None:
    """Return what keeps the ledger from being used, or None; looks, and changes nothing."""
    url = settings.stores.ledger.get_secret_value()
    try:
        if url.startswith("sqlite:"):
            _look_into(path_of(url))
        else:
            await _look_at(url)
    except ConfigError as exc:
        return exc.problems[0]
    except StoreUnavailable as exc:
        remedy = "start it or mend the address; until then rows wait in the spool"
        return Problem(str(exc), key="stores.ledger", remedy=remedy)
    return None


def _look_into(path: Path) -> None:
    if not path.exists():
        return
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with translated("the ledger"), closing(sqlite3.connect(uri, uri=True)) as connection:
        steps("ledger", "sqlite", "the ledger").after(version(connection))


async def _look_at(url: str) -> None:
    from portico.stores.tables import open_tables

    async with open_tables(url, steps("ledger", "postgres", "the ledger"), size=1) as tables:
        await tables.look(LOOKING)
