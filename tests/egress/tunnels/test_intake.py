from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.egress.tunnels.files import write
from portico.egress.tunnels.inlets import Inlet, Listeners, parse_reach, rebased
from portico.egress.tunnels.intake import take
from portico.egress.tunnels.links import link
from portico.egress.tunnels.reasons import Reason, Refused
from portico.egress.tunnels.store import load, save
from portico.egress.tunnels.values import SECRETS, Tunnel, secrets_of
from portico.egress.tunnels.words import section
from tests.egress.tunnels.strategies import TUNNELS

LINK = "ss://YWVzLTI1Ni1nY206czNjcmV0@203.0.113.7:8388#us"


def test_several_sources_are_one_import(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    taken = take(file, [("a", f"{LINK}\nhttp://x".encode()), ("b", f"\ufeff{LINK}".encode())])
    assert taken.told == ("us: taken, port 21001",)
    first, second = taken.refused
    assert first.startswith("a:2: this is the address of a subscription")
    assert second == "b:1: this tunnel is already there, as us"
    assert [inlet.name for inlet in load(file)] == ["us"]


@given(tunnels=st.lists(TUNNELS, min_size=1, max_size=3, unique_by=repr))
def test_what_was_exported_is_taken_and_told_without_its_secrets(
    tmp_path_factory: pytest.TempPathFactory, tunnels: list[Tunnel]
) -> None:
    file = tmp_path_factory.mktemp("intake") / "t.yaml"
    taken = take(file, [("x", "\n".join(map(link, tunnels)).encode())])
    assert taken.refused == ()
    assert [inlet.tunnel for inlet in load(file)] == tunnels
    long = [text for one in tunnels for text in secrets_of(one) if len(text) > 16]
    assert [text for text in long if text in "\n".join(taken.told)] == []


@given(tunnel=TUNNELS)
def test_every_secret_of_a_tunnel_is_found(tunnel: Tunnel) -> None:
    found = secrets_of(tunnel)
    assert "" not in found
    written = msgspec.to_builtins(tunnel)
    under = {**written, **written.get("security", {})}
    assert {under[name] for name in SECRETS & under.keys()} - {""} <= set(found)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError, match="there"):
        write(tmp_path / "there", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize("text", ["a.test:443", "A.TEST:443", "a.test:0443"])
def test_a_reach_is_a_name_and_a_port(text: str) -> None:
    assert parse_reach(text) == ("a.test", 443)


@given(text=st.text() | st.from_regex(r"[a-z.\[\]:0-9]*:[0-9٣]*", fullmatch=True))
def test_whatever_is_taken_as_a_reach_a_listener_takes_too(text: str) -> None:
    with suppress(Refused):
        host, port = parse_reach(text)
        assert Listeners(reach=((host, port),)).ports == {port: (host,)}


@pytest.mark.parametrize("text", ["", "a.test", ":443", "a.test:", "a.test:65536", "[::1]:443"])
def test_such_a_reach_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="a reach is a host name"):
        parse_reach(text)


@pytest.mark.parametrize(
    ("user", "password"), [("a:b", "p"), ("a", "p\n"), ("a\0", "p"), ("a", "p" * 256)]
)
def test_a_user_or_password_that_no_listener_could_be_told_is_refused(
    user: str, password: str
) -> None:
    with pytest.raises(Refused) as refused:
        Listeners(user=user, password=password)
    assert refused.value.reason is Reason.BAD_SIGN_IN


def test_the_section_leads_to_a_sidecar_at_an_address_of_ipv6(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    take(file, [("x", LINK.encode())])
    inlets = rebased(load(file), 4000)
    assert '"http://[::1]:4000#us"' in section(inlets, Listeners("::1"))
    save(file, inlets)
    assert load(file) == inlets


def test_ports_end_where_ports_end(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    take(file, [("x", LINK.encode())])
    (inlet,) = load(file)
    with pytest.raises(Refused):
        rebased((inlet, Inlet("other", 1, inlet.tunnel)), 65535)
