"""
The drill itself, over real sockets: what it plays comes out, and what is wrong it finds.

The lab's own catalog is drilled by `make drill`, which `make check` ends with.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from portico.drill.base import Ask, By, Order, Scene, Verdict, Way
from portico.drill.report import Drill
from portico.drill.run import named, rehearse
from portico.settings import load_settings

pytestmark = pytest.mark.anyio

QUICK = ["undisturbed", "error-once", "unavailable", "reset", "cut-reset", "cut-clean", "stall"]
QUICK += ["malformed-event", "no-done", "no-finish", "whole-cut", "too-long", "blocked", "stopped"]
QUICK += ["all-down", "outage", "connect-hang"]
OTHER = {
    "upstreams": {
        "mine": {"dialect": "openai", "base_url": "https://models.example/v1", "api_key": "secret"},
        "google": {"dialect": "gemini", "api_key": "secret", "egress": "tunnel"},
    },
    "targets": {
        "large": {"upstream": "mine", "model": "same", "patience": {"first_delta": 60}},
        "small": {"upstream": "mine", "model": "same"},
        "flash": {"upstream": "google", "model": "flash", "breaker": {"failures": 1}},
    },
    "roles": {
        "talk": {"targets": ["large", "small"], "rescue": "off"},
        "see": {"targets": ["flash"]},
    },
    "egress": {"tunnel": {"kind": "tunnel", "via": ["socks5h://127.0.0.1:9"]}},
    "access": {"required": True},
    "breaker": {"failures": 2, "recovery": 0.4, "max_recovery": 0.8},
}


async def drilled(folder: Path, *scenes: Scene, config: dict[str, Any] | None = None) -> Drill:
    file = folder / "portico.yaml"
    file.write_text(yaml.safe_dump(config or {"extends": "builtin"}))
    return await rehearse(load_settings(file, {}), scenes, lambda _: None)


def failures(told: Drill) -> dict[str, tuple[str, ...]]:
    return {one.scene: one.failures for one in told.results if one.failures}


async def test_any_other_catalog_is_drilled_by_its_own_rules(tmp_path: Path) -> None:
    """Without rescue, with one target alone, with a single failure that opens a breaker."""
    told = await drilled(tmp_path, *named(QUICK), config=OTHER)
    assert failures(told) == {}
    found = {one.scene: one for one in told.results}
    assert found["cut-reset"].statuses == {"200 stream_broken": 1}
    assert found["reset"].answered_by == {"small": 1}


FLAPPING = Scene(
    "flapping",
    "up and down",
    Way.FAILOVER,
    (Order("overloaded", None),),
    (Ask(By.ANYBODY),),
    flaps=(1.0, 0.8) * 2,
)


async def test_a_flapping_primary_costs_one_probe_an_interval(tmp_path: Path) -> None:
    [one] = (await drilled(tmp_path, FLAPPING, config=OTHER)).results
    assert one.failures == ()
    assert set(one.results) == {"answer"}
    assert {"large", "small"} <= set(one.answered_by)
    assert one.calls > one.requests


async def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    """Nobody is back who is still limited: a scene that says so must fail."""
    [limited] = named(["limited-no-word"])
    [one] = (await drilled(tmp_path, replace(limited, asks=(Ask(By.PRIMARY, 1),)))).results
    assert one.verdict is Verdict.FAILED
    assert any("answered by qwen3-coder, not by" in failure for failure in one.failures)
    assert any("2 upstream calls, not 1" in failure for failure in one.failures)


async def test_a_fault_that_nobody_here_can_have_is_not_played(tmp_path: Path) -> None:
    gemini = {"upstreams": {"google": OTHER["upstreams"]["google"] | {"egress": "direct"}}}
    gemini["targets"] = {"flash": {"upstream": "google", "model": "flash"}}
    gemini["roles"] = {"see": {"targets": ["flash"]}}
    [one] = (await drilled(tmp_path, *named(["no-done"]), config=gemini)).results
    assert one.verdict is Verdict.NOT_PLAYED


def command(home: Path, *line: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PORTICO_")}
    return subprocess.run(
        [sys.executable, "-m", "portico.cli", "drill", *line],
        env=clean | {"PORTICO_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_the_command_prints_a_table_and_touches_nothing(tmp_path: Path) -> None:
    told = command(tmp_path / "home", "--only", "cut-reset", "--only", "empty")
    assert (told.returncode, told.stderr) == (0, "")
    assert [line.split()[0] for line in told.stdout.splitlines()[3:6]] == [
        "scene",
        "cut-reset",
        "empty",
    ]
    assert "2 of 2 as they should be" in told.stdout
    assert not (tmp_path / "home").exists()


def test_the_command_prints_json(tmp_path: Path) -> None:
    told = command(tmp_path / "home", "--only", "empty", "--json")
    [one] = json.loads(told.stdout)["scenes"]
    assert (one["scene"], one["verdict"], one["calls"]) == ("empty", "ok", 2)


def test_the_command_says_what_it_does_not_know(tmp_path: Path) -> None:
    told = command(tmp_path / "home", "--only", "nothing")
    assert told.returncode == 1
    assert told.stderr.startswith("error: There is no scene 'nothing'")
