"""`portico check`: what is wrong with configuration and installation, and how to mend it."""

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from portico.access.base import Roster
from portico.egress.programs import NoEngine, Places
from portico.egress.tunnels.store import load
from portico.errors import ConfigError, Problem, StoreUnavailable
from portico.settings.check import warnings
from portico.settings.load import load_settings
from portico.settings.model import Settings, Stores

ROOM = 64 * 2**20
"""Bytes that a disk should have left: below, the spool of an outage may not fit."""


EMBEDDED = frozenset({"sqlite", "file", "local"})
"""Schemes of stores that lie in a folder of this machine."""


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


@dataclass(frozen=True, slots=True)
class Looks:
    """
    How to look at what this room may not import.

    `keys` reads who may ask, and may raise StoreUnavailable and ConfigError; `ledger` and `traces`
    say what keeps that store from being used, `similar` why questions in other words are not
    answered again although they were to be, or None.
    """

    keys: Callable[[Settings], Roster]
    ledger: Callable[[Settings], Problem | None] = lambda _: None
    traces: Callable[[Settings], Problem | None] = lambda _: None
    similar: Callable[[Settings], Problem | None] = lambda _: None


def diagnose(
    config: Path | None, home: Path, environ: Mapping[str, str], looks: Looks
) -> list[Finding]:
    """Return what was found; the configuration's faults alone if it has any. Changes nothing."""
    try:
        settings = load_settings(config, environ)
    except ConfigError as exc:
        return [_fault(problem) for problem in exc.problems]
    return [
        Finding("ok", "the configuration is sound", str(config) if config else "built-in"),
        *(_fault(problem, "note") for problem in warnings(settings)),
        *_upstreams(settings),
        *_tunnels(settings, environ.get("PATH", "")),
        *_access(settings, home, looks.keys),
        _store("ledger", looks.ledger(settings)),
        _store("traces", looks.traces(settings)),
        *([_fault(trouble)] if (trouble := looks.similar(settings)) else []),
        *_spool(home / "spool"),
        *_disks(settings, home),
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


def _tunnels(settings: Settings, search: str) -> Iterator[Finding]:
    for name in sorted(settings.paths_in_use):
        path = settings.egress[name]
        if path.tunnels:
            yield from _engine(f"egress.{name}", Path(path.tunnels), search)
        for via in path.via if path.kind == "tunnel" else ():
            parts = urlsplit(via.get_secret_value())
            place, where = f"{parts.hostname}:{parts.port}", f"egress.{name}"
            if _listens(parts.hostname or "", parts.port or 0):
                yield Finding("ok", f"a tunnel listens at {place}", where)
            else:
                mend = "start the tunnel; its traffic waits and never goes another way"
                yield Finding("error", f"no tunnel listens at {place}", where, mend)


def _engine(where: str, file: Path, path: str) -> Iterator[Finding]:
    """An engine of our own wants a file of tunnels, and a program that carries them all."""
    try:
        inlets = load(file)
        program = Places(path, tuple(sys.path)).program(inlets)
    except ConfigError as exc:
        yield from (_fault(problem) for problem in exc.problems)
    except NoEngine as exc:
        mend = "its traffic waits and never goes another way"
        yield Finding("error", str(exc), where, mend)
    else:
        told = f"{program.engine.name} is here and can carry the tunnels ({len(inlets)})"
        yield Finding("ok", told, where)
        told = f"{file} is read when the gateway starts, and not by a reload"
        yield Finding("note", told, f"{where}.tunnels", "restart the gateway after a change of it")


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


def _access(
    settings: Settings, home: Path, keys: Callable[[Settings], Roster]
) -> Iterator[Finding]:
    try:
        yield _callers(settings, keys(settings))
    except ConfigError as exc:
        yield from (_fault(problem) for problem in exc.problems)
    except StoreUnavailable as exc:
        mend = "let this user read and write it, or restore access.db and secret together"
        yield Finding("error", str(exc), str(home), mend)
    secret = home / "secret"
    if secret.is_file() and secret.stat().st_mode & 0o077:
        told = "others on this machine can read the secret of the keys"
        yield Finding("error", told, str(secret), f"chmod 600 {secret}")


def _callers(settings: Settings, roster: Roster) -> Finding:
    """Who may ask, by the configuration and the keys there are."""
    where, make = "access.required", "make a key: portico keys create NAME"
    required, now = settings.access.required, time.time()
    if required is False:
        told = "nobody needs a key: whoever reaches the gateway may ask"
        return Finding("note", told, where, "write `auto` unless something before it asks")
    if roster.lives(now):
        living = sum(key.state(now) == "live" for key in roster.keys.values())
        return Finding("ok", f"callers need a key, and {living} may ask", where)
    if required == "auto" and not roster.keys:
        told = "no key was made yet: this machine alone may ask, without one"
        return Finding("note", told, where, make)
    return Finding("error", "nobody may ask: a key is needed and none is good", where, make)


def _store(name: str, trouble: Problem | None) -> Finding:
    if trouble is None:
        return Finding("ok", f"the {name} can be used", f"stores.{name}")
    return Finding("error", trouble.message, trouble.key or f"stores.{name}", trouble.remedy)


def _spool(spool: Path) -> Iterator[Finding]:
    """Rows that wait for the ledger are no fault; a disk that takes no more of them will be."""
    waiting = len(list(spool.glob("*.jsonl"))) if spool.is_dir() else 0
    if waiting:
        told = f"{waiting} batches of rows wait for the ledger"
        yield Finding("note", told, str(spool), "they are brought to it by whichever gateway runs")
    odd = len(list(spool.glob("*.unreadable"))) if spool.is_dir() else 0
    if odd:
        told = f"{odd} batches of rows cannot be read"
        yield Finding("error", told, str(spool), "look at the files that end with .unreadable")


def _disks(settings: Settings, home: Path) -> Iterator[Finding]:
    """Every folder that is written to; what lies with the home is told with it."""
    there = _existing(home)
    yield _disk(home, "the embedded stores", "PORTICO_HOME")
    seen = {home.absolute()}
    for name, folder in _folders(settings.stores):
        place = folder.absolute()
        apart = not place.is_relative_to(home.absolute()) or not _one_disk(folder, there)
        if apart and place not in seen:
            seen.add(place)
            yield _disk(folder, f"the {name}", f"stores.{name}")


def _folders(stores: Stores) -> Iterator[tuple[str, Path]]:
    """Name the folder of each store that is embedded."""
    for name in ("ledger", "traces", "artifacts", "memory"):
        scheme, _, path = getattr(stores, name).get_secret_value().partition(":///")
        if scheme in EMBEDDED:
            yield name, Path(path).parent if scheme == "sqlite" else Path(path)


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _one_disk(folder: Path, other: Path) -> bool:
    return _existing(folder).stat().st_dev == other.stat().st_dev


def _disk(folder: Path, whose: str, named: str) -> Finding:
    """Say whether there is room, and leave to write; *named* is what says where the folder is."""
    nearest = _existing(folder)
    free = shutil.disk_usage(nearest).free
    if free < ROOM:
        told = f"the disk of {whose} is full ({free // 2**20} MiB left)"
        return Finding("error", told, str(folder), f"make room, or set {named} to another disk")
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Finding("ok", f"{whose} can be written", str(folder))
    mend = f"make it writable, or set {named} to a folder that is"
    return Finding("error", f"{whose} cannot be written", str(folder), mend)
