"""What the console needs of a gateway that is open. Whatever has all of this will do."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from portico.access.gate import Gate
from portico.access.keyring import Keyring
from portico.access.members import Members
from portico.artifacts.archive import Archive
from portico.dispatch.design import Design
from portico.dispatch.gateway import Gateway
from portico.dispatch.operating import Operating
from portico.dispatch.polling import Polling
from portico.dispatch.recalling import Recalling
from portico.dispatch.works import Works
from portico.egress.findings import Guarded
from portico.egress.status import PathStatus
from portico.errors import Problem
from portico.ledger.base import LedgerStore
from portico.traces.desk import Desk
from portico.traces.thumbs import Thumbs


class Serving(Protocol):
    """An open gateway."""

    @property
    def gateway(self) -> Gateway:
        """Its use cases."""
        ...

    @property
    def gate(self) -> Gate:
        """Who may ask."""
        ...

    @property
    def ledger(self) -> LedgerStore:
        """What was asked."""
        ...

    @property
    def traces(self) -> Desk:
        """What was said."""
        ...

    @property
    def thumbs(self) -> Thumbs:
        """What people thought of it."""
        ...

    @property
    def polling(self) -> Polling | None:
        """Who fetches that from a front end; None where nobody does."""
        ...

    @property
    def works(self) -> Works:
        """What operators set going in the background."""
        ...

    @property
    def archive(self) -> Archive:
        """Pictures."""
        ...

    @property
    def design(self) -> Design:
        """What is on them."""
        ...

    @property
    def recalling(self) -> Recalling:
        """What was shown and said of it, by meaning."""
        ...

    @property
    def ring(self) -> Keyring:
        """The keys."""
        ...

    @property
    def members(self) -> Members:
        """People, teams, and what operators did."""
        ...

    @property
    def operating(self) -> Operating:
        """What only an operator reads and does."""
        ...

    @property
    def stores(self) -> Callable[[], Mapping[str, str]]:
        """How the stores are: `ok`, or what is wrong."""
        ...

    @property
    def paths(self) -> Callable[[], tuple[PathStatus, ...]]:
        """Tunnelled paths in use, as they do now."""
        ...

    @property
    def guarded(self) -> Callable[[], Guarded | None]:
        """What was found around this process, where somebody looks."""
        ...

    @property
    def reload(self) -> Callable[[], Awaitable[tuple[Problem, ...]]]:
        """Reads the configuration anew."""
        ...

    @property
    def max_body(self) -> int:
        """Bytes of a body at most."""
        ...


class Lobby(Protocol):
    """Holds what is open; the pages are made before it is."""

    @property
    def serving(self) -> Serving:
        """What is open."""
        ...

    @property
    def draining(self) -> bool:
        """True on the way down."""
        ...
