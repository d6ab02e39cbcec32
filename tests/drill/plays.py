"""Casts and played scenes, made by hand."""

from dataclasses import replace

from portico.drill.base import Ask, Cast, Heard, Part, Played, Scene, Taken, Try, Way
from portico.routing.tiers import Target

SAID = "All of it."
FIRST = Part(Target("first", "here", "m-1", context_window=1000), "siliconflow")
SECOND = Part(Target("second", "there", "m-2", context_window=2000), "gemini")
PAIR = Cast("code", (FIRST, SECOND), rescues=True)
ALONE = Cast("first", (FIRST,))
ANSWERED = Heard(200, SAID, ("second",), "stop", done=1, request="req_1")
TRIES = (
    Try("first", "failed", "unavailable", 100.0),
    Try("second", "answered", None, 100.1),
)


def scene(way: Way = Way.FAILOVER, **fields: object) -> Scene:
    return replace(Scene("made-up", "something", way), **fields)  # type: ignore[arg-type]


def taken(heard: Heard = ANSWERED, ask: Ask = Ask(), calls: int = 2) -> Taken:  # noqa: B008
    return Taken(ask, SAID, heard, calls, TRIES)


def played(
    one: Taken,
    plot: Scene | None = None,
    cast: Cast = PAIR,
    undisturbed: float = 0.01,
) -> Played:
    return Played(plot or scene(), cast, (one,), undisturbed, "0.001")
