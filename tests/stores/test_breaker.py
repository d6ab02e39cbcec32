"""When a store that fails is asked again."""

from hypothesis import given
from hypothesis import strategies as st

from portico.stores.breaker import Bounds, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[Breaker, Clock]:
    clock = Clock()
    breaker = Breaker(Bounds(failures=5, delay=1.0, longest=4.0), clock)
    for _ in range(5):
        assert breaker.wait() == 0
        breaker.failed()
    return breaker, clock


def test_four_failures_in_a_row_do_not_open_it_and_five_do() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.failed()
    assert not breaker.open
    breaker.succeeded()
    for _ in range(4):
        breaker.failed()
    assert not breaker.open
    breaker.failed()
    assert breaker.open


def test_an_open_one_lets_nobody_through_until_its_delay_is_over() -> None:
    breaker, clock = opened()
    assert breaker.wait() == 1.0
    clock.now += 0.75
    assert breaker.wait() == 0.25


def test_one_call_alone_finds_out_how_things_are() -> None:
    breaker, clock = opened()
    clock.now += 1
    assert breaker.wait() == 0
    assert breaker.wait() > 0
    breaker.succeeded()
    assert not breaker.open
    assert breaker.wait() == 0


def test_each_probe_that_fails_doubles_the_wait_up_to_the_longest() -> None:
    breaker, clock = opened()
    waits = []
    for _ in range(4):
        clock.now += breaker.wait()
        assert breaker.wait() == 0
        breaker.failed()
        waits.append(breaker.wait())
    assert waits == [2.0, 4.0, 4.0, 4.0]


def test_a_probe_whose_caller_left_gives_way_to_the_next() -> None:
    breaker, clock = opened()
    clock.now += 1
    assert breaker.wait() == 0
    breaker.left()
    assert breaker.wait() == 0


def test_late_failures_of_calls_from_before_do_not_prolong_the_first_wait() -> None:
    breaker, clock = opened()
    breaker.failed()
    breaker.failed()
    clock.now += 1
    assert breaker.wait() == 0


@given(st.lists(st.sampled_from(["ask", "succeed", "fail", "leave", "wait"]), max_size=60))
def test_it_never_shuts_for_good_and_never_lets_two_probes_through(steps: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(Bounds(failures=2, delay=1.0, longest=4.0), clock)
    probes = 0
    for step in steps:
        if step == "wait":
            clock.now += 1.5
        elif step == "ask":
            was_open = breaker.open
            if breaker.wait() == 0 and was_open:
                probes += 1
            assert probes <= 1
        else:
            {"succeed": breaker.succeeded, "fail": breaker.failed, "leave": breaker.left}[step]()
            probes = 0
    breaker.left()
    clock.now += 4
    assert breaker.wait() == 0
