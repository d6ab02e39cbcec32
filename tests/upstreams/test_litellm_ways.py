import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

UNCONFIGURED = """
import sys
import portico.app, portico.cli, portico.wiring
import portico.upstreams.gemini, portico.upstreams.openai
import portico.upstreams.litellm_prices, portico.upstreams.litellm_providers
import portico.upstreams.litellm_request
print([name for name in ("litellm", "openai", "tiktoken", "httpx") if name in sys.modules])
"""

SILENT = """
import logging, os, socket, sys

def forbid(event, values):
    if event in ("socket.connect", "socket.getaddrinfo"):
        os._exit(3)

sys.addaudithook(forbid)
os.environ.pop("LITELLM_LOCAL_MODEL_COST_MAP", None)
from portico.upstreams.litellm import library, prices
library()
prices("anthropic", "claude-sonnet-4-5")
logging.getLogger("LiteLLM").error("a body")
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    paths = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env=paths,
        timeout=55,
        check=False,
    )


def test_without_a_litellm_upstream_nothing_of_it_is_imported() -> None:
    done = run("-c", UNCONFIGURED)
    assert (done.stderr, done.stdout.strip()) == ("", "[]")


def test_importing_it_says_nothing_and_asks_nobody() -> None:
    done = run("-c", SILENT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture(scope="module")
def ways() -> dict[str, Any]:
    done = run("-W", "ignore", "-m", "tests.upstreams.litellm_ways")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_provider_that_may_use_a_tunnel_goes_through_it_once(ways: dict[str, Any]) -> None:
    asked = {name: seen["asked"] for name, seen in ways.items()}
    assert len(asked) > 100
    assert asked == {key: ["CONNECT provider.invalid:80 HTTP/1.1"] for key in asked}


def test_nobody_goes_another_way_whatever_the_environment_says(ways: dict[str, Any]) -> None:
    assert {name: seen["strays"] for name, seen in ways.items() if seen["strays"]} == {}


def test_litellm_has_one_door() -> None:
    doors = [
        path.name
        for path in (ROOT / "src").rglob("*.py")
        if any(
            line.strip().startswith(("import litellm", "from litellm"))
            for line in path.read_text().splitlines()
        )
    ]
    assert doors == ["litellm.py"]
