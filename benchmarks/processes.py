"""Processes: started in a group of their own, waited for, measured as a tree, always ended."""

import os
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PATIENCE = 10.0  # seconds a process has to end before it is killed


class DidNotStart(Exception):
    """A process ended or stayed silent instead of serving; says what it printed last."""


@dataclass(frozen=True, slots=True)
class Command:
    """How to start something; `home` is its working directory and where its output is kept."""

    name: str
    line: Sequence[str]
    home: Path
    environment: Mapping[str, str] | None = None

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.home / f"{self.name}.log"


@contextmanager
def running(command: Command) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* until the block is left; its whole group ends with it."""
    with command.log.open("ab") as log:
        process = subprocess.Popen(
            command.line,
            cwd=command.home,
            env=None if command.environment is None else {**os.environ, **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what is left of the group
    process.wait()


def free_port() -> int:
    """Return a port of the loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until_serving(
    port: int, path: str, command: Command, process: subprocess.Popen[bytes], seconds: float = 30.0
) -> None:
    """
    Return as soon as *path* on *port* answers 200.

    Raises:
        DidNotStart: the process ended, or *seconds* have passed.
    """
    until = monotonic() + seconds
    while (status := _status(port, path)) != 200:
        if process.poll() is not None:
            raise DidNotStart(_story(command, f"ended with {process.returncode}"))
        if monotonic() > until:
            raise DidNotStart(_story(command, f"{path} gave {status} for {seconds:g} s"))
        sleep(0.005)


def _status(port: int, path: str) -> int | None:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def _story(command: Command, what: str) -> str:
    last = command.log.read_text(errors="replace").splitlines()[-15:]
    return "\n  ".join((f"{command.name} did not start: {what}", *last))


def cpu_seconds(root: int) -> float:
    """Return user and system time of *root*'s process tree, children that ended included."""
    # proc(5): fields 14 to 17 are utime, stime, cutime, cstime, in clock ticks.
    return sum(sum(map(int, stat[11:15])) for stat in tree(root).values()) / _TICK


def rss_megabytes(root: int) -> float:
    """Return the resident memory of *root*'s process tree in MB of 10^6 bytes."""
    # proc(5): field 24 is rss, in pages. Shared pages count once for every process.
    return sum(int(stat[21]) for stat in tree(root).values()) * _PAGE / 1e6


def peak_megabytes(root: int) -> float:
    """Return the most resident memory that *root*'s process tree has had, in MB of 10^6 bytes."""
    peaks = 0
    for pid in tree(root):
        with suppress(OSError):  # it may just have ended
            said = Path(f"/proc/{pid}/status").read_text()
            peaks += int(said.partition("VmHWM:")[2].split()[0]) * 1024
    return peaks / 1e6


def tree(root: int) -> dict[int, list[str]]:
    """Return *root* and all its descendants, each with the fields of its `stat`."""
    everyone = {int(path.name): _stat(path) for path in Path("/proc").glob("[0-9]*")}
    tree = {root}
    while more := {
        pid for pid, stat in everyone.items() if pid not in tree and stat and int(stat[1]) in tree
    }:
        tree |= more
    return {pid: stat for pid in tree if (stat := everyone.get(pid))}


def _stat(path: Path) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the third on; empty if the process is gone."""
    try:
        text = (path / "stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()  # a command's name may hold blanks and parentheses


def raise_file_limit() -> None:
    """Let this process and what it starts open as many files as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
