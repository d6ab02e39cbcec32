"""Somebody who leaves something everywhere, somebody else who shares it, and who looks for it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pymongo
from qdrant_client import AsyncQdrantClient
from starlette.applications import Starlette

from portico.access.base import Person
from portico.access.members import Members
from portico.artifacts.base import blob_key
from portico.erasure.base import Report
from portico.ledger.rows import row_of
from portico.ledger.spool import Spool
from portico.settings import Settings, load_settings
from portico.traces.base import Thumb
from portico.traces.ring import Ring
from portico.traces.thumbs import Rating, Waiting
from portico.wiring import forget_person, open_keyring
from portico.wiring.pictures import blobs_of
from tests.artifacts import odd
from tests.e2e.test_pictures import picture
from tests.ledger.entries import GEMINI, attempt, entry
from tests.memory.rest import Rest
from tests.serving import House, house, served
from tests.traces.made import trace

CANARY = "kanarienvogel"
POINTS = 5
"""Pictures that `plant` shows, each with an answer that is remembered."""
WHO = f"{CANARY}@lab.test"
OTHER = "bert@lab.test"
EMBEDDER = {
    "upstream": "siliconflow",
    "model": "BAAI/bge-m3",
    "kind": "embedding",
    "dimensions": 256,
}


@dataclass
class Aviary:
    """A gateway that serves, and all that its stores hold."""

    lab: House
    home: Path
    stores: Mapping[str, str]
    qdrant: AsyncQdrantClient | None
    front: str = ""
    own: str = ""
    marks: set[str] = field(default_factory=lambda: {CANARY})

    @property
    def settings(self) -> Settings:
        """Those of the gateway."""
        return load_settings(self.lab.config, {"PORTICO_HOME": str(self.home)})

    async def forget(self, *, dry_run: bool = False) -> Report:
        """Do what the command does, beside the gateway."""
        return await forget_person(self.settings, self.home, WHO, dry_run=dry_run)

    async def ask(self, text: str, *pictures: Any, **how: str) -> httpx.Response:
        """Ask as *who* through the front end, or with a key of one's own."""
        key, who = how.pop("key", self.front), how.pop("who", "")
        headers = {"authorization": f"Bearer {key}", **how}
        if who:
            told = {"x-openwebui-user-email": who, "x-openwebui-chat-id": f"chat of {who}"}
            headers |= told
        content = [{"type": "text", "text": text}, *pictures]
        body = {"model": "vision", "messages": [{"role": "user", "content": content}]}
        answer = await self.lab.client.post("/v1/chat/completions", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer

    async def upload(self, key: str, name: str, data: bytes) -> str:
        """Put a file here; return its id."""
        answer = await self.lab.client.post(
            "/v1/artifacts",
            params={"name": name},
            content=data,
            headers={"authorization": f"Bearer {key}"},
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def settled(self) -> None:
        """Let everything reach its store."""
        serving = self.lab.serving
        await serving.gateway.ledger.flush()
        await serving.archive.flush()
        await serving.traces.recorder.flush()
        for _ in range(400):
            if await serving.recalling.remembering.memory.count() >= POINTS:
                return
            await asyncio.sleep(0.02)
        raise AssertionError("not everything was remembered")

    async def everything(self) -> str:
        """Return all that is in any file, table, document, object and point."""
        told = [_files(self.home)]
        if (ledger := self.stores.get("ledger", "")).startswith("postgres"):
            told += await _tables(ledger)
        if (traces := self.stores.get("traces", "")).startswith("mongodb"):
            told += await _documents(traces)
        async with blobs_of(self.settings) as blobs:
            async for stored in blobs.keys(""):
                told.append(stored.key)
                told.append((await blobs.get(stored.key)).decode("latin-1"))
        if self.qdrant is not None:
            for one in (await self.qdrant.get_collections()).collections:
                points, _ = await self.qdrant.scroll(one.name, limit=10_000, with_vectors=True)
                told += [str(point) for point in points]
        return "\n".join(told)

    async def left(self) -> set[str]:
        """Return which marks of theirs can be found anywhere."""
        everything = (await self.everything()).lower()
        return {mark for mark in self.marks if mark.lower() in everything}


def _files(folder: Path) -> str:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return "\n".join(f"{path} {path.read_bytes().decode('latin-1')}" for path in files)


async def _tables(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT table_name AS name FROM information_schema.tables"
            " WHERE table_schema = 'portico'"
        )
        return [
            str(tuple(row))
            for table in tables
            for row in await connection.fetch(f"SELECT * FROM portico.{table['name']}")
        ]
    finally:
        await connection.close()


async def _documents(url: str) -> list[str]:
    async with pymongo.AsyncMongoClient[dict[str, Any]](url) as client:
        database = client.get_default_database()
        names = await database.list_collection_names()
        return [str(one) for name in names async for one in database[name].find()]


@asynccontextmanager
async def aviary(folder: Path, stores: Mapping[str, str]) -> AsyncIterator[Aviary]:
    """Open a gateway over *stores*, embedded ones for those not named; `qdrant` starts one."""
    async with AsyncExitStack() as stack:
        given, rest = dict(stores), None
        if given.pop("memory", None):
            rest = Rest()
            stack.push_async_callback(rest.client.close)
            given["memory"] = await stack.enter_async_context(served(Starlette(routes=rest.routes)))
        home = folder / "home"
        embedded = {
            "ledger": f"sqlite:///{home}/ledger.db",
            "traces": f"sqlite:///{home}/traces.db",
            "artifacts": f"file:///{home}/artifacts",
            "memory": f"local:///{home}/memory",
        }
        changes = {"stores": {**embedded, **given}, "targets": {"bge-m3": EMBEDDER}}
        changes["access"] = {"required": True}
        lab = await stack.enter_async_context(house(folder, **changes))
        opened = Aviary(lab, home, given, rest.client if rest else None)
        await _people(opened)
        yield opened


async def _people(here: Aviary) -> None:
    async with open_keyring(here.settings, here.home) as ring:
        here.front = (await ring.issue("webui", trusted=True)).text
        issued = await ring.issue(f"{CANARY}'s laptop", person=WHO)
        here.own = issued.text
        here.marks.add(issued.key.id)
        members = Members(ring.store)
        await members.put(Person, WHO, "ops", name=f"Frau {CANARY}")
        await members.put(Person, OTHER, "ops", name="Bert")
    for _ in range(400):
        roster = here.lab.serving.gate.roster
        if roster is not None and len(roster.people) == 2:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the gate did not read of them")


async def plant(here: Aviary) -> dict[str, str]:
    """Leave something of WHO everywhere; return the ids of what OTHER has, which has to stay."""
    theirs, shared = (odd.saved(odd.screen(*size), "PNG") for size in ((40, 30), (50, 30)))
    said = f"SAY: the {CANARY} sings"
    for number in range(2):  # the second one is answered from the cache
        await here.ask(said, picture(theirs), who=WHO, **{"x-portico-cache": "on"})
        await here.ask(f"{said} {number}", picture(shared), key=here.own)
    await here.ask("SAY: nothing", picture(shared), who=OTHER)
    await here.ask("SAY: Madagascar", who=OTHER)
    await here.ask(f"SAY: enough {'long words ' * 100_000} {CANARY}", who=WHO)
    await here.upload(here.own, f"{CANARY}.png", odd.saved(odd.screen(60, 20), "PNG"))
    granted = await here.upload(here.front, "plan.png", odd.saved(odd.screen(70, 20), "PNG"))
    (own,) = here.marks - {CANARY}
    path = f"/v1/artifacts/{granted}/grants/{own}"
    lab = here.lab.client
    await lab.put(path, headers={"authorization": f"Bearer {here.front}"})
    link = {"type": "image_url", "image_url": {"url": f"artifact:{granted}"}}
    await here.ask(f"SAY: a {CANARY} on a plan", link, key=here.own)
    await here.settled()
    Spool(here.home / "spool").write(
        [row_of(entry(attempt(GEMINI), person=who)) for who in (WHO, OTHER)]
    )
    Ring(here.home / "traces-spool").write(
        [trace({"said": f"of {who}"}, person=who) for who in (WHO, OTHER)]
    )
    request = (await here.ask("SAY: rate me", who=WHO)).headers["x-portico-request-id"]
    await here.lab.serving.gateway.ledger.flush()
    for key, rated in ((own, None), (None, request)):
        rating = Rating(thumb=Thumb.UP, at=1e9, caller=key, request=rated, message="a message")
        Waiting(here.home / "thumbs").put(rating)
    return {"granted": granted, "shared": blob_key(hashlib.sha256(shared).hexdigest())}


def s3_of_ones_own(url: str) -> str:
    """Return the address of a place in the bucket at *url* that nobody else uses."""
    parts = urlsplit(url)
    return parts._replace(path=f"/{uuid4().hex}").geturl()
