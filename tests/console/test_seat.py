"""A seat is nobody's to make, and an address leads nowhere but into the console."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.console.seat import (
    HOME,
    LASTS,
    Seat,
    cookie,
    genuine,
    is_no_name,
    read,
    take,
    token,
    within,
)

SECRET, OTHER, NOW = b"s" * 32, b"t" * 32, 1_790_000_000.0


@pytest.mark.parametrize("key", [None, "key_0123456789abcdef"])
def test_a_cookie_gives_its_seat_back_until_it_is_over(key: str | None) -> None:
    seat = take(NOW, key)
    value = cookie(seat, SECRET)
    assert read(value, SECRET, NOW) == replace(seat, expires=float(int(NOW + LASTS)))
    assert read(value, SECRET, NOW + LASTS - 1) is not None
    assert read(value, SECRET, NOW + LASTS) is None


def test_a_cookie_of_another_installation_is_nobodys() -> None:
    assert read(cookie(take(NOW, "key_a"), OTHER), SECRET, NOW) is None


@given(st.data())
def test_a_cookie_in_which_anything_was_changed_is_nobodys(data: st.DataObject) -> None:
    value = cookie(Seat("key_abc", "0" * 32, NOW + 60), SECRET)
    at = data.draw(st.integers(0, len(value) - 1))
    put = data.draw(st.text(max_size=3).filter(lambda text: text != value[at]))
    assert read(value[:at] + put + value[at + 1 :], SECRET, NOW) is None


@pytest.mark.parametrize("value", [None, "", "1", "1.-.1.2.3", "é" * 200])
def test_what_is_no_cookie_of_ours_is_nobodys(value: str | None) -> None:
    assert read(value, SECRET, NOW) is None


def test_the_token_of_a_form_is_its_seats_alone() -> None:
    seat, other = take(NOW), take(NOW)
    assert genuine(token(seat, SECRET), seat, SECRET)
    assert not genuine(token(other, SECRET), seat, SECRET)
    assert not genuine(token(seat, OTHER), seat, SECRET)
    assert not genuine("", seat, SECRET)
    assert not genuine("Ж", seat, SECRET)


@pytest.mark.parametrize(
    "path", ["/console", "/console/requests?role=code", "/console/tiers/a%2Fb/park"]
)
def test_addresses_of_the_console_are_kept(path: str) -> None:
    assert within(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "//evil.example",
        "https://evil.example/console",
        "/\\evil.example",
        "/console\\@evil.example",
        "/consolevil",
        "/console/../v1/models",
        "/console//evil.example",
        "javascript:alert(1)",
        "/v1/models",
        "/console/\r\nset-cookie: a=b",
        " /console",
        "///console",
    ],
)
def test_no_other_address_is_ever_gone_to(path: str | None) -> None:
    assert within(path) == HOME


@given(st.text())
def test_whatever_is_given_leads_into_the_console(path: str) -> None:
    assert within(path) == HOME or within(path).startswith(f"{HOME}/") or "?" in within(path)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "a.localhost:1"])
def test_an_address_cannot_be_made_to_lead_here(host: str) -> None:
    assert is_no_name(host)


@pytest.mark.parametrize(
    "host", [None, "", "evil.example", "evil.example:8000", "127.0.0.1.nip.io"]
)
def test_a_name_can(host: str | None) -> None:
    assert not is_no_name(host)
