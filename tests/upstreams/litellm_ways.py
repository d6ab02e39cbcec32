"""
Asks every provider that may use a tunnel, through one, and tells who else was spoken to.

A program of its own, because it watches every connection and every name that is looked up in its
process, and because the environment's proxies are read when LiteLLM is imported. It prints, for
each provider and model, how often the tunnel was asked for the provider, and every stray.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from portico.egress.paths import Tunnel, Via
from portico.egress.pool import Pool
from portico.upstreams.base import Account, UpstreamFailed
from portico.upstreams.litellm import LiteLLM
from portico.upstreams.litellm_providers import OF_THE_HANDLER, OF_THE_SDK
from tests.upstreams.openai_asks import ask

PROVIDERS = sorted(OF_THE_SDK | OF_THE_HANDLER.keys() | {"azure", "ollama"})
HOST = "provider.invalid"
ANSWER = (
    b"HTTP/1.1 418 No\r\ncontent-type: application/json\r\ncontent-length: 35\r\n"
    b'connection: close\r\n\r\n{"error": {"message": "not today"}}'
)


@asynccontextmanager
async def tunnel(asked: list[str]) -> AsyncIterator[int]:
    """An HTTP proxy whose far end refuses everything."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            asked.append(head.split(b"\r\n")[0].decode())
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


class Strays:
    """Every connection but those to the tunnel, and every name that is looked up."""

    def __init__(self, port: int) -> None:
        self.found: list[str] = []
        self._allowed = ("127.0.0.1", port)
        sys.addaudithook(self._look)

    def _look(self, event: str, values: tuple[Any, ...]) -> None:
        if event == "socket.connect" and values[1] != self._allowed:
            self.found.append(f"connects to {values[1]}")
        if event == "socket.getaddrinfo" and values[0] != self._allowed[0]:
            self.found.append(f"looks up {values[0]}")


async def ways() -> dict[str, dict[str, Any]]:
    told: dict[str, dict[str, Any]] = {}
    asked: list[str] = []
    async with tunnel(asked) as port:
        pool = Pool(Tunnel("test", (Via("http", "127.0.0.1", port),)))
        strays = Strays(port)
        for provider in PROVIDERS:
            account = Account("up", f"http://{HOST}/v1", pool, "a-key", tunnelled=True)
            upstream = LiteLLM(account, provider)
            for stream in (False, True):
                asked.clear()
                strays.found.clear()
                with suppress(UpstreamFailed):
                    async with upstream.open(ask(model="some-model", stream=stream)) as batches:
                        async for _ in batches:
                            pass
                told[f"{provider} {stream}"] = {"asked": asked[:], "strays": strays.found[:]}
        await pool.aclose()
    return told


if __name__ == "__main__":
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        os.environ[name] = os.environ[name.lower()] = "http://127.0.0.1:9"
    sys.stdout.write(json.dumps(asyncio.run(ways())))
