"""The negative control of a configuration's boundary, kept by a process of its own."""

import sys

from portico.egress import control
from portico.settings import Settings
from portico.settings.addresses import endpoint
from portico.telemetry.logs import configure


async def keep_control(settings: Settings, host: str, port: int) -> None:
    """Be the control at *host*:*port* until interrupted; raises OSError."""
    configure("info", "text", sys.stderr)
    await control.keep(map(endpoint, settings.boundary.outside), host, port)
