"""One request, as a caller would send it, through a gateway of this configuration."""

import tempfile
from pathlib import Path

import httpx

from portico.bootstrap.base import Line, Order, State
from portico.bootstrap.health import answers
from portico.drill.stage import served
from portico.settings import load_settings
from portico.settings.rehearsal import rehearsal
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator
from portico.wiring import keyring
from portico.wiring.offline import played_at

WITHIN = 30.0
"""Seconds for an answer of the simulator."""

QUESTION = {"model": "auto", "messages": [{"role": "user", "content": "Is anybody there?"}]}


async def smoke(order: Order) -> list[Line]:
    """
    Ask a rehearsal of this configuration, whose upstreams are simulated and stores temporary.

    Where a gateway serves already, it is asked how it is, too. Nobody is charged for anything.
    """
    lines = [await _rehearsed(order)]
    here = f"http://127.0.0.1:{order.port}"
    if not answers(f"{here}/healthz"):
        lines.append(await _running(here))
    return lines


async def _rehearsed(order: Order) -> Line:
    settings, simulator = load_settings(order.config, order.environ), Simulator()
    async with serve_simulator(simulator) as address:
        with tempfile.TemporaryDirectory(prefix="portico-bootstrap-") as folder:
            played = rehearsal(settings, played_at(settings, address), Path(folder))
            simulator.models |= {target.model for target in played.targets.values()}
            key = await keyring(Path(folder)).issue("bootstrap")
            async with (
                served(played, Path(folder)) as url,
                httpx.AsyncClient(trust_env=False, timeout=WITHIN) as client,
            ):
                bearer = {"authorization": f"Bearer {key.text}"}
                answer = await client.post(
                    f"{url}/v1/chat/completions", json=QUESTION, headers=bearer
                )
    if answer.status_code != 200 or not answer.json()["choices"][0]["message"]["content"]:
        mend = "portico drill shows which routes work"
        told = f"a simulated request ended with status {answer.status_code}"
        return Line(State.FAILED, told, mend=mend)
    who = answer.headers["x-portico-target"]
    return Line(State.DONE, f"a simulated request was answered by {who}")


async def _running(here: str) -> Line:
    async with httpx.AsyncClient(trust_env=False, timeout=WITHIN) as client:
        answer = await client.get(f"{here}/readyz")
    told = answer.json()
    if told.get("status") == "ok":
        return Line(State.DONE, f"the gateway at {here} is well")
    mend = f"{here}/readyz says which store or upstream is away"
    return Line(State.FAILED, f"the gateway at {here} is {told.get('status')}", mend, grave=False)
