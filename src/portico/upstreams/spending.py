"""What has been spent of one model in one project, and what its limits are. No clock, no I/O."""

from msgspec import Struct

from portico.routing.attempts import Limit, Metric, Window
from portico.routing.routes import Tiredness
from portico.upstreams.faults_limits import midnight

KNOWN = 86_400.0
"""Seconds that a lesson is believed: a wrong one benches a target for a day at most."""

SPANS = {Window.MINUTE: (60, 1), Window.HOUR: (3600, 60), Window.DAY: (86_400, 900)}
"""Seconds of a window and of its cells; every zone's midnight is a cell's border."""

_AT = {Metric.REQUESTS: 0, Metric.TOKENS: 1}


class Tally:
    """
    Requests and tokens of a sliding window, in cells.

    A cell counts until all of it has left the window: never too short, and too long by less than
    two cells. A clock that is set back counts in the last cell, or by more than a window anew.
    """

    def __init__(self, window: Window) -> None:
        self._span, self._grain = SPANS[window]
        self._cells: dict[int, list[int]] = {}
        self._last = 0  # the newest cell
        self._sums = [0, 0]

    def count(self, requests: int, tokens: int, now: float) -> int:
        """Add what begins now; return the cell that it went to."""
        if int(now // self._grain) != self._last or self._last not in self._cells:
            self._trim(now)
            self._cells.setdefault(self._last, [0, 0])
        cell, sums = self._cells[self._last], self._sums
        cell[0] += requests
        cell[1] += tokens
        sums[0] += requests
        sums[1] += tokens
        return self._last

    def correct(self, slot: int, requests: int, tokens: int) -> None:
        """Add to (or take from) an earlier cell, unless it has left the window."""
        cell = self._cells.get(slot)
        if cell is not None:
            cell[0] += requests
            cell[1] += tokens
            self._sums[0] += requests
            self._sums[1] += tokens

    def used(self, metric: Metric, now: float, since: float | None = None) -> int:
        """Return what the window holds, or only what began at *since* (epoch seconds) or later."""
        self._trim(now)
        if since is None:
            return self._sums[_AT[metric]]
        first = since // self._grain
        return sum(cell[_AT[metric]] for slot, cell in self._cells.items() if slot >= first)

    def frees(self, metric: Metric, most: int) -> float:
        """Return when (epoch seconds) the window will hold *most* or less, if nothing is added."""
        left, when = self._sums[_AT[metric]], 0.0
        for slot, cell in self._cells.items():
            if left <= most:
                break
            left -= cell[_AT[metric]]
            when = float((slot + 1) * self._grain + self._span)
        return when

    def cells(self, now: float) -> dict[int, tuple[int, int]]:
        """Return what every cell holds, by its number since the epoch."""
        self._trim(now)
        return {slot: (cell[0], cell[1]) for slot, cell in self._cells.items()}

    def _trim(self, now: float) -> None:
        """Be in the cell of *now*, without those that have left the window."""
        slot = int(now // self._grain)
        if slot == self._last:
            return
        reach = self._span // self._grain
        if slot < self._last - reach:
            self._cells, self._sums, self._last = {}, [0, 0], slot
        self._last = max(self._last, slot)
        while self._cells and (first := next(iter(self._cells))) < slot - reach:
            requests, tokens = self._cells.pop(first)
            self._sums[0] -= requests
            self._sums[1] -= tokens


class Lesson(Struct, frozen=True):
    """A limit that a provider has named: how much it allows, and when that was learned."""

    metric: Metric
    window: Window
    value: int
    zone: str
    at: float  # epoch seconds

    def believed(self, now: float) -> bool:
        """True until it is too old to turn anybody away."""
        return now < self.at + KNOWN


class Begun(Struct, frozen=True):
    """An attempt that was counted as it began, and how many each limit had seen with it."""

    tokens: int
    cells: tuple[int, ...]
    seen: tuple[tuple[Lesson, int], ...] = ()


class Spending:
    """
    The tallies and the lessons of one model in one project.

    Tokens are those of prompts: where a provider counts answers too, ours is a lower bound.
    """

    def __init__(self) -> None:
        self.lessons: dict[tuple[Metric, Window], Lesson] = {}
        self.names: set[str] = set()  # the targets and upstreams that it is about
        self.next_ask = 0.0  # epoch seconds; the next last resort
        self._tallies = {window: Tally(window) for window in Window}
        self._squeezed: tuple[int, float] | None = None  # tokens, until
        self._fresh = [0, 0]  # requests and tokens that others were not told of yet

    # -- counting

    def begin(self, tokens: int, now: float) -> Begun:
        """Count an attempt of that many tokens, estimated."""
        cells = tuple([tally.count(1, tokens, now) for tally in self._tallies.values()])
        self._fresh[0] += 1
        self._fresh[1] += tokens
        if not self.lessons:
            return Begun(tokens, cells)
        seen = tuple((lesson, self.used(lesson, now)) for lesson in self._believed(now))
        return Begun(tokens, cells, seen)

    def settle(self, begun: Begun, tokens: int) -> None:
        """Put the provider's own count of the prompt in the place of the estimate."""
        if tokens != begun.tokens:
            self._correct(begun, 0, tokens - begun.tokens)

    def give_back(self, begun: Begun) -> None:
        """Count an attempt no more: the provider did not take it."""
        self._correct(begun, -1, -begun.tokens)

    def _correct(self, begun: Begun, requests: int, tokens: int) -> None:
        for tally, slot in zip(self._tallies.values(), begun.cells, strict=True):
            tally.correct(slot, requests, tokens)
        self._fresh[0] += requests
        self._fresh[1] += tokens

    def fresh(self) -> tuple[int, int]:
        """Return the requests and tokens that were counted here since this was last asked."""
        requests, tokens = self._fresh
        self._fresh = [0, 0]
        return requests, tokens

    def count_others(self, requests: int, tokens: int, now: float) -> None:
        """Count what another process has counted; negative: what it has corrected."""
        for tally in self._tallies.values():
            tally.count(requests, tokens, now)

    def used(self, lesson: Lesson, now: float) -> int:
        """Return our own count of what *lesson* limits: of its window, or of its calendar's day."""
        since = midnight(now, lesson.zone, 0) if lesson.zone else None
        return self._tallies[lesson.window].used(lesson.metric, now, since)

    # -- learning

    def learn(self, limit: Limit, now: float) -> None:
        """Believe a provider's own number; where it gives none there is nothing to learn."""
        if limit.value is not None:
            lesson = Lesson(limit.metric, limit.window, limit.value, limit.zone, now)
            self.lessons[limit.metric, limit.window] = lesson

    def explains(self, limit: Limit, now: float) -> bool:
        """Say whether our own count, with the attempt that was refused, is over that limit."""
        lesson = self.lessons.get((limit.metric, limit.window))
        return lesson is not None and self.used(lesson, now) > lesson.value

    def squeeze(self, room: int, until: float, now: float) -> None:
        """Let only requests of up to *room* tokens through until then, or until a longer word."""
        if self._squeezed is not None and now < self._squeezed[1]:
            room, until = min(room, self._squeezed[0]), max(until, self._squeezed[1])
        self._squeezed = room, until

    def accepted(self, begun: Begun) -> None:
        """Learn upward: an attempt was answered, so that much is allowed, whatever we were told."""
        for lesson, used in begun.seen:
            key = lesson.metric, lesson.window
            same = self.lessons.get(key)
            # A lesson that came meanwhile, in the same moment even, is not unlearned by it.
            if same and same.at == lesson.at and lesson.value <= same.value < used:
                self.lessons[key] = Lesson(*key, used, lesson.zone, lesson.at)

    @property
    def taught(self) -> bool:
        """True once a provider has limited anything."""
        return bool(self.lessons) or self._squeezed is not None

    def unlearn(self) -> None:
        """Forget every limit; what was counted stays counted."""
        self.lessons, self._squeezed, self.next_ask = {}, None, 0.0

    # -- deciding

    def tired(self, now: float) -> Tiredness | None:
        """Return why it rests, for everybody or for what does not fit; None: nothing limits it."""
        if not self.taught:
            return None
        believed = self._believed(now)
        limits = [rest for lesson in believed if (rest := self._near(lesson, now)) is not None]
        if self._squeezed is not None and now < self._squeezed[1]:
            room, until = self._squeezed
            detail = f"a limit on tokens was met; up to {room} are let through"
            limits.append(Tiredness(until, "quota", detail=detail, room=room))
        whole = [rest for rest in limits if rest.room is None]
        if whole:
            return max(whole, key=lambda rest: (rest.shut, rest.until))
        return min(limits, key=lambda rest: rest.room or 0, default=None)

    def _near(self, lesson: Lesson, now: float) -> Tiredness | None:
        used = self.used(lesson, now)
        room = lesson.value - used
        if lesson.metric is Metric.REQUESTS and room > 0:
            return None
        return Tiredness(
            until=self._frees(lesson, room, now),
            reason="quota",
            shut=room <= 0 and lesson.window is Window.DAY,
            detail=f"{used} of {lesson.value} {lesson.metric} a {lesson.window}, as we count",
            room=room if room > 0 else None,
        )

    def _frees(self, lesson: Lesson, room: int, now: float) -> float:
        """When one more request fits, or no token counts; the lesson's own end at the latest."""
        tally = self._tallies[lesson.window]
        if lesson.zone:
            when = midnight(now, lesson.zone)
        elif lesson.metric is Metric.REQUESTS:
            when = tally.frees(lesson.metric, lesson.value - 1)
        else:
            when = tally.frees(lesson.metric, 0) if room < lesson.value else now
        return min(max(when, now), lesson.at + KNOWN)

    def _believed(self, now: float) -> list[Lesson]:
        return [lesson for lesson in self.lessons.values() if lesson.believed(now)]

    # -- what outlives a restart

    def day(self, now: float) -> dict[int, tuple[int, int]]:
        """Return the day's counts, by quarter of an hour since the epoch."""
        return self._tallies[Window.DAY].cells(now)

    def count_again(self, day: dict[int, tuple[int, int]], now: float) -> None:
        """Count what a former process has counted; nothing that is still to come."""
        tally, grain = self._tallies[Window.DAY], SPANS[Window.DAY][1]
        for slot, (requests, tokens) in sorted(day.items()):
            if 0 <= slot * grain <= now and min(requests, tokens) >= 0:
                tally.count(requests, tokens, float(slot * grain))
