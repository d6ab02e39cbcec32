"""Keys, people, teams and deeds as rows, the same in every kind of database. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from portico.access.base import Deed, Kept, Key, Person, Team, Terms

KEY_COLUMNS = (
    *("id", "name", "created", "expires", "revoked", "last4", "admin", "trusted"),
    *("person", "team", "terms", "overlap", "digest", "sealed_by", "previous"),
)
PERSON_COLUMNS = ("id", "name", "team", "created", "terms")
TEAM_COLUMNS = ("id", "name", "created", "terms")
DEED_COLUMNS = ("number", "at", "actor", "what", "about", "was", "became")

MOST = 200
"""Deeds that are read at a time."""

type Row = Sequence[Any]
type Thing = Kept | Person | Team

_terms = msgspec.json.Decoder(Terms)
_object = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder(order="sorted").encode


def table_of(thing: Thing) -> tuple[str, tuple[str, ...]]:
    """Return where *thing* is kept: the table, and its columns."""
    match thing:
        case Kept():
            return "keys", KEY_COLUMNS
        case Person():
            return "people", PERSON_COLUMNS
        case Team():
            return "teams", TEAM_COLUMNS


def changed(columns: Iterable[str], table: str) -> str:
    """Return what a known row takes from a new one (`excluded`); a revoked key stays so."""
    stays = {"revoked": f"coalesce({table}.revoked, excluded.revoked)"}
    names = [name for name in columns if name not in ("id", "created")]
    return ", ".join(f"{name} = {stays.get(name, f'excluded.{name}')}" for name in names)


def row_of(thing: Thing) -> Row:
    """Return *thing* in the order of its columns."""
    match thing:
        case Kept(key, mark, sealed_by, before):
            return (
                *(key.id, key.name, key.created, key.expires, key.revoked, key.last4),
                *(key.admin, key.trusted, key.person, key.team, _text(key.terms), key.overlap),
                *(mark, sealed_by, before),
            )
        case Person():
            return thing.id, thing.name, thing.team, thing.created, _text(thing.terms)
        case Team():
            return thing.id, thing.name, thing.created, _text(thing.terms)


def key_of(row: Row) -> Kept:
    """Return the key that a row holds."""
    named = dict(zip(KEY_COLUMNS, row, strict=True))
    mark, sealed_by, before = (named.pop(name) for name in ("digest", "sealed_by", "previous"))
    named["admin"], named["trusted"] = bool(named["admin"]), bool(named["trusted"])
    named["terms"] = _terms.decode(named["terms"])
    return Kept(Key(**named), mark, sealed_by, before)


def person_of(row: Row) -> Person:
    """Return the person that a row holds."""
    ident, name, team, created, terms = row
    return Person(id=ident, name=name, team=team, created=created, terms=_terms.decode(terms))


def team_of(row: Row) -> Team:
    """Return the team that a row holds."""
    ident, name, created, terms = row
    return Team(id=ident, name=name, created=created, terms=_terms.decode(terms))


def deed_row(deed: Deed, number: int) -> Row:
    """Return *deed* under its number."""
    was, became = (None if one is None else _text(one) for one in (deed.before, deed.after))
    return number, deed.at, deed.by, deed.what, deed.about, was, became


def deed_of(row: Row) -> Deed:
    """Return the deed that a row holds."""
    number, at, actor, what, about, was, became = row
    before, after = (None if one is None else _object.decode(one) for one in (was, became))
    told: dict[str, Any] = {"at": at, "by": actor, "what": what, "about": about}
    return Deed(**told, before=before, after=after, number=number)


def _text(value: Any) -> str:
    return _encode(value).decode()
