"""
Network namespaces as houses: each with its own network, mounts and processes.

Nothing of a house has a name on this machine. Its processes live in a process namespace whose first
one is tied to the tests' own process: whatever becomes of that, the kernel clears everything away.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
NEEDED = {
    "ip": "iproute2",
    "nft": "nftables",
    "curl": "curl",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}
"""The programs of the harness, and the Debian packages that bring them."""

PATIENCE = 30.0
BARE = ("--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all")
"""As a container without capabilities: also root has none."""


class NoHouses(Exception):
    """This machine gives us no namespaces; says why."""


def prepare(folder: Path) -> None:
    """Install what is missing, where we may, and try it in *folder*; raises NoHouses."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NoHouses("network namespaces take root on Linux")
    if missing := sorted({NEEDED[name] for name in NEEDED if shutil.which(name) is None}):
        _install(missing)
    house = House("trial", folder)
    try:
        house.batch("link add one type veth peer name two\nlink add three type bridge")
        house.run("nft", "add table inet trial")
    except AssertionError as failed:
        raise NoHouses(str(failed)) from None
    finally:
        house.tear_down()


def _install(packages: list[str]) -> None:
    if shutil.which("apt-get") is None:
        raise NoHouses(f"missing: {', '.join(packages)}")
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        try:
            done = subprocess.run(["apt-get", "-q", *words], capture_output=True, timeout=120)
        except subprocess.TimeoutExpired:
            raise NoHouses("apt-get took too long") from None
    if done.returncode:
        raise NoHouses(f"apt-get cannot install {', '.join(packages)}")


def until(true: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait for *true*; raises AssertionError after a while."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"it did not come to that: {what}")
        time.sleep(0.01)


class House:
    """One namespace; whoever builds it tears it down."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self._open: list[subprocess.Popen[bytes]] = []
        tied = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--pid", "--fork"]
        tied += ["--kill-child=KILL", "--mount-proc", "sh", "-c", "echo; exec sleep infinity"]
        self._holder = subprocess.Popen(
            tied, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        if not self._holder.stdout.read(1):
            said = self._holder.communicate()[1].decode(errors="replace").strip()
            raise NoHouses(f"no namespace can be made: {said}")
        self.pid = self._holder.pid
        self.resolv = folder / f"{name}.resolv"
        self.names("127.0.0.1")
        self.run("mount", "--bind", str(self.resolv), "/etc/resolv.conf")
        self.run("ip", "link", "set", "lo", "up")

    def names(self, server: str) -> None:
        """Ask *server* for names from now on."""
        self.resolv.write_text(f"nameserver {server}\noptions timeout:1 attempts:1\n")

    def _enter(self, words: Sequence[str]) -> list[str]:
        at = f"/proc/{self.pid}/ns"
        places = [f"--net={at}/net", f"--mount={at}/mnt", f"--pid={at}/pid_for_children"]
        return ["nsenter", *places, "--", *words]

    def run(self, *words: str, given: str = "", ok: bool = True) -> str:
        """Return what a command says; raises AssertionError if it fails and must not."""
        done = subprocess.run(
            self._enter(words), input=given.encode(), capture_output=True, timeout=PATIENCE
        )
        if ok and done.returncode:
            raise AssertionError(f"{self.name}: {' '.join(words)}: {done.stderr.decode()}")
        return done.stdout.decode()

    def outside(self, *words: str) -> None:
        """Run a command in this house's network, and otherwise where the tests run."""
        enter = ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *words]
        subprocess.run(enter, check=True, capture_output=True, timeout=PATIENCE)

    def batch(self, text: str, *, ok: bool = True) -> None:
        """Run lines of `ip`, in the order given."""
        self.run("ip", *(() if ok else ("-force",)), "-batch", "-", given=text, ok=ok)

    def sysctl(self, values: Mapping[str, str]) -> None:
        """Set kernel parameters of the network by their paths; what is not there is left."""
        lines = [
            f"[ ! -e /proc/sys/net/{name} ] || echo '{value}' > /proc/sys/net/{name}"
            for name, value in values.items()
        ]
        self.run("sh", "-c", "\n".join(lines))

    def start(
        self,
        words: Sequence[str],
        *,
        port: int = 0,
        environment: Mapping[str, str] | None = None,
        bare: bool = False,
        talks: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a program; it listens on *port* when this returns, and says so into a file."""
        command = ["setpriv", *BARE, "--", *words] if bare else list(words)
        path = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        with (self.folder / f"{self.name}.log").open("ab") as log:
            process = subprocess.Popen(
                self._enter(command),
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else log,
                stderr=log,
                env=path | dict(environment or {}),
            )
        self._open.append(process)
        if port:
            self.listening(port, process)
        return process

    def listening(self, port: int, process: subprocess.Popen[bytes] | None = None) -> None:
        """Wait until somebody listens on *port*."""

        def there() -> bool:
            if process is not None and process.poll() is not None:
                log = (self.folder / f"{self.name}.log").read_text(errors="replace")
                raise AssertionError(f"{self.name}: a program ended at once: {log[-2000:]}")
            return self.listens(port)

        until(there, f"{self.name} listens on {port}")

    def listens(self, port: int) -> bool:
        """Say whether somebody listens on *port* now."""
        tables = [Path(f"/proc/{self.pid}/net/{kind}") for kind in ("tcp", "tcp6")]
        rows = [row.split() for table in tables if table.exists() for row in _rows(table)]
        return any(int(row[1].rpartition(":")[2], 16) == port and row[3] == "0A" for row in rows)

    def signal(self, process: subprocess.Popen[bytes], which: signal.Signals) -> None:
        """Send a signal to a program that was started here: it is the child of who entered."""
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(int(child), which)
        if which is signal.SIGCONT:
            process.send_signal(which)  # whoever entered stops with its child: wake both

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a program, and wait for its end."""
        if process.poll() is None:
            self.signal(process, signal.SIGKILL)
            process.kill()
        process.wait(PATIENCE)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        self._open.remove(process)

    def tear_down(self) -> None:
        """End everything in here; the namespace goes with it."""
        self._holder.kill()
        self._holder.communicate()
        for process in list(self._open):
            self.end(process)


def _rows(table: Path) -> list[str]:
    return table.read_text().splitlines()[1:]


class Agent:
    """A program of ours in a house, which does what it is told: see `tests.leaks.agent`."""

    def __init__(self, house: House, *, bare: bool = True) -> None:
        command = [sys.executable, "-m", "tests.leaks.agent"]
        self._process = house.start(command, bare=bare, talks=True)

    def do(self, act: str, **arguments: object) -> str:
        """Return how it went."""
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        into.write(msgspec.json.encode({"act": act, "arguments": arguments}) + b"\n")
        into.flush()
        line = out.readline()
        if not line:
            raise AssertionError("the agent ended")
        return str(msgspec.json.decode(line))
