"""
How quick an interpreter is at what a request is made of: calls, small objects, coroutines.

    python3 benchmarks/interpreter.py     # with the interpreter to be looked at, 3.11 or later

It needs nothing but that interpreter: one that the gateway does not run on can be compared, too.
"""

import sys
import time
from collections.abc import Iterator

ROUNDS = 5
REQUESTS = 100_000


class Small:
    """An object as a request makes dozens of."""

    __slots__ = ("count", "name")

    def __init__(self, count: int, name: str) -> None:
        self.count = count
        self.name = name

    def more(self, by: int) -> int:
        """Return the count and *by*."""
        return self.count + by


def each(count: int) -> Iterator[int]:
    """Yield what a generator on the way yields."""
    yield from range(count)


async def given(value: int) -> int:
    """Return *value* as every hop of a request does, without a wait."""
    return value


def seconds() -> float:
    """Return the CPU seconds of one round."""
    began, total = time.process_time(), 0
    kept: dict[int, Small] = {}
    for number in range(REQUESTS):
        one = Small(number, "a")
        total += one.more(2)
        kept[number & 255] = one
        for step in each(3):
            total += step
        coroutine = given(number)
        try:
            coroutine.send(None)
        except StopIteration as stop:
            total += stop.value
        named = dict(zip(("a", "b"), (1, 2), strict=True))
        total += len("x".join(named))
    return time.process_time() - began


def main() -> None:
    """Say the least of a few rounds."""
    least = min(seconds() for _ in range(ROUNDS)) / REQUESTS * 1e6
    print(f"Python {'.'.join(map(str, sys.version_info[:3]))}: {least:.2f} µs")


if __name__ == "__main__":
    main()
