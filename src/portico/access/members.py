"""What an operator does with people and teams, and what they did: every act is a deed."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs, to_builtins

from portico.access.base import EVERYBODY, AccessStore, Deed, Person, Team
from portico.access.callers import LONGEST, fits
from portico.errors import MalformedRequest, NotFound

type Member = Person | Team


class Members:
    """
    The people and teams of one installation.

    *by* is who acts, for the audit. Every method raises StoreUnavailable if the store does not
    answer.
    """

    def __init__(self, store: AccessStore) -> None:
        self._store = store

    async def people(self) -> Sequence[Person]:
        """Return everybody, first come first."""
        return (await self._store.register()).people

    async def teams(self) -> Sequence[Team]:
        """Return every team, first come first."""
        return (await self._store.register()).teams

    async def find[M: (Person, Team)](self, kind: type[M], ident: str) -> M:
        """Return the person or team with that id; raises NotFound."""
        found = await self._known(kind, ident)
        if found is None:
            raise NotFound(f"There is no {kind.__name__.lower()} {ident[:100]!r}.")
        return found

    async def put[M: (Person, Team)](self, kind: type[M], ident: str, by: str, **fields: Any) -> M:
        """
        Make or change the person or team with that id, and return it.

        Raises:
            MalformedRequest: it cannot be an id, or there is no such team.
        """
        ident = identified(ident, kind)
        if (team := fields.get("team")) is not None and await self._known(Team, team) is None:
            raise MalformedRequest(f"There is no team {team[:100]!r}.", param="team")
        known = await self._known(kind, ident)
        thing = known or kind(id=ident, created=time.time())
        thing = structs.replace(thing, **fields)
        what = "changed" if known else "created"
        await self._store.keep(thing, _deed(by, what, thing, known, thing))
        return thing

    async def drop[M: (Person, Team)](self, kind: type[M], ident: str, by: str) -> M:
        """Forget the person or team with that id, and return it as it was; raises NotFound."""
        known = await self.find(kind, ident)
        await self._store.drop(known, _deed(by, "deleted", known, known, None))
        return known

    async def deeds(self, before: int | None = None, limit: int = 50) -> Sequence[Deed]:
        """Return the latest deeds of operators, or those before that number, newest first."""
        return await self._store.deeds(before, limit)

    async def note(
        self, by: str, what: str, about: str, after: Mapping[str, Any] | None = None
    ) -> None:
        """Keep a deed that changed nothing among keys, people and teams."""
        await self._store.note(Deed(at=time.time(), by=by, what=what, about=about, after=after))

    async def _known[M: (Person, Team)](self, kind: type[M], ident: str) -> M | None:
        register = await self._store.register()
        members: Sequence[Member] = register.people if kind is Person else register.teams
        for one in members:
            if one.id == ident.lower() and isinstance(one, kind):
                return one
        return None


def identified(text: str, kind: type[Member]) -> str:
    """
    Return *text* as the id of a person or a team; they are written small.

    Raises:
        MalformedRequest: it cannot be one.
    """
    ident = text.lower()
    if not fits(ident) or "/" in ident or (ident == EVERYBODY and kind is Team):
        told = f"An id has 1 to {LONGEST} printable characters, without `/`, and looks like no key."
        raise MalformedRequest(told, param="id")
    return ident


def _deed(by: str, what: str, about: Member, was: Member | None, now: Member | None) -> Deed:
    kind = "person" if isinstance(about, Person) else "team"
    before, after = (None if one is None else to_builtins(one) for one in (was, now))
    at = time.time()
    return Deed(at=at, by=by, what=f"{kind}.{what}", about=about.id, before=before, after=after)
