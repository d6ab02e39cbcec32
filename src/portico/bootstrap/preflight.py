"""Is this machine fit? Changes nothing."""

import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import portico
from portico.bootstrap.base import Line, Order, State
from portico.bootstrap.health import answers

PROCESSORS = 1
MEMORY = 1_000_000_000
DISK = 1_000_000_000
"""Bytes: the gateway alone needs less, and its stores more; docs/operations/sizing.md."""


async def preflight(order: Order) -> list[Line]:
    """Look at processors, memory, disk, clock, the home and the port."""
    return [*_machine(order.home), _clock(), _home(order.home), _port(order.port)]


def _machine(home: Path) -> Iterator[Line]:
    processors = len(os.sched_getaffinity(0))
    yield _enough("processors", processors, PROCESSORS, "give the machine more")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield _enough("bytes of memory", memory, MEMORY, "give the machine more")
    free = shutil.disk_usage(_nearest(home)).free
    yield _enough(f"bytes free at {home}", free, DISK, "make room, or set PORTICO_HOME")


def _enough(what: str, have: int, need: int, mend: str) -> Line:
    if have < need:
        return Line(State.FAILED, f"{have:,} {what}, {need:,} are needed", mend=mend)
    return Line(State.ALREADY, f"{have:,} {what}")


def _clock() -> Line:
    """A clock that stands before its own program's installation is wrong."""
    if time.time() < Path(portico.__file__).stat().st_mtime - 60:
        told = "the clock is wrong: keys would expire late, and S3 would refuse us"
        return Line(State.FAILED, told, mend="set the clock, best by NTP")
    return Line(State.ALREADY, "the clock is plausible")


def _home(home: Path) -> Line:
    nearest = _nearest(home)
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Line(State.ALREADY, f"{home} can be written")
    mend = "make it writable for this user, or set PORTICO_HOME to a folder that is"
    return Line(State.FAILED, f"{home} cannot be written", mend=mend)


def _port(port: int) -> Line:
    if not answers(f"http://127.0.0.1:{port}/healthz"):
        return Line(State.ALREADY, f"a gateway serves at port {port}")
    try:
        with socket.create_server(("127.0.0.1", port)):
            return Line(State.ALREADY, f"port {port} is free")
    except OSError:
        mend = "end what listens there, or serve elsewhere: --port"
        return Line(State.FAILED, f"port {port} is taken", mend=mend)


def _nearest(home: Path) -> Path:
    nearest = home.absolute()
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    return nearest
