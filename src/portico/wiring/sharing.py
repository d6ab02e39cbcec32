"""What other processes are told, and know: by a Valkey, or by the hub beside our workers."""

from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from portico.dispatch.gateway import Gateway
from portico.settings import Settings
from portico.shared.base import Hub
from portico.shared.sharing import Sharing
from portico.shared.unix import UnixHub, keep_hub
from portico.upstreams.standing_file import standing_kept
from portico.upstreams.standing_shared import Marks, standing_shared

BESIDE = "PORTICO_HUB"
"""How a worker learns where the hub of its own gateway is."""


@dataclass(frozen=True, slots=True)
class Own:
    """What this process knows of upstreams, where it keeps that, and with which keys it learned."""

    gateway: Gateway
    home: Path
    marks: Marks


@asynccontextmanager
async def open_standing(
    settings: Settings, own: Own, environ: Mapping[str, str]
) -> AsyncIterator[Sharing | None]:
    """
    Keep what is learned of upstreams in a file, and share it with whom there is.

    Limits and places of callers and targets are shared with them, too. None: nobody is there.
    """
    gateway, hub = own.gateway, _hub(settings, environ)
    standing, file = gateway.standing, own.home / "standing.json"
    async with standing_kept(standing, file, own.marks):
        if hub is None:
            yield None
            return
        sharing = Sharing(hub, settings.server.share_within)
        paths = isinstance(hub, UnixHub)  # of one machine, and so are its ways out
        async with (
            standing_shared(standing, sharing, own.marks, paths=paths),
            sharing.opened(),
        ):
            gateway.share(sharing)
            yield sharing


@contextmanager
def hub_beside(environ: MutableMapping[str, str]) -> Iterator[Path]:
    """Keep the hub of the workers that are started in the context; they learn where it is."""
    with keep_hub() as path:
        environ[BESIDE] = str(path)
        try:
            yield path
        finally:
            del environ[BESIDE]


def _hub(settings: Settings, environ: Mapping[str, str]) -> Hub | None:
    given = settings.stores.shared
    if given is not None:
        from portico.shared.valkey import ValkeyHub  # its driver: only where configured

        return ValkeyHub(given.get_secret_value())
    beside = environ.get(BESIDE)
    return UnixHub(Path(beside)) if beside else None
