"""From settings to what is around this process, and has to hold."""

from collections.abc import Collection, Iterator
from pathlib import Path

from portico.egress.checking import Boundary
from portico.egress.paths import Tunnel
from portico.egress.refusals import Listening, forbidden
from portico.settings import Settings
from portico.settings.addresses import endpoint
from portico.settings.belonging import claims
from portico.wiring.building import way

NOBODYS = "example.com"
"""A host that no path carries (RFC 2606)."""


def boundary(settings: Settings, own: Collection[str] = ()) -> Boundary:
    """Return what is around a process with *settings*, whose engines carry the paths *own*."""
    given = settings.boundary
    return Boundary(
        outside=tuple(map(endpoint, given.outside)),
        control=given.control,
        counters=tuple(map(Path, given.counters)),
        listeners=tuple(_listeners(settings, own)),
        meant=given.closed is not False,
    )


def guarded(settings: Settings) -> bool:
    """Say whether the boundary is to be looked at all the time."""
    used = (settings.egress[name] for name in settings.paths_in_use)
    return settings.boundary.closed is True or any(path.panic for path in used)


def _listeners(settings: Settings, own: Collection[str]) -> Iterator[Listening]:
    known = list(claims(settings))
    claimed = [(claim.path, claim.host) for claim in known if claim.host]
    to_anybody = {claim.path for claim in known if not claim.url} | {settings.pictures.egress}
    numbers = [(str(address), port) for address, port in map(endpoint, settings.boundary.outside)]
    for name in sorted(settings.paths_in_use - set(own)):
        path = way(name, settings)
        if isinstance(path, Tunnel):
            others = [host for owner, host in claimed if owner != name]
            others += [] if others or name in to_anybody else [NOBODYS]
            asked = tuple(forbidden(dict.fromkeys(others), numbers))
            yield from (Listening(name, via, asked) for via in path.via)
