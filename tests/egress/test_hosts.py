import asyncio

import pytest

from portico.egress.clients import ConnectFailed, HTTPRequest
from portico.egress.dialling import Dialler
from portico.egress.hosts import Hosts, WrongPath, belonging
from portico.egress.http1 import Connection
from portico.egress.origins import Origin, split
from portico.egress.paths import Direct, Tunnel, Via
from portico.egress.pool import Pool
from tests.egress.servers import Connect, Stall, answering, serving

HI = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
GOOGLE = "generativelanguage.googleapis.com"
LAB = belonging(
    [
        ("google", f"https://{GOOGLE}/v1beta"),
        ("direct", "https://api.siliconflow.com/v1"),
        ("direct", "https://api.deepseek.com"),
    ]
)
"""As the built-in catalog has it."""

WRITTEN = [
    GOOGLE,
    GOOGLE.upper(),
    "GenerativeLanguage.GoogleAPIs.com",
    f"{GOOGLE}.",
    f"{GOOGLE}:443",
    f"{GOOGLE}:8443",
    f"{GOOGLE}.:443",
    f"user@{GOOGLE}",
    f"user:{'pass'}@{GOOGLE}",
    f"api.deepseek.com@{GOOGLE}",
    "ｇenerativelanguage.googleapis.com",  # full width, which IDNA makes plain
    "generativelanguage。googleapis．com",  # other full stops, likewise
    "generativelanguage.googleapis.com．",
    "ℊenerativelanguage.googleapis.com",  # script g
]
"""One host in many ways of writing."""


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("written", WRITTEN)
def test_a_tunnels_host_goes_by_no_other_path_however_it_is_written(
    scheme: str, written: str
) -> None:
    origin, _ = split(f"{scheme}://{written}/v1beta/models")
    for hosts in (LAB, LAB.opened("direct")):
        with pytest.raises(WrongPath, match="belongs to the egress path google"):
            hosts.check("direct", origin)
        hosts.check("google", origin)


@pytest.mark.parametrize(
    "other",
    ["api.openai.com", "142.250.74.10", "[::ffff:8efa:4a0a]", f"{GOOGLE}.evil.test", "localhost"],
)
def test_a_host_of_nobody_goes_only_by_a_path_that_is_open(other: str) -> None:
    origin, _ = split(f"https://{other}/")
    for path in ("google", "direct", "elsewhere"):
        with pytest.raises(WrongPath, match="belongs to no egress path"):
            LAB.check(path, origin)
    LAB.opened("direct").check("direct", origin)
    with pytest.raises(WrongPath):
        LAB.opened("direct").check("google", origin)


@pytest.mark.parametrize(
    "written",
    ["45.32.100.7", "[::ffff:45.32.100.7]", "0x2d.32.100.7", "757097479", "45.32.25607"],
)
def test_an_address_is_the_same_host_in_every_notation(written: str) -> None:
    hosts = belonging([("google", "https://45.32.100.7/v1")]).opened("direct")
    origin, _ = split(f"https://{written}/")
    with pytest.raises(WrongPath, match="belongs to the egress path google"):
        hosts.check("direct", origin)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "a.localhost.", "[::1]"])
def test_on_loopback_each_port_is_a_host_for_itself(host: str) -> None:
    near, same = f"http://{host}:8001/v1", f"http://{host.upper()}:8002/v1"
    hosts = belonging([("google", near), ("direct", same)])
    for path, url in (("google", near), ("direct", same)):
        hosts.check(path, split(url)[0])
    for others in (hosts, hosts.opened("direct")):
        with pytest.raises(WrongPath, match="belongs to the egress path google"):
            others.check("direct", split(near)[0])


def test_two_paths_may_have_the_same_port_of_loopback_and_nobody_else_gets_there() -> None:
    """At a tunnel's far end it is another machine's; a simulator plays all providers at one."""
    near = "http://127.0.0.1:9900/gemini/v1beta"
    hosts = belonging([("google", near), ("direct", near)])
    for path in ("google", "direct"):
        hosts.check(path, split(near)[0])
    with pytest.raises(WrongPath):
        hosts.opened("world").check("world", split(near)[0])


def test_one_host_cannot_belong_to_two_paths() -> None:
    pairs = [("google", f"https://{GOOGLE}/v1beta"), ("direct", f"http://{GOOGLE.upper()}.:81/x")]
    with pytest.raises(ValueError, match=f"^{GOOGLE} would belong to two .*: google and direct$"):
        belonging(pairs)
    assert belonging([pairs[0], pairs[0]]).paths == {GOOGLE: "google"}


def test_a_path_whose_hosts_only_a_library_knows_is_open_to_strangers() -> None:
    hosts = belonging([("direct", ""), ("google", f"https://{GOOGLE}")])
    hosts.check("direct", Origin(True, "api.anthropic.com", 443))
    with pytest.raises(WrongPath):
        hosts.check("direct", Origin(True, GOOGLE, 443))


@pytest.mark.parametrize("base", ["ftp://a.test", "https://", "a.test"])
def test_what_is_no_base_url_is_said_to_be_none(base: str) -> None:
    with pytest.raises(ValueError, match="a base URL of the egress path direct"):
        belonging([("direct", base)])


def _lost(_: Connection) -> None: ...


@pytest.mark.anyio
async def test_a_pool_asks_nobody_else_not_even_for_an_address() -> None:
    async with answering(HI) as server, serving(Connect(server.port)) as listener:
        url = server.url(host="localhost")
        hosts = belonging([("direct", url), ("google", f"https://{GOOGLE}")])
        direct = Pool(Direct(), hosts=hosts)
        google = Pool(Tunnel("google", (Via("http", "127.0.0.1", listener.port),)), hosts=hosts)
        async with direct.send(HTTPRequest(url)) as answer:
            assert await answer.read() == b"hi"
        for pool, wrong in ((direct, f"https://{GOOGLE}/"), (google, url)):
            with pytest.raises(WrongPath):
                async with pool.send(HTTPRequest(wrong)):
                    pass
        assert (server.accepted, listener.accepted) == (1, 0)
        await direct.aclose()


@pytest.mark.anyio
async def test_a_kept_connection_is_not_asked_once_its_host_belongs_elsewhere() -> None:
    async with answering(HI) as server:
        url = server.url()
        pool = Pool(Direct(), hosts=belonging([("direct", url)]))
        for _ in range(2):
            async with pool.send(HTTPRequest(url)) as answer:
                await answer.read()
        pool.belong(belonging([("google", url)]))
        with pytest.raises(WrongPath):
            async with pool.send(HTTPRequest(url)):
                pass
        assert (len(server.asked), pool.connections) == (2, 1)
        await pool.aclose()


@pytest.mark.anyio
async def test_whoever_dials_by_himself_is_held_to_the_same_rule() -> None:
    """Pictures are fetched without a pool, at links that anybody may write."""
    async with serving(Stall(listens=False)) as server:
        via = Via("http", "127.0.0.1", server.port)
        origin = Origin(False, "127.0.0.1", server.port)
        hosts = belonging([("google", f"http://127.0.0.1:{server.port}")]).opened("direct")
        with pytest.raises(WrongPath):
            await Dialler(Direct(), hosts=hosts).dial(origin, 1.0, _lost)
        with pytest.raises(WrongPath):
            await Dialler(Direct(), hosts=hosts).dial(origin, 1.0, _lost, at="127.0.0.1")
        with pytest.raises(WrongPath):
            await Dialler(Tunnel("other", (via,)), hosts=hosts).dial(origin, 1.0, _lost)
        assert server.accepted == 0
        assert issubclass(WrongPath, ConnectFailed)
        await asyncio.sleep(0)


@pytest.mark.anyio
async def test_a_path_has_no_other_listeners_than_its_own() -> None:
    async with serving(Stall(listens=False)) as server:
        stranger = Via("http", "127.0.0.1", server.port)
        own = Via("http", "127.0.0.1", 1)
        for path in (Direct(), Tunnel("google", (own,))):
            with pytest.raises(WrongPath, match="has no listener"):
                await Dialler(path).through(stranger, Origin(False, "a.test", 80), 1.0, _lost)
        assert server.accepted == 0


def test_without_hosts_everything_is_dialled() -> None:
    Dialler(Direct()).check(Origin(True, GOOGLE, 443))
    with pytest.raises(WrongPath):
        Dialler(Direct(), hosts=Hosts()).check(Origin(True, GOOGLE, 443))
