"""The part of a catalog that somebody may use."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.access.allowed import Views, check, may_name
from portico.access.base import Caller
from portico.errors import NotAllowed
from portico.routing.choices import AUTO
from portico.routing.roles import Catalog, Role
from portico.routing.tiers import Target

TARGETS = {name: Target(name, "u", name) for name in ("a", "b", "c")}
ROLES = {"design": Role("design", ("a", "b")), "code": Role("code", ("b", "c"))}
CATALOG = Catalog(TARGETS, ROLES, "1")


def part(**held: Any) -> tuple[Caller, Catalog]:
    caller = Caller(**{name: frozenset(names) for name, names in held.items()})
    return caller, Views().of(CATALOG, caller)


def allowed(caller: Caller, view: Catalog, asked: str) -> bool:
    try:
        check(caller, asked, CATALOG, view)
    except NotAllowed:
        return False
    return True


def test_a_refusal_names_what_was_asked_and_what_may_be() -> None:
    caller, view = part(roles=["code"])
    with pytest.raises(NotAllowed, match=r"may not use 'design'\. It may ask for: code") as caught:
        check(caller, "design", CATALOG, view)
    assert (caught.value.param, caught.value.status) == ("model", 403)


def test_who_is_held_to_nothing_uses_the_catalog_itself() -> None:
    assert Views().of(CATALOG, Caller()) is CATALOG


def test_who_is_held_to_a_role_may_ask_for_it_and_for_nothing_by_name() -> None:
    caller, view = part(roles=["code"])
    asked = {name: allowed(caller, view, name) for name in ("code", "design", AUTO, *TARGETS)}
    assert asked == {"code": True, "design": False, AUTO: True, "a": False, "b": False, "c": False}
    assert set(view.targets) == {"b", "c"}


def test_who_is_held_to_targets_has_the_roles_in_which_one_of_them_plays() -> None:
    caller, view = part(targets=["a"])
    assert view.roles == {"design": Role("design", ("a",))}
    asked = {name: allowed(caller, view, name) for name in ("code", "design", AUTO, *TARGETS)}
    assert asked == {"code": False, "design": True, AUTO: True, "a": True, "b": False, "c": False}


def test_who_is_held_to_both_is_held_to_both() -> None:
    caller, view = part(roles=["design"], targets=["b", "c"])
    assert view.roles == {"design": Role("design", ("b",))}
    assert [name for name in TARGETS if allowed(caller, view, name)] == ["b", "c"]


def test_who_may_nothing_is_told_so() -> None:
    caller, view = part(roles=[], targets=[])
    assert (view.roles, view.targets) == ({}, {})
    for name in ("code", "a", AUTO):
        with pytest.raises(NotAllowed, match="may ask for nothing"):
            check(caller, name, CATALOG, view)


def test_what_nobody_has_is_not_forbidden_but_unknown() -> None:
    caller, view = part(roles=["code"])
    assert allowed(caller, view, "zebra")


def test_a_part_is_worked_out_once_for_each_catalog() -> None:
    views, caller = Views(), Caller(roles=frozenset({"code"}))
    first = views.of(CATALOG, caller)
    assert views.of(CATALOG, Caller(roles=frozenset({"code"}), name="other")) is first
    other = Catalog({"c": TARGETS["c"]}, {"code": Role("code", ("c",))}, "2")
    assert views.of(other, caller).roles == {"code": Role("code", ("c",))}


lists = st.none() | st.frozensets(st.sampled_from([*ROLES, *TARGETS, "zebra"]))


@given(lists, lists, st.sampled_from([*ROLES, *TARGETS]))
def test_nobody_is_answered_by_whom_they_may_not_use(
    roles: frozenset[str] | None, targets: frozenset[str] | None, asked: str
) -> None:
    caller = Caller(roles=roles, targets=targets)
    view = Views().of(CATALOG, caller)
    for role in view.roles.values():
        assert roles is None or role.name in roles
        assert role.targets
        assert targets is None or set(role.targets) <= targets
        assert set(role.targets) <= set(view.targets)
    if allowed(caller, view, asked) and asked in TARGETS:
        assert may_name(caller, asked)
