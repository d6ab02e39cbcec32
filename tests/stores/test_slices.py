"""What is recorded rests between slices, loses nothing by it, and hurries where much waits."""

import time
from collections import deque
from collections.abc import Iterator

from portico.stores.slices import MANY, REST, SLICE, in_slices


def worked(items: int) -> Iterator[int]:
    """Give numbers, each after a slice's work."""
    for number in range(items):
        until = time.thread_time() + SLICE * 1.1
        while time.thread_time() < until:
            pass
        yield number


def rested(items: int, waiting: int) -> float:
    """Return for how many seconds *items* rested while so many others were waiting."""
    began, before = time.monotonic(), time.thread_time()
    assert list(in_slices(worked(items), range(waiting))) == list(range(items))
    return time.monotonic() - began - (time.thread_time() - before)


def test_whoever_has_worked_for_a_slice_rests_before_the_next() -> None:
    assert rested(10, 0) > 9 * REST  # a sleep is never shorter: no matter how busy the machine is


def test_where_much_waits_nobody_rests() -> None:
    assert min(rested(10, MANY) for _ in range(20)) < 9 * REST


def test_what_is_taken_from_a_queue_is_neither_lost_nor_given_twice() -> None:
    queue = deque(range(1000))
    given = list(in_slices((queue.popleft() for _ in range(1000)), queue))
    assert given == list(range(1000))
    assert not queue
