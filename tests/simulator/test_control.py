import pytest

from portico.simulator.faults import FAULTS

from .conftest import Bench

pytestmark = pytest.mark.anyio


async def test_a_fault_is_ordered_over_http_and_counted_down(bench: Bench) -> None:
    order = {
        "upstream": "gemini",
        "model": "gemini-3-flash-preview",
        "fault": "rate_limited_minute",
        "times": 1,
        "after": 1,
        "params": {"delay": 22.5},
    }
    state = await bench.client.post("/_control", json=order)
    assert state.json()["faults"] == [order]
    assert (await bench.ask("gemini")).status_code == 200
    limited = await bench.ask("gemini")
    assert limited.status_code == 429
    assert limited.json()["error"]["details"][2]["retryDelay"] == "22.5s"
    assert (await bench.ask("gemini")).status_code == 200


async def test_a_list_is_ordered_whole_or_not_at_all(bench: Bench) -> None:
    good = {"upstream": "gemini", "fault": "internal"}
    bad = good | {"fault": "sulking"}
    assert (await bench.client.post("/_control", json=[good, bad])).status_code == 400
    assert not bench.simulator.faults
    assert (await bench.client.post("/_control", json=[good, good])).is_success
    assert len(bench.simulator.faults) == 2


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"fault": "internal"}, "`upstream`"),
        ({"upstream": "gemini", "fault": "sulking"}, "fault: 'sulking' is none of"),
        ({"upstream": "bing", "fault": "internal"}, "upstream: 'bing' is none of"),
        ({"upstream": "openai", "fault": "recitation"}, "fault: recitation is known to gemini"),
        ({"upstream": "gemini", "fault": "internal", "times": 0}, "times: 0"),
        ({"upstream": "gemini", "fault": "internal", "times": "x"}, "$.times"),
        ({"upstream": "gemini", "fault": "stall", "params": {"seconds": "x"}}, "params.seconds"),
        ({"upstream": "gemini", "fault": "internal", "time": 1}, "`time`"),
    ],
)
async def test_a_wrong_order_names_the_field_and_lists_the_faults(
    bench: Bench, order: dict[str, object], words: str
) -> None:
    response = await bench.client.post("/_control", json=order)
    assert response.status_code == 400
    assert words in response.json()["error"]["message"]
    assert response.json()["error"]["faults"] == list(FAULTS)


async def test_the_state_tells_calls_and_bills(bench: Bench) -> None:
    await bench.ask("deepseek", "SAY: abcdefgh", thinking={"type": "disabled"})
    state = (await bench.client.get("/_control")).json()
    assert state["calls"] == [{"upstream": "deepseek", "model": "deepseek-flash", "calls": 1}]
    assert state["bills"] == [
        {
            "upstream": "deepseek",
            "model": "deepseek-flash",
            "status": "finished",
            "calls": 1,
            "input": 4,
            "cached": 0,
            "output": 2,
        }
    ]


async def test_delete_forgets_everything(bench: Bench) -> None:
    bench.simulator.fault("*", "*", "internal", times=None)
    await bench.ask("openai")
    state = (await bench.client.delete("/_control")).json()
    assert (state["faults"], state["calls"], state["bills"]) == ([], [], [])
    assert (await bench.ask("openai")).is_success


async def test_models_and_windows_can_be_set(bench: Bench) -> None:
    knobs = {"gone": ["some-model"], "windows": {"other-model": 1}}
    assert (await bench.client.patch("/_control", json=knobs)).is_success
    assert (await bench.ask("openai")).status_code == 404
    assert (await bench.ask("openai", model="other-model")).status_code == 400
    assert (await bench.client.patch("/_control", json={"gnoe": []})).status_code == 400


async def test_other_methods_are_refused(bench: Bench) -> None:
    assert (await bench.client.put("/_control", json={})).status_code == 405
