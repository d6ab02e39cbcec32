"""What is made anew or measured of the memory: a gateway is opened for nothing else."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from portico.dispatch.likely import measured
from portico.dispatch.remembering import Rebuilt
from portico.errors import StoreUnavailable
from portico.memory.gate import Pair, Report
from portico.settings import Settings
from portico.wiring.serving import open_serving
from portico.wiring.similar import keep_report

type Load = Callable[[], Settings]


async def rebuild_memory(load: Load, home: Path) -> Rebuilt:
    """
    Make the memory of the configuration anew of what was kept beside the artifacts.

    Raises:
        ConfigError: the configuration contradicts itself.
        StoreUnavailable: a store is away.
    """
    async with open_serving(load, home, exposed=False) as serving:
        return await serving.recalling.remembering.rebuild()


async def measure_gate(load: Load, home: Path, pairs: Sequence[Pair], least: float) -> Report:
    """
    Return how often the gate would have given a wrong answer to labelled *pairs*, and keep it.

    Raises:
        ConfigError: the configuration contradicts itself.
        GatewayError: there is no embedding target, or it does not answer.
    """
    async with open_serving(load, home, exposed=False) as serving:
        meaning = serving.recalling.remembering.meaning
        if meaning is None:
            raise StoreUnavailable("No embedding target makes the vectors of the memory.")
        report = await measured(pairs, meaning, least)
    await asyncio.to_thread(keep_report, home, report)
    return report
