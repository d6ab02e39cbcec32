"""The model list: roles and targets, what they can do, and never a word with an upstream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import openai
import pytest

from portico.api.models import listing, one
from portico.chat.messages import Modality
from portico.errors import ModelNotFound
from portico.routing.roles import Catalog, Role
from portico.routing.tiers import Target
from tests.serving import house

pytestmark = pytest.mark.anyio

TEXT, IMAGE = Modality.TEXT, Modality.IMAGE
BLIND = Target(
    "blind", "there", "m1", 3, frozenset({TEXT}), frozenset({"tools"}), 1000, max_output=50
)
SEEING = Target(
    "seeing",
    "here",
    "m2",
    1,
    frozenset({TEXT, IMAGE}),
    frozenset({"thinking"}),
    500,
    simulated=True,
)
CATALOG = Catalog(
    MappingProxyType({"blind": BLIND, "seeing": SEEING}),
    MappingProxyType({"design": Role("design", ("blind", "seeing"), "Looks and thinks")}),
)
KEYS = {"kind", "accepts", "features", "context_window", "max_output", "tier", "simulated"}


def test_auto_comes_first_then_roles_then_targets() -> None:
    rows = listing(CATALOG).data

    assert [row.id for row in rows] == ["auto", "design", "blind", "seeing"]
    assert [row.portico.kind for row in rows] == ["role", "role", "target", "target"]


@pytest.mark.parametrize("name", ["auto", "design"])
def test_a_role_can_what_somebody_in_its_chain_can(name: str) -> None:
    facts = one(CATALOG, name).portico

    assert facts.accepts == ["image", "text"]
    assert facts.features == ["thinking", "tools"]
    assert (facts.context_window, facts.max_output, facts.tier) == (1000, 50, 1)
    assert facts.targets == ["blind", "seeing"]
    assert not facts.simulated, "one of them is real"


def test_a_catalog_without_roles_has_no_auto() -> None:
    alone = Catalog(MappingProxyType({"blind": BLIND}), MappingProxyType({}))

    assert [row.id for row in listing(alone).data] == ["blind"]


def test_open_webui_is_told_who_sees_and_what_is_not_real() -> None:
    rows = {row.id: row for row in listing(CATALOG).data}

    assert {name: row.info.meta.capabilities.vision for name, row in rows.items()} == {
        "auto": True,
        "design": True,
        "blind": False,
        "seeing": True,
    }
    assert all(row.info.meta.capabilities.usage for row in rows.values())
    offers = {name for name, row in rows.items() if row.info.meta.capabilities.builtin_tools}
    assert offers == {name for name, row in rows.items() if "tools" in row.portico.features}
    assert rows["design"].info.meta.description == "Looks and thinks"
    assert "m1 at there" in rows["blind"].info.meta.description
    assert [tag.name for tag in rows["seeing"].tags] == ["target", "simulated"]


def test_an_unknown_name_is_not_found_and_the_nearest_is_suggested() -> None:
    with pytest.raises(ModelNotFound, match=r"'desing'.*'design'"):
        one(CATALOG, "desing")
    with pytest.raises(ModelNotFound, match=r"'x+'") as far:
        one(CATALOG, "x" * 5000)
    assert len(str(far.value)) < 200


async def test_the_list_is_openais_with_what_we_add(tmp_path: Path) -> None:
    async with house(tmp_path) as lab:
        asked = dict(lab.simulator.counts)
        rows: list[dict[str, Any]] = (await lab.client.get("/v1/models")).json()["data"]
        singles = [(await lab.client.get(f"/v1/models/{row['id']}")).json() for row in rows]
        async with openai.AsyncOpenAI(base_url=f"{lab.url}/v1", api_key="x") as ai:
            names = [model.id async for model in ai.models.list()]
        chats = {who: n for who, n in lab.simulator.counts.items() if who not in asked and who[1]}

    assert names == [row["id"] for row in rows]
    assert singles == rows
    assert all(set(row["portico"]) >= KEYS for row in rows)
    assert {row["object"] for row in rows} == {"model"}
    assert {"auto", "design", "vision", "code", "devops", "gemini-3-flash", "qwen-vl"} <= set(names)
    assert not any(row["portico"]["simulated"] for row in rows)
    assert not chats


@asynccontextmanager
async def hung() -> AsyncIterator[tuple[str, asyncio.Queue[bytes]]]:
    """Give the address of somebody who picks up and never says a word, and the calls."""
    calls: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.put_nowait(await reader.read(1))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", calls


async def test_the_list_waits_for_nobody(tmp_path: Path) -> None:
    names = ("google", "siliconflow", "deepseek")
    async with hung() as (url, calls):
        silent = {name: {"base_url": url} for name in names}
        async with house(tmp_path, upstreams=silent) as lab:
            for _ in names:  # the roll is called, and nobody answers
                await calls.get()
            answers = [await lab.client.get("/v1/models") for _ in range(20)]
            told = await lab.client.get("/v1/models/design")

    assert {answer.status_code for answer in [*answers, told]} == {200}
    assert calls.empty(), "and nobody was called again"
