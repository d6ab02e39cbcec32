import pytest

from portico.simulator.calls import Call
from portico.simulator.state import KEPT_CALLS, Simulator


def call(upstream: str = "gemini", model: str = "m", **headers: str) -> Call:
    return Call(upstream, model, "/", {}, headers)


def met(simulator: Simulator, *calls: Call) -> list[str | None]:
    return [fault.name if (fault := simulator.take(one)) else None for one in calls]


def test_orders_queue_up() -> None:
    simulator = Simulator()
    simulator.fault("gemini", "*", "internal")
    simulator.fault("gemini", "*", "overloaded", times=2)
    assert met(simulator, *[call()] * 4) == ["internal", "overloaded", "overloaded", None]


def test_a_permanent_fault_stays() -> None:
    simulator = Simulator()
    simulator.fault("*", "*", "internal", times=None)
    assert met(simulator, *[call()] * 3) == ["internal"] * 3


def test_only_the_ordered_upstream_and_model_are_concerned() -> None:
    simulator = Simulator()
    simulator.fault("gemini", "m", "internal", times=None)
    assert met(simulator, call(), call(model="n"), call("openai")) == ["internal", None, None]


def test_skipped_calls_pass_first() -> None:
    simulator = Simulator()
    simulator.fault("gemini", "*", "internal", skip=2)
    assert met(simulator, *[call()] * 4) == [None, None, "internal", None]


def test_a_header_can_spare_a_call() -> None:
    simulator = Simulator()
    simulator.fault("gemini", "*", "region", times=None, unless="X-Tunnel")
    assert met(simulator, call(), Call("gemini", "m", "/", {}, {"x-tunnel": "1"})) == [
        "region",
        None,
    ]


@pytest.mark.parametrize(
    ("upstream", "name"), [("gemini", "sulking"), ("bing", "internal"), ("openai", "recitation")]
)
def test_an_impossible_fault_is_refused(upstream: str, name: str) -> None:
    with pytest.raises(ValueError, match=r"upstream|fault"):
        Simulator().fault(upstream, "*", name)


def test_only_the_last_calls_are_kept_but_all_are_counted() -> None:
    simulator = Simulator()
    for number in range(KEPT_CALLS + 5):
        simulator.note(call(model=str(number % 2)))
    assert len(simulator.calls) == KEPT_CALLS
    assert simulator.counts.total() == KEPT_CALLS + 5
