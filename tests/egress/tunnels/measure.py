"""
The figures of `docs/egress.md`: what a tunnel costs, and how long a failover takes.

    python -m tests.egress.tunnels.measure [--requests 2000] [--rounds 5]

Real engines on both sides of two tunnels, a provider with TLS behind their exits, everything on
this machine: what is measured is what the programs add, not a distance.
"""

import argparse
import signal
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import uvloop

from portico.egress.clients import HTTPRequest
from portico.egress.paths import Direct
from portico.egress.pool import Pool
from tests.egress.exits import URL
from tests.egress.servers import Server
from tests.egress.tunnels.engines import Engines, installed
from tests.egress.tunnels.exits import ADDRESSES, Exits, exits, stop

CERTIFICATES = Path(__file__).parents[1] / "certificates"
TRUST = CERTIFICATES / "certificate.pem"
SENT = b"x" * 2048
FIRST, SECOND = ADDRESSES


@asynccontextmanager
async def opened(engines: Engines) -> AsyncIterator[Exits]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(TRUST, CERTIFICATES / "key.pem")
    with tempfile.TemporaryDirectory() as folder:
        async with exits(engines, Path(folder), tls, TRUST) as here:
            await here.ask()
            yield here
            for process in (*here.near, *here.far):
                if process.returncode is None:
                    process.send_signal(signal.SIGCONT)


async def timed(pool: Pool, url: str = URL) -> tuple[float, str]:
    """Return the milliseconds that one request takes, and what the provider saw."""
    started = time.perf_counter()
    async with pool.send(HTTPRequest(url, body=SENT, connect=5.0)) as answer:
        seen = (await answer.read()).decode()
    return (time.perf_counter() - started) * 1000, seen


async def cost(engines: Engines, requests: int) -> None:
    """Direct and by either tunnel, in turn, each on its one kept connection."""
    async with opened(engines) as here:
        first, second = here.pool.ways.all
        direct = Pool(Direct(), TRUST)
        url = address(here.origin)
        took: dict[str, list[float]] = {"direct": [], "first": [], "second": []}
        for number in range(requests + 100):
            for name, way in (("direct", None), ("first", first), ("second", second)):
                started = time.perf_counter()
                request = HTTPRequest(url if way is None else URL, body=SENT)
                sending = direct.send(request) if way is None else here.pool.send_by(way, request)
                async with sending as answer:
                    await answer.read()
                if number >= 100:
                    took[name].append((time.perf_counter() - started) * 1000)
        await direct.aclose()
    base = median(took["direct"])
    for name, kind in (("direct", "-"), ("first", "VLESS, TLS, Vision"), ("second", "SS 2022")):
        some = sorted(took[name])
        p50, p99 = median(some), some[int(0.99 * len(some))]
        say(f"pooled, {name} ({kind}): p50 {p50:.2f} ms (+{p50 - base:.2f}), p99 {p99:.2f} ms")


def address(origin: Server) -> str:
    return origin.url("/v1beta/models", scheme="https")


async def failover(engines: Engines, what: str, side: str, kept: bool) -> float:
    """Return the milliseconds that the first request after the event takes."""
    async with opened(engines) as here:
        if not kept:
            here.pool.ways.all[0].sweep(float("inf"))
        process = getattr(here, side)[0]
        if what == "killed":
            process.kill()
            await process.wait()
        else:
            await stop(process)
        took, seen = await timed(here.pool)
        assert seen == SECOND, "the request came out at the other exit"
        assert here.provider.asked == [FIRST, SECOND], "and was asked there once"
        return took


async def blocked(engines: Engines) -> float:
    async with opened(engines) as here:
        here.provider.abroad = {FIRST}
        started = time.perf_counter()
        assert await here.ask() == SECOND
        assert here.provider.asked == [FIRST, FIRST, SECOND]
        return (time.perf_counter() - started) * 1000


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(requests: int, rounds: int) -> None:
    engines = installed()
    await cost(engines, requests)
    for what in ("killed", "frozen"):
        for side in ("near", "far"):
            for kept in (False, True):
                took = [await failover(engines, what, side, kept) for _ in range(rounds)]
                on = "kept connection" if kept else "new connection"
                say(f"{what}, {side} side, {on}: {median(took):.0f} ms ({max(took):.0f} at most)")
    took = [await blocked(engines) for _ in range(rounds)]
    say(f"geo-blocked exit: {median(took):.0f} ms ({max(took):.0f} at most), one charge")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    uvloop.run(main(arguments.requests, arguments.rounds))
