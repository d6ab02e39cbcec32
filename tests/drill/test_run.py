"""Which scenes are played, and how often."""

from dataclasses import replace

import pytest

from portico.drill.base import Played, Verdict, Wait
from portico.drill.run import TRIES, best, named
from portico.drill.scenes import SCENES
from portico.errors import NotFound

from .plays import ANSWERED, played, scene, taken

pytestmark = pytest.mark.anyio

SILENCE = scene(wait=Wait.CONNECT)
QUICK = played(taken(replace(ANSWERED, seconds=5.1)), SILENCE)
LATE = played(taken(replace(ANSWERED, seconds=6.0)), SILENCE)
WRONG = played(taken(replace(ANSWERED, seconds=6.0, text="")), SILENCE)


class Rehearsals:
    """Gives what was played, one after the other,."""

    def __init__(self, *plays: Played | None) -> None:
        self.plays = list(plays)

    async def __call__(self) -> Played | None:
        return self.plays.pop(0)


async def test_the_best_of_three_counts_for_a_silence() -> None:
    rehearsals = Rehearsals(LATE, LATE, QUICK)
    assert (await best(SILENCE, rehearsals)).verdict is Verdict.OK


async def test_what_is_late_three_times_is_late() -> None:
    rehearsals = Rehearsals(*[LATE] * (TRIES + 1))
    found = await best(SILENCE, rehearsals)
    assert (found.verdict, len(rehearsals.plays)) == (Verdict.FAILED, 1)
    assert found.failures == ("added 5.99 s, and 5.20 s was allowed",)


async def test_a_wrong_answer_is_wrong_the_first_time() -> None:
    rehearsals = Rehearsals(WRONG, QUICK)
    assert (await best(SILENCE, rehearsals)).verdict is Verdict.FAILED
    assert rehearsals.plays == [QUICK]


async def test_what_cannot_be_played_is_not_tried_again() -> None:
    rehearsals = Rehearsals(None, QUICK)
    assert (await best(SILENCE, rehearsals)).verdict is Verdict.NOT_PLAYED


def test_without_a_name_all_are_played() -> None:
    assert named([]) == SCENES


def test_a_scene_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(NotFound, match="no scene 'nothing'; there are undisturbed, limited"):
        named(["undisturbed", "nothing"])
