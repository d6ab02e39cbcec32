"""What `portico up` imports, and what the collector looks through, until it serves."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
import yaml
from benchmarks.processes import Command, free_port, running, wait_until_serving
from benchmarks.subjects import bench_config

LATER = (
    *("PIL", "numpy", "pillow_heif", "imagecodecs", "cryptography", "pypdfium2"),  # a picture
    *("jinja2", "portico.console"),  # somebody looks at the console
    *("httpx", "openai", "litellm", "tiktoken", "anthropic"),
    *("asyncpg", "pymongo", "qdrant_client", "redis", "boto3", "aiobotocore"),
    *("portico.backup", "portico.bootstrap", "portico.drill", "portico.simulator.app"),
)
"""What takes time or memory, and nothing that serves chats from embedded stores needs."""

MODULES = 980
"""Modules that a start imports. More are a decision: each is a millisecond of everybody's start."""
LOOKED_AT = 15_000
"""Objects that one collection may go through; importing leaves 100,000."""

_RUN = """
import gc, sys
def look(phase, info):
    if phase == "start" and info["generation"] == 2:
        print("gc looks at", len(gc.get_objects()), file=sys.stderr, flush=True)
gc.callbacks.append(look)
from portico.cli.commands import main
main()
"""


@dataclass(frozen=True, slots=True)
class Started:
    """What a gateway that answers had imported, and how much each full collection looked at."""

    modules: frozenset[str]
    looks: tuple[int, ...]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Started:
    """Start the gateway of the benchmarks, whose upstreams nobody asks here."""
    home = tmp_path_factory.mktemp("start")
    port = free_port()
    (home / "portico.yaml").write_text(yaml.safe_dump(bench_config(9)))
    told = ("up", "--config", "portico.yaml", "--port", str(port))
    environ: Mapping[str, str] = {"PORTICO_HOME": str(home / "home")}
    line = (sys.executable, "-X", "importtime", "-c", _RUN, *told)
    command = Command("gateway", line, home, environ)
    with running(command) as process:
        wait_until_serving(port, "/healthz", command, process)
        said = command.log.read_text().splitlines()
    modules = [one.rpartition("|")[2].strip() for one in said if one.startswith("import time:")]
    looks = [int(one.rpartition(" ")[2]) for one in said if one.startswith("gc looks at")]
    return Started(frozenset(modules), tuple(looks))


def test_what_a_start_does_not_need_comes_later(started: Started) -> None:
    assert "portico.api.chat" in started.modules
    heavy = {
        module
        for module in started.modules
        if any(module == name or module.startswith(f"{name}.") for name in LATER)
    }
    assert not heavy


def test_a_start_imports_no_more_modules_than_it_did(started: Started) -> None:
    assert len(started.modules) <= MODULES


def test_the_collector_does_not_go_through_all_that_was_imported(started: Started) -> None:
    assert started.looks, "`settled` has asked for one"
    assert max(started.looks) <= LOOKED_AT
