"""Who comes with a key, and for whom a front end speaks."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portico.access.base import Caller, Key, Person, Roster, Team, Terms, User
from portico.access.callers import NARROWEST, caller_of, person_id, speaking_for

from .keys import SECRET, key

names = st.none() | st.frozensets(st.sampled_from("abc"))
terms = st.builds(
    Terms,
    roles=names,
    targets=names,
    usd_per_day=st.none() | st.just(Decimal(1)),
    concurrency=st.none() | st.just(1),
    capture=st.none() | st.sampled_from(NARROWEST),
)


def knows(*things: Person | Team) -> Roster:
    people = {one.id: one for one in things if isinstance(one, Person)}
    teams = {one.id: one for one in things if isinstance(one, Team)}
    return Roster({}, SECRET, people, teams)


def accounts(caller: Caller) -> list[str]:
    return [bound.account for bound in caller.bounds]


LIMITED = Terms(usd_per_day=Decimal(1))
EVERYTHING = knows(
    Person(id="anna", team="lab", terms=LIMITED), Team(id="lab", terms=LIMITED), Team(id="other")
)


def test_a_key_is_its_persons_and_their_teams() -> None:
    mine = key(person="anna", terms=LIMITED, id="key_1")
    found = caller_of(mine, EVERYTHING)
    assert (found.key, found.person, found.team, found.owner) == ("key_1", "anna", "lab", "key_1")
    assert accounts(found) == ["key:key_1", "person:anna", "team:lab"]


def test_a_key_that_names_a_team_of_its_own_is_that_teams() -> None:
    found = caller_of(key(person="anna", team="other"), EVERYTHING)
    assert (found.team, accounts(found)) == ("other", ["person:anna"])


def test_who_is_named_and_not_known_binds_nothing() -> None:
    found = caller_of(key(person="zoe", team="none"), EVERYTHING)
    assert (found.person, found.team, found.bounds) == ("zoe", "none", ())


@given(terms, terms, terms)
def test_the_narrowest_of_all_terms_holds(mine: Terms, theirs: Terms, ours: Terms) -> None:
    roster = knows(Person(id="anna", team="lab", terms=theirs), Team(id="lab", terms=ours))
    found = caller_of(key(person="anna", terms=mine), roster)
    every = (mine, theirs, ours)
    for name in ("roles", "targets"):
        given_ = [getattr(one, name) for one in every if getattr(one, name) is not None]
        held = getattr(found, name)
        assert held == (frozenset.intersection(*given_) if given_ else None)
    levels = [one.capture or "full" for one in every]
    assert found.capture == min(levels, key=NARROWEST.index)
    assert [bound.terms for bound in found.bounds] == [one for one in every if one.bounded]


FRONT = key("webui", id="key_w", trusted=True, admin=True, team="other", terms=LIMITED)


def speaking(user: User, front: Key = FRONT, roster: Roster = EVERYTHING) -> Caller:
    return speaking_for(caller_of(front, roster), user, roster)


def test_a_front_end_speaks_for_whoever_has_that_address() -> None:
    found = speaking(User("u-1", "ANNA", "Anna", "admin"))
    assert (found.key, found.person, found.team) == ("key_w", "anna", "lab")
    assert accounts(found) == ["key:key_w", "person:anna", "team:lab"]
    assert found.owner == "anna"  # what is kept for one user is not another's


def test_nobody_runs_the_gateway_through_a_front_end() -> None:
    assert caller_of(FRONT, EVERYTHING).admin
    assert not speaking(User("u-1", "anna", "Anna", "admin")).admin


def test_a_stranger_is_somebody_too_under_the_terms_for_everybody() -> None:
    found = speaking(User("u-2", "Bert@Lab.example"))
    assert (found.person, found.team) == ("bert@lab.example", "other")
    assert accounts(found) == ["key:key_w"]
    general = knows(Person(id="*", terms=LIMITED))
    found = speaking(User("u-2", "bert@lab.example"), roster=general)
    assert accounts(found) == ["key:key_w", "person:bert@lab.example"]


def test_without_an_address_a_user_is_their_id_there() -> None:
    assert speaking(User("u-1")).person == "u-1"
    assert person_id(User(None, None, "Anna")) is None


def test_users_cannot_pass_for_keys_or_for_everybody() -> None:
    for ident in ("key_1", "pk-x", "*", " ", "a" * 200, "a\nb"):
        front = caller_of(FRONT, EVERYTHING)
        assert speaking_for(front, User(ident), EVERYTHING) is front


def test_an_open_gateway_belongs_to_its_machine_whoever_is_named() -> None:
    found = speaking_for(Caller(admin=True, trusted=True), User("u-1"), None)
    assert (found.person, found.admin, found.owner) == ("u-1", True, None)


@given(terms, st.builds(User, st.text(max_size=5), st.none() | st.text(max_size=5)))
def test_nobody_may_more_than_the_front_end_that_speaks_for_them(mine: Terms, user: Any) -> None:
    roster = knows(Person(id="*", terms=mine))
    front = key(trusted=True, terms=Terms(roles=frozenset("ab"), capture="no-media"))
    found = speaking(user, front, roster)
    assert found.roles is not None
    assert found.roles <= frozenset("ab")
    assert found.capture in ("no-media", "metadata-only")
    assert not found.admin
