"""Keys and rosters as values."""

import pytest

from portico.access.base import KEY, Issued, digest, seal

from .keys import SECRET, key, roster, text


@pytest.mark.parametrize(
    ("fields", "now", "state"),
    [
        ({}, 1e12, "live"),
        ({"expires": 100.0}, 99.9, "live"),
        ({"expires": 100.0}, 100.0, "expired"),
        ({"revoked": 50.0}, 60.0, "revoked"),
        ({"revoked": 50.0, "expires": 55.0}, 60.0, "revoked"),
    ],
)
def test_a_key_lives_until_it_expires_or_is_revoked(
    fields: dict[str, float], now: float, state: str
) -> None:
    assert key(**fields).state(now) == state


def test_a_roster_knows_a_key_by_its_text_and_by_nothing_else() -> None:
    mine, anna = text(), key()
    known = roster((mine, anna))
    assert known.find(mine.encode()) is anna
    assert known.find(text().encode()) is None
    assert known.find(digest(SECRET, mine.encode())) is None  # a stolen digest opens nothing


def test_a_roster_lives_while_one_key_does() -> None:
    assert roster((text(), key()), (text(), key(revoked=1.0))).lives(2.0)
    assert not roster((text(), key(expires=1.0)), (text(), key(revoked=1.0))).lives(2.0)


def test_digests_depend_on_the_secret_and_seals_do_not_give_it_away() -> None:
    other = bytes(32)
    assert digest(SECRET, b"pk-x") != digest(other, b"pk-x")
    assert seal(SECRET) != seal(other)
    assert SECRET.hex()[:8] not in seal(SECRET)


def test_what_opens_something_is_in_no_repr() -> None:
    mine = text()
    assert mine not in repr(Issued(key(), mine))
    assert repr(SECRET) not in repr(roster((mine, key())))


def test_a_key_has_its_form() -> None:
    assert KEY.fullmatch(text().encode())
    for wrong in (b"sk-" + b"a" * 43, b"pk-" + b"a" * 42, b"pk-" + b"a" * 44, b"pk-" + b"a/" * 21):
        assert not KEY.fullmatch(wrong)
