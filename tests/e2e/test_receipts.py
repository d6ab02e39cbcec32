"""By which way an answer came is written down with it, whether it was one or none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.egress.servers import Connect, Server, serving
from tests.serving import House, house

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
