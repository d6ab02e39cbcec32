"""
A real S3 server for tests: Ceph's monitor, a store in memory and its gateway, on loopback.

Debian has them; other S3 servers that can be had easily do not check signatures as strictly.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import time
import uuid
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path

import httpx
import obstore
from obstore.store import S3Store
from scripts.services.base import Unavailable, free_ports
from scripts.services.base import install as install_packages

PACKAGES = ("ceph-mon", "ceph-osd", "ceph-mgr", "ceph-base", "ceph-common", "radosgw")
PROGRAMS = ("ceph-mon", "ceph-osd", "ceph-mgr", "ceph", "ceph-authtool", "monmaptool", "radosgw")
VARIABLE = "PORTICO_TEST_S3"
BUCKET = "portico"
STARTING = 60.0
"""Seconds until it has to serve; twelve are usual."""

_TOLD = "serving.json"

_CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]
mon initial members = a
public network = 127.0.0.0/8
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
mon allow pool size one = true
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 2147483648
ms bind port min = {low}
ms bind port max = {high}
run dir = {folder}/run
admin socket =
pid file = {folder}/run/$name.pid
log file = {folder}/log/$name.log
mon data = {folder}/mon
osd data = {folder}/osd
mgr data = {folder}/mgr
rgw data = {folder}/rgw
keyring = {folder}/keyring
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
"""


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def install() -> None:
    """Install what is missing; raises Unavailable."""
    if missing():
        install_packages(PACKAGES)


def up(folder: Path) -> dict[str, str]:
    """
    Serve from *folder* and return the environment for tests; what serves there already goes on.

    Raises:
        Unavailable: something is missing, or it did not start; nothing is left running then.
    """
    with suppress(OSError, ValueError, httpx.HTTPError):
        told: dict[str, str] = json.loads((folder / _TOLD).read_text())
        httpx.get(told["endpoint"], trust_env=False, timeout=5)
        return {VARIABLE: told["url"]}
    if gone := missing():
        raise Unavailable(f"not installed: {', '.join(gone)}")
    down(folder)
    with ExitStack() as stack:
        stack.callback(down, folder)
        url = _started(folder.absolute())
        stack.pop_all()
    return {VARIABLE: url}


def down(folder: Path) -> None:
    """End what serves from *folder*, and only that, and remove it."""
    left = {_pid(file) for file in folder.glob("run/*.pid")} - {None}
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        until = time.monotonic() + 10
        while left and time.monotonic() < until:
            time.sleep(0.05)
            left = {pid for pid in left if _runs(pid)}
    shutil.rmtree(folder, ignore_errors=True)


def _pid(file: Path) -> int | None:
    """Return the process that *file* names, unless its number is another's by now."""
    with suppress(OSError, ValueError):
        pid = int(file.read_text())
        if b"ceph" in _command(pid) or b"radosgw" in _command(pid):
            return pid
    return None


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _runs(pid: int) -> bool:
    with suppress(OSError):
        return _command(pid) != b""  # empty for one that has ended and is not yet buried
    return False


def _started(folder: Path) -> str:
    for name in ("mon", "osd", "mgr", "rgw", "run", "log"):
        (folder / name).mkdir(parents=True, mode=0o700)
    low, *ports = free_ports(4)
    mon_v2, mon_v1, port = ports
    fsid = str(uuid.uuid4())
    (folder / "ceph.conf").write_text(
        _CONFIGURATION.format(
            fsid=fsid, folder=folder, mon_v2=mon_v2, mon_v1=mon_v1, port=port,
            low=low, high=min(low + 200, 65_535),
        )
    )  # fmt: skip
    cluster = _Cluster(folder)
    cluster.make_keys()
    cluster.start_monitor(fsid, f"[v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]")
    cluster.start_store()
    return cluster.start_gateway(f"http://127.0.0.1:{port}")


class _Cluster:
    """One of everything, from nothing, step by step."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environ = {**os.environ, "CEPH_CONF": str(folder / "ceph.conf")}

    def make_keys(self) -> None:
        """Let each know each, and nobody else anybody."""
        self._key("--create-keyring", "mon.", "mon", "allow *")
        everything = ("mon", "allow *", "osd", "allow *", "mgr", "allow *")
        self._key("", "client.admin", *everything)
        self._key("", "osd.0", "mon", "allow profile osd", "osd", "allow *")
        self._key("", "mgr.x", "mon", "allow profile mgr", "osd", "allow *")
        self._key("", "client.rgw", "mon", "allow rwx", "osd", "allow rwx")

    def start_monitor(self, fsid: str, address: str) -> None:
        """The monitor knows who belongs to the cluster."""
        told = ("--create", "--addv", "a", address, "--fsid", fsid, "monmap")
        self._run("monmaptool", *told)
        self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", "monmap", "--keyring", "keyring")
        self._run("ceph-mon", "-i", "a")

    def start_store(self) -> None:
        """One store, in memory, and the manager that its numbers go to."""
        ident = str(uuid.uuid4())
        self._patiently("ceph", "osd", "new", ident)
        self._run("ceph", "auth", "import", "-i", "keyring")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", ident)
        self._run("ceph-osd", "-i", "0")
        self._run("ceph-mgr", "-i", "x")
        self._run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=h")
        until = time.monotonic() + STARTING
        while "1 up" not in self._run("ceph", "osd", "stat"):
            _wait(until, "the store does not come up")

    def start_gateway(self, endpoint: str) -> str:
        """The gateway speaks S3; return the address of a bucket there."""
        key, secret = f"AK{secrets.token_hex(9).upper()}", secrets.token_hex(20)
        who = ("--uid=tests", "--display-name=tests", f"--access-key={key}", f"--secret={secret}")
        self._run("radosgw-admin", "user", "create", *who)
        self._run("radosgw", "-n", "client.rgw")
        until = time.monotonic() + STARTING
        while not _answers(endpoint):
            _wait(until, "the gateway does not answer")
        store = S3Store(
            BUCKET,
            endpoint=endpoint,
            region="us-east-1",
            access_key_id=key,
            secret_access_key=secret,
            client_options={"allow_http": True},
        )
        made = obstore.sign(store, "PUT", "", timedelta(minutes=1))
        httpx.put(made, trust_env=False, timeout=30).raise_for_status()
        keys = f"access_key_id={key}&secret_access_key={secret}"
        url = f"s3://{BUCKET}?endpoint={endpoint}&region=us-east-1&{keys}"
        told = self._folder / _TOLD
        told.touch(mode=0o600)
        told.write_text(json.dumps({"endpoint": endpoint, "url": url}))
        return url

    def _key(self, how: str, name: str, *caps: str) -> None:
        pairs = zip(caps[::2], caps[1::2], strict=True)
        allowed = [word for pair in pairs for word in ("--cap", *pair)]
        begin = [how] if how else []
        self._run("ceph-authtool", "keyring", *begin, "--gen-key", "-n", name, *allowed)

    def _patiently(self, *command: str) -> None:
        """Repeat *command* while the monitor is still on its way."""
        until = time.monotonic() + STARTING
        while True:
            try:
                self._run(*command)
                return
            except Unavailable:
                _wait(until, "the monitor does not answer")

    def _run(self, *command: str) -> str:
        """Run *command*; daemons go to the background by themselves and write their number down."""
        try:
            done = subprocess.run(
                command,
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=STARTING,
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{command[0]} does not end") from None
        if done.returncode:
            raise Unavailable(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-500:]}")
        return done.stdout


def _wait(until: float, told: str) -> None:
    if time.monotonic() > until:
        raise Unavailable(told)
    time.sleep(0.2)


def _answers(endpoint: str) -> bool:
    try:
        return httpx.get(endpoint, trust_env=False, timeout=5).is_success
    except httpx.HTTPError:
        return False
