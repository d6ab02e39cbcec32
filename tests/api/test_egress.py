"""What an operator sees of tunnels: their states, and who looks after them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.egress.servers import Connect, Server, serving, until
from tests.serving import House, house

pytestmark = pytest.mark.anyio

SECRET = "hunter2-hunter2"


@dataclass
class Lab:
    """A house whose Google is reached by two tunnels; `open` ends them."""

    house: House
    listeners: list[Server]
    open: list[AsyncExitStack]

    async def path(self) -> dict[str, Any]:
        answer = await self.house.client.get("/api/egress")
        assert answer.status_code == 200, answer.text
        (path,) = answer.json()["paths"]
        assert isinstance(path, dict)
        return path

    async def looked_at(self) -> dict[str, Any]:
        """Return the path, once every listener was probed as far as probes go, if need be anew."""
        for _ in range(2000):
            path = await self.path()
            seen = [[probe["level"] for probe in one["probes"]] for one in path["listeners"]]
            if all("region" in levels for levels in seen):
                return path
            await asyncio.sleep(0.01)
        raise AssertionError(f"nobody looks: {path}")

    async def well(self) -> dict[str, Any]:
        """Return the path, once every listener is healthy: a look may be late on busy cores."""
        for _ in range(2000):
            path = await self.looked_at()
            if all(one["state"] == "healthy" for one in path["listeners"]):
                return path
            await asyncio.sleep(0.01)
        raise AssertionError(f"they do not get well: {path}")

    async def kill(self, number: int) -> None:
        await self.looked_at()  # nobody is about to connect
        await self.open[number].aclose()


@asynccontextmanager
async def lab(folder: Path, **path: Any) -> AsyncIterator[Lab]:
    """Open it; *path* is what the egress path says besides."""
    proxies = [Connect(0), Connect(0)]
    async with AsyncExitStack() as stack:
        stacks = [await stack.enter_async_context(AsyncExitStack()) for _ in proxies]
        servers = [
            await each.enter_async_context(serving(proxy))
            for each, proxy in zip(stacks, proxies, strict=True)
        ]
        names = ("sg1", "us1")
        vias = [
            f"http://portico:{SECRET}@127.0.0.1:{server.port}#{name}"
            for server, name in zip(servers, names, strict=True)
        ]
        place = {"egress": "google", "base_url": "http://google.test/gemini/v1beta"}
        changes: dict[str, Any] = {
            "egress": {"google": {"kind": "tunnel", "via": vias, **path}},
            "upstreams": {"google": place},
        }
        opened = await stack.enter_async_context(house(folder, **changes))
        written = yaml.safe_load(opened.config.read_text())
        for proxy in proxies:
            proxy.port = urlsplit(written["upstreams"]["deepseek"]["base_url"]).port or 0
        yield Lab(opened, servers, stacks)


async def test_tunnels_are_looked_at_without_any_request(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        path = await here.well()
        levels = [{seen["level"] for seen in one["probes"]} for one in path["listeners"]]
        told = str(path)
    for each in levels:  # what a request has just shown, no probe asks
        assert {"listener", "region"} <= each <= {"listener", "provider", "region"}
    assert (path["name"], path["kind"], path["up"]) == ("google", "tunnel", True)
    assert [one["tunnel"] for one in path["listeners"]] == ["sg1", "us1"]
    assert [one["state"] for one in path["listeners"]] == ["healthy", "healthy"]
    assert SECRET not in told
    assert "test-key" not in told


async def test_what_died_is_down_while_the_other_serves(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        await here.kill(0)
        answer = await here.house.chat(model="gemini-3-flash")
        (row,) = await here.house.requests()
        ready = (await here.house.client.get("/readyz")).json()
        path = await here.path()
        metrics = (await here.house.client.get("/metrics")).text
    assert answer.status_code == 200
    assert row["attempts"][0]["tunnel"] == "us1"
    dead, well = path["listeners"]
    assert (dead["state"] in ("suspect", "down"), well["state"]) == (True, "healthy")
    assert "connection refused" in dead["reason"]
    assert dead["retry_in"] <= 30
    assert (dead["failures"] >= 1, well["answers"] >= 1) == (True, True)
    assert (ready["status"], ready["egress"]) == ("ok", {"google": "ok"})
    state = dead["state"]
    assert (
        f'portico_egress_tunnel_state{{path="google",state="{state}",tunnel="sg1"}} 1.0' in metrics
    )
    assert 'portico_egress_tunnel_up{path="google",tunnel="us1"} 1.0' in metrics
    assert 'portico_egress_up{path="google"} 1.0' in metrics


async def test_a_path_without_tunnels_degrades_by_name(tmp_path: Path) -> None:
    async with lab(tmp_path) as here:
        for number in range(2):
            await here.kill(number)
        for _ in range(2):
            await here.house.chat(model="gemini-3-flash")
        ready = (await here.house.client.get("/readyz")).json()
        metrics = (await here.house.client.get("/metrics")).text
    assert (ready["status"], ready["egress"]) == ("degraded", {"google": "down"})
    assert 'portico_egress_tunnel_up{path="google",tunnel="sg1"} 0.0' in metrics
    assert 'portico_egress_up{path="google"} 0.0' in metrics


async def test_after_a_reload_the_tunnels_of_the_new_file_are_looked_at(tmp_path: Path) -> None:
    async with lab(tmp_path) as here, serving(Connect(9)) as third:
        written = yaml.safe_load(here.house.config.read_text())
        written["egress"]["google"]["via"] = [f"http://127.0.0.1:{third.port}#new"]
        here.house.config.write_text(yaml.safe_dump(written))
        assert (await here.house.client.post("/api/catalog/reload")).status_code == 200
        await until(lambda: third.accepted > 0)
        path = await here.path()
    assert [one["tunnel"] for one in path["listeners"]] == ["new"]


async def test_a_house_without_tunnels_says_so(tmp_path: Path) -> None:
    async with house(tmp_path) as opened:
        told = (await opened.client.get("/api/egress")).json()
        ready = (await opened.client.get("/readyz")).json()
    assert told == {"paths": [], "boundary": None}
    assert ready["egress"] == {}
