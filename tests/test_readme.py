"""The README's try-outs are run as they stand, against `portico up` without any key."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from benchmarks.processes import Command, free_port, running, wait_until_serving

from portico.settings import load_settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
TRY_OUT = re.compile(
    r"^```bash try-out\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
OURS = ("PORTICO_", "GEMINI_", "SILICONFLOW_", "OTEL_")


@dataclass(frozen=True)
class TryOut:
    """A block to paste, and the lines that the README says come of it (`…` is anything)."""

    script: str
    promised: list[str]


TRY_OUTS = [TryOut(script, text.splitlines()) for script, text in TRY_OUT.findall(README)]


def missing(promised: list[str], output: str) -> str | None:
    """Return the first promised line that does not come in its turn, or None."""
    lines = iter(output.splitlines())
    for line in promised:
        pattern = ".*".join(re.escape(piece) for piece in line.split("…"))
        if not any(re.fullmatch(pattern, found) for found in lines):
            return line
    return None


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home, port = tmp_path_factory.mktemp("readme"), free_port()
    line = (sys.executable, "-m", "portico.cli", "up", "--port", str(port))
    nothing = {name: "" for name in os.environ if name.startswith(OURS)}
    command = Command("portico", line, home, {**nothing, "PORTICO_HOME": str(home / "home")})
    with running(command) as process:
        wait_until_serving(port, "/healthz", command, process)
        yield f"http://127.0.0.1:{port}"


def test_every_marked_block_is_found() -> None:
    assert len(TRY_OUTS) == README.count("try-out\n") == 2


@pytest.mark.parametrize("try_out", TRY_OUTS, ids=["curl", "openai"])
def test_a_try_out_does_what_the_readme_says(try_out: TryOut, url: str) -> None:
    calm = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", try_out.script],
        cwd=ROOT,
        env={**calm, "PORTICO_URL": url},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert missing(try_out.promised, ran.stdout) is None, ran.stdout


def test_a_missing_or_misplaced_line_would_be_noticed() -> None:
    output = "role: code\ntarget: deepseek-v3\n"
    assert missing(["role: …", "target: deepseek-v3"], output) is None
    assert missing(["target: qwen3-coder"], output) == "target: qwen3-coder"
    assert missing(["target: …", "role: …"], output) == "role: …"


def test_the_readme_names_the_commands_that_keep_its_promise() -> None:
    for command in ("make up", "make test"):
        assert f"    {command}\n" in README


def test_the_readmes_configuration_is_valid(tmp_path: Path) -> None:
    [example] = re.findall(r"^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    file = tmp_path / "portico.yaml"
    file.write_text(example)
    settings = load_settings(file, {})
    assert settings.roles["code"].targets[0] == "deepseek-pro"
    assert settings.upstreams["google"].egress == "direct"
