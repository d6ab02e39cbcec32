"""All that is looked at to say that traffic leaves as it should, and in no other way."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from portico.egress.boundary import RESOLVERS, Endpoint, closed, nameless
from portico.egress.control import controlled, counted
from portico.egress.findings import Check, Finding, fine, unknown, wrong
from portico.egress.names import Resolve
from portico.egress.refusals import Listening, refused
from portico.egress.status import Level, Listener, PathStatus

WITHIN = 3.0
"""Seconds for one question of a look."""

_CHECKS = {
    Level.LISTENER: Check.SERVICE,
    Level.PROVIDER: Check.SERVICE,
    Level.REGION: Check.SERVICE,
    Level.EXIT: Check.EXIT,
}
_MEND = {
    Check.SERVICE: "see whether the tunnel's server lives, and what its engine says",
    Check.EXIT: "move the tunnel, or mend `expect`",
}


@dataclass(frozen=True, slots=True)
class Boundary:
    """
    What is around this process. `meant` is False where it is not meant to be closed.

    `outside` must not be reached from here, `control` (host:port) reaches it; `counters` are files
    in which firewalls count.
    """

    outside: tuple[Endpoint, ...]
    control: str = ""
    counters: tuple[Path, ...] = ()
    listeners: tuple[Listening, ...] = ()
    meant: bool = True
    resolvers: Path = RESOLVERS


async def look(boundary: Boundary, resolve: Resolve) -> tuple[Finding, ...]:
    """Look at everything around this process, all at once."""
    around, names, control, *refusals = await asyncio.gather(
        closed(boundary.outside, WITHIN),
        nameless(resolve, WITHIN, boundary.resolvers),
        _control(boundary),
        *(_alone(listening) for listening in boundary.listeners),
    )
    counters = await asyncio.to_thread(lambda: [counted(file) for file in boundary.counters])
    own = [each if boundary.meant else _not_meant(each) for each in (*around, *names)]
    asked = [finding for found in refusals for finding in found]
    return (*own, *asked, *(counters or [_uncounted()]), *control)


async def _control(boundary: Boundary) -> list[Finding]:
    return [await controlled(boundary.control, 2 * WITHIN)]


async def _alone(listening: Listening) -> list[Finding]:
    return [await refused(listening, WITHIN)]


def _uncounted() -> Finding:
    told = "no firewall's counters are read"
    return unknown(Check.COUNTERS, "none", told, "name their files as `boundary.counters`")


def _not_meant(finding: Finding) -> Finding:
    """What is open and is not meant to be closed is no fault, and no proof either."""
    if finding.level != "error":
        return finding
    told = f"{finding.what}; nothing but the gateway itself keeps its traffic in the tunnel"
    return msgspec.structs.replace(finding, level="note", what=told, leak=False)


def passable(paths: Iterable[PathStatus]) -> tuple[Finding, ...]:
    """Return what the last probes of each tunnel found."""
    return tuple(
        finding for path in paths for one in path.listeners for finding in _tunnel(path, one)
    )


def _tunnel(path: PathStatus, one: Listener) -> list[Finding]:
    where = f"{path.name}, {one.tunnel}"
    found = []
    for seen in one.probes:
        check = _CHECKS[seen.level]
        if not seen.ok:
            found.append(wrong(check, where, f"{seen.level}: {seen.detail}", _MEND[check]))
        elif seen.level is Level.EXIT and one.exit is not None:
            told = f"it comes out at {one.exit.address} {one.exit.region}".rstrip()
            found.append(fine(check, where, told))
        else:
            found.append(fine(check, where, f"{seen.level}: all is well"))
    looked = {seen.level for seen in one.probes}
    if Level.EXIT not in looked and all(seen.ok for seen in one.probes):
        told = "nobody knows where it comes out"
        mend = f"name a page as egress.{path.name}.exit_url"
        found.append(unknown(Check.EXIT, where, told, mend))
    return found
