"""From what was noted of a request to its trace. Pure, but some work: for the recorder's thread."""

from collections.abc import Callable, Collection, Mapping
from itertools import chain, repeat
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from portico.chat.reply import Choice, collect
from portico.routing.attempts import Attempt, Broken, Failed, outcome_name
from portico.routing.routes import Route
from portico.traces.base import LARGEST, Capture, Card, Fidelity, Keep, Life, Trace, natural
from portico.traces.cutting import cut
from portico.traces.picturing import Bodies, Kept
from portico.traces.redaction import Redactor
from portico.traces.story import (
    AnswerTold,
    AttemptTold,
    CallTold,
    ChoiceTold,
    NotAsked,
    Reason,
    RouteTold,
    Story,
)
from portico.traces.tape import Take, Tape, folded

HEADERS = (b"accept", b"content-type", b"traceparent", b"user-agent")
"""Headers of a request that are kept. None that could hold a key is, whatever its name."""

FLAGGED = frozenset({"failed", "broken"})
"""Outcomes that are a reason to look into a trace later."""

NAME = 200
"""Characters of a name on a card."""

NAMES = ("asked", "degraded", "task", "chat", "message")
"""What of a card somebody else has chosen, and may have put anything into."""


class Composer:
    """
    Makes traces of takes; `known` gives the secrets of our own configuration as they are now.

    No story is over *largest* bytes.
    """

    def __init__(
        self,
        keep: Keep | None = None,
        known: Callable[[], Collection[str]] = tuple,
        largest: int = LARGEST,
    ) -> None:
        self._keep = keep or Keep()
        self._known = known
        self._largest = largest

    def trace(self, take: Take, kept: Kept) -> Trace:
        """Return what is stored of *take*, whose pictures are kept as *kept* says."""
        redactor = Redactor(self._known())
        names = _names(take.card, redactor)
        story = _story(take, kept)
        told = self._masked(story, redactor)
        fidelity = _fidelity(take, story, redactor)
        raw, shortened = cut(told, self._largest)
        if shortened and fidelity is not Fidelity.REDACTED:
            fidelity = Fidelity.TRUNCATED
        return Trace(self._card(take.card, names, fidelity, len(raw)), Raw(raw))

    def _card(self, given: Card, names: dict[str, Any], fidelity: Fidelity, size: int) -> Card:
        flags = ("error",) if given.outcome in FLAGGED else ()
        life = Life.FLAGGED if flags else natural(given)
        until = self._keep.until(life, given.started)
        more = {"flags": flags, "life": life, "expires": until, "fidelity": fidelity, "size": size}
        return replace(given, **names, **more)  # once: a copy of so many fields is dear

    def _masked(self, story: Story, redactor: Redactor) -> bytes:
        """Return *story* as JSON, with nothing in it that has to be masked."""
        encoded = msgspec.json.encode(story)
        if not redactor.suspect(encoded):
            return encoded
        told: dict[str, Any] = msgspec.json.decode(encoded)
        request = told.pop("request", None)
        if request is not None:  # first, and alone: what is masked in it cannot be played again
            request = redactor.value(request)
        lost = redactor.masked
        rest = redactor.value(told)
        redactor.masked = lost
        return msgspec.json.encode(rest if request is None else {**rest, "request": request})


def _fidelity(take: Take, story: Story, redactor: Redactor) -> Fidelity:
    tape = take.tape
    if tape is None or redactor.masked or story.request is None:
        return Fidelity.REDACTED
    pictures = [one for one in story.pictures if one.target is None]
    if tape.capture is not Capture.FULL and pictures:
        return Fidelity.REDACTED
    if redactor.held or any(one.artifact is None for one in pictures):
        return Fidelity.BLOB_MISSING
    return Fidelity.COMPLETE


def _story(take: Take, kept: Kept) -> Story:
    tape = take.tape
    route = _route(take.route) if take.route is not None else None
    if tape is None:
        attempts = tuple(_attempt(one, None, words=False) for one in take.attempts)
        return Story(route=route, attempts=attempts, left_out=("everything that was said",))
    pictures = Bodies(tape, kept)
    request = pictures.request()
    bodies = zip(take.attempts, chain(tape.sent, repeat(None)), strict=False)
    attempts = tuple([_attempt(one, pictures.sent(body), words=True) for one, body in bodies])
    return Story(
        headers=_headers(tape.headers),
        request=request,
        answer=_answer(tape, take.card.outcome),
        route=route,
        attempts=attempts,
        pictures=pictures.told(),
        left_out=("pictures and files",) if tape.capture is not Capture.FULL else (),
    )


def _names(given: Card, redactor: Redactor) -> dict[str, Any]:
    """Return the names on the card *given* that have to be other ones."""
    found = {name: told for name in NAMES if (told := getattr(given, name)) is not None}
    if given.asked in (given.target, given.role):  # a name of ours
        del found["asked"]
    return {name: redactor.text(_valid(told[:NAME])) for name, told in found.items()}


def _headers(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    return {
        name.decode("latin-1"): headers[name].decode("latin-1")[:NAME]
        for name in HEADERS
        if name in headers
    }


def _valid(text: str) -> str:
    """Return *text* in characters that every store takes."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _answer(tape: Tape, outcome: str) -> AnswerTold | None:
    if not tape.batches:
        return None
    batches = tape.batches
    reply = collect(batches[0] if len(batches) == 1 else folded(batches))
    choices = tuple([_choice(one) for one in reply.choices])
    ended = all(one.finish for one in choices)
    complete = ended and outcome not in ("broken", "abandoned")
    return AnswerTold(choices=choices, usage=reply.usage, complete=complete)


def _choice(one: Choice) -> ChoiceTold:
    calls = [
        CallTold(_valid(call.id), _valid(call.name), _valid(call.arguments))
        for call in one.tool_calls
    ]
    return ChoiceTold(
        text=_valid(one.text),
        reasoning=_valid(one.reasoning),
        tool_calls=tuple(calls),
        finish=one.finish,
        refusal=_valid(one.refusal),
    )


def _route(route: Route) -> RouteTold:
    return RouteTold(
        role=route.role.name,
        decided_by=tuple([Reason(s.name, s.role, round(s.weight, 3)) for s in route.decided_by]),
        unsure=route.unsure,
        modalities=tuple(sorted(route.needs.modalities)),
        features=tuple(sorted(route.needs.features)),
        tokens=route.needs.tokens,
        candidates=tuple([target.name for target in route.candidates]),
        passed=tuple([NotAsked(one.target.name, one.reason) for one in route.passed]),
        resting={name: rest.reason for name, rest in route.standing.items()},
    )


def _attempt(attempt: Attempt, request: Any, *, words: bool) -> AttemptTold:
    target, outcome, way = attempt.target, attempt.outcome, attempt.passage
    failure = outcome.failure if isinstance(outcome, Failed | Broken) else None
    return AttemptTold(
        id=attempt.id,
        target=target.name,
        upstream=target.upstream,
        model=target.model,
        tier=target.tier,
        egress=target.egress,
        simulated=target.simulated,
        started=round(attempt.started, 6),
        took=round(attempt.took, 6),
        first_delta=attempt.first_delta,
        outcome=outcome_name(outcome),
        kind=failure.kind.value if failure else None,
        status=failure.status if failure else None,
        detail=_valid(failure.detail) if failure and words else "",
        usage=None if isinstance(outcome, Failed) else outcome.usage,
        tunnel=way.tunnel if way else None,
        exit=(way.exit or None) if way else None,
        exit_region=(way.region or None) if way else None,
        exit_age=way.age if way else None,
        request=request,
    )
