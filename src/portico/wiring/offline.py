"""What can be told and played without a gateway."""

import asyncio
import json
import mimetypes
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portico.api.explain import told
from portico.api.wire import parse
from portico.routing.choices import decide
from portico.settings import Settings, catalog
from portico.simulator.server import serve_simulator
from portico.simulator.state import Simulator
from portico.upstreams.simulated import address

type Load = Callable[[], Settings]


def explain_offline(load: Load, prompt: str, images: list[Path], model: str) -> dict[str, Any]:
    """
    Return the route of *prompt* with *images*, as `/v1/route/explain` tells it; asks nobody.

    Raises:
        ConfigError: the configuration contradicts itself.
        GatewayError: no such model, or a file that is no picture.
    """
    parts: list[dict[str, Any]] = [{"type": "text", "text": prompt}]
    for image in images:
        kind = mimetypes.guess_type(image.name)[0] or "image/png"
        data = b64encode(image.read_bytes()).decode()
        link = {"url": f"data:{kind};base64,{data}"}
        parts.append({"type": "image_url", "image_url": link})
    content = parts if images else prompt
    body = {"model": model, "messages": [{"role": "user", "content": content}]}
    known = catalog(load())
    return told(decide(parse(json.dumps(body).encode()), known, {}), known, "")


def played_at(settings: Settings, simulator: str) -> dict[str, str]:
    """Return the base URL at which *simulator* plays each upstream of *settings*."""
    return {
        name: address(simulator, given.dialect, given.flavour)
        for name, given in settings.upstreams.items()
    }


async def simulate(host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the simulator until interrupted; *say* is told where."""
    async with serve_simulator(Simulator(), host, port) as url:
        say(url)
        await asyncio.Event().wait()
