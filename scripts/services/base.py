"""What every service of the tests has: a folder, a note of what serves, an end."""

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path


class Unavailable(Exception):
    """The server cannot be had here; the message says what is missing or went wrong."""


def install(packages: tuple[str, ...]) -> None:
    """
    Install Debian's *packages*, where apt-get and its rights are there; one caller at a time.

    Raises:
        Unavailable: they are not, or it failed.
    """
    command = ("apt-get", "install", "--yes", "--no-install-recommends", *packages)
    if shutil.which(command[0]) is None or os.geteuid() != 0:
        raise Unavailable(f"install it as root: {' '.join(command)}")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with Path(tempfile.gettempdir(), "portico-apt.lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)  # apt-get does not wait for another one's lists
        for step in ((command[0], "update"), command):
            done = subprocess.run(step, env=environ, capture_output=True, text=True, timeout=900)
            if done.returncode:
                raise Unavailable(f"{' '.join(step)} failed: {done.stderr.strip()[-500:]}")


def free_ports(count: int) -> list[int]:
    """Return ports that nobody has now; all at once, so that no two are one."""
    with ExitStack() as stack:
        found = []
        for _ in range(count):
            opened = stack.enter_context(socket.socket())
            opened.bind(("127.0.0.1", 0))
            found.append(opened.getsockname()[1])
        return sorted(found)
