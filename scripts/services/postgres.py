"""
A real Postgres for tests: the machine's own, on loopback, in a folder of its own.

It does not sync to the disk: what it holds are tests. Postgres refuses to be run by root, so for
root it is run by the user `postgres` that its package makes.
"""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from scripts.services.base import Unavailable, free_ports
from scripts.services.base import install as install_packages

PACKAGES = ("postgresql",)
VARIABLE = "PORTICO_TEST_POSTGRES"
STARTING = 60
"""Seconds until it has to serve; two are usual."""

_TOLD = "serving.json"
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "listen_addresses": "127.0.0.1",
    "lc_messages": "C",
}


def program(name: str) -> str | None:
    """Return the path of one of Postgres's programs; Debian keeps them off the search path."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((str(place / name) for place in places if (place / name).exists()), None) or (
        shutil.which(name)
    )


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in ("initdb", "pg_ctl", "postgres") if program(name) is None]


def install() -> None:
    """Install what is missing; raises Unavailable."""
    if missing():
        install_packages(PACKAGES)


def up(folder: Path, **settings: str) -> dict[str, str]:
    """
    Serve from *folder* and return the environment for tests; what serves there already goes on.

    Raises:
        Unavailable: something is missing, or it did not start; nothing is left running then.
    """
    with suppress(OSError, ValueError):
        told = _note(folder)
        if _control(folder, "status").returncode == 0:
            return {VARIABLE: told["url"]}
    if gone := missing():
        raise Unavailable(f"not installed: {', '.join(gone)}")
    down(folder)
    with ExitStack() as stack:
        stack.callback(down, folder)
        url = _made(folder, settings)
        start(folder)
        stack.pop_all()
    return {VARIABLE: url}


def start(folder: Path) -> None:
    """Start, again, what `up` has made in *folder*; raises Unavailable."""
    log = Path(_note(folder)["home"], "log")
    done = _control(folder, "start", "-w", "-t", str(STARTING), "-l", str(log))
    if done.returncode:
        raise Unavailable(f"Postgres does not start: {done.stdout[-300:]} {_log(log)[-300:]}")


def stop(folder: Path, how: str = "immediate") -> None:
    """End the server of *folder* and keep its data; `immediate` is as good as a crash."""
    _control(folder, "stop", "-w", "-m", how)


def down(folder: Path) -> None:
    """End what serves from *folder*, and only that, and remove it."""
    with suppress(OSError, ValueError):
        home = _note(folder)["home"]
        stop(folder)
        shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _made(folder: Path, settings: dict[str, str]) -> str:
    """Make an empty cluster, and return the URL of its superuser."""
    folder.mkdir(parents=True, exist_ok=True)
    # Not in *folder*: another user runs it, who may not even look into a checkout of root's.
    home = Path(tempfile.mkdtemp(prefix="portico-postgres-"))
    password, (port,) = secrets.token_hex(16), free_ports(1)
    url = f"postgresql://portico:{password}@127.0.0.1:{port}/postgres"
    note = folder / _TOLD
    note.touch(mode=0o600)
    note.write_text(json.dumps({"url": url, "home": str(home)}))
    given = home / "password"
    given.write_text(password)
    if os.geteuid() == 0:
        _give(home, given)
    options = ("-A", "scram-sha-256", f"--pwfile={given}", "-U", "portico", "-E", "UTF8")
    locale = ("--locale=C.UTF-8", "--no-sync")
    done = _run(home, "initdb", "-D", str(home / "data"), *options, *locale)
    if done.returncode:
        raise Unavailable(f"initdb failed: {done.stdout.strip()[-500:]}")
    given.unlink()
    lines = {**_SETTINGS, "port": str(port), "unix_socket_directories": "", **settings}
    with open(home / "data" / "postgresql.conf", "a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())
    return url


def _give(*paths: Path) -> None:
    try:
        for path in paths:
            shutil.chown(path, "postgres", "postgres")
    except LookupError:
        raise Unavailable("there is no user `postgres` to run it") from None


def _note(folder: Path) -> dict[str, str]:
    told: dict[str, str] = json.loads((folder / _TOLD).read_text())
    return told


def _control(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = Path(_note(folder)["home"])
    return _run(home, "pg_ctl", "-D", str(home / "data"), *arguments)


def _run(home: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    found = program(name)
    if found is None:
        raise Unavailable(f"not installed: {name}")
    root = os.geteuid() == 0
    # Said to a file: a server that was started would hold a pipe open for as long as it lives.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(
            (found, *arguments),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            user="postgres" if root else None,
            group="postgres" if root else None,
            extra_groups=[] if root else None,
            timeout=STARTING + 30,
        )
        said.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, said.read())


def _log(file: Path) -> str:
    with suppress(OSError):
        return file.read_text(errors="replace").strip()
    return "it says nothing"
