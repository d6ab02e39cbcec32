"""Whether a scene went as it should. Pure: from what was played to what is wrong with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from portico.drill.base import By, Cast, Got, Heard, Played, Scene, Taken, Try
from portico.drill.casting import possible, wanted
from portico.routing.attempts import Kind
from portico.routing.tiers import Breaker
from portico.routing.verdicts import VERDICTS, Rest

GRACE = 0.2
"""Seconds that failing over may take beyond the patience that a silence cost."""

BUSY = 10.0
"""On a machine where an undisturbed request takes longer than GRACE / BUSY, so many of them."""

CLOCKS = 0.05
"""Seconds by which the ledger's times of two attempts may be off."""


@dataclass(frozen=True, slots=True)
class Score:
    """What is wrong (nothing: all is well), and whether failing over took too long."""

    wrong: tuple[str, ...]
    late: str = ""


def score(played: Played) -> Score:
    """Judge everything that was asked in a scene, and the scene as a whole."""
    wrong: list[str] = []
    for number, taken in enumerate(played.taken, 1):
        wrong += [f"request {number}: {one}" for one in _request(played.scene, played.cast, taken)]
    tries = [one for taken in played.taken for one in taken.tries]
    for part in played.cast.parts:
        own = [one for one in tries if one.target == part.target.name]
        if more := excess(own, part.target.breaker):
            wrong.append(f"{part.target.name} rested and was asked {more} times too often")
    return Score(tuple(wrong), _late(played))


def _request(scene: Scene, cast: Cast, taken: Taken) -> Iterator[str]:
    got = came_to(taken.heard)
    expected = wanted(scene, taken.ask, cast)
    if got not in expected:
        code = f" ({taken.heard.code})" if taken.heard.code else ""
        yield f"{got or 'something that is neither answer nor error'}{code}, not {_or(expected)}"
    yield from _honest(taken, got)
    if got is Got.ANSWER:
        yield from _by(taken, cast, alone=not possible(scene.way, cast))
    most = taken.ask.calls or len(cast.parts)
    if taken.calls > most + cast.hedges:
        yield f"{taken.calls} upstream calls, not {most}"


def came_to(heard: Heard) -> Got | None:
    """Say what a caller takes this for; None where it is neither whole nor an error."""
    if heard.code is not None or heard.status != 200:
        return Got.ERROR
    return {"stop": Got.ANSWER, "content_filter": Got.FILTERED}.get(heard.finish or "")


def _honest(taken: Taken, got: Got | None) -> Iterator[str]:
    """Nothing is lost, doubled, mixed, cut and called whole, or under another's name."""
    heard = taken.heard
    if got is Got.ANSWER and heard.text != taken.said:
        lengths = f"{len(heard.text)} characters, not {len(taken.said)}"
        yield f"another text than the right one ({lengths})"
    if got is not Got.ANSWER and not taken.said.startswith(heard.text):
        yield "what came of the text is not how the right one begins"
    if got is Got.ERROR and (heard.done or heard.finish):
        yield "an error that looks complete"
    if got is Got.ERROR and not heard.blamed:
        yield "an error that does not say whose fault it is"
    if got in (Got.ANSWER, Got.FILTERED) and heard.done != taken.ask.stream:
        yield f"{heard.done} [DONE]"
    spoke = _speakers(taken.tries)
    if heard.models != spoke and got is not Got.ERROR:
        yield f"in the name of {_list(heard.models)}, and it was {_list(spoke)}"


def _by(taken: Taken, cast: Cast, *, alone: bool) -> Iterator[str]:
    last, primary = taken.heard.models[-1:], cast.primary.target.name
    if taken.ask.by is By.PRIMARY and last != (primary,):
        yield f"answered by {_list(last)}, not by {primary}"
    if taken.ask.by is By.ANOTHER and last == (primary,) and not alone:
        yield f"answered by {primary}, who should have been left alone"


def excess(tries: Sequence[Try], breaker: Breaker) -> int:
    """
    Count the attempts at one target that were more than a probe in each recovery interval.

    *tries* are in the order of asking; failures that no breaker counts are left out.
    """
    failures, asked, more = 0, 0.0, 0
    for one in tries:
        if failures >= breaker.failures and one.at - asked < breaker.recovery - CLOCKS:
            more += 1
        asked = one.at
        if one.outcome == "answered":
            failures = 0
        elif one.kind is not None and VERDICTS[Kind(one.kind)].rest is Rest.BREAKER:
            failures += 1
    return more


def added(played: Played) -> float:
    """Return the seconds that the fault cost whom it cost most."""
    return max(taken.heard.seconds for taken in played.taken) - played.undisturbed


def allowance(played: Played) -> float | None:
    """Return how many seconds a silence may add, or None where the scene has none."""
    if played.scene.wait is None:
        return None
    patience = getattr(played.cast.primary.target.patience, played.scene.wait.value)
    return float(patience) + max(GRACE, BUSY * played.undisturbed)


def _late(played: Played) -> str:
    most = allowance(played)
    if most is None or added(played) <= most:
        return ""
    return f"added {added(played):.2f} s, and {most:.2f} s was allowed"


def undisturbed(seconds: Sequence[float]) -> float:
    """Return what a request takes without a fault."""
    return median(seconds) if seconds else 0.0


def _speakers(tries: Sequence[Try]) -> tuple[str, ...]:
    """Return who was heard, in turn; a provider's no is heard where nobody came after it."""
    names = [
        one.target for one in tries if one.spoke or (one.kind == "refused" and one is tries[-1])
    ]
    return tuple(name for at, name in enumerate(names) if at == 0 or names[at - 1] != name)


def _or(expected: frozenset[Got]) -> str:
    return " or ".join(sorted(expected))


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "nobody"
