"""A limit on tokens holds up what does not fit, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from portico.routing.roles import Catalog, Role
from portico.routing.routes import Needs, Route, Tiredness, plan
from portico.routing.tiers import Target

BIG, SMALL = Target("big", "lab", "m"), Target("small", "lab", "n")


def routed(tokens: int, room: int | None, *, shut: bool = False) -> Route:
    rest = Tiredness(9.0, "quota", shut=shut, room=room)
    catalog = Catalog({"big": BIG, "small": SMALL}, {})
    return plan(Role("role", ("big", "small")), Needs(tokens=tokens), catalog, {"big": rest})


def test_what_fits_finds_no_rest() -> None:
    route = routed(100, 100)
    assert route.candidates == (BIG, SMALL)
    assert route.standing == {}


def test_what_does_not_fit_is_asked_of_the_others_first() -> None:
    route = routed(101, 100)
    assert route.candidates == (SMALL, BIG)
    assert route.standing["big"].reason == "quota"


def test_without_any_room_even_the_least_request_is_asked_of_the_others_first() -> None:
    assert routed(0, 0).candidates == (SMALL, BIG)
    assert routed(0, None).candidates == (SMALL, BIG)


def test_a_spent_day_is_left_out_while_anybody_else_lives() -> None:
    route = routed(1, None, shut=True)
    assert route.candidates == (SMALL,)
    assert [passed.reason for passed in route.passed] == ["resting: quota"]


@given(st.integers(0, 50), st.integers(0, 50))
def test_a_rest_with_room_is_for_larger_requests_only(tokens: int, room: int) -> None:
    assert Tiredness(9.0, "quota", room=room).rests(tokens) == (max(tokens, 1) > room)
