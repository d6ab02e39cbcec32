"""What an operator does with keys: list, make, change, rotate, revoke."""

import time
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from msgspec import Struct
from pydantic import BaseModel, Field
from starlette.responses import Response

from portico.access.base import Key, State, Terms
from portico.access.limits import Used
from portico.api.answers import JSON, Documented, Numbered, operated, problems
from portico.api.deps import Here, Operator, Serving
from portico.errors import MalformedRequest

router = APIRouter(prefix="/api/keys", tags=["operator"], route_class=Numbered)

LONGEST = 100 * 366 * 86_400
"""Seconds of the longest lifetime: later years do not fit a date."""

type Name = Annotated[str, Field(min_length=1, max_length=128)]
type Names = Annotated[frozenset[Name], Field(max_length=200)]
type Dollars = Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=9, allow_inf_nan=False)]
type Count = Annotated[int, Field(ge=0, le=10**12, strict=True)]
type Span = Annotated[float, Field(gt=0, le=LONGEST, allow_inf_nan=False)]
Ident = Annotated[str, Path(description="The id of a key, or its name", max_length=128)]


class TermsBody(BaseModel, extra="forbid"):
    """What somebody may, and how much; null leaves it open. Budgets are US dollars, days UTC's."""

    roles: Names | None = None
    targets: Names | None = None
    usd_per_day: Dollars | None = None
    usd_per_month: Dollars | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    concurrency: Count | None = None
    capture: Literal["full", "no-media", "metadata-only"] | None = None


class KeyChanges(BaseModel, extra="forbid"):
    """What is to be different; what is left out stays. `terms` are replaced as a whole."""

    name: Annotated[str, Field(max_length=200)] = ""
    admin: bool = False
    trusted: bool = False
    person: Name | None = None
    team: Name | None = None
    terms: TermsBody = TermsBody()
    expires_in: Annotated[
        Span | None, Field(description="Seconds from now; null: until it is revoked")
    ] = None


class NewKeyBody(KeyChanges):
    """A key to be made."""

    name: Annotated[str, Field(max_length=200)]
    admin: bool | None = None  # type: ignore[assignment]  # null: only the first key of all is


class RotationBody(BaseModel, extra="forbid"):
    """How long the old text is good besides the new one, in seconds."""

    overlap: Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False)] = 86_400.0


class KeyTold(Struct, frozen=True, kw_only=True):
    """A key, without what would open anything. Times are epoch seconds."""

    id: str
    name: str
    state: State
    created: float
    expires: float | None
    revoked: float | None
    ends_with: str
    admin: bool
    trusted: bool
    person: str | None
    team: str | None
    terms: Terms
    overlap: float | None
    used: Used


class KeyList(Struct, frozen=True):
    """Every key ever made, oldest first."""

    keys: list[KeyTold]


class KeyMade(Struct, frozen=True):
    """A key and its text, which is shown this one time."""

    key: KeyTold
    text: str


_MADE: Documented = {
    201: {**operated(KeyMade)[200], "description": "Made; `text` is shown this one time"},
    **problems(400, 401, 403, 503),
}


def told(key: Key, here: Serving, now: float) -> KeyTold:
    """Return what an operator is told of *key*."""
    return KeyTold(
        id=key.id,
        name=key.name,
        state=key.state(now),
        created=key.created,
        expires=key.expires,
        revoked=key.revoked,
        ends_with=key.last4,
        admin=key.admin,
        trusted=key.trusted,
        person=key.person,
        team=key.team,
        terms=key.terms,
        overlap=key.overlap,
        used=here.gateway.limits.used(f"key:{key.id}", now),
    )


def terms_of(body: TermsBody, here: Serving) -> Terms:
    """
    Return the terms that *body* asks for.

    Raises:
        MalformedRequest: there is no such role or target.
    """
    catalog = here.gateway.house.catalog
    known = {"roles": catalog.roles, "targets": {**catalog.targets, **catalog.embedders}}
    for field, names in known.items():
        for name in getattr(body, field) or ():
            if name not in names:
                place = f"terms.{field}"
                raise MalformedRequest(f"`{place}`: there is no {name[:100]!r}.", param=place)
    return Terms(**body.model_dump())


async def _fields(body: KeyChanges, here: Serving, now: float) -> dict[str, Any]:
    """Return the fields of Key that *body* gives."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if given.get("team") is not None:
        await _must_be(here, given["team"])
    if isinstance(terms := given.get("terms"), TermsBody):
        given["terms"] = terms_of(terms, here)
    if "expires_in" in given:
        seconds = given.pop("expires_in")
        given["expires"] = None if seconds is None else now + seconds
    for name in ("person", "team"):
        if given.get(name):
            given[name] = given[name].lower()
    return given


async def noticed(here: Serving) -> None:
    """This process goes by a change at once, others within a second."""
    here.gate.know(await here.ring.roster())


async def _must_be(here: Serving, team: str) -> None:
    if team.lower() not in {one.id for one in await here.members.teams()}:
        raise MalformedRequest(f"There is no team {team[:100]!r}.", param="team")


@router.get("", responses=operated(KeyList))
async def list_keys(here: Here, caller: Operator) -> Response:
    """Every key ever made, with what it may and what it has used."""
    now = time.time()
    return JSON(KeyList([told(key, here, now) for key in await here.ring.list()]))


@router.post("", status_code=201, responses=_MADE)
async def create_key(body: NewKeyBody, here: Here, caller: Operator) -> Response:
    """Make a key. Its text is in this answer and nowhere else."""
    fields = await _fields(body, here, time.time())
    if fields.get("admin", False) is None:
        del fields["admin"]
    expires, name = fields.pop("expires", None), fields.pop("name")
    lifetime = None if expires is None else expires - time.time()
    made = await here.ring.issue(name, lifetime, by=caller.known, **fields)
    await noticed(here)
    return JSON(KeyMade(told(made.key, here, time.time()), made.text), 201)


@router.get("/{ident}", responses=operated(KeyTold, 404))
async def get_key(ident: Ident, here: Here, caller: Operator) -> Response:
    """One key."""
    return JSON(told((await here.ring.find(ident)).key, here, time.time()))


@router.patch("/{ident}", responses=operated(KeyTold, 404))
async def change_key(ident: Ident, body: KeyChanges, here: Here, caller: Operator) -> Response:
    """Change what a key may, or whose it is; running requests keep what they began with."""
    fields = await _fields(body, here, time.time())
    key = await here.ring.change(ident, by=caller.known, **fields)
    await noticed(here)
    return JSON(told(key, here, time.time()))


@router.post("/{ident}/rotate", responses=operated(KeyMade, 404))
async def rotate_key(ident: Ident, body: RotationBody, here: Here, caller: Operator) -> Response:
    """Give a key a new text, shown in this answer; the old one is good for `overlap` seconds."""
    made = await here.ring.rotate(ident, body.overlap, by=caller.known)
    await noticed(here)
    return JSON(KeyMade(told(made.key, here, time.time()), made.text))


@router.delete("/{ident}", responses=operated(KeyTold, 404))
async def revoke_key(ident: Ident, here: Here, caller: Operator) -> Response:
    """Revoke a key for good. It stays on record: rows of the ledger name it."""
    was = await here.ring.revoke(ident, by=caller.known)
    await noticed(here)
    return JSON(told((await here.ring.find(was.id)).key, here, time.time()))
