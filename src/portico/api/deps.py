"""
What handlers may ask for.

All of it is async though nothing waits: FastAPI has a thread do what is not.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from portico.access.base import Caller as Asking
from portico.access.gate import Gate
from portico.access.keyring import Keyring
from portico.access.members import Members
from portico.artifacts.archive import Archive
from portico.artifacts.sweep import Swept
from portico.dispatch.caching import Cache
from portico.dispatch.design import Design
from portico.dispatch.gateway import Gateway
from portico.dispatch.idempotency import Once
from portico.dispatch.operating import Operating
from portico.dispatch.polling import Polling
from portico.dispatch.recalling import Recalling
from portico.dispatch.streams import Streams
from portico.dispatch.turnstile import Turnstile
from portico.dispatch.works import Works
from portico.egress.findings import Guarded
from portico.egress.status import PathStatus
from portico.errors import Forbidden, Problem
from portico.ledger.base import LedgerStore
from portico.telemetry.metrics import Metrics
from portico.traces.desk import Desk
from portico.traces.thumbs import Thumbs


@dataclass(frozen=True, slots=True)
class Serving:
    """Everything that is open while the application serves."""

    gateway: Gateway
    gate: Gate
    ring: Keyring
    members: Members
    operating: Operating
    once: Once
    streams: Streams
    ledger: LedgerStore
    archive: Archive
    design: Design
    recalling: Recalling
    cache: Cache
    metrics: Metrics
    traces: Desk
    thumbs: Thumbs
    works: Works
    polling: Polling | None  # None: no front end's feedback is read
    stores: Callable[[], Mapping[str, str]]  # store -> why it is away, "" if it is not
    reload: Callable[[], Awaitable[tuple[Problem, ...]]]
    sweep: Callable[[bool], Awaitable[Swept]]  # True: a dry run
    turnstile: Turnstile
    paths: Callable[[], tuple[PathStatus, ...]]  # of tunnels in use, as they do now
    guarded: Callable[[], Guarded | None]  # what was found around this process, if anybody looks
    max_body: int = 50 * 1024 * 1024
    keep_alive: float = 10.0


class Lobby:
    """Holds what the lifespan opened; the routes are made before it runs."""

    def __init__(self) -> None:
        self._serving: Serving | None = None
        self.draining = False  # on the way down: what is new is told to go elsewhere

    def enter(self, serving: Serving | None) -> None:
        """Open for requests, or close with None."""
        self._serving = serving

    @property
    def under_way(self) -> int:
        """How many chats are being answered."""
        return self._serving.gateway.in_flight if self._serving else 0

    @property
    def serving(self) -> Serving:
        """What is open."""
        assert self._serving is not None, "the lifespan has not run"
        return self._serving


async def serving(request: Request) -> Serving:
    """Return what is open."""
    found: Serving = request.app.state.lobby.serving
    return found


async def admitted(
    here: Annotated[Serving, Depends(serving)],
    request: Request,
) -> Asking:
    """Return who is asking; refuses whoever has no key where one is needed."""
    headers = dict(request.scope["headers"])
    caller, _ = here.gate.heard(here.gate.admit(headers.get(b"authorization")), headers)
    return caller


async def operating(caller: Annotated[Asking, Depends(admitted)]) -> Asking:
    """Return which operator is asking; refuses everybody else."""
    if not caller.admin:
        raise Forbidden("This is for operators: it needs an admin key.")
    return caller


Here = Annotated[Serving, Depends(serving)]
Caller = Annotated[Asking, Depends(admitted)]
Operator = Annotated[Asking, Depends(operating)]
