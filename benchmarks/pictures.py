"""What pictures cost: those who send none, the processor, and the memory."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median
from time import monotonic

from benchmarks.houses import (
    CALLERS,
    Flood,
    House,
    altered,
    flood,
    flooded,
    flooding,
    house,
    picture,
)
from benchmarks.measure import Plan, WrongAnswers, press, settle
from benchmarks.processes import DidNotStart, cpu_seconds, peak_megabytes
from benchmarks.report import Row
from benchmarks.screens import plain
from benchmarks.subjects import HELD, Subject
from benchmarks.upstream import PACE
from benchmarks.workloads import brief_stream

LATER = 10.0
"""Milliseconds by which the p99 of a small stream may rise."""
FIRST, AGAIN = 150.0, 2.0
"""CPU milliseconds that preparing a 4K screenshot may take, the first time and after."""
PEAK = 400.0
"""MB that the gateway may have held for one picture of 40 megapixels."""

_TROUBLE = (WrongAnswers, DidNotStart, subprocess.TimeoutExpired, OSError, HTTPException)
_PACED = brief_stream().asked.words * PACE * 1000  # ms that the stream takes by itself
_RATE = 60.0  # small streams a second, whoever is still answered: twelve or so at any moment
_TICK = 1e6  # ns after which a watched loop looks again
_ROUNDS = 3  # each is a thousand streams or some gigabytes of pictures
_APART = 1_000_000  # screenshots between the numbers of two rounds


@dataclass(frozen=True, slots=True)
class Late:
    """Milliseconds that small streams took beyond their pace: to the first word, in all."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    def add(self, other: "Late") -> None:
        """Take the samples of another round as well."""
        self.first.extend(other.first)
        self.whole.extend(other.whole)

    def summary(self) -> dict[str, dict[str, float]]:
        """Return p50 and p99 of both."""
        told = {"first_ms": self.first, "whole_ms": self.whole}
        return {
            name: {f"p{share}": round(_part(times, share), 2) for share in (50, 99)}
            for name, times in told.items()
        }


def added(through: Late, past: Late) -> tuple[float, float]:
    """Return what the gateway adds to the p99 of both delays: *past* it the upstream is as late."""
    return (
        _part(through.first, 99) - _part(past.first, 99),
        _part(through.whole, 99) - _part(past.whole, 99),
    )


def rise(quiet: tuple[float, float], loud: tuple[float, float]) -> float:
    """Return by how much the worse of two added latencies has risen."""
    return max(after - before for before, after in zip(quiet, loud, strict=True))


def _part(times: Sequence[float], share: int) -> float:
    return sorted(times)[len(times) * share // 100] if times else 0.0


class Pictures:
    """The scenes with pictures: where they happen, how the gateway is started, how often."""

    def __init__(self, home: Path, line: str, plan: Plan) -> None:
        self._home = home
        self._line = line
        self._plan = replace(plan, rounds=min(plan.rounds, _ROUNDS))

    def scenes(self) -> dict[str, Callable[[], Row]]:
        """Return every scene, by name, in the order of the table."""
        ways: dict[str, _Scene] = {
            "pictures-tail": self._tail,
            "pictures-held": self._held,
            "4k": self._screens,
            "40mp": self._peak,
        }
        return {row.name: partial(self._measured, row, ways[row.scene]) for row in _ROWS}

    def _measured(self, row: "_Planned", scene: "_Scene") -> Row:
        samples: list[float] = []
        trouble, extra = "", dict[str, object]()
        try:
            extra = scene(row.which, samples)
        except _TROUBLE as error:
            trouble = str(error) or type(error).__name__
        return Row(row.name, row.says, row.unit, samples, (), row.limit, trouble, extra)

    def _tail(self, which: str, samples: list[float]) -> dict[str, object]:
        """Small streams alone, then beside the pictures, and both past the gateway as well."""
        found = {who: {when: Late() for when in ("quiet", "loud")} for who in ("gateway", "direct")}
        answered = 0
        with house(self._home / f"tail-{which}", self._line) as here:
            self._late(here.gateway)
            for number in range(self._plan.rounds):
                quiet, still = self._late(here.gateway), self._late(here.brief)
                callers = self._callers(here, which, number)
                with flooding(callers):
                    loud, stirred = self._late(here.gateway), self._late(here.brief)
                answered += callers.answered
                settle(here.gateway)
                samples.append(rise(added(quiet, still), added(loud, stirred)))
                for who, alone, beside in (("gateway", quiet, loud), ("direct", still, stirred)):
                    found[who]["quiet"].add(alone)
                    found[who]["loud"].add(beside)
        told: dict[str, object] = {
            who: {when: late.summary() for when, late in times.items()}
            for who, times in found.items()
        }
        return told | {"pictures": answered}

    def _held(self, which: str, samples: list[float]) -> dict[str, object]:
        """How long the loop was held, the queue for a core aside, while pictures come."""
        seen: list[Turn] = []
        elapsed, answered = 0.0, 0
        with house(self._home / f"held-{which}", altered("watched")) as here:
            self._late(here.gateway)
            for number in range(self._plan.rounds):
                callers = self._callers(here, which, number)
                with flooding(callers):
                    began = monotonic()
                    self._late(here.gateway)
                    ended = monotonic()
                turns = list(held(here.home / "gateway" / HELD, began, ended))
                samples.append(max((turn.held for turn in turns), default=0.0))
                seen += turns
                elapsed += ended - began
                answered += callers.answered
                settle(here.gateway)
        return {"turns": summary(seen), "seconds": round(elapsed, 1), "pictures": answered}

    def _screens(self, which: str, samples: list[float]) -> dict[str, object]:
        """Processor time for a 4K screenshot, less what it takes without the step in question."""
        noted = which == "noted"
        costs: dict[str, list[float]] = {"with": [], "without": []}
        with (
            house(self._home / f"4k-{which}", self._line, remember=noted) as here,
            house(
                self._home / f"4k-{which}-without",
                self._line if noted else altered("blind"),
                remember=False,
            ) as without,
        ):
            for subject in (here, without):  # 0 is known from here on
                self._cost(subject, which, 0, 4)
            for number in range(1, self._plan.rounds + 1):
                count = self._count(24 if which == "first" else 120)
                costs["with"].append(self._cost(here, which, number, count))
                costs["without"].append(self._cost(without, which, number, count))
                samples.append(costs["with"][-1] - costs["without"][-1])
        return {f"{name}_cpu_ms": round(median(every), 2) for name, every in costs.items()}

    def _peak(self, form: str, samples: list[float]) -> dict[str, object]:
        """The most memory that a fresh gateway has held once one large picture has come."""
        file = picture(self._home, "40mp", form)
        with house(self._home / f"40mp-{form}", self._line) as here:
            settle(here.gateway)
            idle = peak_megabytes(here.gateway.pid)
            _ask(here.gateway.port, plain(file.read_bytes(), f"image/{form}"))
            samples.append(peak_megabytes(here.gateway.pid))
        return {"idle_mb": round(idle, 1), "file_mb": round(file.stat().st_size / 1e6, 1)}

    def _late(self, subject: Subject) -> Late:
        stream = brief_stream()
        count = self._plan.count(stream)
        paced = ("--rate", str(_RATE), "--times")
        report = press(subject, stream, count, self._plan.seconds, *paced)
        took, begun = report["took_ms"], report["begun_ms"]
        assert isinstance(took, list)
        assert isinstance(begun, list)
        return Late(begun, [each - _PACED for each in took])

    def _callers(self, here: House, which: str, number: int) -> Flood:
        options = ("--fresh", "--number", str(number * _APART)) if which == "first" else ()
        file = picture(self._home, "8mb")
        return flood(here.gateway.port, file, "--callers", str(CALLERS), *options)

    def _cost(self, here: House, which: str, number: int, count: int) -> float:
        options = ("--fresh", "--number", str(number * _APART)) if which == "first" else ()
        callers = flood(here.gateway.port, picture(self._home, "4k"), "--callers", "2", *options)
        callers.line.extend(("--count", str(count)))
        settle(here.gateway)
        before = cpu_seconds(here.gateway.pid)
        flooded(callers)
        settle(here.gateway)
        return (cpu_seconds(here.gateway.pid) - before) * 1000 / count

    def _count(self, requests: int) -> int:
        return max(4, round(requests * self._plan.share))


type _Scene = Callable[[str, list[float]], dict[str, object]]
"""Takes samples of one case of it, as far as it gets, and returns what else there is to tell."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A row before it is measured: which case of which scene, and what was promised."""

    scene: str
    which: str
    says: str
    unit: str
    limit: float | None = None

    @property
    def name(self) -> str:
        return f"{self.scene}-{self.which}"


_ROWS = (
    _Planned(
        "pictures-tail", "again", "p99 of small streams beside one 8 MB screenshot", "ms", LATER
    ),
    _Planned(
        "pictures-tail", "first", "p99 of small streams beside new 8 MB screenshots", "ms", LATER
    ),
    _Planned("pictures-held", "again", "longest hold of the loop, one screenshot", "ms"),
    _Planned("pictures-held", "first", "longest hold of the loop, new screenshots", "ms"),
    _Planned("4k", "first", "new 4K screenshots, prepared", "CPU ms", FIRST),
    _Planned("4k", "again", "the same 4K screenshot, prepared", "CPU ms", AGAIN),
    _Planned("4k", "noted", "a note of it in the design memory", "CPU ms"),
    _Planned("40mp", "png", "peak RSS, one PNG of 40 megapixels", "MB", PEAK),
    _Planned("40mp", "jpeg", "peak RSS, one JPEG of 40 megapixels", "MB", PEAK),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A time between two looks of a watched loop, in ms; `worked` is its thread's own."""

    held: float
    worked: float


def held(file: Path, began: float, ended: float) -> Iterator[Turn]:
    """Give what *file* says of the time between; seconds of the monotonic clock."""
    for line in file.read_text().splitlines():
        at, took, worked, queued = map(float, line.split())
        if began < at < ended:
            yield Turn((took - queued - _TICK) / 1e6, worked / 1e6)


def summary(turns: Sequence[Turn]) -> dict[str, object]:
    """Return how many turns took how long, and the most of it that was not the loop's own work."""
    waits = [turn.held - turn.worked for turn in turns]
    return {
        "over_5_ms": sum(turn.held > 5 for turn in turns),
        "over_10_ms": sum(turn.held > 10 for turn in turns),
        "longest_ms": sorted((round(turn.held, 1) for turn in turns), reverse=True)[:10],
        "most_worked_ms": sorted((round(turn.worked, 1) for turn in turns), reverse=True)[:10],
        "most_waited_ms": sorted((round(wait, 1) for wait in waits), reverse=True)[:10],
    }


def _ask(port: int, body: bytes) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/v1/chat/completions", body)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise WrongAnswers(f"the picture's chat: status {answer.status}")
    finally:
        connection.close()
