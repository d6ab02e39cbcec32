"""
A real Valkey for tests, or the Redis that Debian had before it: on loopback, without a disk.

Debian calls the package `valkey-server` from 13 on, and `redis-server` until then.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from scripts.services.base import Unavailable, free_ports
from scripts.services.base import install as install_packages

PROGRAMS = ("valkey-server", "redis-server")
VARIABLE = "PORTICO_TEST_VALKEY"
STARTING = 10.0
"""Seconds until it has to serve; a tenth is usual."""

_TOLD = "serving.json"


def program() -> str | None:
    """Return the path of the server's program."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def install() -> None:
    """Install it, if it is missing; raises Unavailable."""
    if program() is None:
        try:
            install_packages(PROGRAMS[:1])
        except Unavailable:
            install_packages(PROGRAMS[1:])


def up(folder: Path) -> dict[str, str]:
    """
    Serve from *folder* and return the environment for tests; what serves there already goes on.

    Raises:
        Unavailable: it is missing, or did not start; nothing is left running then.
    """
    with suppress(OSError, ValueError):
        told = _note(folder)
        if _lives(int(told["pid"])):
            return {VARIABLE: told["url"]}
    down(folder)
    folder.mkdir(parents=True, exist_ok=True)
    password, (port,) = secrets.token_hex(16), free_ports(1)
    told = {"url": f"redis://:{password}@127.0.0.1:{port}/0", "port": str(port), "pid": "0"}
    start(folder, told | {"password": password})
    return {VARIABLE: told["url"]}


def start(folder: Path, told: dict[str, str] | None = None) -> None:
    """Start what `up` has told of *folder*, empty, at the same address; raises Unavailable."""
    told = told or _note(folder)
    found = program()
    if found is None:
        raise Unavailable(f"not installed: {' or '.join(PROGRAMS)}")
    lines = {"port": told["port"], "bind": "127.0.0.1", "requirepass": told["password"]}
    lines |= {"save": '""', "appendonly": "no", "dir": str(folder), "daemonize": "yes"}
    lines |= {"logfile": str(folder / "log"), "pidfile": str(folder / "pid")}
    given = "".join(f"{name} {value}\n" for name, value in lines.items())
    for file in ("log", "pid"):
        (folder / file).unlink(missing_ok=True)
    done = subprocess.run(
        (found, "-"), input=given, text=True, stdout=subprocess.DEVNULL, timeout=STARTING
    )
    deadline = time.monotonic() + STARTING
    while not _ready(folder):
        if done.returncode or time.monotonic() > deadline:
            raise Unavailable("Valkey does not start")
        time.sleep(0.02)
    note = folder / _TOLD
    note.touch(mode=0o600)
    note.write_text(json.dumps(told | {"pid": (folder / "pid").read_text().strip()}))


def _ready(folder: Path) -> bool:
    with suppress(OSError):
        said = (folder / "log").read_bytes()
        return b"Ready to accept connections" in said and (folder / "pid").exists()
    return False


def stop(folder: Path) -> None:
    """End the server of *folder* as a crash would; what it held is gone."""
    with suppress(OSError, ValueError):
        pid = int(_note(folder)["pid"])
        if _lives(pid):
            os.kill(pid, signal.SIGKILL)
            while _lives(pid):
                time.sleep(0.01)


def down(folder: Path) -> None:
    """End what serves from *folder*, and only that, and remove it."""
    stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    """True for a process of that id which is a server of ours."""
    try:
        name = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return any(known.encode() in name for known in PROGRAMS)


def _note(folder: Path) -> dict[str, str]:
    told: dict[str, str] = json.loads((folder / _TOLD).read_text())
    return told
