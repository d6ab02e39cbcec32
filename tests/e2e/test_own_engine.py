"""`portico up` with an engine of its own: Google's traffic through it, or not at all."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from portico.egress.tunnels.inlets import Inlet
from portico.egress.tunnels.store import save
from portico.egress.tunnels.values import Shadowsocks
from tests.egress.tunnels.engines import Engines, far_end, free_port, installed

pytestmark = pytest.mark.timeout(300)  # the first run installs the engines

PASSWORD = "correct horse battery"
METHOD = "aes-256-gcm"
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="session")
def engines() -> Engines:
    return installed()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it does not come to that"
        time.sleep(0.05)


def open_at(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
    except httpx.ConnectError:
        return False
    except httpx.TransportError:
        return True
    return True


@dataclass
class House:
    """A gateway, and what it says."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    log: Path

    def engine(self) -> int:
        """Return the process of the engine that was started last; 0 while there is none."""
        told = [line for line in self.log.read_text().splitlines() if "its engine listens" in line]
        return int(told[-1].split("(process ")[1].split(")")[0]) if told else 0

    def asked(self) -> int:
        return self.client.post("/v1/chat/completions", json=CHAT).status_code


@pytest.fixture
def far(engines: Engines, tmp_path: Path) -> Iterator[int]:
    """The far end of a tunnel: every name leads to a simulator. Its port."""
    simulator, port = free_port(), free_port()
    inbound = {"type": "shadowsocks", "listen": "127.0.0.1", "listen_port": port}
    inbound |= {"method": METHOD, "password": PASSWORD}
    server = engines.command("sing-box", far_end("sing-box", inbound, simulator), tmp_path)
    simulate = [sys.executable, "-m", "portico.cli", "simulate", "--port", str(simulator)]
    quiet = subprocess.DEVNULL
    with (
        subprocess.Popen(simulate, stdout=quiet, stderr=quiet) as one,
        subprocess.Popen(server, stdout=quiet, stderr=quiet) as two,
    ):
        try:
            until(lambda: open_at(simulator) and open_at(port))
            yield port
        finally:
            one.kill()
            two.kill()


@contextmanager
def portico(folder: Path, engines: Engines, tunnel: int, *line: str) -> Iterator[House]:
    """Run `portico up` with a configuration whose one upstream is behind the tunnel."""
    bin_, home, port = folder / "bin", folder / "home", free_port()
    for place in (bin_, home):
        place.mkdir()
    (bin_ / "sing-box").symlink_to(engines.singbox)
    inlet = Inlet("one", 21001, Shadowsocks("127.0.0.1", tunnel, METHOD, PASSWORD))
    save(home / "tunnels.yaml", (inlet,))
    upstream = {"base_url": "http://upstream.test/siliconflow/v1", "egress": "google"}
    config = {
        "upstreams": {"u": upstream | {"api_key": "k", "flavour": "siliconflow"}},
        "targets": {"m": {"upstream": "u", "model": "Qwen/Qwen3-Coder-480B-A35B-Instruct"}},
        "roles": {"code": {"targets": ["m"]}},
        "egress": {"google": {"kind": "tunnel", "via": ["http://127.0.0.1:9"]}},
        "pictures": {"fetch": False},
        "breaker": {"recovery": 0.1, "max_recovery": 0.1},
    }
    if "--with-tunnel" not in line:
        config["egress"] = {"google": {"kind": "tunnel", "tunnels": str(home / "tunnels.yaml")}}
    (folder / "portico.yaml").write_text(json.dumps(config))
    environ = {**os.environ, "PORTICO_HOME": str(home), "PATH": f"{bin_}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "portico.cli", "up", "--port", str(port), *line]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [*command, "-c", "portico.yaml"], cwd=folder, env=environ, stderr=log, stdout=log
        ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client,
    ):
        try:
            until(lambda: open_at(port) or process.poll() is not None)
            yield House(process, client, folder / "log")
        finally:
            process.kill()


def runs(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("line", [(), ("--with-tunnel",)], ids=["configured", "asked for"])
def test_requests_go_through_it_and_it_is_gone_with_the_gateway(
    engines: Engines, tmp_path: Path, far: int, line: tuple[str, ...]
) -> None:
    with portico(tmp_path, engines, far, *line) as house:
        assert house.asked() == 200, house.log.read_text()
        first = house.engine()
        os.kill(first, signal.SIGKILL)
        until(lambda: house.engine() != first)
        until(lambda: house.asked() == 200)
        (tmp_path / "bin/sing-box").unlink()
        os.kill(house.engine(), signal.SIGKILL)
        until(lambda: "no engine is installed" in house.log.read_text())
        assert house.asked() in (502, 503)
        (tmp_path / "bin/sing-box").symlink_to(engines.singbox)
        last = house.engine()
        until(lambda: house.engine() != last)
        until(lambda: house.asked() == 200)
        house.process.kill()
        house.process.wait()
        until(lambda: not runs(house.engine()))
    assert PASSWORD not in (tmp_path / "log").read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_without_a_file_of_tunnels_it_does_not_start_and_says_why(
    tmp_path: Path, workers: str
) -> None:
    environ = {**os.environ, "PORTICO_HOME": str(tmp_path), "GEMINI_API_KEY": "k"}
    line = [sys.executable, "-m", "portico.cli", "up", "--with-tunnel", "--workers", workers]
    done = subprocess.run(
        line, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {tmp_path}/tunnels.yaml: cannot be read: No such file")
    assert done.stderr.count("\n") == 1


def test_a_reload_says_what_needs_a_restart(engines: Engines, tmp_path: Path, far: int) -> None:
    with portico(tmp_path, engines, far) as house:
        file = tmp_path / "portico.yaml"
        config = json.loads(file.read_text())
        config["egress"]["google"]["tunnels"] = "elsewhere.yaml"
        file.write_text(json.dumps(config))
        told = house.client.post("/api/catalog/reload")
        assert told.status_code == 422
        assert "restart the gateway" in told.text
        assert house.asked() == 200


def test_an_engine_survives_the_interrupt_that_lets_requests_end(
    engines: Engines, tmp_path: Path, far: int
) -> None:
    with portico(tmp_path, engines, far) as house:
        pid = house.engine()
        assert os.getsid(pid) == pid, "a terminal's interrupt does not reach it"
        house.process.send_signal(signal.SIGTERM)
        assert house.process.wait(timeout=30) in (0, -signal.SIGTERM)
        until(lambda: not runs(pid))
