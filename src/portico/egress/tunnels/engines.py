"""The programs that carry tunnels: what each can, how it is configured, checked and started."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from portico.egress.tunnels import singbox, xray
from portico.egress.tunnels.inlets import Inlet, Listeners
from portico.egress.tunnels.reasons import Reason, Refused
from portico.egress.tunnels.values import Tunnel


@dataclass(frozen=True, slots=True)
class Engine:
    """
    One program. `{}` in its commands stands for the configuration's file.

    `obstacle` says why a tunnel cannot be carried (empty: it can); `configure` raises Refused.
    """

    name: str
    obstacle: Callable[[Tunnel], str]
    configure: Callable[[tuple[Inlet, ...], Listeners], dict[str, Any]]
    check: tuple[str, ...]
    run: tuple[str, ...]

    def check_command(self, file: Path) -> tuple[str, ...]:
        """Return the command by which the engine itself checks *file*."""
        return tuple(str(file) if word == "{}" else word for word in self.check)

    def run_command(self, file: Path) -> tuple[str, ...]:
        """Return the command that carries the tunnels of *file*."""
        return tuple(str(file) if word == "{}" else word for word in self.run)


ENGINES = (
    Engine(
        "xray",
        xray.obstacle,
        xray.render,
        check=("xray", "run", "-test", "-c", "{}"),
        run=("xray", "run", "-c", "{}"),
    ),
    Engine(
        "sing-box",
        singbox.obstacle,
        singbox.render,
        check=("sing-box", "check", "-c", "{}"),
        run=("sing-box", "run", "-c", "{}"),
    ),
)
"""In the order of our preference."""


def engine(name: str) -> Engine:
    """Return the engine called *name*; raises Refused."""
    for known in ENGINES:
        if known.name == name:
            return known
    raise Refused(Reason.UNKNOWN_ENGINE)


def able(tunnel: Tunnel) -> tuple[str, ...]:
    """Return the names of the engines that carry *tunnel*, the preferred one first."""
    return tuple(known.name for known in ENGINES if not known.obstacle(tunnel))


def render(
    inlets: tuple[Inlet, ...], listeners: Listeners | None = None, name: str = "xray"
) -> str:
    """
    Return the text of the engine *name*'s configuration (JSON), which holds the tunnels' secrets.

    Without *listeners* it listens by HTTP CONNECT on loopback, without a password.

    Raises:
        Refused: no tunnel, a name or port twice, or something that this engine cannot do.
    """
    configured = engine(name).configure(inlets, listeners or Listeners())
    return msgspec.json.format(msgspec.json.encode(configured), indent=2).decode() + "\n"
