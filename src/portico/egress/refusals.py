"""Asks a path's listeners for what is not theirs, as somebody with bad intentions would."""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from portico.egress.clients import TunnelDown
from portico.egress.findings import Check, Finding, fine, leak, wrong
from portico.egress.paths import Via
from portico.egress.tunnel import Greeting, pass_through

_MEND = (
    "let it carry the path's own hosts only: `portico egress render --reach`, `portico egress gate`"
)
_ABSENT = "start the tunnel's engine, or mend `via`"


@dataclass(frozen=True, slots=True)
class Listening:
    """A listener, the path that it is for, and what it has to refuse."""

    path: str
    via: Via
    forbidden: tuple[tuple[str, int], ...]


def forbidden(others: Iterable[str], addresses: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return what a listener has to refuse: hosts of *others* in several writings, addresses."""
    found = list(addresses)
    for host in others:
        found += [(host, 443), (f"{host}.", 443), (host.upper(), 443), (host, 80), (host, 8443)]
    return list(dict.fromkeys(found))


async def refused(listening: Listening, within: float) -> Finding:
    """Say whether a listener refuses all that it has to; asks for everything at once."""
    where, asked = f"{listening.path}, {listening.via.tunnel}", listening.forbidden
    answers = [_carried(listening.via, host, port, within) for host, port in asked]
    carried = await asyncio.gather(*answers)
    for (host, port), came in zip(asked, carried, strict=True):
        if came:
            return leak(Check.REFUSALS, where, f"it carries {host}:{port}", _MEND)
    if None in carried:
        return wrong(Check.REFUSALS, where, "nobody listens, so nothing was asked", _ABSENT)
    told = f"it refuses what is not its own (asked {len(asked)} times)"
    return fine(Check.REFUSALS, where, told)


async def _carried(via: Via, host: str, port: int, within: float) -> bool | None:
    """
    Say whether somebody at the far end answers; None where nobody listens.

    Engines say yes before they know whom they reach: only an answer counts.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(within):
            transport, greeting = await loop.create_connection(Greeting, via.host, via.port)
    except OSError:  # a timeout is one
        return None
    try:
        async with asyncio.timeout(within):
            await pass_through(greeting, via, host, port)
            greeting.say(_hello(host) if port == 443 else b"GET / HTTP/1.0\r\n\r\n")
            await greeting.exactly(1)
    except (TunnelDown, TimeoutError):
        return False
    finally:
        transport.abort()
    return True


def _hello(host: str) -> bytes:
    """The first thing that TLS says; whoever answers it is there, with any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    speaking = context.wrap_bio(incoming, outgoing, server_hostname=host.rstrip(".").lower())
    with suppress(ssl.SSLWantReadError):
        speaking.do_handshake()
    return outgoing.read()
