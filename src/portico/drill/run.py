"""A whole drill: every scene on a stage of its own, the long ones beside the others."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import httpx
import uvloop

from portico.drill.base import Played, Scene
from portico.drill.judging import Score, score
from portico.drill.play import play
from portico.drill.report import Drill, Result, result
from portico.drill.scenes import SCENES
from portico.errors import NotFound
from portico.settings import Settings, load_settings

TRIES = 3
"""A silence that was failed over too late is played again, so often in all: machines are busy."""

LONGEST = 60.0
"""Seconds that one request may take."""

type Say = Callable[[Result], None]


def named(names: Sequence[str]) -> tuple[Scene, ...]:
    """
    Return the scenes of those *names*, or all.

    Raises:
        NotFound: there is no such scene; the message lists those that there are.
    """
    known = {scene.name: scene for scene in SCENES}
    for name in names:
        if name not in known:
            raise NotFound(f"There is no scene {name!r}; there are {', '.join(known)}.")
    return tuple(scene for scene in SCENES if not names or scene.name in names)


def drill(config: Path | None, scenes: Sequence[Scene], say: Say) -> Drill:
    """
    Play *scenes* against the routes of *config*; *say* is told each as it ends.

    Raises:
        ConfigError: the configuration contradicts itself.
    """
    settings = load_settings(config, os.environ)
    logging.getLogger("portico").addHandler(logging.NullHandler())  # its warnings are the plot
    return uvloop.run(rehearse(settings, scenes, say))


async def rehearse(settings: Settings, scenes: Sequence[Scene], say: Say) -> Drill:
    """Play *scenes*: one after the other, but for those that take a minute by themselves."""
    began = time.monotonic()
    results: dict[str, Result] = {}

    async def lane(scenes: Sequence[Scene]) -> None:
        for scene in scenes:
            results[scene.name] = await best(scene, partial(play, settings, scene, client))
            say(results[scene.name])

    async with (
        httpx.AsyncClient(trust_env=False, timeout=LONGEST) as client,
        asyncio.TaskGroup() as lanes,
    ):
        lanes.create_task(lane([scene for scene in scenes if not scene.flaps]))
        for scene in scenes:
            if scene.flaps:
                lanes.create_task(lane([scene]))
    return Drill([results[scene.name] for scene in scenes], time.monotonic() - began)


async def best(scene: Scene, once: Callable[[], Awaitable[Played | None]]) -> Result:
    """Only lateness is forgiven, twice: a wrong answer is wrong the first time."""
    for left in reversed(range(TRIES)):
        played = await once()
        scored = score(played) if played else Score(())
        if scored.wrong or not scored.late or not left:
            break
    return result(scene, played, scored)
