"""A gateway on real stores, each behind a proxy, and somebody with a key who keeps asking."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from PIL import Image

from portico.access.keyring import Keyring
from portico.access.postgres import open_postgres
from portico.wiring import keyring
from tests.artifacts.odd import saved
from tests.memory.rest import serve_qdrant
from tests.outages.proxy import Proxy, proxy
from tests.serving import House, house

AWAY = {"postgres": "ledger", "s3": "artifacts", "mongodb": "traces", "qdrant": "memory"}
"""What `/readyz` calls the store that lies on each server."""


@dataclass(frozen=True, slots=True)
class Lab:
    """The gateway, its proxies by the name of their server, and a key that is known to it."""

    house: House
    proxies: Mapping[str, Proxy]
    key: str

    async def chat(self, number: int) -> httpx.Response:
        """Ask as the key's owner; every third time with a picture of that *number*."""
        text: Any = f"request {number}"
        model = "code"
        if number % 3 == 0:
            link = {"type": "image_url", "image_url": {"url": picture(number)}}
            text, model = [{"type": "text", "text": text}, link], "vision"
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        headers = {"authorization": f"Bearer {self.key}"}
        return await self.house.client.post("/v1/chat/completions", json=body, headers=headers)

    async def chats(self, count: int, at_once: int = 10) -> list[httpx.Response]:
        """Ask *count* times, so many at once."""
        gate = asyncio.Semaphore(at_once)

        async def one(number: int) -> httpx.Response:
            async with gate:
                return await self.chat(number)

        return list(await asyncio.gather(*map(one, range(count))))

    async def stranger(self) -> int:
        """Ask with a key that nobody made, and return the status."""
        headers = {"authorization": f"Bearer pk-{'x' * 43}"}
        body = {"model": "code", "messages": [{"role": "user", "content": "let me in"}]}
        answer = await self.house.client.post("/v1/chat/completions", json=body, headers=headers)
        return answer.status_code

    async def search(self) -> httpx.Response:
        """Look for screens, as the key's owner."""
        headers = {"authorization": f"Bearer {self.key}"}
        asked = {"text": "request"}
        return await self.house.client.post("/v1/design/search", json=asked, headers=headers)

    async def until_searched(self, least: int = 0) -> None:
        """Wait until the search gives an answer, with so many screens in it at least."""
        while True:
            answer = await self.search()
            if answer.status_code == 200 and len(answer.json()["hits"]) >= least:
                return
            await asyncio.sleep(0.1)

    async def ready(self) -> dict[str, Any]:
        """Return what `/readyz` says; its status is 200 whatever stores do."""
        answer = await self.house.client.get("/readyz")
        assert answer.status_code == 200
        told: dict[str, Any] = answer.json()
        return told

    async def until_ready(self, store: str, said: str) -> None:
        """Wait until `/readyz` says so of *store*."""
        for _ in range(1200):
            if (await self.ready())["stores"][store] == said:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{store} did not become {said}: {await self.ready()}")

    async def get(self, path: str) -> Any:
        """Return what the operator's API says, as the key's owner."""
        headers = {"authorization": f"Bearer {self.key}"}
        answer = await self.house.client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def booked(self, count: int) -> list[dict[str, Any]]:
        """Return all rows, once there are *count* of them in the ledger; none is there twice."""
        ledger = self.house.serving.gateway.ledger
        rows: list[dict[str, Any]] = []
        while len(rows) < count:
            await ledger.flush()
            answer = await self.get("/api/requests?limit=200")
            rows = [row for row in answer["requests"] if row["task"] != "memory"]
            await asyncio.sleep(0.05)
        assert ledger.lost == 0
        return rows


def picture(number: int) -> str:
    """Return a picture like no other: one that is kept already asks no store for anything."""
    data = saved(Image.new("RGB", (16, 16), (number, 40, 200)), "PNG")
    return f"data:image/png;base64,{b64encode(data).decode()}"


@asynccontextmanager
async def lab(
    folder: Path, servers: Mapping[str, str], absent: frozenset[str] = frozenset()
) -> AsyncIterator[Lab]:
    """
    Open a gateway whose stores lie on *servers* (URLs by name), each behind a proxy.

    Those in *absent* are down when the gateway starts. Where the URL of Qdrant is empty, the REST
    server of the contract suite stands in for it.
    """
    async with AsyncExitStack() as stack:
        proxies: dict[str, Proxy] = {}
        stores: dict[str, Any] = {}
        for name, given_url in servers.items():
            url = given_url or await stack.enter_async_context(serve_qdrant())
            proxies[name] = await stack.enter_async_context(proxy(*_place(url)))
            stores[AWAY[name]] = _through(url, proxies[name].address)
        stores["retry"] = 0.5
        key = await _key(folder / "home", servers.get("postgres"))
        given: dict[str, Any] = {"stores": stores, "access": {"required": True}}
        given["memory"] = {"remember": "qdrant" in servers}
        if absent:  # it has served before, and so knows its keys
            async with house(folder, **given) as before:
                await Lab(before, proxies, key).until_ready("access", "ok")
        for name in absent:
            await proxies[name].become("down")
        opened = Lab(await stack.enter_async_context(house(folder, **given)), proxies, key)
        if not absent:
            await opened.until_ready("access", "ok")
        yield opened


async def _key(home: Path, postgres: str | None) -> str:
    """Make a key where the gateway keeps them: beside the ledger."""
    if postgres is None:
        return (await keyring(home).issue("anna")).text
    async with open_postgres(postgres) as store:
        return (await Keyring(store, home / "secret").issue("anna")).text


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme == "s3":
        parts = urlsplit(parse_qs(parts.query)["endpoint"][0])
    return str(parts.hostname), int(parts.port or 0)


def _through(url: str, address: str) -> str:
    """Return *url* with *address* in the place of its server's."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        query["endpoint"] = f"http://{address}"
        return parts._replace(query=urlencode(query, safe=":/")).geturl()
    who = f"{parts.username}:{parts.password}@" if parts.username else ""
    # Asking a cut wire about TLS leaves a future in asyncpg that nobody looks at.
    asked = "sslmode=disable" if parts.scheme.startswith("postgres") else parts.query
    return parts._replace(netloc=f"{who}{address}", query=asked).geturl()
