"""Who a key's bearer is, and the user whom a front end speaks for: the narrowest of what holds."""

from collections.abc import Iterable
from dataclasses import replace

from portico.access.base import (
    EVERYBODY,
    Bound,
    Caller,
    Capture,
    Key,
    Person,
    Roster,
    Team,
    Terms,
    User,
)

NARROWEST: tuple[Capture, ...] = ("metadata-only", "no-media", "full")

LONGEST = 128
"""Characters of the id of a person or a team."""

RESERVED = ("key_", "pk-", "sk-")
"""How no id of a person begins: owners are people and keys, and texts of keys are never shown."""


def caller_of(key: Key, roster: Roster) -> Caller:
    """Return who comes with *key*."""
    person = roster.people.get(key.person) if key.person else None
    team_id = key.team or (person.team if person else None)
    team = roster.teams.get(team_id) if team_id else None
    known = Caller(
        key=key.id,
        name=key.name,
        person=key.person,
        team=team_id,
        admin=key.admin,
        trusted=key.trusted,
        owner=key.id,
    )
    own = Bound(f"key:{key.id}", f"the key {key.name!r}", key.terms)
    return _within(known, (own, *_of_person(key.person, person), *_of_team(team)))


def speaking_for(caller: Caller, user: User, roster: Roster | None) -> Caller:
    """
    Return *caller*, a front end, as it speaks for *user*.

    What the front end may bounds what its users may. Nobody runs the gateway through a front end
    that needs a key, and what is kept for one user is not another's.
    """
    ident = person_id(user)
    if ident is None:
        return caller
    people = roster.people if roster else {}
    person = people.get(ident) or (people.get(user.id) if user.id else None)
    if person is not None:
        ident = person.id
    person = person or people.get(EVERYBODY)
    team_id = (person.team if person else None) or caller.team
    team = roster.teams.get(team_id) if roster and team_id and team_id != caller.team else None
    spoken = replace(
        caller,
        person=ident,
        team=team_id,
        admin=caller.admin and caller.key is None,
        owner=ident if caller.key else None,
    )
    return _within(spoken, (*_of_person(ident, person), *_of_team(team)))


def person_id(user: User) -> str | None:
    """Return what a front end's user is known by here: their address, else their id there."""
    ident = user.email.lower() if user.email else user.id
    if not ident or ident == EVERYBODY or not fits(ident):
        return None
    return ident


def fits(ident: str) -> bool:
    """Say whether this can be the id of a person or a team."""
    printable = ident.isprintable() and ident == ident.strip()
    return 1 <= len(ident) <= LONGEST and printable and not ident.startswith(RESERVED)


def _of_person(ident: str | None, person: Person | None) -> Iterable[Bound]:
    if ident and person:
        yield Bound(f"person:{ident}", f"{ident}", person.terms)


def _of_team(team: Team | None) -> Iterable[Bound]:
    if team:
        yield Bound(f"team:{team.id}", f"the team {team.id!r}", team.terms)


def _within(caller: Caller, bounds: Iterable[Bound]) -> Caller:
    """Return *caller* held to *bounds* besides what it is held to already."""
    roles, targets, capture = caller.roles, caller.targets, caller.capture
    counted = list(caller.bounds)
    for bound in bounds:
        terms: Terms = bound.terms
        roles = _both(roles, terms.roles)
        targets = _both(targets, terms.targets)
        capture = min(capture, terms.capture or capture, key=NARROWEST.index)
        if terms.bounded:
            counted.append(bound)
    held = tuple(counted)
    return replace(caller, roles=roles, targets=targets, capture=capture, bounds=held)


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
