from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portico.artifacts.addresses import NOT_PUBLIC, Rules, allowed, checked, permitted
from portico.artifacts.pictures import PictureRefused
from portico.egress.origins import Origin
from tests.artifacts.tricks import INSIDE

PUBLIC = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0
    192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 203.0.114.0 223.255.255.255
    2001:200:: 2606:4700::1111 2a00:1450:4001:80b::200e ::ffff:8.8.8.8 64:ff9b::8.8.8.8
"""

FORBIDDEN = """
    0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255
    127.0.0.0 127.0.0.1 127.255.255.255 168.63.129.16 169.254.0.0 169.254.169.254 169.254.170.2
    172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.192 192.0.0.255 192.0.2.1 192.88.99.1 192.168.0.0
    192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.0 224.0.1.1
    239.255.255.255 240.0.0.0 255.255.255.255
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
    ::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::8.8.8.8
    100::1 2001::1 2001:0:808:808:: 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::
    2002:808:808::1 3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%lo
    2606:4700::1111%lo ::ffff:8.8.8.8%lo fec0::1 ff02::1 ff0e::1
"""


@pytest.mark.parametrize("address", PUBLIC.split())
def test_a_public_address_is_permitted(address: str) -> None:
    assert permitted(ip_address(address))


@pytest.mark.parametrize("address", FORBIDDEN.split())
def test_an_address_that_is_not_public_is_not_permitted(address: str) -> None:
    assert not permitted(ip_address(address))


@given(st.ip_addresses(v=4))
@example(IPv4Address("127.0.0.1"))
def test_an_ipv4_address_is_judged_alike_in_the_disguises_that_somebody_takes_off(
    address: IPv4Address,
) -> None:
    number = int(address)
    assert permitted(IPv6Address(0xFFFF << 32 | number)) == permitted(address)
    assert permitted(IPv6Address(0x0064_FF9B << 96 | number)) == permitted(address)
    assert not permitted(IPv6Address(0x2002 << 112 | number << 80))
    assert not permitted(IPv6Address(number))


@given(st.ip_addresses())
def test_nothing_is_permitted_that_python_knows_to_be_closed(
    address: IPv4Address | IPv6Address,
) -> None:
    closed = address.is_private or address.is_loopback or address.is_link_local
    assert not (permitted(address) and (closed or address.is_multicast or address.is_unspecified))


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("https://pictures.example/a.png", Origin(True, "pictures.example", 443), "/a.png"),
        ("HTTP://Pictures.Example./a?b=c#d", Origin(False, "pictures.example", 80), "/a?b=c"),
        ("https://a.example:8443", Origin(True, "a.example", 8443), "/"),
        ("https://bücher.example/ü", Origin(True, "xn--bcher-kva.example", 443), "/%C3%BC"),
        ("https://my_bucket.s3.example/x", Origin(True, "my_bucket.s3.example", 443), "/x"),
        ("https://a.xn--p1ai/", Origin(True, "a.xn--p1ai", 443), "/"),
        ("https://127.0.0.1.nip.example/", Origin(True, "127.0.0.1.nip.example", 443), "/"),
        ("https://a.example/x@y:z%40", Origin(True, "a.example", 443), "/x@y:z%40"),
    ],
)
def test_a_name_is_written_in_one_way(url: str, origin: Origin, target: str) -> None:
    wanted = checked(url)
    assert (wanted.origin, wanted.target, wanted.address) == (origin, target, None)
    assert checked(wanted.url) == wanted


@pytest.mark.parametrize(
    "host",
    [
        "8.8.8.8",
        "134744072",
        "0x08080808",
        "010.8.8.8",
        "8.8.2056",
        "8.8.8.8.",
        "８.８.８.８",
        "8。8。8。8",
    ],
)
def test_a_number_is_read_as_a_resolver_would(host: str) -> None:
    wanted = checked(f"http://{host}/x")
    assert (wanted.origin.host, wanted.address) == ("8.8.8.8", IPv4Address("8.8.8.8"))


def test_a_public_ipv6_address_is_taken() -> None:
    wanted = checked("https://[2606:4700:0::1111]:8443/x")
    assert wanted.origin == Origin(True, "2606:4700::1111", 8443)
    assert checked(wanted.url) == wanted


@pytest.mark.parametrize("host", INSIDE)
def test_what_leads_inside_is_refused_in_the_same_words_whatever_it_is(host: str) -> None:
    with pytest.raises(PictureRefused) as refused:
        checked(f"http://{host}/secret")
    bracketed_name = host in ("[127.0.0.1]", "[localhost]")  # no URL at all, says Python
    assert str(refused.value) == NOT_PUBLIC or bracketed_name


@pytest.mark.parametrize("port", [0, 1, 21, 22, 25, 81, 6379, 9000, 11211, 65535])
def test_a_port_that_is_not_the_webs_is_refused(port: int) -> None:
    if port:
        with pytest.raises(PictureRefused, match="port"):
            checked(f"https://a.example:{port}/")
    else:
        assert checked("https://a.example:0/").origin.port == 443  # what is read is what is dialled


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/x",
        "file:///etc/passwd",
        "gopher://a.example/_x",
        "data:image/png;base64,AAAA",
        "//a.example/x",
        "a.example/x",
        "http:a.example",
        "http:/a.example",
        "http:///x",
        "http://",
        "http://:80/",
        "http://.example/",
        "http://a..example/",
        "http://::1/",
        "http://[::1/",
        "http://a.example:99999/",
        "http://a.example:٨٠/",
        "http://a.example:8 0/",
        "http://user@a.example/",
        "http://user:secret@a.example/",
        "http://8.8.8.8@127.0.0.1/",
        "http://@a.example/",
        "http://a.example\\@127.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http://a.example/a b",
        "http://a.example/a\\b",
        "http://a.example/\r\nhost: b",
        "http://a.exa\tmple/",
        " http://a.example/",
        "http://a.example/\x00",
        "http://a.exam\u00adple/",
        "http://127.0.0\u200b.1/",
        "http://a.example\u2028/",
        "http://a.example／@127.0.0.1/",
        "http://a.example/\ud800",
        "",
        "http://a.example/" + "a" * 8192,
    ],
)
def test_what_two_readers_could_read_differently_is_refused(url: str) -> None:
    with pytest.raises(PictureRefused) as refused:
        checked(url)
    assert "secret" not in str(refused.value)
    assert "example" not in str(refused.value)


def test_an_endpoint_that_was_opened_opens_neither_its_neighbours_nor_its_disguises() -> None:
    rules = Rules(also=frozenset({(IPv4Address("127.0.0.1"), 9000)}))
    assert checked("http://127.1:9000/", rules).origin == Origin(False, "127.0.0.1", 9000)
    assert checked("http://a.example:9000/", rules)  # its addresses have not been judged yet
    for host in ("127.0.0.1:80", "127.0.0.2:9000", "8.8.8.8:9000", "[::ffff:127.0.0.1]:9000"):
        with pytest.raises(PictureRefused):
            checked(f"http://{host}/", rules)


def test_one_forbidden_address_among_several_forbids_them_all() -> None:
    good, bad = IPv4Address("8.8.8.8"), IPv4Address("10.0.0.1")
    assert allowed([good], 443, Rules()) == (good,)
    for found in ([good, bad], [bad, good], [bad], []):
        with pytest.raises(PictureRefused, match="public internet"):
            allowed(found, 443, Rules())
    with pytest.raises(PictureRefused):
        allowed([good], 22, Rules())


@given(st.text(max_size=40))
@example("127.0.0.1#@a.example")
@example("a.example:80:80")
def test_any_text_is_a_place_we_may_ask_or_refused(text: str) -> None:
    try:
        wanted = checked(f"http://{text}")
    except PictureRefused:
        return
    assert wanted.address is None or permitted(wanted.address)
    assert checked(wanted.url) == wanted
    assert wanted.origin.host.isascii()
    assert wanted.target.isascii()


@given(st.ip_addresses(v=4), st.data())
def test_every_notation_of_an_address_is_judged_like_the_address(
    address: IPv4Address, data: st.DataObject
) -> None:
    number, octets = int(address), list(address.packed)
    kept = data.draw(st.integers(0, 3))
    parts = [*octets[:kept], number & (1 << 8 * (4 - kept)) - 1]
    notations = st.sampled_from(["{}", "0x{:x}", "0X{:X}", "0{:o}", "000{:o}"])
    host = ".".join(data.draw(notations).format(part) for part in parts)
    wide = host.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
    for written in (host, f"{host}.", wide):
        if permitted(address):
            assert checked(f"http://{written}/").address == address
        else:
            with pytest.raises(PictureRefused):
                checked(f"http://{written}/")
