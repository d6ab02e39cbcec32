"""How a tunnel's listener does: states, and what requests and probes change about them. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum

FAILURES = 2
"""In a row, until a listener is down: one may be the provider's or the network's mood."""

SUSPICION = 1.0
"""Seconds until somebody looks at a suspect again."""

RECOVERY, MOST_RECOVERY = 5.0, 30.0
"""Seconds until somebody looks at one that is down; doubling up to the most."""

BARRED, MOST_BARRED = 300.0, 3600.0
"""Seconds until a request tries a geo-blocked exit again: exits rarely move, yet they do."""


class State(StrEnum):
    """What we hold of a listener and of the exit behind it."""

    HEALTHY = "healthy"
    SUSPECT = "suspect"  # failed once, or was slower than another
    DOWN = "down"  # failed in a row
    HALF_OPEN = "half-open"  # was bad, and somebody is finding out
    GEO_BLOCKED = "geo-blocked"  # carries, but the provider does not serve where it comes out
    WRONG_EXIT = "wrong-exit"  # carries, but comes out where the operator does not expect it


class Sign(StrEnum):
    """What a request or a probe has met. A provider's 5xx or 429 is a sign of life."""

    CARRIED = "carried"  # TLS with the provider, or any answer of its
    SERVED = "served"  # an answer that is none of refusal
    FAILED = "failed"  # no way through, or lost before the head of an answer
    OVERTAKEN = "overtaken"  # another listener was there first
    BARRED = "barred"  # the provider does not serve this location
    WELCOME = "welcome"  # a probe: the provider serves this location
    RIGHT = "right"  # a probe: it comes out where it should
    ASTRAY = "astray"  # a probe: it does not


@dataclass(frozen=True, slots=True)
class Health:
    """
    One listener's state; clocks are its caller's (seconds, monotonic).

    From `until` on somebody may find out how it does, one per `rest` seconds. `cause` is what a
    half-open one was before. `reason` is for people.
    """

    state: State = State.HEALTHY
    since: float = 0.0
    reason: str = ""
    failures: int = 0  # in a row
    rest: float = 0.0
    until: float = 0.0
    cause: State = State.HEALTHY

    @property
    def held(self) -> State:
        """What is held against it, also while somebody finds out."""
        return self.cause if self.state is State.HALF_OPEN else self.state

    @property
    def usable(self) -> bool:
        """True if a request may be expected to get through."""
        return self.held in (State.HEALTHY, State.SUSPECT)

    @property
    def bad(self) -> bool:
        """True if nothing that is kept open through it is worth keeping."""
        return not self.usable

    def due(self, now: float) -> bool:
        """Say whether somebody may find out now. A wrong exit is a probe's to absolve."""
        held = self.held
        return held not in (State.HEALTHY, State.WRONG_EXIT) and now >= self.until


PREFERENCE = (State.HEALTHY, State.SUSPECT, State.DOWN)
"""In this order listeners are tried; `egress.ways` says when one that is none of these is."""


def let_through(health: Health, now: float) -> Health:
    """Return *health* with its turn taken by somebody who finds out."""
    return replace(health, state=State.HALF_OPEN, cause=health.held, until=now + health.rest)


def after(health: Health, sign: Sign, now: float, reason: str = "") -> Health:
    """Return what *sign* makes of *health*; the same object where it changes nothing."""
    if sign is Sign.ASTRAY:
        known = health.state is State.WRONG_EXIT
        return Health(State.WRONG_EXIT, health.since if known else now, reason)
    if health.state is State.WRONG_EXIT:
        return Health(since=now) if sign is Sign.RIGHT else health
    if sign is Sign.BARRED:
        return _barred(health, now, reason)
    if health.held is State.GEO_BLOCKED:
        return _while_blocked(health, sign, now)
    if sign is Sign.FAILED:
        return _failed(health, now, reason)
    if sign is Sign.OVERTAKEN:
        return _overtaken(health, now)
    return health if health.state is State.HEALTHY else Health(since=now)


def _barred(health: Health, now: float, reason: str) -> Health:
    """Whoever was under way when it began makes it no longer; whoever was let through does."""
    if health.state is State.GEO_BLOCKED:
        return health
    again = health.held is State.GEO_BLOCKED
    rest = min(2 * health.rest, MOST_BARRED) if again else BARRED
    return Health(State.GEO_BLOCKED, now, reason, rest=rest, until=now + rest)


def _while_blocked(health: Health, sign: Sign, now: float) -> Health:
    """That it carries says nothing; only an answer to somebody who was let through does."""
    let = health.state is State.HALF_OPEN
    if sign is Sign.WELCOME or (let and sign is Sign.SERVED):
        return Health(since=now)
    if let and sign in (Sign.FAILED, Sign.OVERTAKEN):
        return replace(health, state=State.GEO_BLOCKED, until=now + health.rest)
    return health


def _failed(health: Health, now: float, reason: str) -> Health:
    if health.state is State.DOWN:  # whoever was under way when it went down
        return health
    failures = health.failures + 1
    if health.held is State.DOWN:
        rest = min(2 * health.rest, MOST_RECOVERY)
    elif failures >= FAILURES:
        rest = RECOVERY
    else:
        return Health(State.SUSPECT, now, reason, failures, SUSPICION, now + SUSPICION)
    return Health(State.DOWN, now, reason, failures, rest, now + rest)


def _overtaken(health: Health, now: float) -> Health:
    """Slow is not dead: it only goes behind the others until somebody has looked."""
    if health.state is State.HEALTHY:
        return Health(State.SUSPECT, now, "another was faster", 0, SUSPICION, now + SUSPICION)
    if health.state is State.HALF_OPEN:
        return replace(health, state=health.cause, until=now + health.rest)
    return health
