"""What is told of a drill: a row of a table for each scene, or all of it as JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from portico.drill.base import Played, Scene, Taken, Verdict
from portico.drill.judging import Score, added, allowance, came_to
from portico.settings.rehearsal import LEAST, MOST, SHORTER

COLUMNS = (15, 13, 31, 22, 8, 5, 10)
TITLES = ("scene", "result", "answered by", "status", "added s", "calls", "cost $", "verdict")


class Result(Struct, frozen=True, kw_only=True):
    """
    A scene and what came of it.

    `added` and `undisturbed` are in seconds: what the fault cost the request that it cost most,
    and what a request takes without it; `allowed` is what a silence may add. `calls` reached the
    upstreams, `cost_usd` is what they billed, at the catalog's prices. `failures` is empty
    where all is well.
    """

    scene: str
    wrong: str
    verdict: Verdict
    model: str = ""
    requests: int = 0
    results: dict[str, int] = {}
    answered_by: dict[str, int] = {}
    statuses: dict[str, int] = {}
    undisturbed: float = 0.0
    added: float = 0.0
    allowed: float | None = None
    calls: int = 0
    cost_usd: str | None = None
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drill:
    """A whole drill: its results in the order of the scenes, and how many seconds it took."""

    results: Sequence[Result]
    seconds: float

    @property
    def failed(self) -> int:
        """How many scenes failed."""
        return sum(one.verdict is Verdict.FAILED for one in self.results)

    @property
    def json(self) -> str:
        """All of it, for programs."""
        told = {
            "patience": {"divided_by": SHORTER, "least": LEAST, "most": MOST},
            "seconds": round(self.seconds, 1),
            "failed": self.failed,
            "scenes": self.results,
        }
        return msgspec.json.format(msgspec.json.encode(told)).decode()


def result(scene: Scene, played: Played | None, scored: Score) -> Result:
    """Return what is told of *scene*."""
    if played is None:
        return Result(scene=scene.name, wrong=scene.wrong, verdict=Verdict.NOT_PLAYED)
    failures = (*scored.wrong, *([scored.late] if scored.late else []))
    return Result(
        scene=scene.name,
        wrong=scene.wrong,
        verdict=Verdict.FAILED if failures else Verdict.OK,
        model=played.cast.model,
        requests=len(played.taken),
        results=_counted([came_to(one.heard) or "neither" for one in played.taken]),
        answered_by=_counted([" → ".join(one.heard.models) or "nobody" for one in played.taken]),
        statuses=_counted([_status(one) for one in played.taken]),
        undisturbed=round(played.undisturbed, 3),
        added=round(added(played), 3),
        allowed=_rounded(allowance(played)),
        calls=sum(one.calls for one in played.taken),
        cost_usd=played.usd,
        failures=failures,
    )


def _counted(names: Sequence[str]) -> dict[str, int]:
    return dict(Counter(names))


def _status(taken: Taken) -> str:
    heard = taken.heard
    return f"{heard.status} {heard.code}" if heard.code else str(heard.status)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def opening(config: Path | None, scenes: int) -> str:
    """Return what a reader has to know before the table."""
    whose = str(config) if config else "the built-in catalog"
    return (
        f"{scenes} scene{'' if scenes == 1 else 's'}, played against the routes of {whose}.\n"
        "Upstreams are simulated, keys synthetic; patience is "
        f"1/{SHORTER:g} of the configured, {LEAST:g} s at least and {MOST:g} s at most."
    )


def _cells(cells: Sequence[str]) -> str:
    *padded, last = cells
    return " ".join(f"{cell:<{size}}" for cell, size in zip(padded, COLUMNS, strict=True)) + (
        f" {last}"
    )


HEAD = _cells(TITLES)


def line(one: Result) -> str:
    """Return a scene's row, and below it whatever is wrong."""
    if one.verdict is Verdict.NOT_PLAYED:
        return _cells((one.scene, "", "", "", "", "", "", "not played: nobody here can fail so"))
    row = _cells(
        (
            one.scene,
            _listed(one.results),
            _listed(one.answered_by),
            _listed(one.statuses),
            f"{one.added:.3f}",
            str(one.calls),
            "unknown" if one.cost_usd is None else f"{Decimal(one.cost_usd):.6f}",
            one.verdict,
        )
    )
    return "\n".join([row, *(f"    {failure}" for failure in one.failures)])


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(name if count == 1 else f"{count} {name}" for name, count in counts.items())


def ended(told: Drill) -> str:
    """Return the last line."""
    played = sum(one.verdict is not Verdict.NOT_PLAYED for one in told.results)
    return f"{played - told.failed} of {played} as they should be, in {told.seconds:.0f} s."
