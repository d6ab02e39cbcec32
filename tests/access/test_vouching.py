"""Whom a front end's headers name, and whose headers are believed."""

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.access.base import Conversation, User
from portico.access.vouching import LONGEST, NOTHING, SIGNS, SKEW, TOKEN, heard, signed_user

SECRET, NOW = b"what only the front end knows", 1_790_000_000.0
ANNA = {"sub": "u-1", "email": "anna@lab.example", "name": "Änna", "role": "user"}
PLAIN = {
    b"x-openwebui-user-id": b"u-1",
    b"x-openwebui-user-email": b"anna@lab.example",
    b"x-openwebui-user-name": b"%C3%84nna",
    b"x-openwebui-user-role": b"user",
    b"x-openwebui-chat-id": b"c-1",
    b"x-openwebui-message-id": b"m-1",
    b"x-openwebui-task": b"title_generation",
}


def part(value: Any) -> bytes:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).rstrip(b"=")


def token(
    claims: Any = None, head: Any = None, secret: bytes = SECRET, algorithm: str = "sha256"
) -> bytes:
    claims = {**ANNA, "exp": NOW + 300, "iat": NOW} if claims is None else claims
    signed = part({"alg": "HS256", "typ": "JWT"} if head is None else head) + b"." + part(claims)
    return signed + b"." + part(hmac.digest(secret, signed, algorithm))


def said(headers: dict[bytes, bytes], *, trusted: bool, secret: bytes | None = None) -> Any:
    return heard(headers, trusted=trusted, secret=secret, now=NOW)


def test_a_trusted_front_end_is_believed() -> None:
    user = User("u-1", "anna@lab.example", "Änna", "user")
    assert said(PLAIN, trusted=True) == Conversation("c-1", "m-1", "title_generation", user)


def test_the_same_headers_from_anybody_else_say_nothing() -> None:
    assert said(PLAIN, trusted=False) is NOTHING
    assert said(PLAIN, trusted=False, secret=SECRET) is NOTHING


def test_a_signed_user_brings_their_chat_along_whatever_the_key() -> None:
    found = said({**PLAIN, TOKEN: token()}, trusted=False, secret=SECRET)
    assert found.user == User("u-1", "anna@lab.example", "Änna", "user")
    assert (found.chat, found.message, found.task) == ("c-1", "m-1", "title_generation")
    assert said({**PLAIN, TOKEN: token()}, trusted=False) is NOTHING  # nobody knows the secret


def test_a_bad_token_names_nobody_and_plain_headers_do_not_help_it() -> None:
    forged = {**PLAIN, TOKEN: token(secret=b"another")}
    assert said(forged, trusted=False, secret=SECRET) is NOTHING
    found = said(forged, trusted=True, secret=SECRET)
    assert (found.user, found.chat) == (None, "c-1")
    assert said(forged, trusted=True).user is None


BAD = {
    "no algorithm": token(head={"alg": "none"}),
    "another algorithm": token(head={"alg": "HS512"}, algorithm="sha512"),
    "head says so": token(head={"alg": "RS256"}),
    "expired": token({**ANNA, "exp": NOW}),
    "never expires": token(ANNA),
    "expires some day": token({**ANNA, "exp": "tomorrow"}),
    "not yet": token({**ANNA, "exp": NOW + 300, "iat": NOW + SKEW + 1}),
    "nor yet": token({**ANNA, "exp": NOW + 300, "nbf": NOW + SKEW + 1}),
    "of somebody else": token({**ANNA, "exp": NOW + 300, "iss": "elsewhere"}),
    "of nobody": token({"exp": NOW + 300, "name": "Anna"}),
    "a list": token([1]),
    "no JSON": token(b"\xff"),
    "deep": token(b"[" * 3000),
    "unsigned": token().rpartition(b".")[0] + b".",
    "two parts": token().rpartition(b".")[0],
    "four parts": token() + b".e30",
    "padded": token() + b"=",
    "long": token({**ANNA, "exp": NOW + 300, "x": "x" * 4096}),
    "empty": b"",
    "dots": b"..",
    "strange": b"a b.c\xff.d",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_token_that_is_not_good_names_nobody(bad: bytes) -> None:
    assert signed_user(bad, SECRET, NOW) is None


def test_clocks_may_differ_a_little() -> None:
    early = token({**ANNA, "exp": NOW + 300, "iat": NOW + SKEW})
    assert signed_user(early, SECRET, NOW)
    assert signed_user(token({**ANNA, "exp": NOW + 0.5}), SECRET, NOW)


@given(st.binary(max_size=200))
def test_whatever_comes_as_a_token_is_read_without_trouble(data: bytes) -> None:
    assert signed_user(data, SECRET, NOW) is None


@given(st.integers(0, len(token()) - 1), st.integers(1, 255))
def test_a_token_that_is_changed_anywhere_is_no_token(place: int, change: int) -> None:
    good = bytearray(token())
    good[place] ^= change
    user = signed_user(bytes(good), SECRET, NOW)
    assert user is None or bytes(good).rpartition(b".")[0] == token().rpartition(b".")[0]


claims = st.dictionaries(
    st.sampled_from(["sub", "email", "name", "role", "iss", "exp", "iat", "nbf", "x"]),
    st.none() | st.booleans() | st.text(max_size=300) | st.floats(0, 2e9) | st.integers(),
)


@given(claims)
def test_only_claims_that_are_in_time_name_somebody(found: dict[str, Any]) -> None:
    user = signed_user(token(found), SECRET, NOW)
    if user is not None:
        assert found["exp"] > NOW
        assert user.id or user.email
        for text in (user.id, user.email, user.name, user.role):
            assert text is None or (0 < len(text) <= LONGEST and text.isprintable())


values = st.binary(max_size=300) | st.sampled_from([b"", b" ", b"a" * 201, b"\x00", b"%ff", b"a\n"])


@given(st.dictionaries(st.sampled_from(sorted(SIGNS)), values), st.booleans())
def test_whatever_headers_hold_values_are_short_and_printable(
    headers: dict[bytes, bytes], trusted: bool
) -> None:
    found = said(headers, trusted=trusted, secret=SECRET)
    if not trusted:
        assert found is NOTHING
    user = found.user or User()
    for text in (found.chat, found.message, found.task, user.id, user.email, user.name, user.role):
        assert text is None or (0 < len(text) <= LONGEST and text.isprintable())
