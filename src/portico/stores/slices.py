"""Work of a thread behind the loop's, in slices: who waits for an answer goes first between two."""

import time
from collections.abc import Collection, Iterable, Iterator

SLICE = 0.0005
"""Seconds of a thread's own processor time after which it rests: what it keeps others waiting."""

REST = 0.002
"""Seconds of a rest, in which the loop serves whoever has come."""

MANY = 256
"""Where so many wait there is no time for rests: more would come than goes."""


def in_slices[T](items: Iterable[T], waiting: Collection[object]) -> Iterator[T]:
    """
    Give *items* one by one; rest between two where a slice is over and not MANY are *waiting*.

    For threads that record. A batch takes them milliseconds, and they hold the interpreter for most
    of it: the loop would get it for a moment at a time, and who asks meanwhile would queue.
    """
    until = time.thread_time() + SLICE
    for item in items:
        yield item
        if time.thread_time() > until:
            if len(waiting) < MANY:
                time.sleep(REST)
            until = time.thread_time() + SLICE
