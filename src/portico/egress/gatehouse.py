"""
The gate to the direct world: a CONNECT proxy for a gateway that has no route of its own.

It lets out to the endpoints of its `Doors` and to nothing else, resolves a name once and dials what
came of that, and writes one line for each decision. It neither reads nor changes what it carries.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from http import HTTPStatus

from portico.egress.addresses import Address
from portico.egress.doors import Doors, TurnedAway
from portico.egress.names import Resolve, SystemNames

log = logging.getLogger(__name__)

_FIT_TO_LOG = re.compile(rb"[A-Z]{1,16} ([A-Za-z0-9.:\[\]-]{1,253}) ")

type Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What one gate bears: seconds for a request's head, for dialling, and without a byte either way.

    A model that thinks says nothing for minutes: `idle` is above every target's patience.
    """

    head: float = 10.0
    dial: float = 10.0
    idle: float = 900.0
    connections: int = 512
    head_bytes: int = 16 * 1024


class Gatehouse:
    """Serves callers, one task each; `aclose` sends away whoever is there."""

    def __init__(self, doors: Doors, resolve: Resolve, limits: Limits | None = None) -> None:
        self._doors = doors
        self._resolve = resolve
        self.limits = limits or Limits()
        self._callers: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._callers)

    def call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a caller; asyncio's promise. One too many is hung up on, unread."""
        if len(self._callers) >= self.limits.connections:
            log.warning("gate: hung up on %s: all connections are taken", _peer(writer))
            writer.transport.abort()
            return
        caller = asyncio.ensure_future(self._serve((reader, writer)))
        self._callers.add(caller)
        caller.add_done_callback(self._callers.discard)

    async def aclose(self) -> None:
        """Send everybody away."""
        callers = list(self._callers)
        for caller in callers:
            caller.cancel()
        if callers:
            await asyncio.wait(callers)

    async def _serve(self, near: Pipe) -> None:
        reader, writer = near
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                head = await self._head(reader)
                if (far := await self._admitted(near, head)) is not None:
                    await self._carry(near, far)
        finally:
            writer.transport.abort()

    async def _head(self, reader: asyncio.StreamReader) -> bytes:
        """Return the request's head; empty if it is too long. Raises TimeoutError and its kin."""
        async with asyncio.timeout(self.limits.head):
            try:
                return await reader.readuntil(b"\r\n\r\n")
            except asyncio.LimitOverrunError:
                return b""

    async def _admitted(self, near: Pipe, head: bytes) -> Pipe | None:
        """Return the far end, or tell the caller why there is none; either is written down."""
        writer = near[1]
        try:
            if not head:
                raise TurnedAway(431, "the request's head is too long")
            host, port = self._doors.admit(head)
            far, address = await self._dial(host, port)
        except TurnedAway as turned:
            log.warning(
                "gate: %s refused %s: %s (%d)", _peer(writer), _asked(head), turned, turned.status
            )
            writer.write(_refusal(turned))
            await asyncio.wait_for(writer.drain(), self.limits.head)
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), self.limits.head)
            return None
        log.info("gate: %s let out to %s:%d at %s", _peer(writer), host, port, address)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return far

    async def _dial(self, host: str, port: int) -> tuple[Pipe, Address]:
        """Resolve once, judge everything that came of it, dial that; raises TurnedAway."""
        try:
            async with asyncio.timeout(self.limits.dial):
                addresses = self._doors.reach(await self._resolve(host, port), port)
                for address in addresses:
                    with suppress(OSError):  # a timeout is one
                        async with asyncio.timeout(self.limits.dial / len(addresses)):
                            return await asyncio.open_connection(str(address), port), address
        except OSError:
            raise TurnedAway(502, "the host's address was not found") from None
        raise TurnedAway(502, "the host cannot be reached")

    async def _carry(self, near: Pipe, far: Pipe) -> None:
        """Carry bytes both ways until both ends are done, or neither says anything any more."""
        try:
            async with asyncio.timeout(self.limits.idle) as clock, asyncio.TaskGroup() as ways:
                ways.create_task(self._pump(near[0], far[1], clock))
                ways.create_task(self._pump(far[0], near[1], clock))
        except* OSError:
            pass  # one end is gone: so is the other now
        finally:
            far[1].transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: asyncio.Timeout
    ) -> None:
        now = asyncio.get_running_loop().time
        while data := await reader.read(65536):
            writer.write(data)
            clock.reschedule(now() + self.limits.idle)
            await writer.drain()
        writer.write_eof()


@asynccontextmanager
async def keeping(gatehouse: Gatehouse, host: str, port: int = 0) -> AsyncIterator[int]:
    """
    Keep *gatehouse* at *host* until the context ends; gives its port.

    Raises:
        OSError: it cannot listen there.
    """
    most = gatehouse.limits.head_bytes
    server = await asyncio.start_server(gatehouse.call, host, port, limit=most)
    try:
        taken: int = server.sockets[0].getsockname()[1]
        yield taken
    finally:
        server.close()
        await gatehouse.aclose()


async def keep(doors: Doors, host: str, port: int, limits: Limits | None = None) -> None:
    """Keep a gate at *host*:*port* until cancelled; names are the system's. Raises OSError."""
    with closing(SystemNames()) as names:
        async with keeping(Gatehouse(doors, names, limits), host, port) as taken:
            more = " and any public host of nobody's" if doors.ports else ""
            log.info(
                "gate: %d endpoints%s are open, at %s port %d", len(doors.open), more, host, taken
            )
            await asyncio.get_running_loop().create_future()


def _refusal(turned: TurnedAway) -> bytes:
    body = f"{turned}\n".encode()
    lines = [f"HTTP/1.1 {turned.status} {HTTPStatus(turned.status).phrase}"]
    if turned.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        lines.append('proxy-authenticate: Basic realm="gate"')
    lines += [f"content-length: {len(body)}", "connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


def _asked(head: bytes) -> str:
    """What was asked for, if it is a place: anything else may hold a secret, or a line break."""
    fit = _FIT_TO_LOG.match(head)
    return fit[1].decode() if fit else "what is no place"


def _peer(writer: asyncio.StreamWriter) -> str:
    name = writer.get_extra_info("peername")
    return str(name[0]) if name else "a caller who has left"
