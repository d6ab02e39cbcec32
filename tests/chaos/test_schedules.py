"""Random upstreams, random callers: every answer is whole, or says that it is not."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.chaos.accidents import PLACES, SLOW, accident, accidents, names
from tests.chaos.invariants import broken, misbilled
from tests.chaos.lab import Lab, Story, open_lab
from tests.chaos.wishes import TARGETS, TEXTS, Wish, wishes

SCHEDULES = int(os.environ.get("PORTICO_SCHEDULES", "500"))
STEPS = 6
MOST = 32
"""Connections to upstreams that at most five callers and their hedges need at once, and some."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The lab, and the loop that it lives in."""

    lab: Lab
    runner: asyncio.Runner


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        opened = runner.get_loop().create_future()
        over = asyncio.Event()

        async def keep() -> None:
            async with open_lab(tmp_path_factory.mktemp("chaos")) as lab:
                opened.set_result(lab)
                await over.wait()

        keeper = runner.get_loop().create_task(keep())
        yield Stage(runner.run(_either(opened, keeper)), runner)
        over.set()
        runner.run(_either(keeper, keeper))


async def _either(wanted: Any, keeper: Any) -> Any:
    await asyncio.wait({wanted, keeper}, return_when=asyncio.FIRST_COMPLETED)
    return wanted.result() if wanted.done() else keeper.result()


class Schedule(RuleBasedStateMachine):
    """Accidents come, callers ask, operators act; everything is checked after every asking."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.lab = stage.lab
        self.lab.begin()

    @initialize(coming=st.tuples(*(accidents(target) for target in TARGETS[:-1])))
    def it_begins_badly(self, coming: Any) -> None:
        for target, faults in zip(TARGETS, coming, strict=False):
            self.it_goes_wrong(target, faults)

    @rule(coming=st.sampled_from(TARGETS).flatmap(lambda t: st.tuples(st.just(t), accidents(t))))
    def more_goes_wrong(self, coming: Any) -> None:
        self.it_goes_wrong(*coming)

    def it_goes_wrong(self, target: str, faults: Any) -> None:
        self.lab.upstreams.coming[PLACES[target]].extend(faults)

    @rule(whom=st.sampled_from((*TARGETS, "siliconflow", "google", "deepseek")))
    def an_operator_wakes(self, whom: str) -> None:
        self.lab.gateway.standing.clear(whom)

    @rule(asked=st.lists(wishes(), min_size=1, max_size=5))
    def callers_ask(self, asked: list[Wish]) -> None:
        before = len(self.lab.entries)
        stories = self.stage.runner.run(self.lab.ask(asked))
        rows = {row.id: row for row in self.lab.rows()[before:]}
        assert len(rows) == len(self.lab.entries) - before, "two rows of one request"
        assert len(rows) <= len(stories)
        for story in stories:
            rid = story.reply.headers["x-portico-request-id"] if story.reply else ""
            wrong = list(broken(story, rows.pop(rid, None)))
            assert not wrong, "\n".join([*wrong, *_retold(story)])
        assert len(rows) <= sum(story.reply is None for story in stories)
        assert not self.lab.upstreams.blind

    def teardown(self) -> None:
        self.lab.end()
        met, bills = self.lab.upstreams.met, self.lab.upstreams.bills
        assert misbilled(self.lab.rows(), met, bills) == []
        assert self.lab.alarms.heard == []


def _retold(story: Story) -> list[str]:
    reply = story.reply
    met = [f"{m.target} met {m.fault and (m.fault.name, m.fault.params)}" for m in story.met]
    if reply is None:
        return met
    told = [f"answered {reply.status}, complete: {reply.complete}", f"{reply.spoken()}"]
    return [str(story.wish), *met, *told, f"{reply.voices()}", f"{reply.events[-1:]}"]


def left_out(lab: Lab) -> list[tuple[str, str]]:
    """Return the targets and faults that never met; slow faults are to happen anywhere."""
    anywhere = {name for _, name in lab.seen}
    return [
        (target, name)
        for target, (upstream, _) in PLACES.items()
        for name in names(upstream)
        if not (name in anywhere if name in SLOW else (upstream, name) in lab.seen)
    ]


def play(stage: Stage, target: str, name: str) -> None:
    """A schedule of one request, for a fault that chance has left out."""
    schedule = Schedule(stage)
    schedule.it_goes_wrong(target, [accident(target, name)])
    schedule.callers_ask([Wish(target, stream=True, say=TEXTS[0])])
    schedule.teardown()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_happens_an_answer_is_whole_or_says_that_it_is_not(stage: Stage) -> None:
    run_state_machine_as_test(
        lambda: Schedule(stage),
        settings=settings(
            max_examples=SCHEDULES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="PORTICO_RANDOM" not in os.environ,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    lab = stage.lab
    for target, name in left_out(lab):
        play(stage, target, name)
    assert left_out(lab) == [], "some faults cannot happen"
    assert stage.runner.run(lab.kept()) == (lab.recorded["rows"], lab.recorded["attempts"])
    assert lab.connections <= MOST, "some are never given back"
