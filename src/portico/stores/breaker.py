"""When a store that fails is asked again. Pure but for the clock it is given."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """After how many failures in a row it opens, and the seconds to the first and last probes."""

    failures: int = 5
    delay: float = 1.0
    longest: float = 15.0


class Breaker:
    """
    Opens after so many failures in a row; then one call at a time may find out how things are.

    The wait between two such probes doubles up to its longest; the first success closes. *clock*
    counts seconds. Ask `wait`, and if it is 0 call exactly one of `succeeded`, `failed` and `left`.
    """

    def __init__(
        self, bounds: Bounds = Bounds(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._bounds = bounds
        self._clock = clock
        self._failures = 0
        self._delay = bounds.delay
        self._closed_until = 0.0
        self._probing = False

    @property
    def open(self) -> bool:
        """True while the store is taken to be away."""
        return self._failures >= self._bounds.failures

    def wait(self) -> float:
        """Return 0 if the store may be asked now, and else the seconds after which it may be."""
        if not self.open:
            return 0.0
        left = self._closed_until - self._clock()
        if left <= 0 and not self._probing:
            self._probing = True
            return 0.0
        return max(left, self._bounds.delay / 10)

    def succeeded(self) -> None:
        """The store answered."""
        self._failures, self._delay, self._probing = 0, self._bounds.delay, False

    def failed(self) -> None:
        """The store did not answer, or not in time."""
        probe, self._probing = self._probing, False
        self._failures += 1
        if probe:
            self._delay = min(self._delay * 2, self._bounds.longest)
        if self.open:
            self._closed_until = self._clock() + self._delay

    def left(self) -> None:
        """The caller went away before anything was learned."""
        self._probing = False
