"""Every upstream at once, a share of whose calls fails at random: one process of the soak."""

import argparse
import asyncio
import random

import uvloop

from portico.simulator.calls import Call
from portico.simulator.faults import FAULTS, Fault
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator

PASSING = (
    "bad_gateway",
    "cut",
    "empty_answer",
    "empty_body",
    "empty_choices",
    "error_in_stream",
    "finish_empty",
    "html_200",
    "internal",
    "malformed_event",
    "malformed_function_call",
    "not_json_200",
    "overloaded",
    "rate_limited_header",
    "silent",
    "stall",
    "timeout_504",
    "truncated",
)
"""Failures that pass. The others would end the soak: a dead key rests until a person acts."""


class Unreliable(Simulator):
    """Gets a *share* of all chat calls wrong; the same *seed* gives the same faults in a row."""

    def __init__(self, share: float, seed: int) -> None:
        super().__init__()
        self._share = share
        self._random = random.Random(seed)

    def take(self, call: Call) -> Fault | None:
        """Roll the dice for *call*."""
        dice = self._random
        if call.work != "chat" or dice.random() >= self._share:
            return None
        name = dice.choice([name for name in PASSING if call.upstream in FAULTS[name]])
        params = {"after": dice.randrange(24), "seconds": 120, "delay": 0.05}
        if name == "cut" and dice.random() < 0.25:
            params["before_headers"] = True
        return Fault(call.upstream, call.model, name, params=params)


async def _serve(port: int, share: float, seed: int) -> None:
    async with serve_simulator(Unreliable(share, seed), port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--share", type=float, default=1 / 3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    uvloop.run(_serve(given.port, given.share, given.seed))
