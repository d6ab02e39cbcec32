"""Open WebUI, started offline with the environment that `deploy/openwebui` ships."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from benchmarks.painting import CHROMIUM, FLAGS
from playwright.async_api import Browser, async_playwright
from scripts.services import openwebui

from portico.wiring import keyring
from tests.serving import House, house
from tests.webui.page import PATIENCE, Chat

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / "deploy/openwebui/openwebui.env"
ALBUM = ROOT / "build/webui"
STARTING = 240.0
"""Seconds: its first start migrates a database, and two busy cores take their time."""

ADMIN = {"email": "ada@lab.test", "password": "ada's very own password"}
SIGNED_WITH = "a secret of thirty-two characters"
QUICK = {"connect": 2, "first_delta": 20, "idle": 3, "total": 30}
TARGETS = ("gemini-3-flash", "qwen-vl", "deepseek-v3", "qwen3-coder")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One loop for all of them: Open WebUI starts once."""
    return "asyncio"


@dataclass
class Lab(House):
    """A house, and the key that Open WebUI has for it."""

    key: str


@pytest.fixture(scope="session")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """A whole Portico; the simulator is every provider, and fails on command."""
    targets = {name: {"patience": QUICK} for name in TARGETS}
    targets["thinker"] = {"upstream": "deepseek", "model": "deepseek-v4-pro"}
    roles = {"code": {"targets": ["deepseek-v3"]}, "devops": {"targets": ["qwen3-coder"]}}
    folder = tmp_path_factory.mktemp("portico")
    keys = keyring(folder / "home")
    operator = await keys.issue("operator")
    webui = await keys.issue("open-webui", trusted=True)
    access = {"required": True, "user_jwt_secret": SIGNED_WITH}
    async with house(folder, targets=targets, roles=roles, access=access) as opened:
        opened.client.headers["authorization"] = f"Bearer {operator.text}"
        yield Lab(**vars(opened), key=webui.text)


@pytest.fixture(autouse=True)
def nothing_wrong(lab: House) -> None:
    """Every test begins with upstreams that work and are not resting."""
    lab.simulator.faults.clear()
    standing = lab.serving.gateway.standing
    for name in standing.report(time.time()):
        standing.clear(name)


@pytest.fixture(scope="session")
async def webui(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Give the address of an Open WebUI that has Portico for its only provider."""
    try:
        program = await asyncio.to_thread(openwebui.install)
    except openwebui.Unavailable as exc:
        pytest.skip(f"OPEN WEBUI IS NOT TESTED: {exc}. Run: make e2e, where pip has its packages")
    folder = tmp_path_factory.mktemp("openwebui")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {**_own(folder), **shipped(lab.url, lab.key)}
    with (folder / "log.txt").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, "serve", "--host", "127.0.0.1", "--port", str(port),
            env=environ, cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            await _healthy(f"http://127.0.0.1:{port}", process, folder / "log.txt")
            yield f"http://127.0.0.1:{port}"
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()


def shipped(gateway: str, key: str) -> Mapping[str, str]:
    """Return the environment of `deploy/openwebui`, with *gateway* for the compose network's."""
    lines = ENVIRONMENT.read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    words = {
        "http://gateway:8000": gateway,
        "${PORTICO_WEBUI_KEY:-}": key,
        "${PORTICO_WEBUI_SECRET:-}": SIGNED_WITH,
    }
    given = {}
    for name, value in pairs:
        for word, meant in words.items():
            value = value.replace(word, meant)
        given[name] = value
    return given


def _own(folder: Path) -> dict[str, str]:
    """Return what only this test's copy has: a database, and somebody who may log in."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "DATA_DIR": str(folder / "data"),
        "WEBUI_SECRET_KEY": "thirty-two characters, and no fewer",
        "WEBUI_ADMIN_NAME": "Ada",
        "WEBUI_ADMIN_EMAIL": ADMIN["email"],
        "WEBUI_ADMIN_PASSWORD": ADMIN["password"],
        "ENABLE_SIGNUP": "False",
    }


async def _healthy(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(STARTING), httpx.AsyncClient(trust_env=False) as client:
        while True:
            if process.returncode is not None:
                pytest.fail(f"Open WebUI ended with {process.returncode}: see {log}")
            with suppress(httpx.HTTPError):
                if (await client.get(f"{url}/health")).status_code == 200:
                    return
            await asyncio.sleep(0.5)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium: Debian's."""
    if not CHROMIUM.exists():
        pytest.skip("OPEN WEBUI IS NOT TESTED: no Chromium. Run: apt-get install chromium")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        await opened.close()


@pytest.fixture(scope="session")
async def logged_in(webui: str, browser: Browser) -> str:
    """Log in as a designer would, once; return what the browser remembers of it."""
    ALBUM.mkdir(parents=True, exist_ok=True)
    kept = ALBUM / "login.json"
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(webui)
        await page.wait_for_selector("#email", timeout=PATIENCE)
        await page.fill("#email", ADMIN["email"])
        await page.fill("#password", ADMIN["password"])
        await page.screenshot(path=ALBUM / "login.png")
        await page.press("#password", "Enter")
        await page.wait_for_selector("#chat-input", timeout=PATIENCE)
        news = page.get_by_role("button", name="Okay, Let's Go!")
        await news.click(timeout=PATIENCE)
        await context.storage_state(path=kept)
    os.chmod(kept, 0o600)
    return str(kept)


@pytest.fixture
async def chat(webui: str, browser: Browser, logged_in: str) -> AsyncIterator[Chat]:
    """A page of somebody who is logged in."""
    size = {"width": 1280, "height": 860}
    async with await browser.new_context(storage_state=logged_in, viewport=size) as context:
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        yield Chat(page, webui, ALBUM)
