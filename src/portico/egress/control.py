"""
The negative control, and the counters: what keeps a check from praising a dead network.

The control is a program of ours in a place that has a way out. Asked, it tries what a closed
process must not reach, and says what it reached.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from portico.egress.boundary import Endpoint, reached, shown
from portico.egress.findings import Check, Finding, fine, leak, unknown, wrong

log = logging.getLogger(__name__)

STALE = 120.0
"""Seconds after which counters tell nothing of now."""

_MOST = 64 * 1024
_NONE = "run `portico egress control` where there is a way out, and name it as `boundary.control`"


_WHO = "find out who (deploy/egress/README.md), then `nft reset counters` in that place"


class Reached(Struct, frozen=True):
    """What the control has reached of what it tried."""

    reached: tuple[str, ...]
    tried: tuple[str, ...]


@asynccontextmanager
async def keeping(outside: Iterable[Endpoint], host: str, port: int) -> AsyncIterator[int]:
    """Be a control at *host*:*port* (0: a free one, which is given). Raises OSError."""
    known = tuple(outside)
    callers: set[asyncio.Task[None]] = set()

    async def tell(writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.gather(*(reached(each, 3.0) for each in known))
            names = [shown(each) for each in known]
            got = tuple(name for name, here in zip(names, there, strict=True) if here)
            writer.write(msgspec.json.encode(Reached(got, tuple(names))) + b"\n")
            await asyncio.wait_for(writer.drain(), 3.0)
            writer.close()
        except OSError:
            writer.transport.abort()

    def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = asyncio.ensure_future(tell(writer))
        callers.add(caller)
        caller.add_done_callback(callers.discard)

    server = await asyncio.start_server(call, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for caller in list(callers):
            caller.cancel()
        if callers:
            await asyncio.wait(callers)


async def keep(outside: Iterable[Endpoint], host: str, port: int) -> None:
    """Be a control at *host*:*port* until cancelled. Raises OSError."""
    async with keeping(outside, host, port) as taken:
        log.info("control: at %s port %d", host, taken)
        await asyncio.get_running_loop().create_future()


async def controlled(place: str, within: float) -> Finding:
    """Ask the control at *place* (host:port; empty: there is none)."""
    if not place:
        return unknown(Check.CONTROL, "none", "a dead network would look as closed", _NONE)
    host, _, port = place.rpartition(":")
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            try:
                told = msgspec.json.decode(await reader.read(_MOST), type=Reached)
            finally:
                writer.transport.abort()
    except (OSError, msgspec.DecodeError):
        return wrong(Check.CONTROL, place, "it does not answer", _NONE)
    if not told.reached:
        return wrong(
            Check.CONTROL,
            place,
            f"it reaches none of {', '.join(told.tried)}: nothing can be concluded",
            "see whether its network has a way out, and mend `boundary.outside`",
        )
    return fine(Check.CONTROL, place, f"with a way out {', '.join(told.reached)} can be reached")


def counted(file: Path, now: float | None = None) -> Finding:
    """Read the counters of a firewall, as `nft -j list counters` wrote them into *file*."""
    where, mend = str(file), "have `sidecar.sh` write them there (PORTICO_COUNTERS)"
    try:
        age = (time.time() if now is None else now) - file.stat().st_mtime
        packets = leaked(file.read_bytes())
    except (OSError, ValueError):
        return wrong(Check.COUNTERS, where, "there are no counters to read", mend)
    return msgspec.structs.replace(_counted(where, packets, age, mend), packets=packets)


def _counted(where: str, packets: int, age: float, mend: str) -> Finding:
    if packets:
        told = f"{packets} packets tried to leave another way"
        return leak(Check.COUNTERS, where, told, _WHO)
    if age > STALE:
        return wrong(Check.COUNTERS, where, f"nobody has counted for {age:.0f} s", mend)
    return fine(Check.COUNTERS, where, "nothing has tried to leave another way")


class _Counter(Struct):
    name: str
    packets: int


class _Entry(Struct):
    counter: _Counter | None = None


class _Listed(Struct):
    nftables: list[_Entry]


def leaked(listed: bytes) -> int:
    """Return the packets of the counter `leak`; raises ValueError where it is not listed."""
    found = msgspec.json.decode(listed, type=_Listed).nftables
    leaks = [each.counter.packets for each in found if each.counter and each.counter.name == "leak"]
    if not leaks:
        raise ValueError("no counter is called leak")
    return sum(leaks)
