import asyncio
import gzip
import itertools
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest

from portico.artifacts.addresses import NOT_PUBLIC, Rules
from portico.artifacts.fetch import UNFETCHED, Bounds, Fetcher
from portico.artifacts.pictures import PictureRefused
from portico.egress.dialling import Dialler
from portico.egress.hosts import belonging
from portico.egress.paths import Direct, Tunnel, Via
from tests import egress
from tests.artifacts.house import OUTSIDE, PNG, House, answer, canary, house, to
from tests.artifacts.tricks import INSIDE, TRICKS
from tests.egress.servers import Connect, Handler, Socks, Stall, pump, request, serving

pytestmark = pytest.mark.anyio

CERTIFICATES = Path(egress.__file__).parent / "certificates"


@pytest.fixture(
    params=[("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})],
    ids=["asyncio", "uvloop"],
)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Everything that touches a socket runs on both loops."""
    return request.param


@pytest.fixture
def trust() -> Path:
    return CERTIFICATES / "certificate.pem"


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "certificate.pem", CERTIFICATES / "key.pem")
    return context


@pytest.fixture
async def home() -> AsyncIterator[House]:
    async with house() as here:
        yield here


# -- what we came for


async def test_a_picture_is_fetched_and_its_server_learns_nothing_of_us(home: House) -> None:
    home.pages["/a?b=c"] = answer()
    assert await home.fetch(home.url("/a?b=c#part")) == PNG
    assert home.outside.asked == [
        b"GET /a?b=c HTTP/1.1\r\n"
        b"host: %b:%d\r\n"
        % (OUTSIDE.encode(), home.port)
        + b"user-agent: Portico (fetches pictures that people show to a model)\r\n"
        b"accept: image/*\r\naccept-encoding: identity\r\nconnection: close\r\n\r\n"
    ]


@pytest.mark.parametrize("claimed", ["text/html", "application/octet-stream", "image/jpeg", ""])
async def test_a_picture_is_one_whatever_its_server_calls_it(home: House, claimed: str) -> None:
    home.pages["/"] = answer(PNG, f"content-type: {claimed}")
    assert await home.fetch(home.url()) == PNG


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n%PDF-\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-encoding: Identity\r\n\r\n%PDF-",
    ],
)
async def test_a_short_one_is_judged_when_it_is_whole(home: House, answer: bytes) -> None:
    home.pages["/"] = answer
    assert await home.fetch(home.url()) == b"%PDF-"


async def test_a_name_is_asked_for_once_and_its_address_dialled(home: House) -> None:
    home.names.answers["outside.example"] = [[OUTSIDE]]
    home.pages["/"] = answer()
    assert await home.fetch(home.url(host="Outside.Example.")) == PNG
    assert home.names.asked == ["outside.example"]
    assert b"\r\nhost: outside.example:%d\r\n" % home.port in home.outside.asked[0]


async def test_tls_proves_the_name_and_not_the_address(tls: ssl.SSLContext, trust: Path) -> None:
    spoken: list[str | None] = []
    tls.sni_callback = lambda _, name, __: spoken.append(name)
    async with house(tls) as home:
        home.trust = trust
        home.names.answers = {"upstream.test": [[OUTSIDE]], "other.test": [[OUTSIDE]]}
        home.pages["/"] = answer()
        assert await home.fetch(home.url(host="upstream.test", scheme="https")) == PNG
        assert await home.refused(home.url(host="other.test", scheme="https")) == UNFETCHED
        assert await home.refused(home.url(scheme="https")) == UNFETCHED
        assert spoken == ["upstream.test", "other.test", None]
        home.trust = None
        assert await home.refused(home.url(host="upstream.test", scheme="https")) == UNFETCHED


# -- what must not happen


@pytest.mark.parametrize("trick", TRICKS)
async def test_no_trick_reaches_what_is_inside(home: House, trick: str) -> None:
    with pytest.raises(PictureRefused):
        await home.fetch(trick.replace("{port}", str(home.port)))
    assert await home.nobody_came_in()
    assert home.outside.accepted == 0


@pytest.mark.parametrize("trick", TRICKS)
async def test_no_trick_works_as_a_redirect_either(home: House, trick: str) -> None:
    location = trick.replace("{port}", str(home.port)).encode()
    home.pages["/"] = b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: %b\r\n\r\n" % (
        location
    )
    with pytest.raises(PictureRefused):
        await home.fetch(home.url())
    assert await home.nobody_came_in()


def test_there_are_tricks_enough() -> None:
    assert len(set(TRICKS)) >= 45


@pytest.mark.parametrize("status", ["301 a", "302 b", "303 c", "307 d", "308 e"])
async def test_every_kind_of_redirect_is_followed_and_judged(home: House, status: str) -> None:
    home.names.answers["outside.example"] = [[OUTSIDE]]
    home.pages["/"] = to(f"http://outside.example:{home.port}/one", status)
    home.pages["/one"] = to("two?a b", status)
    home.pages["/two?a%20b"] = to(home.url("/three"), status)
    home.pages["/three"] = answer()
    assert await home.fetch(home.url()) == PNG
    home.pages["/three"] = to(home.url(host="127.0.0.1"), status)
    assert await home.refused(home.url()) == NOT_PUBLIC
    assert await home.nobody_came_in()


TUNNELLED = "generativelanguage.googleapis.com"


@pytest.mark.parametrize("host", [TUNNELLED, TUNNELLED.upper(), f"{TUNNELLED}."])
@pytest.mark.parametrize("redirected", [False, True])
async def test_a_host_of_another_path_is_neither_asked_nor_looked_up(
    home: House, host: str, redirected: bool
) -> None:
    home.names.answers[TUNNELLED] = home.names.answers["open.example"] = [[OUTSIDE]]
    home.pages["/a.png"] = answer()
    link = home.url("/a.png", host)
    home.pages["/"] = to(link)
    async with aclosing(home.fetcher()) as fetcher:
        fetcher.belong(belonging([("google", f"https://{TUNNELLED}/v1beta")]))
        with pytest.raises(PictureRefused, match=UNFETCHED):
            await fetcher.fetch(home.url("/", "open.example") if redirected else link)
    assert len(home.outside.asked) == redirected
    assert home.names.asked == ["open.example"] * redirected


async def test_the_same_link_is_fetched_where_the_host_is_nobodys(home: House) -> None:
    home.names.answers[TUNNELLED] = [[OUTSIDE]]
    home.pages["/a.png"] = answer()
    async with aclosing(home.fetcher()) as fetcher:
        fetcher.belong(belonging([("google", "https://google.test/v1beta")]))
        assert await fetcher.fetch(home.url("/a.png", TUNNELLED)) == PNG


async def test_a_redirect_too_many_is_refused(home: House) -> None:
    home.pages["/"] = to("/")
    assert "too often" in await home.refused(home.url())
    assert len(home.outside.asked) == 4


async def test_no_redirect_leads_from_https_to_http(tls: ssl.SSLContext, trust: Path) -> None:
    async with house(tls) as home:
        home.trust = trust
        home.names.answers["upstream.test"] = [[OUTSIDE]]
        home.pages["/"] = to(home.url("/plain", host="upstream.test"))
        url = home.url(host="upstream.test", scheme="https")
        assert "from https to http" in await home.refused(url)
        assert home.outside.accepted == 1


@pytest.mark.parametrize("location", ["http://[", "http://[1", "https:", "http://a.example:x/"])
async def test_a_redirect_to_nowhere_is_refused(home: House, location: str) -> None:
    home.pages["/"] = to(location)
    assert "address" in await home.refused(home.url())


async def test_a_redirect_without_an_address_is_a_status(home: House) -> None:
    home.pages["/"] = answer(status="302 Found")
    assert "status 302" in await home.refused(home.url())


async def test_a_name_that_moves_inside_between_two_looks_gains_nothing(home: House) -> None:
    """DNS rebinding: there is no second look before the connection, and a judged one after it."""
    home.names.answers["moving.example"] = [[OUTSIDE], ["127.0.0.1"]]
    home.pages["/"] = answer()
    assert await home.fetch(home.url(host="moving.example")) == PNG
    assert home.names.asked == ["moving.example"]
    assert await home.refused(home.url(host="moving.example")) == NOT_PUBLIC
    assert await home.nobody_came_in()


async def test_a_redirect_to_itself_is_looked_up_and_judged_again(home: House) -> None:
    home.names.answers["moving.example"] = [[OUTSIDE], ["127.0.0.1"]]
    home.pages["/"] = to("/again")
    assert await home.refused(home.url(host="moving.example")) == NOT_PUBLIC
    assert home.names.asked == ["moving.example"] * 2
    assert await home.nobody_came_in()


async def test_forbidden_and_unknown_names_are_refused_in_the_same_words(home: House) -> None:
    class Nobody:
        async def __call__(self, host: str, port: int) -> Sequence[IPv4Address | IPv6Address]:
            raise socket.gaierror(socket.EAI_NONAME, "no such host")

    async with aclosing(Fetcher(Dialler(Direct()), home.rules, Bounds(), Nobody())) as fetcher:
        with pytest.raises(PictureRefused) as refused:
            await fetcher.fetch(home.url(host="unknown.example"))
    assert str(refused.value) == NOT_PUBLIC
    assert await home.refused(home.url(host="metadata.example")) == NOT_PUBLIC
    home.names.answers["nowhere.example"] = [[]]
    assert await home.refused(home.url(host="nowhere.example")) == NOT_PUBLIC


async def test_strict_rules_open_no_loopback_at_all() -> None:
    async with aclosing(Fetcher(Dialler(Direct()))) as fetcher:
        for url in ("http://127.0.0.1/", "https://[::1]:8443/", "http://localhost:8080/"):
            with pytest.raises(PictureRefused, match="public internet"):
                await fetcher.fetch(url)


# -- servers that mean ill


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (answer(b"<!doctype html><html><body><svg></svg>", "content-type: image/png"), "kind"),
        (answer(b"<html>" + b" " * 100_000, "content-type: image/svg+xml"), "kind"),
        (answer(b'{"secret": 1}' * 10, "content-type: image/png"), "kind"),
        (answer(b"", length=0), "kind"),
        (answer(PNG[:4]), "kind"),
        (answer(gzip.compress(PNG)), "kind"),
        (answer(gzip.compress(bytes(10_000_000)), "content-encoding: gzip"), "compressed"),
        (answer(gzip.compress(PNG), "content-encoding: br, gzip"), "compressed"),
        (answer(PNG, "content-encoding: deflate"), "compressed"),
        (answer(PNG, length=20_000_001), "over 20 MB"),
        (answer(PNG, length=10**18), "over 20 MB"),
        (answer(b"the secret", status="404 Not Found"), "status 404"),
        (answer(PNG, status="206 Partial Content"), "status 206"),
        (answer(PNG, status="500 Oh"), "status 500"),
        (answer(b"", "www-authenticate: Basic", status="401 Who"), "status 401"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", UNFETCHED),
        (b"\x15\x03\x01\x00\x02\x02\x28", UNFETCHED),
        (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n" + PNG, UNFETCHED),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n" + PNG, UNFETCHED),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 9\r\n\r\n" + PNG, UNFETCHED),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, UNFETCHED),
    ],
)
async def test_what_is_no_picture_is_refused_and_left(home: House, page: bytes, said: str) -> None:
    home.pages["/"] = page
    refusal = await home.refused(home.url())
    assert said in refusal
    assert "secret" not in refusal


async def _serve(home: House, handler: Handler, bounds: Bounds | None = None) -> str:
    """Return how a fetch from *handler* is refused, once it has seen us leave."""
    async with serving(handler, host=OUTSIDE) as server:
        home.outside = server
        return await home.refused(home.url(), bounds)


async def test_a_length_that_promises_too_much_is_a_loss(home: House) -> None:
    async def short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(answer(length=len(PNG) + 1))
        writer.write_eof()
        await reader.read()

    assert await _serve(home, short) == UNFETCHED


async def test_a_length_that_promises_too_little_is_kept_to(home: House) -> None:
    home.pages["/"] = answer(length=100)
    assert await home.fetch(home.url()) == PNG[:100]


@pytest.mark.parametrize("framing", [b"", b"transfer-encoding: chunked\r\n"])
async def test_a_picture_without_end_is_cut_at_the_limit(home: House, framing: bytes) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n")
        while not writer.is_closing():
            writer.write(b"%x\r\n" % len(PNG) + PNG + b"\r\n" if framing else PNG)
            await writer.drain()

    assert "over 1 MB" in await _serve(home, endless, Bounds(bytes=1_000_000))


async def test_a_page_without_end_is_left_at_its_beginning(home: House) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"<p>nothing to see</p>" * 100)
            await writer.drain()

    assert "kind" in await _serve(home, endless)


async def test_bytes_that_come_one_by_one_come_to_an_end(home: House) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for byte in itertools.cycle(PNG):
            if writer.is_closing():
                return
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)

    assert await _serve(home, drip, Bounds(total=0.3)) == UNFETCHED


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", answer(PNG[:100], length=200)])
async def test_silence_comes_to_an_end(home: House, said: bytes) -> None:
    assert await _serve(home, Stall(said=said), Bounds(total=0.2)) == UNFETCHED


async def test_a_handshake_that_hangs_comes_to_an_end(home: House) -> None:
    async with serving(Stall(listens=False), host=OUTSIDE) as server:
        home.outside = server
        url = home.url(scheme="https")
        assert await home.refused(url, Bounds(connect=0.1)) == UNFETCHED


async def test_a_name_server_that_hangs_comes_to_an_end(home: House) -> None:
    class Hangs:
        async def __call__(self, host: str, port: int) -> Sequence[IPv4Address | IPv6Address]:
            await asyncio.Event().wait()
            return []

    bounds = Bounds(total=0.1)
    async with aclosing(Fetcher(Dialler(Direct()), home.rules, bounds, Hangs())) as fetcher:
        with pytest.raises(PictureRefused, match=UNFETCHED):
            await fetcher.fetch(home.url(host="a.example"))


async def test_nobody_there_could_not_be_fetched(home: House) -> None:
    async with serving(canary, host=OUTSIDE) as server:
        home.outside = server
    with pytest.raises(PictureRefused, match=UNFETCHED):
        await home.fetch(home.url())


async def test_the_other_family_is_dialled_where_the_first_does_not_answer(home: House) -> None:
    home.names.answers["both.example"] = [["::1", "::1", OUTSIDE]]
    async with serving(canary, host=OUTSIDE) as server:  # and nobody at ::1
        also = frozenset((ip_address(each), server.port) for each in ("::1", OUTSIDE))
        dialler = Dialler(Direct())
        async with aclosing(Fetcher(dialler, Rules(also=also), Bounds(), home.names)) as fetcher:
            assert await fetcher.fetch(f"http://both.example:{server.port}/") == PNG
        assert server.accepted == 1


# -- how many, and for how long


async def test_no_more_than_so_many_are_fetched_at_once(home: House) -> None:
    here = asyncio.Semaphore(0)
    gate = asyncio.Event()
    present = most = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal present, most
        present += 1
        most = max(most, present)
        here.release()
        await request(reader)
        await gate.wait()
        present -= 1
        writer.write(answer())
        await reader.read()

    async with (
        serving(slow, host=OUTSIDE) as home.outside,
        aclosing(home.fetcher(Bounds(at_once=2))) as fetcher,
    ):
        fetches = [asyncio.ensure_future(fetcher.fetch(home.url())) for _ in range(6)]
        await here.acquire()
        await here.acquire()
        gate.set()
        assert await asyncio.gather(*fetches) == [PNG] * 6
    assert most == 2


async def test_the_wait_for_a_place_is_part_of_the_time(home: House) -> None:
    stall = Stall()
    bounds = Bounds(at_once=1, total=0.2)
    async with (
        serving(stall, host=OUTSIDE) as home.outside,
        aclosing(home.fetcher(bounds)) as fetcher,
    ):
        fetches = [asyncio.ensure_future(fetcher.fetch(home.url())) for _ in range(3)]
        done = await asyncio.gather(*fetches, return_exceptions=True)
        assert [str(each) for each in done] == [UNFETCHED] * 3


async def test_closing_gives_up_what_is_under_way_and_what_waits(home: House) -> None:
    stall = Stall()
    async with serving(stall, host=OUTSIDE) as home.outside:
        fetcher = home.fetcher(Bounds(at_once=1))
        fetches = [asyncio.ensure_future(fetcher.fetch(home.url())) for _ in range(2)]
        await stall.reached.wait()
        await fetcher.aclose()
        done = await asyncio.gather(*fetches, return_exceptions=True)
        assert [str(each) for each in done] == [UNFETCHED] * 2
        with pytest.raises(PictureRefused, match=UNFETCHED):
            await fetcher.fetch(home.url())
        await home.outside.left()
        assert home.outside.accepted == 1
        await fetcher.aclose()


async def test_a_caller_who_leaves_takes_the_connection_along(home: House) -> None:
    stall = Stall()
    async with (
        serving(stall, host=OUTSIDE) as home.outside,
        aclosing(home.fetcher()) as fetcher,
    ):
        fetching = asyncio.ensure_future(fetcher.fetch(home.url()))
        await stall.reached.wait()
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        await home.outside.left()


# -- through a tunnel


@asynccontextmanager
async def tunnelled(home: House, kind: str) -> AsyncIterator[tuple[Socks | Connect, Fetcher]]:
    class Far:
        """The far end has names of its own: everything is OUTSIDE there."""

        async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection(OUTSIDE, home.port)
            try:
                await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
            finally:
                far_writer.transport.abort()

    class FarSocks(Far, Socks): ...

    class FarConnect(Far, Connect): ...

    proxy = (FarSocks if kind == "socks5h" else FarConnect)(home.port)
    async with serving(proxy) as listener:
        path = Tunnel("google", (Via(kind, "127.0.0.1", listener.port),))
        also = frozenset({(ip_address("127.0.0.1"), 9000)})
        rules = Rules(frozenset({80}), also)
        async with aclosing(Fetcher(Dialler(path), rules, Bounds(), home.names)) as fetcher:
            yield proxy, fetcher


@pytest.mark.parametrize("kind", ["socks5h", "http"])
async def test_a_tunnel_is_given_the_name_and_nobody_here_is_asked(home: House, kind: str) -> None:
    home.pages["/"] = to("http://other.example/two")
    home.pages["/two"] = answer()
    async with tunnelled(home, kind) as (proxy, fetcher):
        assert await fetcher.fetch("http://far.example/") == PNG
        assert proxy.hosts == [("far.example", 80), ("other.example", 80)]
        assert home.names.asked == []


@pytest.mark.parametrize("kind", ["socks5h", "http"])
async def test_what_a_link_itself_says_is_judged_before_a_tunnel_too(
    home: House, kind: str
) -> None:
    async with tunnelled(home, kind) as (proxy, fetcher):
        for host in [*INSIDE, "far.example:9000", "far.example:22", "10.0.0.1:9000"]:
            with pytest.raises(PictureRefused):
                await fetcher.fetch(f"http://{host}/")
        assert proxy.hosts == []
        home.pages["/"] = to("http://169.254.169.254/latest/meta-data/")
        with pytest.raises(PictureRefused, match="public internet"):
            await fetcher.fetch("http://far.example/")
        assert proxy.hosts == [("far.example", 80)]


async def test_nothing_is_fetched_while_the_path_is_closed(home: House) -> None:
    home.pages["/"] = answer()
    closed = ["a leak is possible"]
    async with tunnelled(home, "http") as (proxy, fetcher):
        fetcher.heed(lambda: closed[0])
        with pytest.raises(PictureRefused, match=UNFETCHED):
            await fetcher.fetch("http://far.example/")
        assert proxy.hosts == []
        closed[0] = ""
        assert await fetcher.fetch("http://far.example/") == PNG


async def test_a_tunnel_that_is_down_is_not_gone_around(home: House) -> None:
    home.pages["/"] = answer()
    async with serving(canary) as listener:
        path = Tunnel("google", (Via("socks5h", "127.0.0.1", listener.port),))
    async with aclosing(Fetcher(Dialler(path), home.rules, Bounds(), home.names)) as fetcher:
        with pytest.raises(PictureRefused, match=UNFETCHED):
            await fetcher.fetch(home.url())
    assert home.outside.accepted == 0
