"""Who is let in, by a roster in memory and its age."""

import time
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.access.base import Roster
from portico.access.gate import RECENT, STALE, Gate, Rule
from portico.errors import StoreUnavailable, Unauthenticated

from .keys import bearer, key, roster, text

MINE, ANNA = text(), key("anna")
KNOWN = roster((MINE, ANNA))
NOBODY = roster()
FORGOTTEN = replace(NOBODY, ever=True)
REVOKED = roster((MINE, key(revoked=1.0)))

type Required = bool | Literal["auto"]


class Clock:
    """Goes where it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def gate(known: Roster | None, required: Required = True, age: float = 0.0, **more: bool) -> Gate:
    clock = Clock()
    made = Gate(Rule(required, **more), clock)
    if known is not None:
        made.know(known)
    clock.now += age
    return made


@pytest.mark.parametrize(
    ("required", "exposed", "known", "needed"),
    [
        ("auto", False, NOBODY, False),
        ("auto", False, KNOWN, True),
        ("auto", False, REVOKED, True),  # revoking the last key does not open the door
        ("auto", False, FORGOTTEN, True),  # nor does forgetting whose it was
        ("auto", False, None, None),
        ("auto", True, NOBODY, True),
        ("auto", True, None, True),
        (True, False, NOBODY, True),
        (False, True, KNOWN, False),
        (False, True, None, False),
    ],
)
def test_when_a_key_is_needed(
    required: Required, exposed: bool, known: Roster | None, needed: bool | None
) -> None:
    assert gate(known, required, exposed=exposed).needs_key is needed


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
def test_a_good_key_is_its_owner_wherever_it_is_shown(scheme: str) -> None:
    header = f"{scheme}{MINE}".encode()
    for required in (True, False, "auto"):
        assert gate(KNOWN, required).admit(header).key == ANNA.id


@pytest.mark.parametrize(
    "header",
    [None, b"", b"Bearer", b"Bearer ", MINE.encode(), b"Basic " + MINE.encode(), b"Bearer\t\xff"],
    ids=range(7),  # the texts are new in each process, and two share the tests
)
def test_no_key_is_told_what_is_wanted(header: bytes | None) -> None:
    with pytest.raises(Unauthenticated, match="needs a key: `Authorization: Bearer pk-"):
        gate(KNOWN).admit(header)


@pytest.mark.parametrize(
    "other", [text(), "sk-dummy", MINE[:-1], MINE.lower(), MINE + "x", "\xff"], ids=range(6)
)
def test_an_unknown_key_is_refused_without_being_repeated(other: str) -> None:
    with pytest.raises(Unauthenticated, match="not known here") as caught:
        gate(KNOWN).admit(bearer(other))
    assert other not in str(caught.value)


@pytest.mark.parametrize(
    "header", [None, bearer("sk-dummy"), bearer(text()), b"Basic x"], ids=range(4)
)
def test_an_open_gateway_ignores_what_it_does_not_know(header: bytes | None) -> None:
    assert gate(NOBODY, "auto").admit(header).key is None
    assert gate(KNOWN, False).admit(header).key is None
    assert gate(None, False).admit(header).key is None


def test_whoever_reaches_an_open_gateway_runs_it_and_is_a_front_end_on_this_machine_only() -> None:
    here = gate(NOBODY, "auto").admit(None)
    assert (here.key, here.owner, here.admin, here.trusted) == (None, None, True, True)
    outside = gate(NOBODY, False, exposed=True).admit(None)
    assert (outside.key, outside.admin, outside.trusted) == (None, True, False)


def test_without_any_good_key_the_refusal_says_how_to_make_one() -> None:
    for known in (NOBODY, REVOKED):
        with pytest.raises(Unauthenticated, match="`portico keys create NAME` makes one"):
            gate(known).admit(None)
    with pytest.raises(Unauthenticated) as caught:
        gate(KNOWN).admit(None)
    assert "portico keys" not in str(caught.value)


def test_a_key_that_is_over_is_told_so() -> None:
    with pytest.raises(Unauthenticated, match="revoked on 1970-01-01"):
        gate(REVOKED).admit(bearer(MINE))
    expired = roster((MINE, key(expires=86_400.0)))
    with pytest.raises(Unauthenticated, match="expired on 1970-01-02"):
        gate(expired).admit(bearer(MINE))
    soon = key(expires=time.time() + 3600)
    assert gate(roster((MINE, soon))).admit(bearer(MINE)).key == soon.id


def test_a_key_that_is_over_is_nobody_where_none_is_needed() -> None:
    assert gate(REVOKED, False).admit(bearer(MINE)).key is None


def test_while_the_store_is_away_known_keys_stay_good_and_nobody_is_unknown() -> None:
    away = gate(KNOWN, age=RECENT + 1)
    assert away.store_away
    assert away.admit(bearer(MINE)).key == ANNA.id
    with pytest.raises(StoreUnavailable) as caught:
        away.admit(bearer(text()))
    assert caught.value.retry_after
    for hopeless in (None, bearer("sk-dummy")):  # no store could make these good
        with pytest.raises(Unauthenticated):
            away.admit(hopeless)


def test_what_is_over_stays_over_while_the_store_is_away() -> None:
    with pytest.raises(Unauthenticated, match="revoked"):
        gate(REVOKED, age=STALE + 1).admit(bearer(MINE))


def test_after_too_long_even_known_keys_must_wait() -> None:
    assert gate(KNOWN, age=STALE).admit(bearer(MINE)).key == ANNA.id
    with pytest.raises(StoreUnavailable):
        gate(KNOWN, age=STALE + 1).admit(bearer(MINE))
    assert gate(KNOWN, False, age=STALE + 1).admit(bearer(MINE)).key is None


def test_before_the_keys_could_be_read_nobody_is_called_unknown() -> None:
    with pytest.raises(StoreUnavailable):
        gate(None).admit(bearer(MINE))
    with pytest.raises(StoreUnavailable):
        gate(None, "auto").admit(None)
    with pytest.raises(Unauthenticated):
        gate(None).admit(None)


def test_an_open_gateway_stays_open_while_the_store_is_away() -> None:
    assert gate(NOBODY, "auto", age=STALE + 1).admit(None).key is None


def test_a_new_roster_counts_at_once() -> None:
    here = gate(NOBODY, "auto")
    assert here.admit(None).key is None
    here.know(KNOWN)
    assert here.admit(bearer(MINE)).key == ANNA.id
    with pytest.raises(Unauthenticated):
        here.admit(None)


headers = st.none() | st.binary(max_size=80) | st.binary(max_size=80).map(b"Bearer ".__add__)
rosters = st.sampled_from([None, NOBODY, KNOWN, REVOKED])
ages = st.sampled_from([0.0, RECENT, RECENT + 1, STALE, STALE + 1])


@given(headers | st.just(bearer(MINE)), rosters, st.sampled_from([True, False, "auto"]), ages)
def test_whatever_comes_only_a_live_key_is_somebody(
    header: bytes | None, known: Roster | None, required: Required, age: float
) -> None:
    here = gate(known, required, age)
    good = known is KNOWN and header == bearer(MINE)
    try:
        caller = here.admit(header)
    except StoreUnavailable:
        assert known is None or age > RECENT
        assert here.needs_key is not False
    except Unauthenticated:
        assert not good
        assert here.needs_key
    else:
        assert caller.key == (ANNA.id if good and age <= STALE else None)
        assert caller.key is not None or here.needs_key is False
