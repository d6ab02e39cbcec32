"""The gate that a configuration's own path leads to, kept by a process of its own."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from portico.artifacts.addresses import STRICT
from portico.egress.doors import Doors
from portico.egress.gatehouse import keep
from portico.egress.origins import split
from portico.egress.paths import parse_via
from portico.errors import ConfigError, Problem
from portico.settings import Settings, load_settings
from portico.settings.addresses import endpoint
from portico.settings.belonging import claims
from portico.telemetry.logs import configure


def doors(settings: Settings, name: str) -> Doors:
    """
    Return what the path *name* may reach by a gate; whoever signs in there signs in at ours.

    The path by which linked pictures are read reaches any public host but those of other paths.

    Raises:
        ConfigError: there is no such path, or nothing by name goes by it.
    """
    path = settings.egress.get(name)
    if path is None or not path.via:
        raise _fault(name, "is no path that leads to a gate", "define it with `via`")
    known = list(claims(settings))
    origins = [split(claim.url)[0] for claim in known if claim.path == name and claim.url]
    if not origins and name != settings.pictures.egress:
        raise _fault(name, "has no upstream and no host", "let an upstream's `egress` name it")
    via = parse_via(path.via[0].get_secret_value())
    open_ones = frozenset((origin.host, origin.port) for origin in origins)
    try:
        listed = Doors(open_ones, via.user, via.password)
    except ValueError as exc:
        raise _fault(name, str(exc), "a gate lets out to names") from None
    if name != settings.pictures.egress:
        return listed
    others = frozenset(claim.host for claim in known if claim.path != name)
    inside = frozenset(map(endpoint, settings.pictures.inside))
    return replace(listed, ports=STRICT.ports, others=others, inside=inside)


def keep_gate(config: Path | None, environ: Mapping[str, str], path: str, listen: str) -> None:
    """
    Keep the gate of *path* at *listen* (`HOST:PORT`) until the process is told to end.

    Raises:
        ConfigError: the configuration contradicts itself, or the address cannot be read.
        OSError: it cannot listen there.
    """
    settings = load_settings(config, environ)
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError((Problem(f"{listen} is no address", remedy="write HOST:PORT"),))
    configure(settings.telemetry.log, settings.telemetry.format, sys.stderr)
    with suppress(asyncio.CancelledError):
        asyncio.run(_kept(doors(settings, path), host.strip("[]"), int(port)))


async def _kept(open_ones: Doors, host: str, port: int) -> None:
    task = asyncio.current_task()
    assert task is not None, "asyncio.run has made one"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await keep(open_ones, host, port)


def _fault(name: str, message: str, remedy: str) -> ConfigError:
    return ConfigError((Problem(message, key=f"egress.{name}", remedy=remedy),))
