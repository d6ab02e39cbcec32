import asyncio
import json
import ssl
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.egress.clients import HTTPRequest
from portico.egress.probe import Expected, Prober, Questions, identity
from portico.egress.status import Exit, Level, Seen
from tests.egress.exits import URL, Lab, lab
from tests.egress.servers import until

FIRST, SECOND = "127.0.0.11", "127.0.0.12"
TRACE = "https://upstream.test/trace"


def not_here(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    return status == 400 and b"location is not supported" in body


def questions(here: Lab, expected: Mapping[str, Expected] | None = None) -> Questions:
    pairs = zip(here.pool.ways.all, here.outlets, strict=True)
    vias = {way.via: (expected or {}).get(outlet.address) for way, outlet in pairs}
    return Questions(
        "https://upstream.test/v1beta",
        TRACE,
        HTTPRequest(URL, method="GET"),
        not_here,
        {via: met for via, met in vias.items() if via is not None and met is not None},
        within=3.0,
    )


def seen(here: Lab, number: int) -> dict[Level, bool]:
    return {level: found.ok for level, (_, found) in here.way(number).seen.items()}


@given(st.ip_addresses(), st.from_regex(r"[A-Z]{2}", fullmatch=True))
def test_both_ways_of_telling_where_a_request_came_from_are_read(address: object, loc: str) -> None:
    told = Exit(str(address), loc)
    assert identity(f"fl=29f\nh=x\nip={address}\nts=1.2\nloc={loc}\ntls=TLSv1.3\n".encode()) == told
    assert identity(json.dumps({"ip": str(address), "country": loc.lower()}).encode()) == told


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_whatever_else_is_told_is_no_identity_or_a_sound_one(body: bytes) -> None:
    for told in (identity(body), identity(b"ip=" + body), identity(b'{"ip": "' + body)):
        assert told is None or ip_address(told.address)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>ip=1.2.3.4",
        b"ip=portico.test\nloc=SG",
        b"ip=",
        b'{"ip": 5}',
        b'{"ip": "1.2.3.4.5"}',
        b"{",
        b"{" * 9000,
        b"[" * 9000,
    ],
)
def test_what_names_no_address_is_no_identity(body: bytes) -> None:
    assert identity(body) is None


def test_a_region_that_is_none_is_left_out() -> None:
    assert identity(b"ip=192.0.2.1\nloc=T1\n") == Exit("192.0.2.1")
    assert identity(b'{"ip": "192.0.2.1", "country": ["SG"]}') == Exit("192.0.2.1")


def test_what_is_expected_is_looked_at_and_nothing_else() -> None:
    at = Exit("203.0.113.7", "SG")
    assert Expected().met(at)
    assert Expected(frozenset({"SG", "US"})).met(at)
    assert not Expected(frozenset({"US"})).met(at)
    nets = (ip_network("2001:db8::/32"), ip_network("203.0.113.0/24"))
    assert Expected(networks=nets).met(at)
    assert not Expected(networks=nets[:1]).met(at)
    assert not Expected(frozenset({"US"}), nets).met(at)
    assert not Expected(frozenset({"US"})).met(Exit("203.0.113.7"))


@pytest.mark.anyio
async def test_all_levels_are_well_where_all_is_well(tls: ssl.SSLContext, trust: Path) -> None:
    async with lab(tls, trust) as here:
        here.provider.regions = {FIRST: "SG", SECOND: "US"}
        await Prober(here.pool, questions(here)).once()
        assert [seen(here, number) for number in (0, 1)] == [dict.fromkeys(Level, True)] * 2
        assert [way.exit for way in here.pool.ways.all] == [Exit(FIRST, "SG"), Exit(SECOND, "US")]
        assert here.states() == ["healthy", "healthy"]
        probes = here.pool.status.listeners[0].probes
        assert [probe.level for probe in probes] == list(Level)


@pytest.mark.anyio
async def test_a_dead_listener_is_known_before_a_request_is(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        await here.kill(0)
        prober = Prober(here.pool, questions(here))
        for _ in range(2):
            await prober.once()
        assert here.states() == ["down", "healthy"]
        assert seen(here, 0) == {Level.LISTENER: False}
        assert await here.ask() == SECOND
        await here.revive(0)
        await prober.once()
        assert here.states() == ["healthy", "healthy"]
        assert await here.ask() == FIRST


@pytest.mark.anyio
async def test_a_listener_that_says_yes_and_leads_nowhere_is_down(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.freeze(0)
        await Prober(here.pool, questions(here)).once()
        assert here.states() == ["down", "healthy"]
        assert seen(here, 0) == {Level.LISTENER: True, Level.PROVIDER: False}


@pytest.mark.anyio
async def test_an_exit_that_is_elsewhere_is_closed_until_it_is_right(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.provider.regions = {FIRST: "RU", SECOND: "SG"}
        expected = dict.fromkeys((FIRST, SECOND), Expected(frozenset({"SG"})))
        prober = Prober(here.pool, questions(here, expected))
        await prober.once()
        assert here.states() == ["wrong-exit", "healthy"]
        assert here.way(0).health.reason == f"it comes out at {FIRST} RU"
        assert Level.REGION not in seen(here, 0), "no key is shown there"
        assert await here.ask() == SECOND
        here.provider.regions[FIRST] = "SG"
        await prober.once()
        assert here.states() == ["healthy", "healthy"]


@pytest.mark.anyio
async def test_the_region_probe_blocks_and_unblocks_an_exit(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.provider.abroad = {FIRST}
        prober = Prober(here.pool, questions(here))
        await prober.once()
        assert here.states() == ["geo-blocked", "healthy"]
        assert here.way(0).exit == Exit(FIRST, "XX"), "where it comes out is still known"
        here.provider.abroad = set()
        await prober.probe(here.way(0), Level.REGION)
        assert here.states() == ["healthy", "healthy"]


@pytest.mark.anyio
@pytest.mark.parametrize("status", [b"500 Oops", b"429 Slow down", b"401 Who"])
async def test_a_providers_own_trouble_is_told_and_held_against_nobody(
    status: bytes, tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.provider.status = status
        await Prober(here.pool, questions(here)).once()
        assert here.states() == ["healthy", "healthy"]
        _, found = here.way(0).seen[Level.REGION]
        assert (found.ok, found.detail) == (
            False,
            f"the provider answered with status {status[:3].decode()}",
        )
        assert here.way(0).exit is None
        assert not seen(here, 0)[Level.EXIT]


@pytest.mark.anyio
async def test_an_echo_that_says_nothing_in_time_is_held_against_nobody(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        here.provider.speaks.clear()
        asked = Questions("https://upstream.test/", TRACE, within=0.3)
        prober = Prober(here.pool, asked)
        assert not await prober.probe(here.way(0), Level.EXIT)
        _, found = here.way(0).seen[Level.EXIT]
        assert found.detail == "nothing within 0.3 s"
        assert here.states() == ["healthy", "healthy"]


def test_only_what_there_is_to_ask_is_asked() -> None:
    base = "https://upstream.test/"
    assert Questions(base).levels == (Level.LISTENER, Level.PROVIDER)
    assert Questions(base, TRACE).levels == (Level.LISTENER, Level.PROVIDER, Level.EXIT)
    assert Questions(base, region=HTTPRequest(base)).levels[2:] == (Level.REGION,)
    assert not Questions(base).barred(400, {}, b"location is not supported")


@pytest.mark.anyio
async def test_the_watch_goes_on_until_it_is_cancelled_and_asks_no_more_than_it_owes(
    tls: ssl.SSLContext, trust: Path
) -> None:
    async with lab(tls, trust) as here:
        every = {Level.LISTENER: 0.01, Level.PROVIDER: 0.01, Level.EXIT: 3600.0}
        asked = Questions("https://upstream.test/", TRACE, every=every, within=3.0)
        watch = asyncio.create_task(Prober(here.pool, asked).run())
        await until(lambda: here.listeners[1].accepted > 5)
        await here.kill(0)
        await until(lambda: here.states()[0] == "down")
        await here.revive(0)
        await until(lambda: here.states()[0] == "healthy")
        watch.cancel()
        await asyncio.wait([watch])
        assert here.provider.asked.count(FIRST) == 1
        assert isinstance(here.way(0).seen[Level.LISTENER][1], Seen)
