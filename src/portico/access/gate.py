"""The one place that says whether a request may be asked at all."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Literal

from portico.access.base import KEY, Caller, Conversation, Key, Roster, User, digest
from portico.access.callers import caller_of, speaking_for
from portico.access.vouching import NOTHING, SIGNS, heard
from portico.errors import StoreUnavailable, Unauthenticated

RECENT = 5.0
"""Seconds for which what was read is the whole truth: a key that is not in it is nobody's."""

STALE = 900.0
"""Seconds that known keys stay good while their store is away (product.md §2.6)."""

RETRY = 5.0
"""Seconds after which a caller may try again when the keys cannot be read."""

MOST_USERS = 10_000
"""Users of front ends that are remembered."""

MAKE = "`portico keys create NAME` makes one"


@dataclass(frozen=True, slots=True)
class Rule:
    """
    Whether callers need a key.

    `auto`: unless only this machine reaches the server (not *exposed*) and no key was ever made.
    """

    required: bool | Literal["auto"]
    exposed: bool = False

    def needs(self, roster: Roster | None) -> bool | None:
        """Say whether a key is needed, as far as *roster* tells; None if it has to and is not."""
        if self.required != "auto":
            return self.required
        if self.exposed:
            return True
        return None if roster is None else bool(roster.keys) or roster.ever


@dataclass(frozen=True, slots=True)
class _Badge:
    """Who comes with a text that was once given out, and until when it opens (epoch seconds)."""

    key: Key
    caller: Caller
    until: float


def _badge(mark: bytes, key: Key, roster: Roster) -> _Badge:
    until = inf if key.expires is None else key.expires
    if mark in roster.outgoing:
        until = min(until, key.overlap or 0.0)
    return _Badge(key, caller_of(key, roster), -inf if key.revoked is not None else until)


class Gate:
    """
    Knows callers by their key, from memory alone.

    While the store is away, known keys stay good for STALE seconds and nobody is called unknown.
    *clock* counts seconds. *secret* is what a front end signs its users with.
    """

    def __init__(
        self,
        rule: Rule,
        clock: Callable[[], float] = time.monotonic,
        secret: bytes | None = None,
    ) -> None:
        self.rule = rule
        self._secret = secret
        self._clock = clock
        self._open = Caller(admin=True, trusted=not rule.exposed)
        self.roster: Roster | None = None
        self.why = ""  # they could not be read, in words
        self._badges: dict[bytes, _Badge] = {}
        self._users: dict[tuple[str | None, User], Caller] = {}
        self._read = self._heard = -inf  # the roster, and the store

    def know(self, roster: Roster, age: float | None = None) -> None:
        """
        Go by *roster* from now on; it has just been read.

        Where *age* is given it is only remembered: it was read that many seconds ago, and who is
        not on it may be known to the store.
        """
        if roster is not self.roster:
            self.roster = roster
            self._badges = {mark: _badge(mark, key, roster) for mark, key in roster.keys.items()}
            self._users.clear()
        self._read = self._clock() - (age or 0.0)
        if age is None:
            self._heard = self._read

    @property
    def needs_key(self) -> bool | None:
        """Whether callers need a key; None while that depends on keys that cannot be read."""
        return self.rule.needs(self.roster)

    @property
    def store_away(self) -> bool:
        """True if the keys could not be read for a while."""
        return self._clock() - self._heard > RECENT

    def admit(self, authorization: bytes | None) -> Caller:
        """
        Return who is asking: somebody without a key only where none is needed.

        Raises:
            Unauthenticated: no key, or one that is not good, where keys are needed.
            StoreUnavailable: only the store could tell, and it is away.
        """
        age, text = self._clock() - self._read, _bearer(authorization)
        possible = text if text and KEY.fullmatch(text) else None
        roster = self.roster
        badge = self._badges.get(digest(roster.secret, possible)) if roster and possible else None
        live = badge is not None and time.time() < badge.until
        if badge is not None and live and age <= STALE:
            return badge.caller
        needed = self.needs_key
        if needed is False:
            return self._open  # chat UIs send a dummy where there is nothing to send
        unknown = badge is None and possible is not None
        if needed is None or live or (unknown and self.store_away):
            raise StoreUnavailable("Keys cannot be checked just now.", retry_after=RETRY)
        raise Unauthenticated(self._refusal(text, badge.key if badge else None))

    def heard(self, caller: Caller, headers: Mapping[bytes, bytes]) -> tuple[Caller, Conversation]:
        """
        Return for whom *caller* speaks, and of which chat, as its *headers* say.

        Only a front end that is trusted is believed, or what it has signed.
        """
        if SIGNS.isdisjoint(headers) or not (caller.trusted or self._secret):
            return caller, NOTHING
        talk = heard(headers, trusted=caller.trusted, secret=self._secret, now=time.time())
        if talk.user is None:
            return caller, talk
        known = (caller.key, talk.user)
        if (spoken := self._users.get(known)) is None:
            if len(self._users) >= MOST_USERS:
                self._users.clear()
            spoken = self._users[known] = speaking_for(caller, talk.user, self.roster)
        return spoken, talk

    def _refusal(self, text: bytes | None, key: Key | None) -> str:
        if key is not None and key.state(time.time()) == "live":
            return "This key was replaced: use its new text."
        if key is not None and key.revoked is not None:
            return f"This key was revoked on {_day(key.revoked)}."
        if key is not None and key.expires is not None:
            return f"This key expired on {_day(key.expires)}."
        told = (
            "This gateway needs a key: `Authorization: Bearer pk-…`."
            if text is None
            else "This key is not known here."
        )
        if self.roster is not None and not self.roster.lives(time.time()):
            return f"{told} There is none at present: {MAKE}."
        return told


def _bearer(authorization: bytes | None) -> bytes | None:
    scheme, _, text = (authorization or b"").partition(b" ")
    return text.strip() or None if scheme.lower() == b"bearer" else None


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
