"""What an operator does with people and teams, and the record of what operators did."""

import logging
import time
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from msgspec import Struct
from pydantic import BaseModel, Field
from starlette.responses import Response

from portico.access.base import Caller, Deed, Person, Team, Terms
from portico.access.limits import Used
from portico.access.rows import MOST
from portico.api.answers import JSON, Numbered, operated
from portico.api.deps import Here, Operator, Serving
from portico.api.keys import Name, TermsBody, noticed, terms_of
from portico.errors import StoreUnavailable

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api", tags=["operator"], route_class=Numbered)

Ident = Annotated[str, Path(description="Such as an e-mail address; written small", max_length=200)]
type Label = Annotated[str, Field(max_length=200)]


class TeamBody(BaseModel, extra="forbid"):
    """What is to be so; what is left out stays. `terms` are replaced as a whole."""

    name: Label = ""
    terms: TermsBody = TermsBody()


class PersonBody(TeamBody):
    """The same, of a person."""

    team: Name | None = None


class AuditFilter(BaseModel, extra="forbid"):
    """Which deeds to list, newest first: those before the one with that number."""

    before: Annotated[int, Field(ge=0, le=2**62)] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


class PersonTold(Struct, frozen=True, kw_only=True):
    """A person: what they may, and what they have used."""

    id: str
    name: str
    team: str | None
    created: float
    terms: Terms
    used: Used


class TeamTold(Struct, frozen=True, kw_only=True):
    """A team: what it may, and what it has used."""

    id: str
    name: str
    created: float
    terms: Terms
    used: Used


class People(Struct, frozen=True):
    """Everybody on record."""

    people: list[PersonTold]


class Teams(Struct, frozen=True):
    """Every team."""

    teams: list[TeamTold]


class Audit(Struct, frozen=True):
    """What operators did, newest first; `next` is the `before` of more, None on the last page."""

    deeds: list[Deed]
    next: int | None


def _person(one: Person, here: Serving) -> PersonTold:
    used = here.gateway.limits.used(f"person:{one.id}", time.time())
    known = {"id": one.id, "name": one.name, "team": one.team}
    return PersonTold(**known, created=one.created, terms=one.terms, used=used)  # type: ignore[arg-type]


def _team(one: Team, here: Serving) -> TeamTold:
    used = here.gateway.limits.used(f"team:{one.id}", time.time())
    return TeamTold(id=one.id, name=one.name, created=one.created, terms=one.terms, used=used)


def _fields(body: TeamBody, here: Serving) -> dict[str, Any]:
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if isinstance(terms := given.get("terms"), TermsBody):
        given["terms"] = terms_of(terms, here)
    if given.get("team"):
        given["team"] = given["team"].lower()
    return given


@router.get("/people", responses=operated(People))
async def list_people(here: Here, caller: Operator) -> Response:
    """Everybody on record, with what they may and what they have used."""
    return JSON(People([_person(one, here) for one in await here.members.people()]))


@router.get("/people/{ident}", responses=operated(PersonTold, 404))
async def get_person(ident: Ident, here: Here, caller: Operator) -> Response:
    """One person."""
    return JSON(_person(await here.members.find(Person, ident), here))


@router.put("/people/{ident}", responses=operated(PersonTold))
async def put_person(ident: Ident, body: PersonBody, here: Here, caller: Operator) -> Response:
    """Put a person on record, or change them; `*` has the terms of all who are not on record."""
    one = await here.members.put(Person, ident, caller.known, **_fields(body, here))
    await noticed(here)
    return JSON(_person(one, here))


@router.delete("/people/{ident}", responses=operated(PersonTold, 404))
async def delete_person(ident: Ident, here: Here, caller: Operator) -> Response:
    """Take a person off the record; their keys and their rows in the ledger go on naming them."""
    one = await here.members.drop(Person, ident, caller.known)
    await noticed(here)
    return JSON(_person(one, here))


@router.get("/teams", responses=operated(Teams))
async def list_teams(here: Here, caller: Operator) -> Response:
    """Every team, with what it may and what it has used."""
    return JSON(Teams([_team(one, here) for one in await here.members.teams()]))


@router.get("/teams/{ident}", responses=operated(TeamTold, 404))
async def get_team(ident: Ident, here: Here, caller: Operator) -> Response:
    """One team."""
    return JSON(_team(await here.members.find(Team, ident), here))


@router.put("/teams/{ident}", responses=operated(TeamTold))
async def put_team(ident: Ident, body: TeamBody, here: Here, caller: Operator) -> Response:
    """Make a team, or change it."""
    one = await here.members.put(Team, ident, caller.known, **_fields(body, here))
    await noticed(here)
    return JSON(_team(one, here))


@router.delete("/teams/{ident}", responses=operated(TeamTold, 404))
async def delete_team(ident: Ident, here: Here, caller: Operator) -> Response:
    """Forget a team; what names it goes on naming it, and is bound by nothing of it."""
    one = await here.members.drop(Team, ident, caller.known)
    await noticed(here)
    return JSON(_team(one, here))


@router.get("/audit", responses=operated(Audit))
async def get_audit(
    here: Here, caller: Operator, asked: Annotated[AuditFilter, Query()]
) -> Response:
    """What operators did, when, and what it changed; newest first, without secrets."""
    deeds = list(await here.members.deeds(asked.before, asked.limit))
    more = deeds[-1].number if len(deeds) >= asked.limit else None
    return JSON(Audit(deeds, more))


async def noted(here: Serving, caller: Caller, what: str, about: str) -> None:
    """Put on record what an operator did; where the record is away, the log has it."""
    try:
        await here.members.note(caller.known, what, about)
    except StoreUnavailable as exc:
        log.warning("%s by %s on %s is not on record: %s", what, caller.known, about, exc)
