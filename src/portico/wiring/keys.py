"""Where keys, people and teams are kept: beside the ledger."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from portico.access.gate import Gate, Rule
from portico.access.keyring import Keyring
from portico.access.limits import Limits
from portico.access.sqlite import SQLiteAccess
from portico.access.watch import open_gate
from portico.dispatch.books import Books, books_kept
from portico.ledger.base import LedgerStore
from portico.settings import Settings

POSTGRES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class Counting:
    """What counts what callers use, and what knows what they have used."""

    limits: Limits
    ledger: LedgerStore


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask: the gate, and the keys that it goes by."""

    gate: Gate
    ring: Keyring


@asynccontextmanager
async def open_access(
    settings: Settings, home: Path, counting: Counting, *, exposed: bool
) -> AsyncIterator[Access]:
    """Open the keys, a gate that is kept in step with them, and the books of what was spent."""
    given = settings.access
    signed = given.user_jwt_secret
    secret = signed.get_secret_value().encode() if signed else b""
    gate = Gate(Rule(given.required, exposed), secret=secret or None)
    async with (
        open_keyring(settings, home) as ring,
        open_gate(gate, ring.roster, recall=ring.recall),
    ):
        counting.limits.remembered(*await ring.spent())
        books = Books(counting.limits, counting.ledger, lambda: gate.roster)
        async with books_kept(books, ring):
            yield Access(gate, ring)


@asynccontextmanager
async def open_keyring(settings: Settings, home: Path) -> AsyncIterator[Keyring]:
    """
    Open the keys: in Postgres, where the ledger is in one, else in a file under *home*.

    The secret of their digests is always a file under *home*: no database alone opens anything.
    """
    url = settings.stores.ledger.get_secret_value()
    if not url.startswith(POSTGRES):
        yield keyring(home)
        return
    from portico.access.postgres import open_postgres  # its driver: only where configured

    async with open_postgres(url) as store:
        yield Keyring(store, home / "secret")


def keyring(home: Path) -> Keyring:
    """Return the keys that are kept in a file under *home*; the first one makes its files."""
    return Keyring(SQLiteAccess(home / "access.db"), home / "secret")
