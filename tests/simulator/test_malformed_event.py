"""Half an event: what a proxy that loses bytes makes of a stream."""

import json

import pytest

from portico.simulator.faults import UPSTREAMS

from .conftest import Bench

pytestmark = pytest.mark.anyio

TEXT = "SAY: one two three four"


@pytest.mark.parametrize("upstream", UPSTREAMS)
async def test_one_event_is_halved_and_the_others_are_whole(bench: Bench, upstream: str) -> None:
    bench.simulator.fault(upstream, "*", "malformed_event", after=2)
    answer = await bench.ask(upstream, TEXT, stream=True)
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines()]
    told = [line for line in lines if line.startswith("{")]
    broken = [line for line in told if not _is_json(line)]
    assert len(broken) == 1
    assert 2 <= told.index(broken[0]) < len(told) - 1


async def test_the_very_first_can_be_the_one(bench: Bench) -> None:
    bench.simulator.fault("openai", "*", "malformed_event", after=0)
    answer = await bench.ask("openai", TEXT, stream=True)
    first = answer.text.split("\n\n")[0]
    assert not _is_json(first.removeprefix("data: "))
    assert answer.text.endswith("data: [DONE]\n\n")


async def test_a_whole_answer_loses_its_end(bench: Bench) -> None:
    bench.simulator.fault("openai", "*", "malformed_event")
    answer = await bench.ask("openai", TEXT)
    assert answer.status_code == 200
    assert not _is_json(answer.text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
