"""`portico check`: what is wrong with configuration and installation, and how to mend it."""

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from portico.errors import ConfigError, Problem
from portico.settings.check import warnings
from portico.settings.load import load_settings
from portico.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `level` is ok, note or error."""

    level: str
    what: str
    where: str = ""
    mend: str = ""

    def __str__(self) -> str:
        place = f" [{self.where}]" if self.where else ""
        mend = f"\n       mend: {self.mend}" if self.mend else ""
        return f"{self.level:5}  {self.what}{place}{mend}"


def diagnose(config: Path | None, home: Path, environ: Mapping[str, str]) -> list[Finding]:
    """Return what was found; the configuration's faults alone if it has any."""
    try:
        settings = load_settings(config, environ)
    except ConfigError as exc:
        return [_fault(problem) for problem in exc.problems]
    return [
        Finding("ok", "the configuration is sound", str(config) if config else "built-in"),
        *(_fault(problem, "note") for problem in warnings(settings)),
        *_upstreams(settings),
        *_tunnels(settings),
        _home(home),
    ]


def _fault(problem: Problem, level: str = "error") -> Finding:
    parts = (problem.file, problem.line, problem.key)
    place = ":".join(str(part) for part in parts if part)
    return Finding(level, problem.message, place, problem.remedy)


def _upstreams(settings: Settings) -> Iterator[Finding]:
    for name, upstream in settings.upstreams.items():
        where = f"upstreams.{name}"
        if upstream.simulated:
            mend = f"set upstreams.{name}.api_key"
            yield Finding("note", f"{name} has no key and is simulated", where, mend)
        else:
            yield Finding("ok", f"{name} has a key", where)


def _tunnels(settings: Settings) -> Iterator[Finding]:
    for name in sorted(settings.paths_in_use):
        path = settings.egress[name]
        for via in path.via if path.kind == "tunnel" else ():
            parts = urlsplit(via.get_secret_value())
            place, where = f"{parts.hostname}:{parts.port}", f"egress.{name}"
            if _listens(parts.hostname or "", parts.port or 0):
                yield Finding("ok", f"a tunnel listens at {place}", where)
            else:
                mend = "start the tunnel; its traffic waits and never goes another way"
                yield Finding("error", f"no tunnel listens at {place}", where, mend)


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


def _home(home: Path) -> Finding:
    """The embedded stores want a place to write."""
    nearest = home
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if os.access(nearest, os.W_OK):
        return Finding("ok", "the embedded stores can be written", str(home))
    mend = "make it writable, or set PORTICO_HOME to a folder that is"
    return Finding("error", "the embedded stores cannot be written", str(home), mend)
