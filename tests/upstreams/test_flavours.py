import pytest

from portico.upstreams.faults import LIMITS
from portico.upstreams.flavours import (
    BREAKDOWNS,
    FINISHES,
    FLAVOURS,
    GENERIC,
    HOUSEKEEPING,
    PROMISES,
    flavour_of,
)
from portico.upstreams.openai_request import OURS


def test_a_flavour_is_found_by_its_name_and_an_unknown_one_is_generic() -> None:
    assert all(flavour_of(name).name == name for name in FLAVOURS)
    assert flavour_of("acme") is GENERIC


def test_only_reasons_of_openais_are_ever_given() -> None:
    assert set(FINISHES.values()) == {"stop", "length", "tool_calls", "content_filter"}
    assert not FINISHES.keys() & BREAKDOWNS.keys()
    assert all(reason == reason.lower() for reason in FINISHES.keys() | BREAKDOWNS.keys())


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=FLAVOURS)
def test_a_field_is_either_dropped_or_refused_and_never_what_must_be_sent(flavour: object) -> None:
    named = flavour_of(getattr(flavour, "name", ""))
    assert not named.drops & named.refuses
    assert not (named.drops | named.refuses) & OURS


def test_what_may_be_dropped_and_what_may_not_are_two_things() -> None:
    assert not HOUSEKEEPING & PROMISES


def test_every_provider_has_its_limits_told_apart() -> None:
    assert set(FLAVOURS) - {"generic"} <= set(LIMITS)
