"""Where the ledger lies: chosen by the scheme of `stores.ledger`."""

from contextlib import AbstractAsyncContextManager

from portico.ledger.base import LedgerStore
from portico.ledger.late import LateLedger, open_late
from portico.ledger.sqlite import open_sqlite
from portico.settings import Settings
from portico.stores.sqlite import path_of


def ledger_store(settings: Settings) -> AbstractAsyncContextManager[LateLedger]:
    """Return the ledger of *settings*, to be opened; what keeps it away stops nothing."""
    return open_late(lambda: ledger_of(settings), settings.stores.retry)


def ledger_of(settings: Settings) -> AbstractAsyncContextManager[LedgerStore]:
    """Return the ledger of *settings* as it is: one that is away does not open, or says so."""
    url = settings.stores.ledger.get_secret_value()
    if url.startswith("sqlite:"):
        return open_sqlite(path_of(url))
    from portico.ledger.postgres import open_postgres  # takes memory: only where configured

    return open_postgres(url)
