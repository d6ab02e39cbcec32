"""Google's requests leave by their tunnel, links to it by none, and each answer tells its way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.artifacts import odd
from tests.egress.servers import Connect, Server, serving
from tests.serving import House, album, house

pytestmark = pytest.mark.anyio

SECRET = "hunter2-hunter2"
CHAT = {"model": "gemini-3-flash"}


@asynccontextmanager
async def tunnelled(folder: Path) -> AsyncIterator[tuple[House, Server]]:
    """Open a house whose Google is reached through a listener that wants a password."""
    proxy = Connect(0)
    async with serving(proxy) as listener:
        via = f"http://portico:{SECRET}@127.0.0.1:{listener.port}"
        egress = {"google": {"kind": "tunnel", "via": [via]}}
        place = {"google": {"egress": "google", "base_url": "http://google.test/gemini/v1beta"}}
        async with house(folder, egress=egress, upstreams=place) as opened:
            proxy.port = _simulator(opened)
            yield opened, listener


def _simulator(opened: House) -> int:
    written = yaml.safe_load(opened.config.read_text())
    return urlsplit(written["upstreams"]["deepseek"]["base_url"]).port or 0


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_names_its_tunnel_and_nothing_secret(tmp_path: Path, stream: bool) -> None:
    async with tunnelled(tmp_path) as (opened, listener):
        assert (await opened.chat(stream=stream, **CHAT)).status_code == 200
        (row,) = await opened.requests()
    (attempt,) = row["attempts"]
    assert attempt["egress"] == "google"
    assert attempt["tunnel"] == f"http://127.0.0.1:{listener.port}"
    assert (attempt["exit"], attempt["exit_age"]) == (None, None)
    assert SECRET not in str(row)


async def test_an_answer_that_came_directly_names_no_tunnel(tmp_path: Path) -> None:
    async with tunnelled(tmp_path) as (opened, _):
        assert (await opened.chat(model="deepseek-v3")).status_code == 200
        (row,) = await opened.requests()
    assert [(one["egress"], one["tunnel"]) for one in row["attempts"]] == [("direct", None)]


async def test_a_refusal_that_came_by_a_tunnel_names_it_too(tmp_path: Path) -> None:
    async with tunnelled(tmp_path) as (opened, listener):
        fault = {"upstream": "gemini", "fault": "invalid_key", "times": 1}
        control = f"http://127.0.0.1:{_simulator(opened)}/_control"
        assert (await opened.client.post(control, json=fault)).status_code == 200
        await opened.chat(**CHAT)
        (row,) = await opened.requests()
    assert row["attempts"][0]["kind"] == "account"
    assert row["attempts"][0]["tunnel"] == f"http://127.0.0.1:{listener.port}"


async def test_hosts_that_a_reload_brings_are_not_linked_to_any_more(tmp_path: Path) -> None:
    async with album(png()) as (url, linked), house(tmp_path, pictures=linked) as opened:
        place = url.removeprefix("http://").partition("/")[0]
        link = {"type": "image_url", "image_url": {"url": url}}
        chat = [{"role": "user", "content": [link]}]
        assert (await opened.chat(chat, model="vision")).status_code == 200
        written = yaml.safe_load(opened.config.read_text())
        written["egress"] = {"google": {"kind": "tunnel", "via": ["http://127.0.0.1:9"]}}
        late = {"base_url": f"http://{place}/v1beta", "dialect": "gemini", "egress": "google"}
        written["upstreams"]["late"] = late | {"api_key": "k"}
        opened.config.write_text(yaml.safe_dump(written))
        assert (await opened.client.post("/api/catalog/reload")).status_code == 200
        link["image_url"] = {"url": f"{url}?again"}
        assert (await opened.chat(chat, model="vision")).status_code == 400


def png() -> bytes:
    return odd.saved(odd.screen(60, 40), "PNG")
